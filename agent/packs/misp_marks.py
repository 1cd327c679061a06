"""How an attribute of an event of our own says which indicator of which pack it is.

Its comment says so to people, and its UUID vouches for it: it is made of the pack, the indicator,
and the attribute's type and value. What somebody has changed since is an attribute like any other.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence

from msgspec import Struct

from ..model.report import Strength

SPACE = uuid.UUID("0a9f2f1c-51d4-5a0e-8d0e-2f4c9c5b7a15")
_BY = ", by iocsweep "
_INFO = re.compile(rf"(?P<id>[a-z0-9._:/-]+) (?P<version>[^,]+){_BY}\S+")
_COMMENT = re.compile(
    r"(?:(?P<note>.*); )?(?P<id>[a-z0-9._:/-]+) \((?P<strength>weak|strong|confirmed)\): "
    r"(?P<sources>.*)",
    re.DOTALL,
)
_LONGEST_SOURCES = 4096


class Mark(Struct, frozen=True):
    """An indicator as its pack had it."""

    pack: str
    version: str
    id: str
    strength: Strength
    note: str
    sources: str
    """All that it cites, in one text."""


def info_of(packs: Sequence[tuple[str, str]], agent: str) -> str:
    """What an event of packs is called, by their ids and versions."""
    return ", ".join(f"{pack} {version}" for pack, version in packs) + _BY + agent


def comment_of(indicator: str, strength: Strength, note: str, sources: str) -> str:
    """What an attribute says."""
    return f"{f'{note}; ' if note else ''}{indicator} ({strength.value}): {sources}"


def uuid_of(pack: str, indicator: str, kind: str, value: str) -> str:
    """Of an attribute of this type and value."""
    return str(uuid.uuid5(SPACE, f"{pack} {indicator} {kind} {value}"))


def mark_of(info: object, attribute: dict[str, object]) -> Mark | None:
    """Of an event of one pack. None: it is none of ours, or is not as it was."""
    event = _INFO.fullmatch(info) if isinstance(info, str) else None
    comment, value = attribute.get("comment"), attribute.get("value")
    said = _COMMENT.fullmatch(comment) if isinstance(comment, str) else None
    if event is None or said is None or not isinstance(value, str):
        return None
    if attribute.get("uuid") != uuid_of(event["id"], said["id"], str(attribute.get("type")), value):
        return None
    if not 0 < len(said["sources"]) <= _LONGEST_SOURCES:
        return None
    return Mark(
        event["id"],
        event["version"],
        said["id"],
        Strength(said["strength"]),
        said["note"] or "",
        said["sources"],
    )
