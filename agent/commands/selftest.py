"""The command ``selftest``: whether each type of indicator and each source can fire on this very
host, and the canary of a drill."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from ..exit_codes import CLEAN, INCOMPLETE, CannotRun
from ..home import home, make_home
from ..model.self_test import SelfTest, is_self_test
from ..options import Options
from ..output.plain import plain
from ..output.progress import Progress
from ..output.say import say, tell
from ..output.self_test import self_test_line, self_test_text
from ..reading.opening import reason_of
from ..selftest.run import SelfTestRun
from ..selftest.sweeps import Stopped
from ..windows import security
from .replacing import why_not, write_or_replace


def selftest(options: Options) -> int:
    """0 if all is proved that can be on this host, 3 if not. Raises CannotRun."""
    if options.canary is not None or options.remove_canary is not None:
        from .canary import canary

        return canary(options)
    told = _tested(options)
    code = CLEAN if told.is_proved else INCOMPLETE
    path = None if options.out is None else _written(options.out, told, force=options.force)
    if options.out is not None and path is None:
        code = INCOMPLETE
    if not options.quiet:
        tell(self_test_text(told))
    if options.quiet or not sys.stdout.isatty():
        tell(self_test_line(told, code, path))
    return CLEAN if options.exit_zero else code


def _tested(options: Options) -> SelfTest:
    if sys.platform == "win32":
        for problem in security.take_administrators_rights():
            say(problem)
    folder = home()
    run = None
    try:
        make_home(folder)
        with Progress(enabled=False if options.quiet else None) as progress:
            run = SelfTestRun(folder, progress)
            return run.run()
    except OSError as error:
        why = f"{folder}: nothing can be planted there: {reason_of(error)}; IOCSWEEP_HOME moves it"
        raise CannotRun(why) from error
    except (Stopped, KeyboardInterrupt):
        raise CannotRun(f"stopped by the operator; {_remains(run)}") from None


def _remains(run: SelfTestRun | None) -> str:
    """What of it is on the host yet."""
    if run is None:
        return "nothing was planted"
    told = [f"NOT removed: {one}" for one in run.not_removed] or ["what was planted is removed"]
    return "; ".join([*told, *(f"it stays: {one}" for one in run.left)])


def _written(path: Path, told: SelfTest, *, force: bool) -> str | None:
    data = msgspec.json.format(msgspec.json.encode(told), indent=1)
    try:
        write_or_replace(path, data + b"\n", is_self_test, replaces=force)
    except FileExistsError:
        say(why_not(path, is_self_test, "self-test"))
    except OSError as error:
        say(f"{path}: could not be written: {plain(error)}")
    else:
        return str(path)
    return None
