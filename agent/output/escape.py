"""Strings from the host, made safe to show.

A file name can carry terminal escape sequences, line ends that fake a second line of output, and
marks that turn its reading direction around (``cyzfc\\u202etad.exe``). What is shown must be what
is there.
"""

from __future__ import annotations

import re

_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")


def shown(text: str) -> str:
    """``text`` with everything invisible or active written as ``\\xNN`` or ``\\uNNNN``.

    That is every control, format, surrogate, private and unassigned character and every separator
    but the space (Unicode categories C* and Z*). Backslashes stay single: paths are full of them.
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(ord(char)) for char in text)


def _escaped(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def in_ascii(data: bytes) -> str:
    """JSON or JSON lines in UTF-8, with ``\\uXXXX`` for what is not ASCII; without the last line
    end."""
    return _BEYOND_ASCII.sub(_json_escape, data.decode("utf-8").removesuffix("\n"))


def _json_escape(found: re.Match[str]) -> str:
    """RFC 8259, section 7: beyond the basic plane two of them."""
    units = found.group().encode("utf-16-be")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))
