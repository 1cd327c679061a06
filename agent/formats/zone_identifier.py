"""Where a downloaded file came from: the text of its ``Zone.Identifier`` stream.

An INI section ``[ZoneTransfer]`` with ZoneId, ReferrerUrl and HostUrl, written by browsers and mail
programs (Attachment Manager; HostUrl since Windows 10). Format: [MS-FSCC] 5.6.1 Zone.Identifier.
"""

from __future__ import annotations

import re

from msgspec import Struct

MAX_ZONE_BYTES = 64 << 10
STREAM = "Zone.Identifier"

_FILE = re.compile(r"(?i)(.+)(?::|%3a|_)zone\.identifier(?::\$data)?")
"""A stream that a copy made a file of its own: WSL keeps the colon, archivers and tools replace
it."""


class Zone(Struct, frozen=True):
    """What the stream says; urls are HostUrl first, then ReferrerUrl, as far as given."""

    zone: int | None = None
    urls: tuple[str, ...] = ()


def read_zone(data: bytes) -> Zone:
    """The zone of at most 64 KiB of text, in UTF-8, UTF-16 or the host's code page.

    What is not understood is left out: there is no malformed zone, only one that says less.
    """
    lines = _text(data[:MAX_ZONE_BYTES]).splitlines()
    values: dict[str, str] = {}
    for line in lines:
        key, equals, value = line.partition("=")
        if equals:
            values.setdefault(key.strip().casefold(), value.strip())
    number = values.get("zoneid", "")
    return Zone(
        zone=int(number) if number.isdecimal() and len(number) < 6 else None,
        urls=tuple(values[key] for key in ("hosturl", "referrerurl") if values.get(key)),
    )


def owner_of(name: str) -> str | None:
    """The file that a file named ``x.zip:Zone.Identifier`` tells about; None for another file."""
    found = _FILE.fullmatch(name)
    return found[1] if found else None


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")
