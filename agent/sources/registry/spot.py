"""A place of a hive in which something is remembered."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from ...formats.hive import Key, Value


class Spot(NamedTuple):
    """Where something is remembered."""

    key: Key
    value: Value | None
    """None: the key alone was hit."""
    profile: str
    r"""Of the user whose hive it is (``C:\\Users\\jo``); empty for the machine's."""
