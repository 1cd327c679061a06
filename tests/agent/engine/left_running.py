"""Processes that a test leaves running."""

from __future__ import annotations

import contextlib
from collections.abc import Set as AbstractSet

import psutil


def processes() -> set[psutil.Process]:
    """All that this process, and what it started, has running."""
    return set(psutil.Process().children(recursive=True))


def started_since(before: AbstractSet[psutil.Process]) -> set[psutil.Process]:
    """Those that were not there before, but for what the others start: a server of other tests may
    have further processes at any time."""
    found: set[psutil.Process] = set()
    for process in processes() - before:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.parent() not in before:
                found.add(process)
    return found
