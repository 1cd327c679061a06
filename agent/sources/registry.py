"""The sources, in the order in which they are asked: what vanishes soonest first."""

from __future__ import annotations

from collections.abc import Callable

from . import Source
from .connections import ConnectionsSource
from .dns_cache import DnsCacheSource
from .files import FilesSource
from .hosts_file import HostsFileSource
from .memory import MemorySource, Mode
from .modules import ModulesSource
from .pipes import PipesSource
from .processes import ProcessesSource

NAMES = (
    "processes",
    "modules",
    "memory",
    "connections",
    "dns_cache",
    "pipes",
    "hosts_file",
    "files",
)


def live_sources(memory: Mode, max_file_size: int, progress: Callable[[str], None]) -> list[Source]:
    """All that a running host can be asked."""
    return [
        ProcessesSource(),
        ModulesSource(),
        MemorySource(memory),
        ConnectionsSource(),
        DnsCacheSource(),
        PipesSource(),
        HostsFileSource(),
        FilesSource(max_file_size, progress=progress),
    ]


def folder_sources(max_file_size: int, progress: Callable[[str], None]) -> list[Source]:
    """All that a folder can be asked."""
    return [FilesSource(max_file_size, progress=progress)]
