"""What a sweep itself puts on a host, and so must never find."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ..home import DEEP, LOG, REPORTS, SPOOL
from ..matching.own_traces import Own
from ..options import Options
from ..sweep.finished_mark import FILE


def own_marks(options: Options, folder: Path) -> Own:
    """Its image, packs, rules, reports and spool; of a running host its processes too."""
    pids = _processes() if options.command == "live" else set()
    exports = (options.timeline, options.csv, options.defender, options.html)
    given = (*exports, options.bitlocker_keys)
    files = [*options.packs, *options.only_packs, *options.rules, *filter(None, given)]
    files += [folder / name for name in (LOG, FILE)]
    if getattr(sys, "frozen", False):
        files.append(Path(sys.executable))
    folders = [*(folder / name for name in (SPOOL, REPORTS, DEEP)), _program_folder()]
    return Own.of(pids=pids, process=os.getpid(), files=map(str, files), folders=map(str, folders))


def _processes() -> set[int]:
    """This process and those that started it as iocsweep."""
    import psutil

    me = psutil.Process()
    pids = {me.pid}
    for parent in me.parents():
        try:
            line = " ".join(parent.cmdline())
        except (psutil.Error, OSError):
            continue
        if Own.has_text(line):
            pids.add(parent.pid)
    return pids


def _program_folder() -> Path:
    """Where the packs lie: the bundle's folder, or the package ``iocs``."""
    bundle = getattr(sys, "_MEIPASS", None)
    if bundle is not None:
        return Path(bundle)
    import iocs

    return Path(iocs.__file__).parent
