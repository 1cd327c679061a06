"""What the hits in a hive say: the key and value that each lies in, now or in an earlier state, and
what that remembers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from ...formats import FormatError
from ...formats.hive import Hive, Key, Value
from ...formats.hive_places import Place as CellPlace
from ...formats.hive_places import State as CellState
from ...formats.hive_places import places
from ...formats.hive_text import From, HiveText, State
from ...model.objects import Registry
from ...model.observation import ByteHit, Claim, Observation, Place, moments
from ..places import owner_of
from ..remembered import Remembered
from .autostarts import Autostart, autostart, autostarts
from .decoders import Decoder, decoder_of, keys_of_commands
from .hive_names import mounted, profile_of
from .spot import Spot

if TYPE_CHECKING:
    from ...coverage import Part
    from ...matching.record_rules import RecordRules
    from ...targets.evidence import EvidenceFile

MAX_STATES = 16
"""Of a hive, as its logs hold earlier ones, in which the keys of hits are looked up."""
DELETED = "deleted"
NOW = State(From.HIVE, 0, 0, 0)
"""What of the text is the hive as it stands."""


class Opened(NamedTuple):
    """A hive that is looked at."""

    file: EvidenceFile
    text: HiveText
    logs: tuple[str, ...]
    """Paths of those that were read."""


class HiveHits:
    """One hive that was hit, as observations."""

    def __init__(self, source: str, opened: Opened, rules: RecordRules, part: Part) -> None:
        self._source = source
        self._rules = rules
        self._part = part
        self._worth: AbstractSet[ByteHit] = frozenset()
        self._file = opened.file
        self._text = opened.text
        self._logs = opened.logs
        self._root, self._kind = mounted(opened.file)
        self._taken_apart: set[tuple[str, str | None]] = set()
        """Paths of keys, and names of values."""
        self._told: set[tuple[str, str | None, str]] = set()

    def observations(
        self, hits: Sequence[ByteHit], worth: AbstractSet[ByteHit] = frozenset()
    ) -> Iterator[Observation]:
        """``worth``: hits that mention nothing by themselves: what lies there is taken apart.

        Raises FormatError, and ScanFailed.
        """
        self._worth = worth
        now = Hive(self._text.hive_in(NOW))
        states, lost = self._by_state([*hits, *worth])
        found = states.pop(NOW, {})
        there = places(now, found)
        of_values: dict[int, list[ByteHit]] = {}
        for position, place in there.items():
            if place.value is not None and place.state is CellState.IN_USE:
                of_values.setdefault(place.value.offset, []).extend(found[position])
        started: set[int] = set()
        for start in autostarts(now, self._kind):
            of_value = of_values.get(start.value.offset, [])
            self._not_told(start.key, start.value, of_value)
            started.add(start.value.offset)
            yield self._started(start, of_value, NOW)
        others = {
            position: found[position]
            for position, place in there.items()
            if not (
                place.value is not None
                and place.state is CellState.IN_USE
                and place.value.offset in started
            )
        }
        yield from self._others(there, others, NOW)
        yield from self._hidden_commands(now)
        known = {(hit.indicator, position) for position in found for hit in found[position]}
        for state, at in states.items():
            yield from self._earlier(state, at, known)
        yield from map(self._raw, self._mentions(lost))

    def _hidden_commands(self, hive: Hive) -> Iterator[Observation]:
        """What command lines may hide that no hit led to."""
        for decoder, key in keys_of_commands(hive, self._kind):
            for value in (None,) if decoder.whole_key else key.values():
                if (key.path, value.name if value is not None else None) not in self._taken_apart:
                    cell = key.offset if value is None else value.offset
                    place = CellPlace(cell, CellState.IN_USE, cell=cell, key=key, value=value)
                    yield from self._remembered(decoder, place, key, (), NOW)

    def _mentions(self, hits: Sequence[ByteHit]) -> list[ByteHit]:
        """Those that say something by themselves."""
        return [hit for hit in hits if hit not in self._worth]

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
            if key != NOW and key not in states and len(states) > MAX_STATES:
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
                yield from map(self._raw, self._mentions(hits))
            return
        yield from self._others(places(hive, fresh), fresh, state)

    def _others(
        self, there: dict[int, CellPlace], at: dict[int, list[ByteHit]], state: State
    ) -> Iterator[Observation]:
        """Hits in no value that is in use now, those in one value or key together."""
        together: dict[object, tuple[CellPlace, Decoder | None, list[ByteHit]]] = {}
        for position, hits in at.items():
            place = there[position]
            decoder = decoder_of(self._kind, place.key) if place.key is not None else None
            is_of_key = decoder is not None and decoder.whole_key
            whose = place.key if is_of_key else place.value or place.key
            one = (type(whose), whose.offset) if whose is not None else position
            together.setdefault(one, (place, decoder, []))[2].extend(hits)
        for place, decoder, hits in together.values():
            fresh = self._not_told(place.key, place.value, hits)
            if state != NOW and not fresh:
                continue  # the value is there still, and was written anew
            start = None
            if place.key is not None and place.value is not None:
                start = autostart(self._kind, place.key, place.value)
            if start is not None:
                yield self._started(start, hits, state)
            elif decoder is not None and place.key is not None:
                yield from self._remembered(decoder, place, place.key, hits, state)
            elif mentions := self._mentions(hits):
                yield self._mentioned(place, mentions, state)

    def _remembered(
        self,
        decoder: Decoder,
        place: CellPlace,
        key: Key,
        hits: Sequence[ByteHit],
        state: State,
    ) -> Iterator[Observation]:
        """What a key remembers, as far as anything occurs in it; what of the hits is in nothing
        that it tells is a mention."""
        told: set[str] = set()
        value = None if decoder.whole_key or place.value is None else place.value.name
        self._taken_apart.add((key.path, value))
        try:
            for thing in decoder.read(Spot(key, place.value, profile_of(self._file))):
                found = thing.hits(self._rules)
                if found is not None:
                    told.update(hit.indicator for hit in found)
                    yield self._thing(thing, place, key, found, state)
        except FormatError as error:
            if not hits:
                return  # Nothing occurs in it, as far as bytes tell.
            where = self._place(key, place.value, None, state).text
            self._part.unread(f"registry: {error.what}", where)
        if rest := [hit for hit in self._mentions(hits) if hit.indicator not in told]:
            yield self._mentioned(place, rest, state)

    def _thing(
        self,
        thing: Remembered,
        place: CellPlace,
        key: Key,
        hits: Sequence[ByteHit],
        state: State,
    ) -> Observation:
        user = thing.user or owner_of(self._file)
        process = thing.process
        if process is not None and process.user is None:
            process.user = user
        where = self._place(
            key, place.value, place.cell, state, deleted=place.state is CellState.DELETED
        )
        if thing.record:
            where = structs.replace(
                where, text=f"{where.text}, {thing.record}", record=f"{where.record} {thing.record}"
            )
        value = place.value.name if place.value is not None else ""
        registry = Registry(path=self._path(key), value=value, data=thing.text)
        return Observation(
            source=self._source,
            seen=thing.seen,
            claim=thing.claim,
            place=where,
            moments=thing.moments,
            registry=None if thing.has_times_of_a_file else registry,
            process=process,
            file=thing.file,
            dll=thing.dll,
            task=thing.task,
            url=thing.url,
            user=user if process is None else None,
            hits=tuple(hits),
            remarks=(*thing.remarks, *_remarks(state)),
        )

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
        user = owner_of(self._file)
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
            hits=tuple(self._mentions(hits)),
            remarks=(*start.remarks, *_remarks(state)),
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
            user=owner_of(self._file),
            hits=tuple(hits),
            remarks=_remarks(state),
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
            user=owner_of(self._file),
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
        gone = deleted or state != NOW or (value is not None and value.is_deleted)
        return Place(
            text=f"{told} in {path}",
            path=path,
            record=f"0x{cell:x}" if cell is not None else "",
            view=self._file.view or (DELETED if gone else ""),
            owner=self._file.owner,
        )

    def _path(self, key: Key | None) -> str:
        return f"{self._root}\\{key.path}" if key is not None and key.path else self._root


def _remarks(state: State) -> tuple[str, ...]:
    if state.source is From.FILE:
        return ("as it was before its transaction log",)
    if state.source is From.LOG:
        return (f"an earlier state, from entry {state.entry} of its transaction log",)
    return ()
