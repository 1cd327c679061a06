"""Arguments to a command, and what comes of it to an exit code."""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from .byte_rules import RulesError
from .delivery.collector import DeliveryError
from .exit_codes import CLEAN, FAILED
from .options import Options, UsageError, parse
from .output.say import say
from .packs import Pack, PackError, load_pack, load_packs
from .sending import send
from .sweeping import sweep
from .targets.at_rest import TargetError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code (DESIGN, section 4)."""
    try:
        _use_safe_streams()
        if sys.platform == "win32":
            from .windows.security import harden_dll_search

            harden_dll_search(getattr(sys, "_MEIPASS", ""))
        options = parse(list(sys.argv[1:] if arguments is None else arguments))
        if options.command == "packs":
            return _packs(options)
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


def _packs(options: Options) -> int:
    if options.action == "list":
        for pack in load_packs():
            _print_pack(pack)
        return CLEAN
    code = CLEAN
    for path in options.paths:
        try:
            pack = load_pack(Path(path))
        except PackError as error:
            say(str(error))
            code = FAILED
        else:
            print(f"{path}: ok, {len(pack.file.indicators)} indicators")  # noqa: T201
    return code


def _print_pack(pack: Pack) -> None:
    file = pack.file
    lines = [f"{file.id} {file.version}   {file.title}   {len(file.indicators)} indicators"]
    from .matching import type_of, value_of

    lines += [
        f"  {i.strength.value:9}  {type_of(i):12}  {value_of(i)[:90]}  [{', '.join(i.reference)}]"
        for i in file.indicators
    ]
    print("\n".join(lines))  # noqa: T201
