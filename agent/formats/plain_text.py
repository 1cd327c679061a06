"""Text of Windows' own files as characters: UTF-16 or UTF-8 with or without a mark, else ANSI."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import NamedTuple

from . import FormatError

MAX_LINES = 1_000_000
"""Of one file; what lies behind is refused, and so a gap."""
_LINE_END = re.compile(r"\r\n|\r|\n")
_PROBE = 512
"""Bytes by which UTF-16 without a mark is told: half of those of Latin text are zeros."""


class Line(NamedTuple):
    """``number`` from 1; ``text`` without its end."""

    number: int
    text: str


def text_of(data: bytes) -> str:
    """All of it; what is no text becomes U+FFFD, lone surrogates stay. NULs are not left out."""
    if data.startswith(codecs.BOM_UTF16_LE):
        return _wide(data[2:])
    if data.startswith(codecs.BOM_UTF16_BE):
        return data[2 : len(data) & ~1].decode("utf-16-be", "surrogatepass")
    if data.startswith(codecs.BOM_UTF8):
        return data[3:].decode("utf-8", "replace")
    probe = data[1:_PROBE:2]
    if probe and probe.count(0) > len(probe) // 2:
        return _wide(data)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


def lines_of(data: bytes) -> Iterator[Line]:
    """Every line that is not empty. Raises FormatError beyond ``MAX_LINES``."""
    for number, text in enumerate(_LINE_END.split(text_of(data)), start=1):
        if number > MAX_LINES:
            raise FormatError(f"more than {MAX_LINES:,} lines", f"line {number}")
        if text.strip("\0 "):
            yield Line(number, text)


def _wide(data: bytes) -> str:
    return data[: len(data) & ~1].decode("utf-16-le", "surrogatepass")
