"""The command ``offline``: one host, or several that were given at once.

Without ``--jobs`` what is given is of one host (its C: and its D:, an image and a collection). Only
where it says itself that it is of several, each is swept as with ``--jobs 1``; with ``--host NAME``
nothing is swept then.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import sys

from msgspec import structs

from ..exit_codes import FAILED, CannotRun
from ..matching.own_traces import Own
from ..options import Options
from ..output.say import say, tell
from ..reading.block_device import is_device, real_path
from ..spelling import fold
from ..targets.offline.at_rest import SeveralHosts
from ..targets.offline.containers.opening import open_medium
from ..targets.offline.recognise import offline_target
from .many import sweep_many
from .sweep import sweep


def offline(options: Options) -> int:
    """The exit code. Raises CannotRun before anything is swept."""
    if sys.platform == "win32":
        options = structs.replace(options, paths=expanded(options.paths))
    if options.part:
        return _part(options)
    options = structs.replace(options, paths=once(options.paths))
    if options.jobs is None and options.scheduler is None and not options.resume:
        try:
            return sweep(options)
        except SeveralHosts as error:
            say(f"{' and '.join(error.names)} are different hosts: a report for each")
        return sweep_many(options, apart(options.paths))
    paths = options.paths
    return sweep_many(options, [[*paths]] if options.host else [[path] for path in paths])


def _part(options: Options) -> int:
    """For whoever sweeps many: several hosts are told by their names."""
    try:
        return sweep(options)
    except SeveralHosts as error:
        tell(json.dumps({"v": 1, "exit": FAILED, "error": str(error), "hosts": error.names}))
        return FAILED


def apart(paths: list[str]) -> list[list[str]]:
    """The paths of each host, by the name that its Windows says; what is of no Windows, or of
    several hosts by itself, is alone: whose it is nobody knows, and so it is swept by itself."""
    hosts: dict[str, list[str]] = {}
    for path in paths:
        try:
            names = offline_target(path, own=Own()).names
        except (CannotRun, OSError):
            names = []
        key = f"name {fold(names[0])}" if len(names) == 1 else f"path {path}"
        if not names:
            say(f"{path}: no Windows that has a name; swept as a host of its own")
        hosts.setdefault(key, []).append(path)
    return [*hosts.values()]


def once(paths: list[str]) -> list[str]:
    """Each once, however it is spelt; without the pieces of an image of which the first is given as
    well (``image.E*``): they are no images of their own."""
    given: dict[str, str] = {}
    for path in paths:
        given.setdefault(real_path(path), path)
    if len(given) < 2:
        return [*given.values()]
    pieces: set[str] = set()
    alone: set[str] = set()
    for place in given:
        if not os.path.isdir(place):
            with contextlib.suppress(OSError):
                medium = open_medium(place)
                medium.source.close()
                alone.add(place)
                pieces.update(medium.files[1:])
    for place in (pieces & given.keys()) - alone:
        say(f"{given.pop(place)}: a piece of an image that is given as well; swept with it")
    return [*given.values()]


def expanded(paths: list[str]) -> list[str]:
    """``*.E01``, where no shell has done it."""
    return [
        found
        for path in paths
        for found in (
            sorted(glob.glob(path)) or [path]
            if glob.has_magic(path) and not (is_device(path) or os.path.lexists(path))
            else [path]
        )
    ]
