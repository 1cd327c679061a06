"""What two packs have each for itself: by id, and without it by type and value.

An indicator is the same one if its id is, or, where that is not in the other pack, its type and its
value are. Changed is what somebody who relies on it wants to know: value, strength, what it cites,
its gate and other fields. A note is a text for people, and its change is told too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct

from ..indicators import ChainRule, Indicator, PackFile


class Change(Struct, frozen=True):
    """Of one indicator or chain."""

    sign: str
    """``+`` added, ``-`` removed, ``~`` changed."""
    id: str
    what: str
    """What it is."""
    fields: tuple[tuple[str, str, str], ...] = ()
    """Name, before and after; of what is changed."""


def difference(old: PackFile, new: PackFile) -> list[Change]:
    """In the order of the packs, what is gone first."""
    before, after = _things(old), _things(new)
    by_value = {_value(one): one for one in after.values() if one.id not in before}
    pairs: list[tuple[_Thing, _Thing]] = []
    gone: list[_Thing] = []
    for identifier, one in before.items():
        other = after.get(identifier) or by_value.pop(_value(one), None)
        if other is None:
            gone.append(one)
        else:
            pairs.append((one, other))
    met = {other.id for _, other in pairs}
    found = [Change("-", one.id, _shown(one)) for one in gone]
    found += [Change("+", one.id, _shown(one)) for one in after.values() if one.id not in met]
    for one, other in pairs:
        fields = tuple(_fields(one, other, old.references, new.references))
        if fields:
            found.append(Change("~", other.id, _shown(other), fields))
    return found


_Thing = Indicator | ChainRule


def _things(pack: PackFile) -> dict[str, _Thing]:
    """Ids of indicators and of chains may be the same: chains are told by their own."""
    return {one.id: one for one in (*pack.chains, *pack.indicators)}


def _value(one: _Thing) -> str:
    if isinstance(one, ChainRule):
        return f"chain {one.id}"
    return f"{one.__struct_config__.tag} {one.value}"


def _shown(one: _Thing) -> str:
    if isinstance(one, ChainRule):
        return f"chain, {one.strength.value}: {one.title}"
    value = one.value if isinstance(one.value, str) else " … ".join(one.value)
    return f"{one.__struct_config__.tag}, {one.strength.value}: {value}"


def _fields(
    one: _Thing, other: _Thing, before: dict[str, str], after: dict[str, str]
) -> Iterator[tuple[str, str, str]]:
    old, new = _plain(one, before), _plain(other, after)
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            yield name, _text(old.get(name)), _text(new.get(name))


def _plain(one: _Thing, references: dict[str, str]) -> dict[str, Any]:
    """What it cites as the texts that its keys stand for."""
    found: dict[str, Any] = msgspec.to_builtins(one)
    if "reference" in found:
        found["reference"] = [references.get(key, key) for key in found["reference"]]
    return found


def _text(value: Any) -> str:
    if value is None:
        return "nothing"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


__all__ = ["Change", "difference"]
