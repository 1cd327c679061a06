"""Arguments to a command, and what comes of it to an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from .command_line.manners import Manners, manners_of
from .exit_codes import FAILED, CannotRun, does_not_load
from .options import DETACHED, ONE_OF_MANY, Options, parse
from .output.plain import failure_line, plain
from .output.say import lead_nowhere, say, tell, use_safe_streams


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code (DESIGN, section 4)."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    manners = manners_of(given, os.environ)
    try:
        use_safe_streams()
        if manners.silent:
            lead_nowhere(sys.stderr)
        if sys.platform == "win32":
            from .windows.security import harden_dll_search

            harden_dll_search(getattr(sys, "_MEIPASS", ""))
        options = _asked_by_itself(given) or _asked(given)
        try:
            command = _command("detach" if options.detach else options.command)
        except Exception as error:
            raise CannotRun(does_not_load(error)) from error
        return _run(command, options)
    except CannotRun as error:
        say(str(error))
        return _failed(str(error), error.code, manners)
    except Exception as error:  # noqa: BLE001 - a defect must never look like the exit code of a hit
        say(f"could not run, this is a defect:\n{traceback.format_exc()}")
        return _failed(f"a defect: {type(error).__name__}: {plain(error)}", FAILED, manners)


def _asked(arguments: Sequence[str]) -> Options:
    """Raises UsageError."""
    options = parse(arguments, os.environ)
    if options.variables:
        say(f"from the environment: {', '.join(options.variables)}")
    return options


def _run(command: Callable[[Options], int], options: Options) -> int:
    """An error about a value says where that is from, if not from the command line itself."""
    try:
        return command(options)
    except CannotRun as error:
        for field, origin in options.taken.items():
            value = getattr(options, field)
            values = value if isinstance(value, list) else [value]
            if any(_is_about(error, one) for one in values):
                told = CannotRun(f"{origin}: {error}")
                told.code = error.code
                raise told from error
        raise


def _is_about(error: CannotRun, value: object) -> bool:
    """Errors begin with what they are about."""
    return isinstance(value, (str, Path)) and str(error).startswith(f"{value}: ")


def _failed(why: str, code: int, manners: Manners) -> int:
    """A deployment tool gets its one line then, too."""
    if manners.one_line:
        tell(failure_line(why, code))
    return code


def _asked_by_itself(arguments: Sequence[str]) -> Options | None:
    """What this same program asks for that started this one; None if a person did. Raises
    UsageError."""
    if len(arguments) == 2 and arguments[0] == DETACHED:
        from .commands.detach import detached

        return detached(arguments[1])
    if arguments[:1] != [ONE_OF_MANY]:
        return None
    from .commands.one_of_many import ends_with_its_starter, read_options

    options = read_options(sys.stdin.buffer)
    ends_with_its_starter()
    return options


def _command(name: str) -> Callable[[Options], int]:
    """Loaded when it is asked for: most of the program stands behind ``live``."""
    if name == "packs":
        from .commands.packs import packs

        return packs
    if name == "send":
        from .commands.send import send

        return send
    if name == "offline":
        from .commands.offline import offline

        return offline
    if name == "detach":
        from .commands.detach import detach

        return detach
    if name == "clean":
        from .commands.clean import clean

        return clean
    if name == "render":
        from .commands.render import render

        return render
    if name == "verify":
        from .commands.verify import verify

        return verify
    if name == "selftest":
        from .commands.selftest import selftest

        return selftest
    from .commands.sweep import sweep

    return sweep
