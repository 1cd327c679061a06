"""All sources, in the order in which they are asked: what vanishes soonest first.

Names, the command line's help and the order of the coverage come from here. A source is loaded when
it is made, and one for evidence in files when there is such a file: a program that only tells its
version loads none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..model.report import TargetKind
from . import whereabouts

if TYPE_CHECKING:
    from pathlib import Path

    from . import Source
    from .artefact import Artefact
    from .files.hash_cache import HashCache

MemoryMode = Literal["none", "candidates", "all"]
"""Of which processes memory is read."""


class Setup(NamedTuple):
    """What sources are made with."""

    max_file_size: int
    """Bytes; content of larger files is not read."""
    progress: Callable[[str], None]
    """Is told each place before it is looked at, and may raise to end the sweep."""
    memory: MemoryMode = "candidates"
    verify_walk: bool = False
    cache: HashCache | None = None
    deep: bool = False
    """Whether sources are asked that are only asked when they are asked for."""
    memories: bool = False
    """Whether images of memory were given."""
    kept: Path | None = None
    """A folder of our own, for how far they came."""


class Entry(NamedTuple):
    """One source."""

    name: str
    targets: Iterable[TargetKind]
    """That can be asked."""
    make: Callable[[Setup], Source]
    by_default: bool = True
    """Else only with ``--deep``, or where it is named."""
    of_memories: bool = False
    """Whether it is asked where images of memory were given, and nowhere else."""


def _processes(_: Setup) -> Source:
    from .running.processes import ProcessesSource

    return ProcessesSource()


def _modules(_: Setup) -> Source:
    from .running.modules import ModulesSource

    return ModulesSource()


def _memory(setup: Setup) -> Source:
    from .running.memory import MemorySource

    return MemorySource(setup.memory)


def _connections(_: Setup) -> Source:
    from .running.connections import ConnectionsSource

    return ConnectionsSource()


def _dns_cache(_: Setup) -> Source:
    from .running.dns_cache import DnsCacheSource

    return DnsCacheSource()


def _pipes(_: Setup) -> Source:
    from .running.pipes import PipesSource

    return PipesSource()


def _files(setup: Setup) -> Source:
    from .files.source import FilesSource

    return FilesSource(
        setup.max_file_size,
        progress=setup.progress,
        verify_walk=setup.verify_walk,
        cache=setup.cache,
    )


def _change_journal(setup: Setup) -> Source:
    from .past_files.change_journal import UsnJournalSource

    return UsnJournalSource(progress=setup.progress)


def _ntfs_log(setup: Setup) -> Source:
    from .past_files.log_file import LogFileSource

    return LogFileSource(progress=setup.progress)


def _index_slack(setup: Setup) -> Source:
    from .past_files.index_slack import IndexSlackSource

    return IndexSlackSource(progress=setup.progress)


def _shadow_copies(setup: Setup) -> Source:
    from .past_files.shadow_copies import ShadowCopiesSource

    return ShadowCopiesSource(setup.max_file_size, progress=setup.progress)


def _deep(setup: Setup) -> Source:
    from .deep.source import DeepSource

    return DeepSource(progress=setup.progress, kept=setup.kept)


def _memory_image(setup: Setup) -> Source:
    from .deep.memory_images import MemoryImagesSource

    return MemoryImagesSource(progress=setup.progress, kept=setup.kept)


def _artefact(name: str, module: str, artefact: str, where: Sequence[str] = ()) -> Entry:
    """Evidence that lies in files: this artefact of this module, by the driver; ``where``: as it
    says itself, so that it is loaded where there is such a file only."""

    def load() -> Artefact:
        made: Artefact = getattr(import_module(f".{module}", __package__), artefact)()
        return made

    def make(setup: Setup) -> Source:
        from .artefact_source import ArtefactSource, Later

        known = Later(name, where, load) if where else load()
        wanted = whereabouts.EVERY_WINDOWS_HAS.get(name, ())
        return ArtefactSource(known, progress=setup.progress, wanted=wanted)

    return Entry(name, _WITH_FILES, make)


def _not_asked(entry: Entry, kind: TargetKind) -> Source:
    from .not_at_rest import NotAtRest

    return NotAtRest(entry.name, is_memory=kind is TargetKind.MEMORY)


_LIVE = (TargetKind.LIVE,)
_WITH_FILES = tuple(kind for kind in TargetKind if kind is not TargetKind.MEMORY)

CATALOG = (
    Entry("processes", _LIVE, _processes),
    Entry("modules", _LIVE, _modules),
    Entry("memory", _LIVE, _memory),
    Entry("connections", _LIVE, _connections),
    Entry("dns_cache", _LIVE, _dns_cache),
    Entry("pipes", _LIVE, _pipes),
    Entry("files", _WITH_FILES, _files),
    Entry("usn_journal", _WITH_FILES, _change_journal),
    Entry("ntfs_log", _WITH_FILES, _ntfs_log),
    _artefact("live_response", "logs.live_response", "LiveResponse", whereabouts.LIVE_RESPONSE),
    _artefact("hosts_file", "network.hosts_file", "HostsFile"),
    _artefact("firewall_log", "network.firewall_log", "FirewallLog", whereabouts.FIREWALL_LOG),
    _artefact("event_logs", "logs.event_logs", "EventLogs", whereabouts.EVENT_LOGS),
    _artefact("defender", "logs.defender", "Defender", whereabouts.DEFENDER),
    _artefact("prefetch", "execution.prefetch", "PrefetchArtefact", whereabouts.PREFETCH),
    _artefact("registry", "registry.hives", "Hives", whereabouts.REGISTRY),
    _artefact("recycle_bin", "past_files.recycle_bin", "RecycleBin", whereabouts.RECYCLE_BIN),
    _artefact("opened_files", "past_files.opened_files", "OpenedFiles", whereabouts.OPENED_FILES),
    _artefact("thumbnails", "past_files.thumbnails", "ThumbnailCaches", whereabouts.THUMBNAILS),
    _artefact("thumbs_db", "past_files.thumbnails", "ThumbsDb", whereabouts.THUMBS_DB),
    _artefact("browsers", "network.browsers", "Browsers", whereabouts.BROWSERS),
    _artefact("srum", "execution.srum", "Srum", whereabouts.SRUM),
    _artefact(
        "scheduled_tasks",
        "execution.scheduled_tasks",
        "ScheduledTasks",
        whereabouts.SCHEDULED_TASKS,
    ),
    _artefact(
        "startup_files", "execution.startup_files", "StartupFiles", whereabouts.STARTUP_FILES
    ),
    _artefact(
        "shim_databases", "execution.shim_databases", "ShimDatabases", whereabouts.SHIM_DATABASES
    ),
    _artefact("startup_info", "execution.startup_info", "StartupInfo", whereabouts.STARTUP_INFO),
    _artefact(
        "compatibility_assistant",
        "execution.compatibility_assistant",
        "CompatibilityAssistant",
        whereabouts.COMPATIBILITY_ASSISTANT,
    ),
    _artefact(
        "error_reports", "execution.error_reports", "ErrorReports", whereabouts.ERROR_REPORTS
    ),
    _artefact(
        "wmi_repository", "execution.wmi_repository", "WmiRepository", whereabouts.WMI_REPOSITORY
    ),
    _artefact("browser_files", "network.browser_files", "BrowserFiles", whereabouts.BROWSER_FILES),
    _artefact("web_cache", "network.web_cache", "WebCache", whereabouts.WEB_CACHE),
    _artefact("bits_queue", "network.bits_queue", "BitsQueue", whereabouts.BITS_QUEUE),
    _artefact(
        "certificate_cache",
        "network.certificate_cache",
        "CertificateCache",
        whereabouts.CERTIFICATE_CACHE,
    ),
    _artefact("search_index", "past_files.search_index", "SearchIndex", whereabouts.SEARCH_INDEX),
    _artefact("activities", "execution.activities", "Activities", whereabouts.ACTIVITIES),
    _artefact(
        "console_history", "logs.console_history", "ConsoleHistory", whereabouts.CONSOLE_HISTORY
    ),
    _artefact("transcripts", "logs.transcripts", "Transcripts", whereabouts.TRANSCRIPTS),
    Entry("index_slack", _WITH_FILES, _index_slack, by_default=False),
    Entry("shadow_copies", _WITH_FILES, _shadow_copies),
    Entry("deep", _WITH_FILES, _deep, by_default=False),
    Entry("memory_image", TargetKind, _memory_image, by_default=False, of_memories=True),
)
NAMES = tuple(entry.name for entry in CATALOG)
ON_REQUEST = frozenset(entry.name for entry in CATALOG if not entry.by_default)


def sources_of(kind: TargetKind, setup: Setup) -> list[Source]:
    """All that this kind of target can be asked, and is with this setup; and what only a running
    host can, which says so."""
    return [
        entry.make(setup) if kind in entry.targets else _not_asked(entry, kind)
        for entry in CATALOG
        if (setup.memories if entry.of_memories else entry.by_default or setup.deep)
    ]
