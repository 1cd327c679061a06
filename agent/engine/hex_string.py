"""Bytes with wildcards, as hexadecimal strings of YARA: ``4D5A ?? 9? [2-4] ( AA | BB CC )``.

Taken in packs where nothing in them is open: a jump has two ends, groups hold no groups, and
enough of it is fixed that it cannot stand in anything. What boreal loses of such strings
(``rule_tokens.py``) is refused. Source: YARA 4.5, documentation, "Hexadecimal strings".
"""

from __future__ import annotations

import re

from msgspec import Struct

from .rule_tokens import loses_occurrences

MOST_BYTES = 4_096
"""Of the longest occurrence."""
_LEAST_FIXED = 4
"""Bytes without a wildcard."""
_PIECE = re.compile(
    r"(?P<byte>[0-9A-Fa-f]{2})|(?P<wild>\?[0-9A-Fa-f?]|[0-9A-Fa-f]\?)"
    r"|\[\s*(?P<least>\d{1,4})\s*(?P<to>-)?\s*(?P<most>\d{0,4})\s*\]|(?P<sign>[(|)])|(?P<blank>\s+)"
)


class HexString(Struct, frozen=True):
    """What one says."""

    example: bytes
    """The shortest that it matches, with its first alternatives, and zeros for wildcards."""
    longest: int
    """Bytes of the longest."""


class _Run(Struct):
    example: bytes = b""
    longest: int = 0
    fixed: int = 0

    def add(self, example: bytes, longest: int, fixed: int) -> None:
        self.example += example
        self.longest += longest
        self.fixed += fixed


def is_plain(text: str) -> bool:
    """Whether it is bytes alone."""
    return re.fullmatch(r"(?:[0-9A-Fa-f]{2}|\s+)*", text) is not None


def read_hex_string(text: str) -> HexString:
    """Without its braces. Raises ValueError, with the reason."""
    whole = _Run()
    group: list[_Run] | None = None
    at = 0
    while at < len(text):
        piece = _PIECE.match(text, at)
        if piece is None:
            raise ValueError(f"no bytes at {text[at : at + 8]!r}")
        at = piece.end()
        into = whole if group is None else group[-1]
        if piece["byte"]:
            into.add(bytes.fromhex(piece["byte"]), 1, 1)
        elif piece["wild"]:
            into.add(bytes((int(piece["wild"].replace("?", "0"), 16),)), 1, 0)
        elif piece["least"]:
            _jump(into, piece)
        elif piece["sign"] == "(" and group is None:
            group = [_Run()]
        elif piece["sign"] == "|" and group is not None:
            group.append(_Run())
        elif piece["sign"] == ")" and group is not None:
            if not all(one.example for one in group):
                raise ValueError("an alternative of nothing")
            fixed = min(one.fixed for one in group)
            whole.add(group[0].example, max(one.longest for one in group), fixed)
            group = None
        elif piece["sign"]:
            raise ValueError("a group in a group, or one that is not closed")
    return _judged(whole, text, is_open=group is not None)


def _jump(into: _Run, piece: re.Match[str]) -> None:
    least = int(piece["least"])
    if piece["to"] and not piece["most"]:
        raise ValueError("a jump without an end")
    most = int(piece["most"]) if piece["to"] else least
    if most < least:
        raise ValueError("a jump whose end is before its beginning")
    into.add(bytes(least), most, 0)


def _judged(whole: _Run, text: str, *, is_open: bool) -> HexString:
    if is_open:
        raise ValueError("a group that is not closed")
    if re.match(r"\s*\[", text) or re.search(r"\]\s*$", text):
        raise ValueError("a jump at an end")
    if whole.longest > MOST_BYTES:
        raise ValueError(f"longer than {MOST_BYTES:,} bytes")
    if not is_plain(text) and whole.fixed < _LEAST_FIXED:
        raise ValueError(f"fewer than {_LEAST_FIXED} bytes of it are fixed")
    if lost := loses_occurrences(f"{{{text}}}"):
        raise ValueError(f"the engine would lose occurrences of {lost[:64]}")
    return HexString(whole.example, whole.longest)
