r"""The repository of WMI: commands and scripts that start on an event.

Evidence: ``%SystemRoot%\System32\wbem\Repository\OBJECTS.DATA`` (before Windows Vista in ``FS``
below it). A ``CommandLineEventConsumer`` has its command as text behind the name of its class, an
``ActiveScriptEventConsumer`` its script. What was deleted stays in the file until its page is used
again. Since: Windows 2000. Told is the text in which an indicator occurs, and whether it stands
behind such a class.
Cannot tell: when, by whom; whether a filter is bound to it (it may never start); whether it was
deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...model.objects import Process
from ...model.observation import ByteHit, Claim, Observation
from .. import whereabouts
from ..artefact import Artefact, Reader
from ..places import byte_in
from ..registry.every_hit import doubtful_in

if TYPE_CHECKING:
    from ...coverage import Part
    from ...formats.paged import Bytes
    from ...targets.evidence import EvidenceFile
    from ..in_pages import FoundInPages, Searched

_COMMAND, _SCRIPT = b"CommandLineEventConsumer", b"ActiveScriptEventConsumer"
_NEAR = 4096
"""Bytes before a text in which the name of its class is looked for."""
MAX_TEXT = 32_767


class WmiRepository(Artefact):
    """A mention for each text that holds an indicator; of a consumer, what it starts."""

    name = "wmi_repository"
    kind = "WMI repository"
    where = whereabouts.WMI_REPOSITORY
    max_bytes = 1 << 30
    by_pages = True

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        return _RepositoryReader(file, part)


@dataclass
class _RepositoryReader(Reader):
    def records_in_pages(self, found: FoundInPages) -> Iterator[Observation]:
        yield from self.records(found)

    def records(self, found: Searched) -> Iterator[Observation]:
        for start, text, hits in self._texts(found):
            before = found.data[max(0, start - _NEAR) : start]
            classes = {one: before.rfind(one) for one in (_COMMAND, _SCRIPT)}
            latest = max(classes, key=lambda one: classes[one])
            is_command = classes[latest] >= 0 and latest is _COMMAND
            told = "consumer of WMI" if classes[latest] >= 0 else WmiRepository.kind
            yield Observation(
                source=WmiRepository.name,
                seen=told,
                claim=Claim.RAN if is_command else Claim.MENTIONED,
                place=byte_in(self.file, start),
                process=Process(command_line=text) if is_command else None,
                hits=tuple(hits),
                remarks=("it may have been deleted, or be bound to no event",)
                if classes[latest] >= 0
                else (),
            )

    def _texts(self, found: Searched) -> Iterator[tuple[int, str, list[ByteHit]]]:
        """Each text in which something occurs, once: its place, itself, its hits."""
        told = 0
        for hit in doubtful_in(found, self.part, ()):
            if hit.offset < told:
                continue
            start, raw = _text_around(found.data, hit.offset)
            told = start + len(raw)
            if mentions := found.rules.mentions(raw):
                yield start, _decoded(raw), mentions


def _text_around(data: Bytes, at: int) -> tuple[int, bytes]:
    """The text that holds a place, in one byte a character or two, without its NUL; at most 32,767
    bytes on either side."""
    low = max(0, at - MAX_TEXT) + (at - max(0, at - MAX_TEXT)) % 2
    if data[at + 1 : at + 2] != b"\0":
        start = data.rfind(b"\0", low, at) + 1 or low
        return start, data[start:at] + data[at : at + MAX_TEXT].partition(b"\0")[0]
    before = data[low:at].decode("utf-16-le", "surrogatepass").rpartition("\0")[2]
    behind = data[at : at + 2 * MAX_TEXT]
    after = behind[: len(behind) & ~1].decode("utf-16-le", "surrogatepass").partition("\0")[0]
    start = at - len(before.encode("utf-16-le", "surrogatepass"))
    return start, (before + after).encode("utf-16-le", "surrogatepass")


def _decoded(raw: bytes) -> str:
    if raw[1:2] == b"\0":
        return raw.decode("utf-16-le", "replace")
    return raw.decode("cp1252", "replace")
