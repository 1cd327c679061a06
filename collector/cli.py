"""``iocsweep-collector``: serve, and what an administrator does beside it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from agent import __version__

from .commands import certificate, keep, outputs, serve, sweep, token
from .commands.command import FAILED, OK, USAGE, Commands
from .outputs.settings import OutputsError
from .serving import ServeError, default_folder
from .store.database import StoreError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 done, 1 failed, 2 wrong arguments."""
    try:
        options = _parser().parse_args(arguments)
    except argparse.ArgumentError as error:
        return _fail(str(error), USAGE)
    try:
        return int(options.run(options))
    except OSError as error:
        return _fail(_of_the_system(error), FAILED)
    except (ServeError, StoreError, OutputsError, ValueError) as error:
        return _fail(str(error), FAILED)
    except KeyboardInterrupt:
        return OK


def _of_the_system(error: OSError) -> str:
    """Which file, and why, as the agent says it; without the number."""
    if error.filename is None or not error.strerror:
        return str(error)
    return f"{error.filename}: {error.strerror}"


def _fail(why: str, code: int) -> int:
    print(f"iocsweep-collector: {why}", file=sys.stderr)  # noqa: T201
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="iocsweep-collector",
        description="Takes the reports of a fleet's sweeps, keeps them, answers for every host.",
        allow_abbrev=False,
        exit_on_error=False,
    )
    parser.add_argument("--version", action="version", version=f"iocsweep-collector {__version__}")
    commands = Commands(parser.add_subparsers(required=True, metavar="COMMAND"), _common())
    for module in (serve, certificate, sweep, token, keep, outputs):
        module.add(commands)
    return parser


def _common() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--home", type=Path, default=default_folder(), metavar="DIR",
                        help="database, certificate and key (default: %(default)s)")  # fmt: skip
    common.add_argument("--database", default="", metavar="FILE|URL",
                        help="SQLite file, or postgresql://… (default: in the home)")  # fmt: skip
    common.add_argument("--database-password-file", type=Path, metavar="FILE",
                        help="with the password of postgresql://…, which is then not in the URL"
                        " (PGPASSFILE does as well)")  # fmt: skip
    common.add_argument("--backup-to", type=Path, metavar="DIR",
                        help="for the copy that is made before an older database is brought up to"
                        " date (default: beside an SQLite file, else in the home)")  # fmt: skip
    common.add_argument("--no-backup", action="store_true",
                        help="bring it up to date without a copy: you have one")  # fmt: skip
    return common


if __name__ == "__main__":
    sys.exit(main())
