"""That a sweep has finished on this host (``--once``): in Windows' registry, else in the home.

The names of the values are stable: a fleet's detection rules ask for them.
"""

from __future__ import annotations

import errno
import json
import sys
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from ..model.report import Verdict
from ..output.atomic import write_atomically
from ..windows import sweep_values

FILE = "once.json"
"""In the home, where there is no registry."""
SWEEP, VERDICT, FINISHED = "LastSweep", "Verdict", "Finished"
_NAMES = (SWEEP, VERDICT, FINISHED)
_MAX_BYTES = 4096
_WINDOWS = sys.platform == "win32"


class Finished(Struct, frozen=True):
    """The last sweep that finished."""

    sweep: str
    verdict: Verdict
    finished: str
    """UTC, ISO 8601."""


def finished_at(time: datetime) -> str:
    """To the second."""
    return time.isoformat(timespec="seconds")


def read(home: Path) -> Finished | None:
    """None: none has. Raises OSError, also for what is no such mark."""
    values = sweep_values.read(_NAMES) if _WINDOWS else _read(home / FILE)
    if SWEEP not in values:
        return None
    try:
        return Finished(values[SWEEP], Verdict(values[VERDICT]), values[FINISHED])
    except (KeyError, ValueError) as error:
        raise OSError(errno.EINVAL, "no mark of a finished sweep", where(home)) from error


def write(home: Path, mark: Finished) -> None:
    """In place of the one before. Raises OSError."""
    values = dict(zip(_NAMES, (mark.sweep, mark.verdict.value, mark.finished), strict=True))
    if _WINDOWS:
        sweep_values.write(values)
    else:
        write_atomically(home / FILE, json.dumps(values).encode("ascii") + b"\n")


def remove(home: Path) -> bool:
    """Whether there was one. Raises OSError."""
    if _WINDOWS:
        return sweep_values.remove(_NAMES)
    there = (home / FILE).is_file() and not (home / FILE).is_symlink()
    if there:
        (home / FILE).unlink()
    return there


def where(home: Path) -> str:
    """For people."""
    return sweep_values.SHOWN if _WINDOWS else str(home / FILE)


def _read(path: Path) -> dict[str, str]:
    """Raises OSError."""
    try:
        with path.open("rb") as file:
            values = json.loads(file.read(_MAX_BYTES))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise OSError(errno.EINVAL, "no mark of a finished sweep", str(path)) from error
    if not isinstance(values, dict) or not all(isinstance(one, str) for one in values.values()):
        raise OSError(errno.EINVAL, "no mark of a finished sweep", str(path))
    return values
