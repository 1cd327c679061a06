r"""Microsoft Defender's own records: what it detected, and what it wrote into its logs.

Evidence: below ``%ProgramData%\Microsoft\Windows Defender``, ``Scans\History\Service\
DetectionHistory``, a file for each detection (30 days by default), ``Quarantine\Entries``, an
encrypted one for each thing that was put away (90 days), and ``Support\MPLog-*.log``,
``MPDetection-*.log``. Since: Windows 8.
Cannot tell: that something ran. A scanner names what it looked for and what it stopped: what stands
here alone is weak, whatever it is, and belongs with what else is known of the file. Quarantined
content is not looked into; an entry tells no hash of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...formats import FormatError
from ...formats.detection_history import Detection, Resource, read_detection
from ...formats.quarantine import Sections, decrypted, read_entry
from ...model.objects import File, Hash, Url
from ...model.observation import Claim, Observation, moments
from ...spelling import base_name
from .. import whereabouts
from ..artefact import Artefact, Found, Reader
from ..places import byte_in, place_in

if TYPE_CHECKING:
    from ...coverage import Part
    from ...matching.record_rules import RecordRules
    from ...targets.evidence import EvidenceFile

ENTRIES = "\\quarantine\\entries\\"
HISTORY = "\\detectionhistory\\"
_FILES = frozenset({"file", "containerfile", "webfile"})
"""Kinds of resources that are files."""
MAX_LINES = 10_000
"""Of one log, in which something occurs."""
_HEX = frozenset("0123456789abcdef")
_LINE_END = "\n".encode("utf-16-le")


class Defender(Artefact):
    """One observation for each thing that was detected, and each line of a log."""

    name = "defender"
    kind = "Defender's record"
    where = whereabouts.DEFENDER
    max_bytes = 128 << 20
    markers = ()

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        path = file.path.casefold()
        if ENTRIES in path:
            return _QuarantineReader(file, part)
        is_detection = HISTORY in path
        return _DetectionReader(file, part) if is_detection else _LogReader(file, part)


class _DetectionReader(Reader):
    def records(self, found: Found) -> Iterator[Observation]:
        detection = read_detection(found.data)
        hits = tuple(found.rules.mentions(found.data))
        for resource in detection.resources:
            yield self._observation(detection, resource)
        yield Observation(
            source=Defender.name,
            seen="Defender's detection",
            claim=Claim.BLOCKED,
            place=place_in(self.file),
            moments=moments(happened=detection.started),
            hits=hits,
            remarks=(f"detected as {detection.threat}",),
        )

    def _observation(self, detection: Detection, resource: Resource) -> Observation:
        named, is_file = resource.named, resource.kind not in ("process", "regkey")
        return Observation(
            source=Defender.name,
            seen="Defender's detection",
            claim=Claim.BLOCKED,
            place=place_in(self.file, text=f"{resource.value} in {self.file.path}"),
            moments=moments(happened=detection.started),
            file=File(
                path=resource.member or resource.path,
                name=base_name(resource.member or resource.path),
                member_of=resource.path if resource.member else "",
                hash=Hash(
                    md5=_hash(named, "ThreatTrackingMD5", 32),
                    sha1=_hash(named, "ThreatTrackingSha1", 40),
                    sha256=_hash(named, "ThreatTrackingSha256", 64),
                )
                if resource.kind == "file"
                else None,
                zone_url=[resource.url] if resource.url else [],
            )
            if is_file
            else None,
            url=Url(full=resource.url) if resource.url else None,
            remarks=(f"detected as {detection.threat}",) if detection.threat else (),
        )


class _QuarantineReader(Reader):
    _sections: Sections | None = None

    def plain(self, data: bytes) -> bytes:
        """An entry in the clear; one that is cut off is a gap. Raises FormatError."""
        self._sections = sections = decrypted(data)
        if not sections.is_whole:
            self.part.unread(f"{Defender.kind}: it ends early", self.file.path)
        return sections.first + b"\0\0" + sections.second

    def records(self, found: Found) -> Iterator[Observation]:
        if self._sections is None:
            raise FormatError("no entry of the quarantine")
        entry = read_entry(self._sections)
        remarks = (f"quarantined as {entry.threat}",) if entry.threat else ()
        for one in entry.resources:
            path, _, member = one.path.partition("->")
            is_file = one.kind.casefold() in _FILES
            yield Observation(
                source=Defender.name,
                seen="Defender's quarantine",
                claim=Claim.BLOCKED,
                place=place_in(self.file, text=f"{one.path} in {self.file.path}"),
                moments=moments(
                    created=one.created, modified=one.written, accessed=one.accessed,
                    happened=entry.when,
                ),
                file=File(
                    path=member or path,
                    name=base_name(member or path),
                    member_of=path if member else "",
                    created=one.created,
                    mtime=one.written,
                    accessed=one.accessed,
                )
                if is_file
                else None,
                remarks=(*remarks, f"kept as {one.identifier}") if one.identifier else remarks,
            )  # fmt: skip
        yield Observation(
            source=Defender.name,
            seen="Defender's quarantine",
            claim=Claim.BLOCKED,
            place=place_in(self.file),
            moments=moments(happened=entry.when),
            hits=tuple(found.rules.mentions(found.data)),
            remarks=remarks,
        )


def _hash(named: dict[str, str], name: str, length: int) -> str | None:
    value = named.get(name, "").lower()
    return value if len(value) == length and _HEX.issuperset(value) else None


class _LogReader(Reader):
    """A log of lines, in UTF-16 or in UTF-8."""

    def records(self, found: Found) -> Iterator[Observation]:
        told = 0
        for offset, line in _lines(found.data):
            if not found.rules.occurs(line):
                continue
            told += 1
            if told > MAX_LINES:
                self.part.unread(f"more than {MAX_LINES:,} lines with something in it")
                return
            yield from self._line(offset, line, found.rules)

    def _line(self, offset: int, line: bytes, rules: RecordRules) -> Iterator[Observation]:
        if hits := tuple(rules.mentions(line)):
            yield Observation(
                source=Defender.name,
                seen="Defender's log",
                claim=Claim.LOGGED,
                place=byte_in(self.file, offset),
                hits=hits,
            )


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    is_wide = data.startswith(b"\xff\xfe") or data[1:2] == b"\0"
    end_of_line = _LINE_END if is_wide else b"\n"
    begin = 0
    while begin < len(data):
        end = data.find(end_of_line, begin)
        while is_wide and end >= 0 and end % 2:
            end = data.find(end_of_line, end + 1)
        end = len(data) if end < 0 else end
        yield begin, data[begin:end]
        begin = end + len(end_of_line)
