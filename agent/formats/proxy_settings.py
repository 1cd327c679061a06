"""How a connection reaches the web, as WinINet and WinHTTP keep it in one value.

Format: not published; as it is read in the field (``DefaultConnectionSettings``,
``SavedLegacySettings``, ``WinHttpSettings``): version, counter and flags of 32 bits, then the
proxy, what goes past it, and the address of a script, each behind its number of bytes; WinHTTP ends
before the script.
"""

from __future__ import annotations

from typing import NamedTuple

from . import FormatError


class ProxySettings(NamedTuple):
    """Empty: not set."""

    proxy: str
    bypass: str
    script: str


def read_proxy_settings(data: bytes) -> ProxySettings:
    """Raises FormatError: it ends within a text, or before the first."""
    if len(data) < 16:
        raise FormatError("too short for settings of a connection")
    at, texts = 12, ["", "", ""]
    for place in range(3):
        if at + 4 > len(data):
            break
        size = int.from_bytes(data[at : at + 4], "little")
        if size > len(data) - at - 4:
            raise FormatError("no settings of a connection", "text")
        texts[place] = data[at + 4 : at + 4 + size].rstrip(b"\0").decode("utf-8", "replace")
        at += 4 + size
    return ProxySettings(*texts)
