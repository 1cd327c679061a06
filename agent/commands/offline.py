"""The command ``offline``: one host, or several that were given at once.

Without ``--jobs`` what is given is of one host (its C: and its D:). Only where it says itself that
it is of several, each is swept as with ``--jobs 1``.
"""

from __future__ import annotations

import glob
import os
import sys

from msgspec import structs

from ..options import Options
from .many import sweep_many
from .sweep import sweep


def offline(options: Options) -> int:
    """The exit code. Raises CannotRun before anything is swept."""
    if sys.platform == "win32":
        options = structs.replace(options, paths=expanded(options.paths))
    if options.part or (options.jobs is None and not options.resume):
        return sweep(options)
    return sweep_many(options, [[path] for path in dict.fromkeys(options.paths)])


def expanded(paths: list[str]) -> list[str]:
    """``*.E01``, where no shell has done it."""
    return [
        found
        for path in paths
        for found in (
            sorted(glob.glob(path)) or [path]
            if glob.has_magic(path) and not os.path.lexists(path)
            else [path]
        )
    ]
