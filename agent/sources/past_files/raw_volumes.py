"""The raw NTFS volumes of a target, for sources that read their structures as bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NamedTuple

from ...coverage import Ledger
from ...ntfs import Volume
from ...reading.opening import reason_of
from ...targets import LOCKED, RawNtfs, Target

NONE = "no NTFS volume that can be read by its records"


class Opened(NamedTuple):
    """One that can be read."""

    path: str
    """The place that the coverage names."""
    raw: RawNtfs
    volume: Volume


def raw_volumes(
    target: Target, ledger: Ledger, progress: Callable[[str], None]
) -> Iterator[Opened]:
    """Each, closed when the next one is asked for. What cannot be read is a gap; of a running host,
    where nothing can be read by its records, the source is unavailable."""
    roots, skipped = target.roots()
    given = [(root.path, root.raw) for root in roots if root.raw is not None]
    given += [(raw.prefix.removesuffix(":"), raw) for raw in target.volumes_met]
    for volume in skipped:
        if volume.reason == LOCKED:
            ledger.unread(LOCKED, volume.path)
    if not given:
        (ledger.note if target.live is None else ledger.unavailable)(NONE)
    for path, raw in given:
        progress(path)
        try:
            source = raw.open()
        except OSError as error:
            ledger.unread(f"NTFS: {reason_of(error)}", path)
            continue
        with closing(source):
            try:
                opened = Volume(source)
            except OSError as error:
                ledger.unread(f"NTFS: {reason_of(error)}", path)
                continue
            yield Opened(path, raw, opened)
