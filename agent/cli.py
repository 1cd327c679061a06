"""Arguments to a command, and what comes of it to an exit code."""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Sequence

from .commands.packs import packs
from .commands.send import send
from .commands.sweep import sweep
from .delivery.collector import DeliveryError
from .exit_codes import FAILED
from .matching.byte_rules import RulesError
from .options import UsageError, parse
from .output.say import say
from .packs.document import PackError
from .targets.offline.at_rest import TargetError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code (DESIGN, section 4)."""
    try:
        _use_safe_streams()
        if sys.platform == "win32":
            from .windows.security import harden_dll_search

            harden_dll_search(getattr(sys, "_MEIPASS", ""))
        options = parse(list(sys.argv[1:] if arguments is None else arguments))
        if options.command == "packs":
            return packs(options)
        if options.command == "send":
            return send(options)
        return sweep(options)
    except (UsageError, PackError, RulesError, TargetError, DeliveryError) as error:
        print(f"iocsweep: {error}", file=sys.stderr)  # noqa: T201
        return FAILED
    except Exception:  # noqa: BLE001 - a defect must never look like the exit code of a hit
        say(f"could not run, this is a defect:\n{traceback.format_exc()}")
        return FAILED


def _use_safe_streams() -> None:
    """Never fail on a character that the console does not have; UTF-8 wherever there is no
    console.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            encoding = None if stream.isatty() else "utf-8"
            stream.reconfigure(encoding=encoding, errors="backslashreplace")
