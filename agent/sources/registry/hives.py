r"""The registry's hives: what starts by itself, and everything else that mentions an indicator.

Evidence: ``%SystemRoot%\System32\config\SYSTEM``, ``SOFTWARE`` and ``DEFAULT``, and of each user
``NTUSER.DAT`` and ``UsrClass.dat``, each with its transaction logs, ``.LOG1`` and ``.LOG2``: what
was changed last is in those alone, and what was there some rounds ago is often in them still.
Since: Windows NT 4.
Cannot tell: when a value was written (its key's last write is no earlier), who wrote it, whether a
command ran since; of a deleted value, when it was deleted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ...formats import FormatError
from ...formats.hive import Hive, Key, Value
from ...formats.hive_logs import MAX_LOG_BYTES
from ...formats.hive_places import Place as CellPlace
from ...formats.hive_places import State as CellState
from ...formats.hive_places import places
from ...formats.hive_text import From, HiveText, State, text_of
from ...model.objects import Registry, User
from ...model.observation import ByteHit, Claim, Observation, Place, moments
from ...reading.opening import read_up_to, reason_of
from ..artefact import Artefact, Found, Reader
from .autostarts import Autostart, autostart, autostarts
from .every_hit import doubtful_in, hits_in
from .hive_names import mounted

if TYPE_CHECKING:
    from ...coverage import Part
    from ...matching.record_rules import RecordRules
    from ...targets.evidence import EvidenceFile

LOGS = (".LOG1", ".LOG2", ".LOG")
MAX_STATES = 16
"""Of a hive, as its logs hold earlier ones, in which the keys of hits are looked up."""
DELETED = "deleted"
_HEADER = 4096


class _Opened(NamedTuple):
    file: EvidenceFile
    text: HiveText
    logs: tuple[str, ...]
    """Paths of those that were read."""


class Hives(Artefact):
    """Hives, searched as bytes with their logs, and read where they are hit."""

    name = "registry"
    kind = "registry hive"
    where = (
        r"%SystemRoot%\System32\config\SYSTEM",
        r"%SystemRoot%\System32\config\SOFTWARE",
        r"%SystemRoot%\System32\config\DEFAULT",
        r"%Profile%\NTUSER.DAT",
        r"%Profile%\AppData\Local\Microsoft\Windows\UsrClass.dat",
        r"%Profile%\Local Settings\Application Data\Microsoft\Windows\UsrClass.dat",
        r"%Loose%\**\SYSTEM",
        r"%Loose%\**\SOFTWARE",
        r"%Loose%\**\NTUSER.DAT",
        r"%Loose%\**\UsrClass.dat",
    )
    max_bytes = 512 << 20

    def reader(self, file: EvidenceFile, part: Part) -> HiveReader:
        return HiveReader(file, part)


@dataclass
class HiveReader(Reader):
    """One hive."""

    _opened: _Opened | None = field(default=None, init=False)

    def plain(self, data: bytes) -> bytes:
        """The hive with its logs laid over it, what they replaced, its long values joined, and the
        logs themselves. A log that is missing or damaged is a gap.
        """
        if not data[:_HEADER].strip(b"\0"):
            self.part.unread(f"{Hives.kind}: blank, nothing of it is there", self.file.path)
        elif not data.startswith(b"regf"):
            self.part.note("no registry hive; its bytes were searched", self.file.path)
        logs = _logs_of(self.file, self.part)
        text = text_of(data, list(logs.values()))
        if text.problem and data.startswith(b"regf"):
            self.part.unread(f"{Hives.kind}: {text.problem}", self.file.path)
        self._opened = _Opened(self.file, text, tuple(logs))
        return text.data

    def records(self, found: Found) -> Iterator[Observation]:
        hits = hits_in(found, self.part)
        if doubtful := doubtful_in(found, self.part, hits):
            hits += self.whole_words_of(doubtful, found.rules)
            hits.sort(key=lambda hit: hit.offset)
        yield from self.seen_in(hits)

    def seen_in(self, hits: Sequence[ByteHit]) -> Iterator[Observation]:
        """All that the hive starts, and what else was hit; ``hits``: in what is plain of it.

        Raises:
            FormatError: no hive, or one without a root.
        """
        assert self._opened is not None
        yield from _Record(Hives.name, self._opened).observations(hits)

    def whole_words_of(self, hits: Sequence[ByteHit], rules: RecordRules) -> list[ByteHit]:
        """Those of the hive as it stands that are words in the name or the data that they lie in:
        what lies beside them is another record's, or left over from one.

        Raises FormatError, and ScanFailed.
        """
        assert self._opened is not None
        now = _positions_now(self._opened.text, hits)
        there = places(Hive(self._opened.text.hive_in(_NOW)), now.values())
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
        if state._replace(position=0) == _NOW:
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


def _logs_of(file: EvidenceFile, part: Part) -> dict[str, bytes]:
    """Its transaction logs by their paths; what cannot be read is a gap."""
    logs: dict[str, bytes] = {}
    for suffix in LOGS:
        try:
            beside = file.beside(suffix)
            if beside is None:
                continue
            with beside.open() as opened:
                log = read_up_to(opened, MAX_LOG_BYTES + 1)
        except OSError as error:
            part.unread(f"transaction log: {reason_of(error)}", file.path + suffix)
            continue
        if len(log) > MAX_LOG_BYTES:
            limit = MAX_LOG_BYTES >> 20
            part.unread(f"transaction log: read up to {limit} MiB only", beside.path)
            log = log[:MAX_LOG_BYTES]
        if log.strip(b"\0"):
            logs[beside.path] = log
    return logs


class _Record:
    """One hive that was hit, as observations."""

    def __init__(self, source: str, opened: _Opened) -> None:
        self._source = source
        self._file = opened.file
        self._text = opened.text
        self._logs = opened.logs
        self._root, self._kind = mounted(opened.file)
        self._told: set[tuple[str, str | None, str]] = set()

    def observations(self, hits: Sequence[ByteHit]) -> Iterator[Observation]:
        """Raises FormatError."""
        now = Hive(self._text.hive_in(_NOW))
        states, lost = self._by_state(hits)
        found = states.pop(_NOW, {})
        there = places(now, found)
        of_values: dict[int, list[ByteHit]] = {}
        others: dict[int, list[ByteHit]] = {}
        for position, place in there.items():
            value = place.value
            is_kept = value is not None and place.state is CellState.IN_USE
            (of_values if is_kept else others).setdefault(
                value.offset if is_kept and value is not None else position, []
            ).extend(found[position])
        for start in autostarts(now, self._kind):
            of_value = of_values.pop(start.value.offset, [])
            self._not_told(start.key, start.value, of_value)
            yield self._started(start, of_value, _NOW)
        told = {place.value.offset: place for place in there.values() if place.value is not None}
        for offset, of_value in of_values.items():
            self._not_told(told[offset].key, told[offset].value, of_value)
            yield self._mentioned(told[offset], of_value, _NOW)
        yield from self._others(there, others, _NOW)
        known = {(hit.indicator, position) for position in found for hit in found[position]}
        for state, at in states.items():
            yield from self._earlier(state, at, known)
        for hit in lost:
            yield self._raw(hit)

    def _by_state(
        self, hits: Sequence[ByteHit]
    ) -> tuple[dict[State, dict[int, list[ByteHit]]], list[ByteHit]]:
        """Hits by the state of the hive that holds them and their position in it; and those in no
        page, or in more states than are looked at."""
        states: dict[State, dict[int, list[ByteHit]]] = {}
        lost: list[ByteHit] = []
        for hit in hits:
            try:
                state = self._text.state(hit.offset)
            except FormatError:
                lost.append(hit)
                continue
            key = state._replace(position=0)
            if key != _NOW and key not in states and len(states) > MAX_STATES:
                lost.append(hit)
                continue
            states.setdefault(key, {}).setdefault(state.position, []).append(hit)
        return states, lost

    def _earlier(
        self, state: State, at: dict[int, list[ByteHit]], known: set[tuple[str, int]]
    ) -> Iterator[Observation]:
        """What only an earlier state of the hive holds; ``known``: what it still holds."""
        fresh = {
            position: kept
            for position, hits in at.items()
            if (kept := [hit for hit in hits if (hit.indicator, position) not in known])
        }
        known.update((hit.indicator, position) for position in fresh for hit in fresh[position])
        if not fresh:
            return
        try:
            hive = Hive(self._text.hive_in(state))
        except FormatError:
            for hits in fresh.values():
                yield from map(self._raw, hits)
            return
        yield from self._others(places(hive, fresh), fresh, state)

    def _others(
        self, there: dict[int, CellPlace], at: dict[int, list[ByteHit]], state: State
    ) -> Iterator[Observation]:
        """Hits in no value that is in use now, those in one value or key together."""
        together: dict[object, tuple[CellPlace, list[ByteHit]]] = {}
        for position, hits in at.items():
            place = there[position]
            whose = place.value or place.key
            one = (type(whose), whose.offset) if whose is not None else position
            together.setdefault(one, (place, []))[1].extend(hits)
        for place, hits in together.values():
            fresh = self._not_told(place.key, place.value, hits)
            if state != _NOW and not fresh:
                continue  # the value is there still, and was written anew
            start = None
            if place.key is not None and place.value is not None:
                start = autostart(self._kind, place.key, place.value)
            if start is not None:
                yield self._started(start, hits, state)
            else:
                yield self._mentioned(place, hits, state)

    def _not_told(
        self, key: Key | None, value: Value | None, hits: Sequence[ByteHit]
    ) -> list[ByteHit]:
        """Those that no observation of this value has yet; they count as told from now on."""
        if key is None:
            return list(hits)
        whose = (key.path, value.name if value is not None else None)
        fresh = [hit for hit in hits if (*whose, hit.indicator) not in self._told]
        self._told.update((*whose, hit.indicator) for hit in hits)
        return fresh

    def _started(self, start: Autostart, hits: Sequence[ByteHit], state: State) -> Observation:
        user = self._user()
        process = start.process
        if process is not None:
            process.user = user
        return Observation(
            source=self._source,
            seen=start.seen,
            claim=Claim.RAN,
            place=self._place(start.key, start.value, start.value.offset, state),
            moments=moments(modified=start.key.written),
            registry=Registry(path=self._path(start.key), value=start.value.name, data=start.text),
            process=process,
            dll=start.dll,
            service=start.service,
            user=user if process is None else None,
            hits=tuple(hits),
            remarks=(*start.remarks, *self._remarks(state)),
        )

    def _mentioned(self, place: CellPlace, hits: Sequence[ByteHit], state: State) -> Observation:
        key = place.key
        deleted = place.state is CellState.DELETED
        return Observation(
            source=self._source,
            seen="registry",
            claim=Claim.MENTIONED,
            place=self._place(key, place.value, place.cell, state, deleted=deleted),
            moments=moments(modified=key.written if key is not None else None),
            registry=Registry(
                path=self._path(key),
                value=place.value.name if place.value is not None else "",
                data=hits[0].excerpt if hits else "",
            ),
            user=self._user(),
            hits=tuple(hits),
            remarks=self._remarks(state),
        )

    def _raw(self, hit: ByteHit) -> Observation:
        """Bytes of a log that tell no key."""
        origin = self._text.origin(hit.offset)
        path = self._logs[origin.log] if origin.source is From.LOG else self._file.path
        where = f"0x{origin.offset:x}"
        return Observation(
            source=self._source,
            seen="registry",
            claim=Claim.MENTIONED,
            place=Place(
                text=f"{path} at {where}",
                path=path,
                record=where,
                view=self._file.view,
                owner=self._file.owner,
            ),
            registry=Registry(path=self._root, data=hit.excerpt),
            user=self._user(),
            hits=(hit,),
            remarks=("in no page of the hive whose key can be told",),
        )

    def _place(
        self,
        key: Key | None,
        value: Value | None,
        cell: int | None,
        state: State,
        *,
        deleted: bool = False,
    ) -> Place:
        told = self._path(key) + (f", {value.name or '(Default)'}" if value is not None else "")
        is_log = state.source is From.LOG
        path = self._logs[state.log] if is_log else self._file.path
        gone = deleted or state != _NOW or (value is not None and value.is_deleted)
        return Place(
            text=f"{told} in {path}",
            path=path,
            record=f"0x{cell:x}" if cell is not None else "",
            view=self._file.view or (DELETED if gone else ""),
            owner=self._file.owner,
        )

    def _path(self, key: Key | None) -> str:
        return f"{self._root}\\{key.path}" if key is not None and key.path else self._root

    def _user(self) -> User | None:
        if not self._file.owner and not self._file.owner_id:
            return None
        return User(name=self._file.owner, id=self._file.owner_id)

    @staticmethod
    def _remarks(state: State) -> tuple[str, ...]:
        if state.source is From.FILE:
            return ("as it was before its transaction log",)
        if state.source is From.LOG:
            return (f"an earlier state, from entry {state.entry} of its transaction log",)
        return ()


_NOW = State(From.HIVE, 0, 0, 0)
