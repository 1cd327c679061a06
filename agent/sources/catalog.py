"""The sources, in the order in which they are asked: what vanishes soonest first."""

from __future__ import annotations

from collections.abc import Callable

from ..model.report import TargetKind
from . import Source
from .files.hash_cache import HashCache
from .files.source import FilesSource
from .network.hosts_file import HostsFileSource
from .past_files.change_journal import UsnJournalSource
from .running.connections import ConnectionsSource
from .running.dns_cache import DnsCacheSource
from .running.memory import MemorySource, Mode
from .running.modules import ModulesSource
from .running.pipes import PipesSource
from .running.processes import ProcessesSource

NAMES = (
    "processes",
    "modules",
    "memory",
    "connections",
    "dns_cache",
    "pipes",
    "hosts_file",
    "files",
    "usn_journal",
)


def live_sources(
    memory: Mode,
    max_file_size: int,
    progress: Callable[[str], None],
    *,
    verify_walk: bool = False,
    cache: HashCache | None = None,
) -> list[Source]:
    """All that a running host can be asked."""
    return [
        ProcessesSource(),
        ModulesSource(),
        MemorySource(memory),
        ConnectionsSource(),
        DnsCacheSource(),
        PipesSource(),
        HostsFileSource(),
        FilesSource(max_file_size, progress=progress, verify_walk=verify_walk, cache=cache),
        UsnJournalSource(),
    ]


def folder_sources(max_file_size: int, progress: Callable[[str], None]) -> list[Source]:
    """All that a folder can be asked."""
    return [FilesSource(max_file_size, progress=progress)]


def image_sources(
    max_file_size: int, progress: Callable[[str], None], cache: HashCache | None = None
) -> list[Source]:
    """All that an image of a volume can be asked."""
    return [FilesSource(max_file_size, progress=progress, cache=cache), UsnJournalSource()]


def offline_sources(
    kind: TargetKind,
    max_file_size: int,
    progress: Callable[[str], None],
    *,
    cache: HashCache | None = None,
) -> list[Source]:
    """All that evidence at rest can be asked."""
    if kind is TargetKind.IMAGE:
        return image_sources(max_file_size, progress, cache)
    return folder_sources(max_file_size, progress)
