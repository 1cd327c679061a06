"""What a self-test proved on a host, and what it could not: its JSON comes from these structs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import Enum
from typing import Final, Literal

import msgspec
from msgspec import Struct

from .objects import Part
from .report import Agent, Host

SCHEMA: Final = "iocsweep.selftest/1"


class Proof(str, Enum):
    """What came of one attempt."""

    PROVED = "proved"
    """The engine found, by this source, what was known to be there."""
    NOTHING_HERE = "nothing here"
    """This host has no such evidence, or the source is not of this platform: no sweep of it can be
    wrong about it."""
    NOT_PROVED = "not proved"
    """It was there, or should have been, and was not found."""


class Attempt(Part, kw_only=True):
    """One type of indicator, looked for by one source."""

    type: str
    """As packs write it; empty: the source was asked as a whole."""
    source: str
    what: str
    """What was to be found: ``a file's name``, ``a text of a file that was there``."""
    proof: Proof
    place: str = ""
    """Where it was found."""
    reason: str = ""
    """Why it was not."""


class Summed(Part, kw_only=True):
    """All attempts for one type, or one source."""

    name: str
    proof: Proof
    by: list[str] = []
    """Of a type, the sources that found it; of a source, the types that it found."""


class SelfTest(Struct, kw_only=True):
    """One self-test of one host."""

    schema: Literal["iocsweep.selftest/1"] = SCHEMA
    agent: Agent
    host: Host
    started: datetime
    finished: datetime
    attempts: list[Attempt]
    types: list[Summed]
    sources: list[Summed]
    left: list[str] = []
    """What stays on the host, as it must."""
    not_removed: list[str] = []
    """What should have gone, and why it did not."""

    @property
    def is_proved(self) -> bool:
        """Whether nothing failed, and nothing is left that should have gone."""
        failed = any(one.proof is Proof.NOT_PROVED for one in self.attempts)
        return not (failed or self.not_removed)


_DECODER = msgspec.json.Decoder(SelfTest)


def is_self_test(data: bytes) -> bool:
    """Whether these bytes are one."""
    try:
        _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    return True


def by_type(attempts: Iterable[Attempt]) -> list[Summed]:
    """Each type that was tried: it is proved if any source found it."""
    return _summed(
        [(one.type, one.source, one) for one in attempts if one.type], any_is_enough=True
    )


def by_source(attempts: Iterable[Attempt]) -> list[Summed]:
    """Each source that was asked: it is proved if it found all that was there for it."""
    return _summed([(one.source, one.type, one) for one in attempts], any_is_enough=False)


def _summed(rows: Sequence[tuple[str, str, Attempt]], *, any_is_enough: bool) -> list[Summed]:
    told: dict[str, list[tuple[str, Attempt]]] = {}
    for name, by, attempt in rows:
        told.setdefault(name, []).append((by, attempt))
    return [
        Summed(
            name=name,
            proof=_proof_of([attempt.proof for _, attempt in its], any_is_enough=any_is_enough),
            by=list(
                dict.fromkeys(by for by, attempt in its if by and attempt.proof is Proof.PROVED)
            ),
        )
        for name, its in told.items()
    ]


def _proof_of(proofs: Sequence[Proof], *, any_is_enough: bool) -> Proof:
    if any_is_enough and Proof.PROVED in proofs:
        return Proof.PROVED
    if Proof.NOT_PROVED in proofs:
        return Proof.NOT_PROVED
    return Proof.PROVED if Proof.PROVED in proofs else Proof.NOTHING_HERE
