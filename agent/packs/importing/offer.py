"""What a reader of a foreign form hands over: one offer for each thing that stands there, whether
it becomes an indicator or not."""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import Struct

from ...indicators import Indicator
from ...model.report import Strength
from ..misp_marks import Mark

HARMLESS = "in a list of false positives"


class Wanted(Struct, frozen=True, kw_only=True):
    """An indicator that is to be made."""

    type: str
    """As packs name it: ``file_name``, ``hash`` …"""
    value: str
    strength: Strength
    fields: dict[str, Any] = {}
    """What the type has besides."""
    told: tuple[str, ...] = ()
    """What somebody who reads the table should know of it."""


def sized(wanted: Wanted, size: str) -> Wanted:
    """A file's hash with its size, so that files of other sizes are not opened for it; anything
    else, and what is no size, as it is."""
    if wanted.type != "hash" or not (size.isascii() and size.isdigit()) or int(size) == 0:
        return wanted
    return Wanted(
        type=wanted.type,
        value=wanted.value,
        strength=wanted.strength,
        fields={**wanted.fields, "gate": {"size": int(size)}},
        told=(*wanted.told, "opened by its size"),
    )


class Warns(Protocol):
    """A list of what is no proof by itself."""

    @property
    def told(self) -> str: ...

    def names(self, indicator: Indicator) -> bool: ...


class Offer(Struct, frozen=True, kw_only=True):
    """One value, pattern or line of the origin."""

    where: str
    """In the file: ``line 12``, an id."""
    kind: str
    """What the origin calls it, or what it was taken for."""
    written: str
    """As it stands there."""
    wanted: tuple[Wanted, ...] = ()
    together: Strength | None = None
    """The origin means all of them at once, which then proves this much."""
    same_file: bool = False
    """All of them are of one file."""
    process: str = ""
    """All of them are of a process of this image name."""
    why: str = ""
    """Why nothing becomes of it, if ``wanted`` is empty."""
    harmless: str = ""
    """A value that the origin passes over wherever it is named."""
    note: str = ""
    warns: Warns | None = None
    """What makes indicators of the whole import weak."""
    mark: Mark | None = None
    """The indicator that it was, where a pack of ours comes back."""
    reference: str = ""
    """What the origin itself names as the source; empty: the file alone."""


def left_out(where: str, kind: str, written: str, why: str) -> Offer:
    """What becomes no indicator."""
    return Offer(where=where, kind=kind, written=written, why=why)
