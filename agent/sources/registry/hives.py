r"""The registry's hives: what starts by itself, what ran and was opened, and everything else that
mentions an indicator.

Evidence: ``%SystemRoot%\System32\config\SYSTEM``, ``SOFTWARE``, ``DEFAULT``, ``SAM`` and
``SECURITY``, ``Amcache.hve``, ``BCD``, and of each user ``NTUSER.DAT`` and ``UsrClass.dat``, each
with its transaction logs, ``.LOG1`` and ``.LOG2``: what was changed last is in those alone, and
what was there some rounds ago is often in them still. Keys that remember something of their own
(``decoders.py``) tell it; UserAssist's names are looked for as ROT13 turns them.
Since: Windows NT 4.
Cannot tell: when a value was written (its key's last write is no earlier), who wrote it, whether a
command ran since; of a deleted value, when it was deleted.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from ...formats import FormatError
from ...formats.hive import Hive
from ...formats.hive_cells import missing_in
from ...formats.hive_logs import MAX_LOG_BYTES, is_dirty
from ...formats.hive_places import Place as CellPlace
from ...formats.hive_places import places
from ...formats.hive_text import HiveText, text_of
from ...formats.paged import HELD, PagedFile, held_or_paged, is_zeros
from ...model.observation import ByteHit, Observation
from ...reading.opening import reason_of
from .. import whereabouts
from ..artefact import BLANK, Artefact, Reader, is_blank
from ..in_pages import FoundInPages
from .every_hit import copies_in, doubtful_in, hits_in, may_be_mentioned, turned_in
from .glance import MARKERS, Glance
from .hive_hits import NOW, HiveHits, Opened
from .hive_names import mounted
from .host_identity import note_host
from .log_settings import note_log_settings
from .recording import TELL_OF_RECORDING, logs_not_searched, recording_in

if TYPE_CHECKING:
    from ...coverage import Part
    from ...formats.paged import Bytes
    from ...matching.record_rules import RecordRules
    from ...targets.evidence import EvidenceFile
    from ..in_pages import Searched

LOGS = (".LOG1", ".LOG2", ".LOG")
_HEADER = 4096
HELD_OF_A_LOG = 16 << 20
"""Bytes of a log that is read as a whole."""


class Hives(Artefact):
    """Hives, searched as bytes with their logs, and read where they are hit."""

    name = "registry"
    kind = "registry hive"
    where = whereabouts.REGISTRY
    max_bytes = 512 << 20
    never_held = True
    turned = True
    markers = MARKERS

    def reader(self, file: EvidenceFile, part: Part) -> HiveReader:
        return HiveReader(file, part)


@dataclass
class HiveReader(Reader):
    """One hive."""

    _opened: Opened | None = field(default=None, init=False)
    """Once it is worth a closer look."""
    _logs: dict[str, Bytes] = field(default_factory=dict, init=False)
    """By their paths."""
    _is_hive: bool = field(default=False, init=False)
    _held: ExitStack = field(default_factory=ExitStack, init=False)
    """Logs that are open."""

    @cached_property
    def _beside(self) -> dict[str, EvidenceFile | OSError]:
        """Its transaction logs by their paths, or why there may be one."""
        found: dict[str, EvidenceFile | OSError] = {}
        for suffix in LOGS:
            try:
                log = self.file.beside(suffix)
            except OSError as error:
                found[self.file.path + suffix] = error
            else:
                if log is not None:
                    found[log.path] = log
        return found

    def pages(self, data: Bytes) -> Bytes:
        """With a note of what is no hive; its logs are opened."""
        self.part.examined()
        self._is_hive = data.startswith(b"regf")
        if not data[:_HEADER].strip(b"\0"):
            if not is_blank(data):
                self.part.unread(f"{Hives.kind}: {BLANK}", self.file.path)
        elif not self._is_hive:
            self.part.note("no registry hive; its bytes were searched", self.file.path)
        self._logs = self._opened_logs()
        return data

    def closer(self, found: FoundInPages) -> FoundInPages | None:
        hive, logs = found.data, list(self._logs.values())
        is_small = len(hive) + sum(map(len, logs)) <= HELD
        if is_small and logs and is_dirty(hive):
            hive = hive[:]  # its pages are asked for one by one
        glance = Glance(hive, logs, found.rules)
        self._settings(glance.replay.hive)
        if not glance.anything():
            self._lacks(glance.replay.problem or glance.missing())
            return None
        return FoundInPages(self.text(hive[:] if is_small else hive), found.rules)

    def text(self, hive: Bytes) -> Bytes:
        """The hive with its logs laid over it, what they replaced, its long values joined, and the
        logs themselves. A log that is missing or damaged is a gap.
        """
        text = text_of(hive, list(self._logs.values()))
        self._lacks(text.problem or missing_in(text.hive))
        if text.unjoined:
            why = "long values whose pieces overlap were not joined"
            self.part.unread(f"{Hives.kind}: {why}", self.file.path)
        self._opened = Opened(self.file, text, tuple(self._logs))
        return text.searched

    def _lacks(self, what: str) -> None:
        if what and self._is_hive:
            self.part.unread(f"{Hives.kind}: {what}", self.file.path)

    def _opened_logs(self) -> dict[str, Bytes]:
        """What cannot be read is a gap."""
        logs: dict[str, Bytes] = {}
        for path, log in self._beside.items():
            try:
                if isinstance(log, OSError):
                    raise log
                data = _log(log, self.part, self._held)
                if not is_zeros(data):
                    logs[path] = data
            except OSError as error:
                self.part.unread(f"transaction log: {reason_of(error)}", path)
        return logs

    def _settings(self, data: Bytes) -> None:
        """What it says of how the host records things; a hive that is none says nothing."""
        kind = mounted(self.file).kind
        if self.file.windows or self.file.view or kind not in TELL_OF_RECORDING:
            return
        facts = self.part.facts
        try:
            hive = Hive(data)
        except FormatError:
            return
        facts.settings.update(recording_in(hive, kind))
        note_log_settings(hive, kind, facts)
        note_host(hive, kind, facts)
        for path in logs_not_searched(hive, kind):
            self.part.unread("an event log has a name, or a form, that is not searched", path)

    def records(self, found: Searched) -> Iterator[Observation]:
        # What makes most hives worth a look are commands that may hide something.
        is_mentioned = may_be_mentioned(found)
        hits = hits_in(found, self.part) if is_mentioned else []
        worth = doubtful_in(found, self.part, hits) if is_mentioned else []
        if worth:
            hits += self.whole_words_of(worth, found.rules)
            worth = [hit for hit in worth if hit not in set(hits)]
        worth += turned_in(found, self.part) + copies_in(found, self.part)
        yield from self.seen_in(sorted(hits, key=lambda hit: hit.offset), found.rules, worth)

    def records_in_pages(self, found: FoundInPages) -> Iterator[Observation]:
        yield from self.records(found)

    def end(self, rules: RecordRules) -> Iterator[Observation]:
        self._held.close()
        return super().end(rules)

    def seen_in(
        self, hits: Sequence[ByteHit], rules: RecordRules, worth: Sequence[ByteHit] = ()
    ) -> Iterator[Observation]:
        """All that the hive starts, and what else was hit; ``hits``: in what is plain of it;
        ``worth``: those that only say where it is worth a closer look.

        Raises FormatError for no hive, or one without a root; and ScanFailed.
        """
        assert self._opened is not None
        record = HiveHits(Hives.name, self._opened, rules, self.part)
        yield from record.observations(hits, frozenset(worth))

    def whole_words_of(self, hits: Sequence[ByteHit], rules: RecordRules) -> list[ByteHit]:
        """Those of the hive as it stands that are words in the name or the data that they lie in:
        what lies beside them is another record's, or left over from one.

        Raises FormatError, and ScanFailed.
        """
        assert self._opened is not None
        now = _positions_now(self._opened.text, hits)
        there = places(Hive(self._opened.text.hive_in(NOW)), now.values())
        asked: dict[bytes, frozenset[str]] = {}

        def holds(text: bytes, indicator: str) -> bool:
            if text not in asked:
                asked[text] = frozenset(hit.indicator for hit in rules.mentions(text))
            return indicator in asked[text]

        return [
            hit
            for hit, position in now.items()
            if any(holds(one, hit.indicator) for one in _texts_of(there[position]))
        ]


def _positions_now(text: HiveText, hits: Sequence[ByteHit]) -> dict[ByteHit, int]:
    """Of those that lie in the hive as it stands."""
    found: dict[ByteHit, int] = {}
    for hit in hits:
        try:
            state = text.state(hit.offset)
        except FormatError:
            continue
        if state._replace(position=0) == NOW:
            found[hit] = state.position
    return found


def _texts_of(place: CellPlace) -> Iterator[bytes]:
    """Of the key or value that a position belongs to: its name, and its data."""
    for whose in (place.value, place.key):
        if whose is not None:
            yield whose.name.encode("utf-16-le", "surrogatepass")
    if place.value is not None:
        try:
            yield place.value.data
        except FormatError:
            return


def _log(file: EvidenceFile, part: Part, held: ExitStack) -> Bytes:
    """Raises OSError."""
    with ExitStack() as stack:
        opened = stack.enter_context(file.open())
        size = opened.seek(0, os.SEEK_END)
        if size > MAX_LOG_BYTES:
            limit = MAX_LOG_BYTES >> 20
            part.unread(f"transaction log: read up to {limit} MiB only", file.path)
            size = MAX_LOG_BYTES
        log = held_or_paged(opened, size, HELD_OF_A_LOG)
        if isinstance(log, PagedFile):
            held.push(stack.pop_all())
        return log
