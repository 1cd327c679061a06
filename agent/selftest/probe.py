"""One attempt, before it is made: what is looked for by which source."""

from __future__ import annotations

from msgspec import Struct, structs

from ..indicators import Indicator
from ..matching.matcher import type_of
from ..model.self_test import Attempt, Proof

REFERENCE = "selftest"
"""The only reference of the pack that is made at run time."""


class Probe(Struct, frozen=True, kw_only=True):
    """``indicator`` has to be found by ``source``; without one, there was nothing to look for."""

    source: str
    what: str
    type: str = ""
    indicator: Indicator | None = None
    alternatives: tuple[Indicator, ...] = ()
    """Any of these is as good."""
    by_record: bool = False
    """Whether it is to be found in what the volume itself says (``sweeps.py``)."""
    file: str = ""
    """The file that was planted for it, in the self-test's folder."""
    nothing: str = ""
    """Why there is nothing of this kind on the host."""
    problem: str = ""
    """Why what was to be found could not be put there, or read."""

    @classmethod
    def of(cls, indicator: Indicator, source: str, what: str, *, by_record: bool = False) -> Probe:
        """Its type is the indicator's."""
        return cls(
            source=source,
            what=what,
            type=type_of(indicator),
            indicator=indicator,
            by_record=by_record,
        )

    @property
    def indicators(self) -> tuple[Indicator, ...]:
        """All of them."""
        return () if self.indicator is None else (self.indicator, *self.alternatives)

    @property
    def is_open(self) -> bool:
        """Whether it has to be looked for."""
        return self.indicator is not None and not (self.problem or self.nothing)

    def failed(self, why: str) -> Probe:
        """It could not be set up."""
        return structs.replace(self, problem=why)

    def absent(self, why: str) -> Probe:
        """There is no such thing on this host."""
        return structs.replace(self, nothing=why)

    def proved(self, place: str) -> Attempt:
        """It was found there."""
        return self._attempt(Proof.PROVED, place=place)

    def unproved(self, reason: str, *, nothing: bool = False) -> Attempt:
        """It was not found; ``nothing``: as there is no such evidence here."""
        return self._attempt(Proof.NOTHING_HERE if nothing else Proof.NOT_PROVED, reason=reason)

    def _attempt(self, proof: Proof, *, place: str = "", reason: str = "") -> Attempt:
        return Attempt(
            type=self.type,
            source=self.source,
            what=self.what,
            proof=proof,
            place=place,
            reason=reason,
        )


def identified(marks_word: str, part: str) -> str:
    """An indicator's id."""
    return f"{marks_word}/{part}"
