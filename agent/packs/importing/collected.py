"""Offers of readers become a pack: each value once, with all its sources, and each proved.

One that a pack must not hold is left out with the reason that ``packs check`` would give; the
others are as if it had not been there. Ids are made of the pack's id, the type and the value, so
that the same value has the same id when its feed is imported again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

import msgspec
from msgspec import Struct, structs

from ...engine.errors import RulesError
from ...indicators import ChainRule, Clause, FileHash, Gate, Indicator, PackFile
from ...matching.matcher import value_of
from ...model.report import Strength
from ...spelling import fold
from ..misp_marks import Mark
from ..proof import disproved, flaw, refused_by
from .offer import HARMLESS, Offer, Wanted, Warns
from .values import limited

MOST = 100_000
"""Indicators of a pack."""
NO_ROOM = f"a pack has at most {MOST:,} indicators"
"""Why what came after them was left out."""
MOST_IN_YAML = 1_000
_ORDER = (Strength.WEAK, Strength.STRONG, Strength.CONFIRMED)
_MOST_NOTE = 1_024
_ALONE = "what it is to be seen with was left out: weak"
_CAME_BACK = "as this pack had it: its id, strength, note and source"


class Row(Struct, kw_only=True):
    """A line of the table: what became of one value."""

    file: str
    where: str
    kind: str
    written: str
    type: str = ""
    value: str = ""
    strength: str = ""
    id: str = ""
    told: tuple[str, ...] = ()
    why: str = ""
    """Why it was left out; empty if it was not."""


class Collected:
    """A pack that grows by one file after the other."""

    def __init__(self, pack_id: str) -> None:
        self.id = pack_id
        self.rows: list[Row] = []
        self._references: dict[str, str] = {}
        """Text to key."""
        self._found: dict[str, Indicator] = {}
        self._harmless: set[str] = set()
        self._chains: dict[str, ChainRule] = {}
        self._told_of: dict[str, list[tuple[Row, str]]] = {}
        """By the id of a chain: what rows say of it."""
        self._rows_of: dict[str, list[Row]] = {}
        self._warning: list[Warns] = []
        self._versions: set[str] = set()
        """Of what came back; empty for what did not."""

    def add(self, file: str, citation: str, offers: Iterable[Offer]) -> None:
        """What a reader found in a file; ``citation``: the file as a source."""
        for offer in offers:
            if offer.warns is not None:
                self._warning.append(offer.warns)
            if offer.harmless:
                self._harmless.add(offer.harmless)
            if not offer.wanted:
                self.rows.append(_row(file, offer, why=offer.why or "nothing recognised"))
                continue
            mark = self._came_back(offer)
            keys = [self._key(citation if mark is None else mark.sources)]
            if offer.reference and mark is None:
                keys.append(self._key(f"{_whole(offer.reference)[:2048]}; named in {file}"))
            together = offer.together is not None and bool(len(offer.wanted) > 1 or offer.process)
            ids = [
                self._take(file, offer, _member(wanted) if together else wanted, keys, mark)
                for wanted in offer.wanted
            ]
            if together:
                self._join(offer, ids)

    def _came_back(self, offer: Offer) -> Mark | None:
        """What it was in this pack before that was exported."""
        mark = offer.mark
        if mark is None or mark.pack != self.id or len(offer.wanted) != 1:
            return None
        before = self._found.get(mark.id)
        is_another = before is not None and value_of(before) != offer.wanted[0].value
        return None if is_another else mark

    def _key(self, text: str) -> str:
        return self._references.setdefault(text[:4096], f"R{len(self._references) + 1}")

    def _take(
        self, file: str, offer: Offer, wanted: Wanted, keys: list[str], mark: Mark | None
    ) -> str:
        """The id that it has; empty if it cannot be one."""
        row = _row(file, offer)
        if mark is not None:
            wanted = structs.replace(
                wanted, strength=mark.strength, told=(*wanted.told, _CAME_BACK)
            )
        row.type, row.value = wanted.type, wanted.value
        row.strength, row.told = wanted.strength.value, wanted.told
        self.rows.append(row)
        if _whole(wanted.value) != wanted.value:
            row.why = "half of a character stands in it"
            return ""
        try:
            found = self._indicator(offer, wanted, keys)
            if mark is not None:
                found = structs.replace(found, id=mark.id, note=mark.note)
        except msgspec.ValidationError as error:
            row.why = str(error)
            return ""
        row.why = flaw(found)
        if not row.why and found.id not in self._found and len(self._found) >= MOST:
            row.why = NO_ROOM
        if row.why:
            return ""
        before = self._found.get(found.id)
        if before is not None:
            row.told = (*row.told, "named before")
            found = _joined(before, found)
        self._versions.add("" if mark is None else mark.version)
        self._found[found.id] = found
        row.id = found.id
        self._rows_of.setdefault(found.id, []).append(row)
        return found.id

    def _indicator(self, offer: Offer, wanted: Wanted, keys: list[str]) -> Indicator:
        """Raises msgspec.ValidationError."""
        where = offer.where if offer.written == wanted.value else f"{offer.where}: {offer.written}"
        note = "; ".join(one for one in (where, offer.note, *wanted.told) if one)
        made: Indicator = msgspec.convert(
            {
                "type": wanted.type,
                "id": f"{self.id}/{wanted.type}-{_digest(wanted)}",
                "value": wanted.value,
                "strength": wanted.strength.value,
                "status": "SRC",
                "reference": keys,
                "note": _whole(note)[:_MOST_NOTE],
                **wanted.fields,
            },
            Indicator,
        )
        return made

    def _join(self, offer: Offer, ids: list[str]) -> None:
        rows = self.rows[-len(ids) :]
        if not all(ids):
            for row in rows:
                if row.id:
                    row.told = (*row.told, _ALONE)
            return
        unique = sorted(set(ids))
        if len(unique) == 1 and not offer.process:
            return
        text = "\n".join(unique) + f"\n{offer.same_file}" + f"\n{offer.process}".rstrip()
        rule = ChainRule(
            id=f"{self.id}/together-{hashlib.sha256(text.encode()).hexdigest()[:12]}",
            title=f"Seen together, as {offer.where} asks"[:4096],
            strength=offer.together or Strength.STRONG,
            all=[Clause(any=[one]) for one in unique],
            process=[offer.process] if offer.process else [],
            same_file=offer.same_file,
        )
        self._chains[rule.id] = rule
        for row in rows:
            more = [f"together with {len(unique) - 1} more"] if len(unique) > 1 else []
            more += [f"of a process {offer.process}"] if offer.process else []
            said = f"{rule.strength.value} {' '.join(more)}"
            row.told = (*row.told, said)
            self._told_of.setdefault(rule.id, []).append((row, said))

    def pack(self, title: str, version: str, description: str) -> PackFile | None:
        """All that proved itself; None if that is nothing. ``version``: unless nothing else is in
        it than what came back of one."""
        for one in [
            one
            for one in self._found.values()
            if isinstance(one, FileHash) and one.value in self._harmless
        ]:
            self._drop(one.id, HARMLESS)
        self._warn()
        self._drop_disproved()
        if not self._found:
            return None
        self._drop_chains()
        known = self._found
        used = {key for one in known.values() for key in one.reference}
        return PackFile(
            pack="iocsweep.pack/1",
            id=self.id,
            version=version if len(self._versions) > 1 else max(self._versions) or version,
            title=title,
            description=description,
            references={key: text for text, key in self._references.items() if key in used},
            indicators=list(known.values()),
            chains=list(self._chains.values()),
        )

    def _drop_chains(self) -> None:
        """Those of which a member is no longer there; what is left of them is a weak trace."""
        for identifier, rule in list(self._chains.items()):
            if all(one in self._found for clause in rule.all for one in clause.any):
                continue
            del self._chains[identifier]
            for row, said in self._told_of[identifier]:
                row.told = tuple(_ALONE if told == said else told for told in row.told)

    def _warn(self) -> None:
        """What stands on a list proves no more than a weak trace."""
        for identifier, one in self._found.items():
            told = tuple(some.told for some in self._warning if some.names(one))
            if not told:
                continue
            note = _whole("; ".join(part for part in (one.note, *told) if part))
            self._found[identifier] = structs.replace(
                one, strength=Strength.WEAK, note=note[:_MOST_NOTE]
            )
            for row in self._rows_of[identifier]:
                row.strength, row.told = Strength.WEAK.value, (*row.told, *told)

    def _drop_disproved(self) -> None:
        while self._found:
            kept = list(self._found.values())
            try:
                for number, why in disproved(kept):
                    self._drop(kept[number].id, why)
            except RulesError as error:
                identifier = refused_by(error)
                if identifier not in self._found:
                    raise
                self._drop(identifier, str(error).partition(": ")[2])
            else:
                return

    def _drop(self, identifier: str, why: str) -> None:
        del self._found[identifier]
        for row in self._rows_of.pop(identifier):
            row.id, row.why = "", why


def _row(file: str, offer: Offer, why: str = "") -> Row:
    return Row(file=file, where=offer.where, kind=offer.kind, written=offer.written, why=why)


def _whole(text: str) -> str:
    """Without halves of characters, which no file of text can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _digest(wanted: Wanted) -> str:
    value = wanted.value
    if wanted.type in ("file_name", "file_path", "domain", "command_line"):
        value = fold(value)
    extra = {
        key: one for key, one in wanted.fields.items() if key not in ("private", "example", "gate")
    }
    text = value + (json.dumps(extra, sort_keys=True) if extra else "")
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _member(wanted: Wanted) -> Wanted:
    """Of several that count together: weak by itself, but for a file's hash."""
    if wanted.type == "hash":
        return Wanted(
            type=wanted.type,
            value=wanted.value,
            strength=wanted.strength,
            fields=wanted.fields,
            told=(*wanted.told, "a hash is enough by itself"),
        )
    return limited(wanted, Strength.WEAK)


def _joined(one: Indicator, other: Indicator) -> Indicator:
    """One value that was named twice: the stronger of both, with the sources of both."""
    strongest = max(one.strength, other.strength, key=_ORDER.index)
    reference = list(dict.fromkeys([*one.reference, *other.reference]))
    if isinstance(one, FileHash) and isinstance(other, FileHash) and one.gate == Gate():
        one = msgspec.structs.replace(one, gate=other.gate)
    return msgspec.structs.replace(one, strength=strongest, reference=reference)


def encoded(pack: PackFile, *, as_json: bool) -> bytes:
    """As it is written to a file; JSON has a line for each indicator."""
    plain = msgspec.to_builtins(pack)
    if not as_json:
        import yaml

        text = yaml.safe_dump(plain, allow_unicode=True, sort_keys=False, width=110)
        return text.encode("utf-8")
    lines = ",\n  ".join(
        json.dumps(one, ensure_ascii=False, separators=(",", ":"))
        for one in plain.pop("indicators")
    )
    head = json.dumps(plain, ensure_ascii=False)[:-1]
    return f'{head},\n "indicators": [\n  {lines}\n]}}\n'.encode()
