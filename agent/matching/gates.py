"""Which indicators an open file is looked at for: their gates, asked once each.

A pack has many indicators behind few gates, and a sweep has many files: what one file passes is
found by the gate, and what follows from it is worked out once for all that pass the same.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

from msgspec import Struct

from ..formats.certificate import MAX_CERTIFICATE_BYTES, looks_like_certificate
from ..indicators import (
    Certificate,
    Content,
    FileHash,
    FileIndicator,
    Gate,
    Layout,
    LnkTrait,
    PeTrait,
)
from ..reading.hashing import ALL, Algorithm, algorithm_of

PE_MAGIC = "4d5a"
_G = TypeVar("_G")
_T = TypeVar("_T")


class Grouped(Generic[_G, _T]):
    """Things behind gates, those of one gate together."""

    def __init__(self, things: Iterable[tuple[_G, _T]]) -> None:
        groups: dict[str, tuple[_G, list[tuple[int, _T]]]] = {}
        for number, (gate, thing) in enumerate(things):
            groups.setdefault(repr(gate), (gate, []))[1].append((number, thing))
        self.gates = tuple(gate for gate, _ in groups.values())
        self._members = tuple(members for _, members in groups.values())

    def behind(self, passed: Iterable[int]) -> tuple[_T, ...]:
        """What stands behind these gates, by their numbers, in the order that was given."""
        found = sorted(
            (number, index, position)
            for index in passed
            for position, (number, _) in enumerate(self._members[index])
        )
        return tuple(self._members[index][position][1] for _, index, position in found)


class Needs(Struct, frozen=True):
    """What a file is looked at for, and what that takes."""

    indicators: tuple[FileIndicator, ...]
    algorithms: frozenset[Algorithm]
    contents: bool
    pe: bool
    exports: frozenset[str]
    """What a PE file is read for that the gates do not let through for anything else of it."""
    lnk: bool
    layouts: tuple[Layout, ...]
    certificates: tuple[Certificate, ...]
    sizes: frozenset[int]
    """Exact ones that hashes are of."""
    named: bool
    """Whether its name was wanted, so that everything it says of itself is evidence."""

    @classmethod
    def of(cls, indicators: Sequence[FileIndicator], *, named: bool) -> Needs:
        """``named``: of a file with a wanted name all hashes are told."""
        hashes = [i for i in indicators if isinstance(i, FileHash)]
        return cls(
            tuple(indicators),
            ALL if named else frozenset(algorithm_of(i.value) for i in hashes),
            any(isinstance(i, Content) for i in indicators),
            named or any(isinstance(i, PeTrait) and not i.any_size for i in indicators),
            frozenset(i.value for i in indicators if isinstance(i, PeTrait) and i.any_size),
            named or any(isinstance(i, LnkTrait) for i in indicators),
            tuple(i for i in indicators if isinstance(i, Layout)),
            tuple(i for i in indicators if isinstance(i, Certificate)),
            frozenset(i.gate.size for i in hashes if i.gate.size is not None),
            named,
        )


class Gates:
    """The gates of some indicators."""

    def __init__(self, indicators: Sequence[FileIndicator]) -> None:
        self._grouped = Grouped((_gate(indicator), indicator) for indicator in indicators)
        self._conditions = [
            _Condition.of(number, gate)
            for number, gate in enumerate(self._grouped.gates)
            if gate is not None
        ]
        self._certificates = [n for n, gate in enumerate(self._grouped.gates) if gate is None]
        self._known: dict[tuple[tuple[int, ...], bool], Needs] = {}
        self.hashes_surely = any(
            isinstance(i, FileHash) and not (i.gate.magic or i.gate.machine) for i in indicators
        )
        """Whether nothing in a file can keep it from being hashed."""

    def passed(
        self, size: int, head: bytes, machine: Callable[[], str | None], *, named: bool
    ) -> Needs:
        """What a file of this size with these first bytes is looked at for.

        ``machine``: asked for the machine of a PE file, if a gate wants to know it. ``named``: its
        name was wanted, so that its size does not matter.
        """
        passed = []
        for number, low, high, magic, of_machine in self._conditions:
            if (
                (named or low <= size <= high)
                and head.startswith(magic)
                and (of_machine is None or of_machine == machine())
            ):
                passed.append(number)
        if self._certificates and _may_be_certificate(size, head):
            passed += self._certificates
        return self._needs(tuple(passed), named=named)

    def _needs(self, passed: tuple[int, ...], *, named: bool) -> Needs:
        known = self._known.get((passed, named))
        if known is None:
            known = Needs.of(self._grouped.behind(passed), named=named)
            self._known[passed, named] = known
        return known


class _Condition(NamedTuple):
    """A gate, ready to be asked of many files."""

    number: int
    low: int
    high: int
    magic: bytes
    machine: str | None

    @classmethod
    def of(cls, number: int, gate: Gate) -> _Condition:
        low = max(gate.size or 0, gate.min_size or 0)
        high = min(limit for limit in (gate.size, gate.max_size, sys.maxsize) if limit is not None)
        magic = bytes.fromhex(gate.magic) if gate.magic is not None else b""
        return cls(number, low, high, magic, gate.machine)


def _gate(indicator: FileIndicator) -> Gate | None:
    """None for a certificate, which is known by its own form."""
    if isinstance(indicator, PeTrait) and indicator.any_size:
        return Gate(magic=PE_MAGIC, machine=indicator.gate.machine)
    return None if isinstance(indicator, Certificate) else indicator.gate


def _may_be_certificate(size: int, head: bytes) -> bool:
    return size <= MAX_CERTIFICATE_BYTES and looks_like_certificate(head)


def magic_of(gate: Gate) -> bytes:
    """What a file begins with that passes a gate."""
    if gate.magic is not None:
        return bytes.fromhex(gate.magic)
    return b"MZ" if gate.machine is not None else b""


def size_holds(gate: Gate, size: int) -> bool:
    """Whether a file of this size may pass a gate."""
    if gate.size is not None and size != gate.size:
        return False
    if gate.min_size is not None and size < gate.min_size:
        return False
    return gate.max_size is None or size <= gate.max_size
