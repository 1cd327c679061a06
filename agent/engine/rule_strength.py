"""How strong a rule of the operator's is, by what it says of itself."""

from __future__ import annotations

from typing import Final

from ..model.report import Strength

_SEVERITIES: Final = {
    "critical": Strength.STRONG,
    "severe": Strength.STRONG,
    "high": Strength.STRONG,
    "medium": Strength.WEAK,
    "moderate": Strength.WEAK,
    "low": Strength.WEAK,
    "informational": Strength.WEAK,
    "information": Strength.WEAK,
    "info": Strength.WEAK,
}
_STRONG_SCORE: Final = 75
"""From where a score is strong: THOR's default for a rule without one."""


def meta_value(value: bytes | str | int) -> str | int:
    """A meta value; text that is not UTF-8 is shown as Windows-1252 would."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.decode("cp1252", "replace")
    return value


def strength_of(meta: dict[str, str | int]) -> Strength:
    """How much a match of a rule proves, by its meta fields (names in lower case).

    ``strength`` in this program's own words; else ``score`` (signature-base, Loki, THOR,
    YARA-Forge: 0 to 100, from 75 strong); else ``severity`` or ``threat_level`` as a word, or
    ``severity`` as a number on the same scale (Elastic: 1 to 100; smaller scales tell nothing).
    Strong where none of them says anything.
    """
    word = str(meta.get("strength", "")).strip().lower()
    if word in {each.value for each in Strength}:
        return Strength(word)
    if (score := _number(meta.get("score"))) is not None:
        return _by_score(score)
    for name in ("severity", "threat_level"):
        word = str(meta.get(name, "")).strip().lower()
        if word in _SEVERITIES:
            return _SEVERITIES[word]
    severity = _number(meta.get("severity"))
    if severity is not None and severity > 10:
        return _by_score(severity)
    return Strength.STRONG


def _by_score(score: int) -> Strength:
    return Strength.STRONG if score >= _STRONG_SCORE else Strength.WEAK


def _number(value: str | int | None) -> int | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return int(value)
    except ValueError:
        return None
