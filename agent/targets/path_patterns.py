r"""Where evidence lies, in the host's own language: ``%SystemRoot%\Prefetch\*.pf``.

A pattern begins with a variable: ``%SystemRoot%``, ``%ProgramData%``, ``%Profile%`` (of each user),
``%DataBasePath%`` (of the network's files), ``%EventLogs%`` (wherever these are written),
``%Volume%`` (the top of each) or ``%Loose%`` (the top of a folder of files that were copied without
their Windows). Then come the names of folders and of
the file, in any case as NTFS folds them: ``*`` and ``?`` stand for characters of
one name, ``**`` for any number of folders, none included. ``name:stream`` is an alternate stream of
a file or folder. What begins with a drive (``D:\logs\*.evtx``) is taken as it stands.

All patterns of a source become one tree of steps, so that each folder is listed once, and none that
cannot hold a match.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from msgspec import Struct, field

from ..spelling import fold, glob_regex, is_glob
from .installation import (
    DATA_BASE,
    EVENT_LOGS,
    LOOSE,
    PROFILE,
    PROGRAM_DATA,
    SYSTEM_ROOT,
    VOLUME,
    Installation,
)

_VARIABLES = (SYSTEM_ROOT, PROGRAM_DATA, PROFILE, VOLUME, DATA_BASE, EVENT_LOGS, LOOSE)
ANY_DEPTH = "**"
MAX_STEPS = 64
"""Names in a pattern."""
_DRIVE = re.compile(r"[A-Za-z]:")


class PathPattern(Struct, frozen=True):
    """One pattern, taken apart."""

    start: str
    """A variable, folded, or a drive: ``C:``."""
    steps: tuple[str, ...]
    stream: str | None = None

    @classmethod
    def parse(cls, text: str) -> PathPattern:
        """Raises ValueError, saying what is wrong with it."""
        start, *steps = text.split("\\")
        start = start.upper()
        if start not in _VARIABLES and not _DRIVE.fullmatch(start):
            known = ", ".join(_VARIABLES)
            raise ValueError(f"{text}: begins with none of {known}, or a drive")
        if not steps or not all(steps) or len(steps) > MAX_STEPS:
            raise ValueError(f"{text}: names are missing, or there are more than {MAX_STEPS}")
        last, colon, stream = steps[-1].partition(":")
        if steps[-1] == ANY_DEPTH or (colon and not (last and stream)):
            raise ValueError(f"{text}: does not end in a name")
        if any(ANY_DEPTH in step and step != ANY_DEPTH for step in steps):
            raise ValueError(f"{text}: ** stands for whole folders only")
        return cls(start, (*steps[:-1], last), stream if colon else None)


class Step(Struct, eq=False):
    """How far a path has come, and how it may go on."""

    names: dict[str, Step] = field(default_factory=dict)
    """By the folded name."""
    globs: dict[str, tuple[re.Pattern[str], Step]] = field(default_factory=dict)
    below: Step | None = None
    """Reached by any number of folders."""
    repeats: bool = False
    """Whether it is reached by those."""
    also: list[Step] = field(default_factory=list)
    """Reached with it: one for all places that a variable stands for."""
    is_file: bool = False
    """Whether a path may end here."""
    streams: list[re.Pattern[str]] = field(default_factory=list)
    """Which of the alternate streams are meant."""

    @property
    def goes_on(self) -> bool:
        """Whether a longer path may match."""
        return bool(self.names or self.globs or self.below or self.repeats)


Steps = tuple[Step, ...]
"""All places that one path may have come to."""


class PathMatcher:
    """The patterns of one source, for one drive of one host."""

    def __init__(
        self, patterns: Iterable[PathPattern], installation: Installation, drive: str
    ) -> None:
        self._drive = drive
        top = Step()
        for start, step in _by_start(patterns).items():
            for folders in _starts(start, installation, drive):
                place = top
                for folder in folders:  # Names of this host: what looks like a wildcard is none.
                    place = _named(place, fold(folder))
                place.also.append(step)
        self.start: Steps = _with_below([top])
        """At the top of the drive."""

    @staticmethod
    def after(steps: Steps, name: str) -> Steps:
        """Where a path is after one more name; nowhere: empty."""
        folded, found = fold(name), list[Step]()
        for step in steps:
            if step.repeats:
                found.append(step)
            if (following := step.names.get(folded)) is not None:
                found.append(following)
            found += [s for regex, s in step.globs.values() if regex.match(folded)]
        return _with_below(found)

    @staticmethod
    def is_named(steps: Steps, name: str) -> bool:
        """Whether some pattern asks for this name, other than by ``**``."""
        folded = fold(name)
        return any(
            folded in step.names or any(regex.match(folded) for regex, _ in step.globs.values())
            for step in steps
        )

    def matches(self, path: str) -> bool:
        r"""Whether a whole path is meant: ``C:\Users\jo\x.dat``, ``C:\x.exe:stream``."""
        if fold(path[: len(self._drive) + 1]) != fold(f"{self._drive}\\"):
            return False
        names = path[len(self._drive) + 1 :].split("\\")
        names[-1], _, stream = names[-1].partition(":")
        steps = self.start
        for name in names:
            steps = self.after(steps, name)
        if stream:
            return any(wants_stream(step, stream) for step in steps)
        return any(step.is_file for step in steps)


def wants_stream(step: Step, name: str) -> bool:
    """Whether a pattern that ends here means the stream of this name."""
    folded = fold(name)
    return any(regex.match(folded) for regex in step.streams)


def _by_start(patterns: Iterable[PathPattern]) -> dict[str, Step]:
    """By what they begin with, the first step behind it."""
    found: dict[str, Step] = {}
    for pattern in patterns:
        step = found.setdefault(pattern.start, Step())
        for name in pattern.steps:
            if name == ANY_DEPTH:
                step.below = step.below or Step(repeats=True)
                step = step.below
            elif is_glob(name):
                step = _like(step, fold(name))
            else:
                step = _named(step, fold(name))
        if pattern.stream is None:
            step.is_file = True
        else:
            step.streams.append(_regex(fold(pattern.stream)))
    return found


def _named(step: Step, folded: str) -> Step:
    return step.names.get(folded) or step.names.setdefault(folded, Step())


def _like(step: Step, folded: str) -> Step:
    known = step.globs.get(folded) or step.globs.setdefault(folded, (_regex(folded), Step()))
    return known[1]


@lru_cache(maxsize=1024)
def _regex(folded: str) -> re.Pattern[str]:
    """The same ones are in the patterns of many sources."""
    return glob_regex(folded)


def _with_below(steps: list[Step]) -> Steps:
    """With what is reached with them, and what ``**`` leads to: it may stand for no folder at
    all."""
    if len(steps) < 2 and not any(step.below or step.also for step in steps):
        return tuple(steps)  # Of most there is no more.
    found = dict.fromkeys(steps)
    waiting = list(steps)
    while waiting:
        step = waiting.pop()
        for other in (*step.also, *([step.below] if step.below is not None else [])):
            if other not in found:
                found[other] = None
                waiting.append(other)
    return tuple(found)


def _starts(start: str, installation: Installation, drive: str) -> Iterator[list[str]]:
    """The names of folders, from the top of the drive on, that a pattern's start stands for."""
    if start == VOLUME or (start == LOOSE and installation.is_loose):
        yield []
        return
    if start in (SYSTEM_ROOT, PROGRAM_DATA, DATA_BASE, EVENT_LOGS):
        places = installation.all_of(start)
    elif start == LOOSE:
        places = []
    elif start == PROFILE:
        places = [profile.path for profile in installation.profiles]
    else:
        places = [f"{start}\\"]
    for place in places:
        folders = below(place, drive)
        if folders is not None:
            yield folders


def below(path: str, drive: str) -> list[str] | None:
    r"""The names in ``C:\Users\jo`` after its drive; None if it is on another one, or unknown."""
    if not path or fold(path[: len(drive) + 1]) != fold(f"{drive}\\"):
        return None
    return [name for name in path[len(drive) + 1 :].split("\\") if name]
