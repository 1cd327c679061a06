r"""Event logs: what Windows, Sysmon and PowerShell wrote down.

Evidence: the files of ``System32\winevt\Logs``, and of wherever the registry says that the logs
are written (``targets/log_places.py``), searched as bytes, chunk by chunk, records that the
log no longer counts included; the records in which something occurs are parsed. Since: Windows
Vista; how far back each log goes is in the coverage. Cannot tell: what was never logged (process
creation, the DNS client's own log and Sysmon are off or absent by default), what a full log has
overwritten, and text that is compressed within a script.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import structs

from ...engine.scanner import ScanFailed
from ...formats import FormatError
from ...formats.evtx import (
    CHUNK,
    FILE_HEADER,
    EventRecord,
    is_chunk,
    read_log_header,
    records_in,
    records_of,
)
from ...formats.log_reach import LogReach
from ...matching.hidden_commands import HIDES_TEXT, IN_BASE64, decoded_pieces, readings
from ...matching.record_rules import marker
from ...model.log_names import telling_log
from ...model.observation import ByteHit, Claim, Observation, Place, moments
from ...model.report import State
from .. import whereabouts
from ..artefact import BLANK, Artefact, Reader
from ..by_bytes import raw_mention
from ..places import place_in
from .events import told_by
from .kinds_of_events import KindsOfEvents
from .script_seams import ScriptSeams, Seam
from .told import Told, event_of, script_told
from .windows_events import cleared_log

if TYPE_CHECKING:
    from ...coverage import Part
    from ...engine.patterns import BytePattern
    from ...matching.record_rules import RecordRules
    from ...targets.evidence import EvidenceFile
    from ..artefact import Found

NAME = "event_logs"
_SEARCHED = "its bytes were searched"
LEFT_OVER = "the chunk's header does not count this record: newer than it, or of an older log"
_LOG_CLEARED = "LogFileCleared".encode("utf-16-le")
"""The element of events 1102 and 104, in the template that a chunk with one holds."""


class EventLogs(Artefact):
    """The artefact: logs, read in chunks."""

    name = NAME
    kind = "event log"
    where = whereabouts.EVENT_LOGS
    max_bytes = 0
    header = FILE_HEADER
    piece = CHUNK
    markers: Sequence[BytePattern] = (
        *HIDES_TEXT,
        marker('"LogFileCleared" wide', len(_LOG_CLEARED)),
    )

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        """For one log."""
        return _LogReader(file, part)


class _LogReader(Reader):
    """One log."""

    def __init__(self, file: EvidenceFile, part: Part) -> None:
        super().__init__(file, part)
        part.tells = bool(telling_log(file.path))
        self._problem = ""
        """What is wrong with the log's header."""
        self._blank = file.size == 0
        """Whether nothing is where each log has its header: it was copied without its content."""
        self._is_log = False
        self._chunks = 0
        """That its header counts, of which none was seen yet."""
        self._full = False
        self._kinds = KindsOfEvents(file)
        self._reach = LogReach(clock=self._kinds.tells_the_clock)
        name = file.path.casefold().rpartition("\\")[2]
        scripts = "powershell" in name and "operational" in name
        self._seams = ScriptSeams() if scripts else None

    def passes(self, window: bytes, at: int, offset: int) -> None:
        """Headers alone; of PowerShell's logs the ends of a script's parts too."""
        if offset:
            reach = self._reach.add(window, at)
            if reach.records:
                self._chunks -= 1
                if self._kinds.any:
                    self._kinds.add(window, at, offset, reach)
            elif is_chunk(window, at):
                self._chunks -= 1
            if self._seams is not None:
                self._seams.add(window[at : at + CHUNK])
            return
        self._blank = window.startswith(b"\0") and not window.strip(b"\0")
        try:
            header = read_log_header(window)
            self._problem, self._full = header.problem, header.full
            self._chunks, self._is_log = header.chunks, True
        except FormatError as error:
            self._problem = str(error)

    def records(self, found: Found) -> Iterator[Observation]:
        """Of the records in which something occurs; what lies outside any is mentioned raw."""
        chunk = found.data
        places = found.rules.every_offset(chunk)
        wanted = None if places is None or _LOG_CLEARED in chunk else places
        for record in records_of(chunk, wanted):
            try:
                yield from self._told(record, found)
            except ScanFailed as error:
                self.part.unread(f"scan of a record: {error}", self._place(record).text)
        yield from self._between(found)

    def end(self, rules: RecordRules) -> Iterator[Observation]:
        """The reach, and what stands across the parts of scripts."""
        self._account()
        is_whole = self.part.state is State.COMPLETE
        self._kinds.told(self._reach, self.part.facts, is_whole=is_whole, is_full=self._full)
        if self._seams is None:
            return
        if self._seams.left_out:
            self.part.unread(
                "parts of scripts that were not joined", self.file.path, self._seams.left_out
            )
        yield from self._across(self._seams, rules)
        yield from self._encoded(self._seams, rules)

    def _across(self, scripts: ScriptSeams, rules: RecordRules) -> Iterator[Observation]:
        seams = list(scripts.seams())
        if not rules.occurs(_wide("\0".join(seam.text for seam in seams))):
            return
        for seam in seams:
            if (hits := _across(seam, rules)) is not None:
                told = script_told(seam.text, seam.record)
                between = f"record {seam.record.id} and record {seam.next}"
                told.remarks = (f"across the end of {between}",)
                yield self._observed(seam.record, told, hits)

    def _encoded(self, scripts: ScriptSeams, rules: RecordRules) -> Iterator[Observation]:
        for piece in scripts.encoded():
            decoded: list[bytes] = []
            try:
                decoded += decoded_pieces(piece.text)
            except FormatError as error:
                where = self._place(piece.record).text
                self.part.unread(f"base64 in a script: {error}", where)
            if not rules.occurs(b"\0".join(decoded)):
                continue
            hits = {hit.indicator: hit for data in decoded for hit in rules.mentions(data)}
            if hits:
                told = script_told(piece.begin, piece.record)
                told.remarks = (IN_BASE64,)
                yield self._observed(piece.record, told, tuple(hits.values()))

    def _account(self) -> None:
        reach = self._reach
        self.part.examined(reach.records)
        if self._blank and not reach.records:
            self.part.unread(f"event log: {BLANK}", self.file.path)
            return
        if self._chunks > 0:
            self.part.unread("event log: chunks that it counts are not there", self.file.path)
        if not self._is_log and not reach.records and self.file.size:
            self.part.unread(f"event log: none, by its bytes; {_SEARCHED}", self.file.path)
            return
        for when in (reach.oldest, reach.newest):
            if when is not None:
                self.part.reaches(when)
        problems = {self._problem: 1, **reach.problems} if self._problem else reach.problems
        for problem, count in problems.items():
            self.part.note(f"{problem}; {_SEARCHED}", self.file.path, count)
        for gap in reach.gaps():
            between = f"{gap.after} to {gap.before}, {gap.start} to {gap.end}"
            self.part.note(
                "records are missing in a log", f"{self.file.path}: {between}", gap.missing
            )

    def _told(self, record: EventRecord, found: Found) -> Iterator[Observation]:
        if log := cleared_log(record):
            self.part.note("a log was cleared", f"{log}, {record.time}, record {record.id}")
            if record.time is not None and not self.file.windows:
                self.part.facts.cleared.setdefault(log.casefold(), []).append(record.time)
        hits = self._hits(record, found)
        told = told_by(record)
        remarks = [LEFT_OVER] if not record.counted else []
        if record.problem:
            remarks.append(f"not readable to its end: {record.problem}")
        for how, inner in self._hidden(record, found, {hit.indicator for hit in hits}):
            hits.append(inner)
            remarks.append(how)
        if told is None:
            if not hits:
                return
            seen = f"event {record.event} of {record.provider}" if record.event else "event"
            claim = Claim.LOGGED if record.event else Claim.MENTIONED
            told = Told(
                claim=claim,
                seen=seen,
                moments=moments(logged=record.time),
                event=event_of(record),
            )
        told.remarks = (*told.remarks, *dict.fromkeys(remarks))
        yield self._observed(record, told, hits)

    def _hits(self, record: EventRecord, found: Found) -> list[ByteHit]:
        """In its values, one by one, and in its bytes; offsets are those of the file. What is shown
        is of the value: in the bytes the next one begins where it ends."""
        at = found.offset + record.offset
        span = found.data[record.offset : record.offset + record.size]
        raw = found.rules.mentions(span, whole_words=not record.problem)
        hits = {hit.indicator: structs.replace(hit, offset=at + hit.offset) for hit in raw}
        values = "\n".join(value for _, value in record.data)
        for hit in found.rules.mentions(values.encode("utf-16-le", "surrogatepass")):
            known = hits.get(hit.indicator)
            offset = at if known is None else known.offset
            hits[hit.indicator] = structs.replace(hit, offset=offset)
        return list(hits.values())

    def _hidden(
        self, record: EventRecord, found: Found, known: Container[str]
    ) -> list[tuple[str, ByteHit]]:
        """What its values hide, and how, without what is known already."""
        at = found.offset + record.offset
        hits: dict[str, tuple[str, ByteHit]] = {}
        try:
            for how, piece in _pieces(record):
                for hit in found.rules.mentions(piece):
                    hits.setdefault(hit.indicator, (how, structs.replace(hit, offset=at)))
        except FormatError as error:
            self.part.unread(f"base64 in a record: {error}", self._place(record).text)
        return [told for indicator, told in hits.items() if indicator not in known]

    def _observed(self, record: EventRecord, told: Told, hits: Sequence[ByteHit]) -> Observation:
        return Observation(
            source=NAME, place=self._place(record), hits=tuple(hits), **structs.asdict(told)
        )

    def _place(self, record: EventRecord) -> Place:
        return place_in(self.file, str(record.id), f"{self.file.path}, record {record.id}")

    def _between(self, found: Found) -> Iterator[Observation]:
        """What occurs in the bytes of a chunk that no record claims."""
        at = 0
        chunk = found.data
        ends = [(header.offset, header.offset + header.size) for header in records_in(chunk)]
        for begin, end in [*ends, (len(chunk), len(chunk))]:
            if begin > at and (hits := found.rules.mentions(chunk[at:begin], whole_words=False)):
                where = found.offset + at
                moved = [structs.replace(hit, offset=where + hit.offset) for hit in hits]
                yield raw_mention(EventLogs, self.file, moved, moved[0].offset)
            at = end


def _pieces(record: EventRecord) -> Iterator[tuple[str, bytes]]:
    """What the values of a record hide, and how."""
    for _, value in record.data:
        for piece in decoded_pieces(value):
            yield IN_BASE64, piece
        for hidden in readings(value)[1:]:
            yield (
                f"in text of the event, {hidden.how}",
                hidden.text.encode("utf-8", "surrogatepass"),
            )


def _across(seam: Seam, rules: RecordRules) -> list[ByteHit] | None:
    """What is mentioned by the two parts together and by none alone; None: nothing can be."""
    whole = _wide(seam.text)
    if not rules.occurs(whole):
        return None
    sides = whole[: 2 * seam.cut], whole[2 * seam.cut :]
    known = {hit.indicator for side in sides for hit in rules.mentions(side, whole_words=False)}
    hits = [hit for hit in rules.mentions(whole) if hit.indicator not in known]
    return hits if hits or not any(map(rules.occurs, sides)) else None


def _wide(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")
