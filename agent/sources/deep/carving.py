"""A text in raw bytes, as far as it goes on both sides; and whether it reads like a command line.

Nothing says where a text begins in raw memory: what is taken for one are printable characters that
stand side by side, of ASCII in one byte each, or of Latin in two (UTF-16, which Windows keeps the
command lines of its processes in).
"""

from __future__ import annotations

import re
from collections.abc import Callable

Carve = Callable[[bytes, int], str]
"""Bytes, and the place of a hit in them; empty: no more than its excerpt."""
MOST = 256
"""Characters."""
LONGEST = 2 * MOST
"""Bytes."""
_BEFORE = 160
"""Of them at most before the hit, where there are more than that on both sides."""
_NARROW = (re.compile(rb"[\t\x20-\x7e]*\Z"), re.compile(rb"[\t\x20-\x7e]*"))
_WIDE = (
    re.compile(rb"(?:[\t\x20-\x7e\xa0-\xff]\0)*\Z"),
    re.compile(rb"(?:[\t\x20-\x7e\xa0-\xff]\0)*"),
)
_LINE = re.compile(
    r"""(?xi) (?: ^ | [\s"'=:>(\\/] )
    (?: (?: rundll32 | regsvr32 | powershell | pwsh | cmd | mshta | wscript | cscript | certutil
          | bitsadmin | schtasks | msiexec ) (?: \.exe )?
      | [\w-]+ \. (?: exe | com | scr ) )
    "? \s+ \S""",
)


def no_more(data: bytes, at: int) -> str:  # noqa: ARG001 - as Carve
    """Of what is not carved."""
    return ""


def text_around(data: bytes, at: int) -> str:
    """The text that the byte at this place is part of, at most :data:`MOST` characters."""
    wide = data[at + 1 : at + 2] == b"\0"
    each, (before, behind) = (2, _WIDE) if wide else (1, _NARROW)
    encoding = "utf-16-le" if wide else "ascii"
    start = max(0, at - MOST * each)
    start += (at - start) % each
    head = before.search(data[start:at])
    tail = behind.match(data[at : at + MOST * each])
    assert head is not None
    assert tail is not None
    lead, rest = head[0].decode(encoding), tail[0].decode(encoding)
    if len(lead) + len(rest) > MOST:
        lead = lead[-max(_BEFORE, MOST - len(rest)) :]
    return (lead + rest)[:MOST].strip()


def is_command_line(text: str) -> bool:
    """Whether a text names a program, and what it is told."""
    return _LINE.search(text) is not None
