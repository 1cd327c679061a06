"""``selftest --canary`` and ``--remove-canary``: one harmless file, for a drill.

Every live sweep looks for it, besides its packs, and shows it as a drill (``packs/drill.py``).
"""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from ..exit_codes import CLEAN, CannotRun
from ..home import home, make_home
from ..options import Options
from ..output.atomic import write_new
from ..output.say import tell
from ..packs.drill import CANARY
from ..reading.opening import reason_of

_FIRST = "A canary of iocsweep, for a drill."
"""Its first line: what does not begin so is no canary, and is not removed."""
_SAID = "It is harmless: `iocsweep selftest --remove-canary` removes it."


def canary(options: Options) -> int:
    """Raises CannotRun."""
    if options.canary is not None:
        path = _place(options.canary)
        _leave(path)
        tell(f"canary: {path}\nSweeps of this host show it as a drill. {_SAID}")
    else:
        assert options.remove_canary is not None
        path = _place(options.remove_canary)
        _remove(path)
        tell(f"removed: {path}; journals remember it for a while, and sweeps show that as a drill")
    return CLEAN


def _place(folder: str) -> Path:
    return (Path(folder) if folder else home()) / CANARY


def _leave(path: Path) -> None:
    now = datetime.now(timezone.utc)
    text = f"{_FIRST}\n{_SAID}\nLeft at {now:%Y-%m-%d %H:%M:%S} UTC.\n"
    try:
        if path.parent == home():
            make_home(path.parent)
        write_new(path, text.encode("ascii"))
    except FileExistsError as error:
        raise CannotRun(f"{path}: is there already") from error
    except OSError as error:
        raise CannotRun(f"{path}: could not be written: {reason_of(error)}") from error


def _remove(path: Path) -> None:
    try:
        with path.open("rb") as file:
            is_canary = file.read(len(_FIRST)) == _FIRST.encode("ascii")
        if not is_canary:
            raise CannotRun(f"{path}: is no canary, and stays")
        path.unlink()
    except FileNotFoundError as error:
        raise CannotRun(f"{path}: there is no canary") from error
    except OSError as error:
        raise CannotRun(f"{path}: could not be removed: {reason_of(error)}") from error
