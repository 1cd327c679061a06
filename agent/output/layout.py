"""Lines of the console: wrapped, flowed, cut; times."""

from __future__ import annotations

import contextlib
import re
import textwrap
from collections.abc import Iterator
from datetime import datetime, timezone

from .escape import shown

MARGIN = 13
_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")
_CUT_WORD = re.compile(r"[\w.-]+\Z")


def when(time: datetime) -> str:
    """To the second, UTC."""
    with contextlib.suppress(OverflowError):
        time = time.astimezone(timezone.utc) if time.tzinfo else time
    return f"{time:%Y-%m-%d %H:%M:%S UTC}"


def size(count: int) -> str:
    """``294,400 bytes``, ``2.9 MiB``."""
    amount, unit = float(count), 0
    while amount >= 1024 and unit < len(_UNITS) - 1:
        amount, unit = amount / 1024, unit + 1
    return f"{count:,} bytes" if unit < 2 else f"{amount:.1f} {_UNITS[unit]}"


def cut(text: str, most: int) -> str:
    """At most so many characters and a ``…``, cut between words if there is a place."""
    if len(text) <= most:
        return text
    head = text[:most]
    if _CUT_WORD.match(text[most]):
        whole = _CUT_WORD.sub("", head)
        head = whole if len(whole) >= most // 2 else head
    return head.rstrip() + "…"


def counted(reason: str, count: int) -> str:
    """With how often, if that is not once."""
    return f"{count:,} {shown(reason)}" if count > 1 else shown(reason)


def flowed(pieces: list[str], width: int, first: str) -> Iterator[str]:
    """Pieces side by side, wrapped between them and never within one."""
    line = ""
    for piece in pieces:
        if line and len(first) + len(line) + 3 + len(piece) > max(width, 60):
            yield first + line
            first, line = " " * len(first), ""
        line += ("   " if line else "") + piece
    if line:
        yield first + line


def wrapped(text: str, width: int, first: str = "") -> Iterator[str]:
    """Between words alone, so that a path may be longer than the width."""
    margin = first or " " * MARGIN
    yield from textwrap.wrap(
        text,
        max(width, 60),
        initial_indent=margin,
        subsequent_indent=" " * len(margin),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [margin]
