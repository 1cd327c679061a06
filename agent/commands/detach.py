"""``--detach``: the sweep goes on by itself, and whoever started it has its answer at once.

For channels that end what they started after some seconds (Real Time Response), or that a machine
waits for (start-up scripts). What can be wrong is looked for before: later nobody is there to be
told. What the sweep says then goes to a log in the home folder, one for the last such run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from msgspec import structs

from .. import __version__
from ..delivery.config import with_settings
from ..delivery.route import route_of
from ..exit_codes import CLEAN, CannotRun
from ..home import LOG, OneSweep, home
from ..options import DETACHED, Options
from ..output.plain import plain
from ..output.say import lead_to, say, tell
from ..own_processes.itself import environment, itself
from ..packs.built_in import exclusions_in_use, load_packs
from ..sources.catalog import NAMES
from .alone import be_alone
from .destination import Destination, destination_of
from .exports import exports_of
from .given_paths import refuse_missing
from .notes import notes_from
from .one_of_many import read_options, written
from .packs_signing import pack_keys
from .resuming import rules_in


def detach(options: Options) -> int:
    """0 once it is started. Raises CannotRun; then nothing was."""
    where = _ready(options)
    with OneSweep(where.home) as lock:
        be_alone(lock, options)  # it takes the lock itself as soon as this is over
    log = _new_log(where.home)
    process, bound = _start(log)
    assert process.stdin is not None
    try:
        with process.stdin as stream:
            stream.write(written(structs.replace(options, detach=False)))
    except OSError as error:
        raise CannotRun(f"--detach: the sweep ended at once: {plain(error)}") from error
    process.returncode = 0  # it is nobody's any more: nothing waits for it
    _tell(options, where, process.pid, log, bound=bound)
    return CLEAN


def detached(log: str) -> Options:
    """In the process that was started: what it is asked for. What it says goes to ``log``."""
    options = read_options(sys.stdin.buffer)
    if log:
        lead_to(Path(log))
    return options


def _ready(options: Options) -> Destination:
    """All that can be known to be wrong before a sweep begins. Raises CannotRun."""
    refuse_missing([*options.paths, *map(str, options.rules)])
    with_delivery, _ = with_settings(options)
    route_of(with_delivery, os.environ, say)
    keys = pack_keys(options)
    load_packs(options.packs, options.only_packs, NAMES, keys)
    rules_in(options)
    exclusions_in_use(NAMES, keys)
    notes_from(options.notes)
    where = destination_of(options, home())
    exports_of(options)
    return where


def _new_log(folder: Path) -> Path | None:
    """Empty, and readable by its owner only; None if there can be none, and that is said."""
    path = folder / LOG
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_NOFOLLOW", 0)
    try:
        os.close(os.open(path, flags, 0o600))
    except OSError as error:
        say(f"{path}: no log can be written: {plain(error)}")
        return None
    return path


def _start(log: Path | None) -> tuple[subprocess.Popen[bytes], bool]:
    """The process, and whether it ends with the job that this one is in. Raises CannotRun."""
    try:
        if sys.platform == "win32":
            alone = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
            try:
                return _popen(log, alone | subprocess.CREATE_BREAKAWAY_FROM_JOB), False
            except PermissionError:
                return _popen(log, alone), True  # the job lets nobody out
        return _popen(log, 0), False
    except OSError as error:
        raise CannotRun(f"--detach: cannot start another process: {plain(error)}") from error


def _popen(log: Path | None, flags: int) -> subprocess.Popen[bytes]:
    # A one-file program unpacks itself again: what this process unpacked goes with it.
    own = {**environment(), "PYINSTALLER_RESET_ENVIRONMENT": "1"}
    return subprocess.Popen(
        itself(DETACHED, "" if log is None else str(log)),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=own,
        creationflags=flags,
        start_new_session=sys.platform != "win32",
    )


def _tell(options: Options, where: Destination, pid: int, log: Path | None, *, bound: bool) -> None:
    place = str(where.file or where.folder)
    if bound:
        say("the job that this process is in lets nobody out: the sweep ends with it")
    if options.quiet or not sys.stdout.isatty():
        line = {
            "v": 1, "verdict": None, "detached": True, "pid": pid, "path": place,
            "log": None if log is None else str(log), "bound": bound, "agent": __version__,
        }  # fmt: skip
        tell(json.dumps(line, ensure_ascii=True, separators=(",", ":")))
    else:
        tell(f"The sweep goes on as process {pid}; its report will be in {place}.")
