"""What a value or key of a hive remembers of programs and files, told by its place."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...model.observation import Claim, Moment

if TYPE_CHECKING:
    from ...formats.hive import Key, Value
    from ...model.objects import Dll, File, Process, Task, User


class Spot(NamedTuple):
    """Where something is remembered."""

    key: Key
    value: Value | None
    """None: the key alone was hit."""
    profile: str
    r"""Of the user whose hive it is (``C:\\Users\\jo``); empty for the machine's."""


class Remembered(NamedTuple):
    """One thing that is remembered there; the objects are what it is about.

    ``texts``: all of it in which an indicator can be written. ``record``: which of several in one
    value. ``user``: whose, where that is not whoever owns the hive.
    """

    seen: str
    claim: Claim
    texts: tuple[str, ...]
    moments: tuple[Moment, ...] = ()
    process: Process | None = None
    file: File | None = None
    dll: Dll | None = None
    task: Task | None = None
    user: User | None = None
    record: str = ""
    remarks: tuple[str, ...] = ()
