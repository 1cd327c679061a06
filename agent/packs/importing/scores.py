"""What a number says of a value: below 75 of 100 it is weak, as with rules of one's own."""

from __future__ import annotations

from ...model.report import Strength
from .offer import Wanted
from .values import limited

STRONG_FROM = 75


def scored(wanted: Wanted, number: str) -> Wanted:
    """With the strength that it has by its score; as it is without one."""
    try:
        score = float(number)
    except ValueError:
        return wanted
    if score >= STRONG_FROM:
        return wanted
    weak = limited(wanted, Strength.WEAK)
    return Wanted(
        type=weak.type,
        value=weak.value,
        strength=weak.strength,
        fields=weak.fields,
        told=(*weak.told, f"a score below {STRONG_FROM}: weak"),
    )
