"""The contents of a volume's streams, wherever it keeps them."""

from __future__ import annotations

import io
from typing import BinaryIO, cast

from .assembly import stream_of
from .attributes import Attribute
from .byte_source import ByteSource
from .content import ClusterContent, Layout
from .entry import Stream
from .errors import NtfsError
from .record import Record


class Clusters:
    """Streams of one volume as files."""

    def __init__(self, source: ByteSource, cluster_size: int) -> None:
        """``cluster_size``: bytes."""
        self.source = source
        self.cluster_size = cluster_size

    def content(self, stream: Stream) -> BinaryIO:
        """A stream's bytes as a seekable, read-only file.

        Raises:
            NtfsError: it is encrypted, or compressed in an impossible way.
        """
        if stream.is_encrypted:
            raise NtfsError("content encrypted by EFS")
        if stream.resident:
            return io.BytesIO(stream.value)
        if stream.is_compressed and not 0 < stream.unit <= 16:
            raise NtfsError("compressed in units of an impossible size", str(stream.unit))
        return cast("BinaryIO", self.by_runs(stream))

    def by_runs(self, stream: Stream) -> ClusterContent:
        """As :meth:`content`, of a stream that is not resident."""
        unit = 1 << stream.unit if stream.is_compressed else 0
        layout = Layout(stream.runs, stream.size, stream.initialized, self.cluster_size, unit)
        return ClusterContent(self.source, layout)

    def value(self, attribute: Attribute, record: Record, limit: int) -> bytes:
        """At most ``limit`` bytes of an attribute. Raises OSError."""
        if attribute.resident:
            return attribute.content(record.data)[:limit]
        stream = stream_of(attribute.name, [(attribute, record)])
        return self.content(stream).read(limit)
