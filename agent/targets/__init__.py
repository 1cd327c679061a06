"""Where evidence lives, behind one interface.

Time, host and file system come from the target, never from ``os`` directly inside a source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

from ..matching.own_traces import Own
from ..model import report as model
from ..windows.change_journal import JournalState
from ..windows.held import HeldFiles
from .volume_keys import VolumeKey

if TYPE_CHECKING:
    from ..coverage import Ledger
    from ..formats.memory_image import MemoryForm
    from ..ntfs import ByteSource
    from .every_windows import Wanted
    from .evidence import EvidenceFile
    from .live.system import LiveSystem
    from .tree import Tree


LOCKED = "locked by BitLocker"
"""Why a volume cannot be read: in the words of the coverage, and of :mod:`agent.ntfs`."""


class LiveJournal(Protocol):
    """A mounted volume's change journal, and its folders, as the running system tells them. What
    it cannot tell is an OSError; :class:`agent.windows.change_journal.ChangeJournal` is one."""

    def state(self) -> JournalState: ...

    def read(self, journal: int, start: int) -> tuple[int, bytes]:
        """The USN to go on with, and records; none at the end."""

    def folder(self, reference: int) -> str:
        r"""The path within the volume, ``\Users\jo``, of the folder with this record."""

    def close(self) -> None: ...


class RawNtfs(Struct, frozen=True):
    """The bytes of an NTFS volume: an image, or a live volume below its file system."""

    open: Callable[[], ByteSource]
    """Raises OSError."""
    prefix: str
    r"""What stands before ``\Users`` in the paths that are shown: ``C:``, ``disk.img:``."""
    changes: Callable[[], LiveJournal] | None = None
    """Of a volume in use, whose latest changes may not be on its disk yet. Raises OSError."""
    state: str = ""
    """Of an image: tells it from another one of the same volume."""


class Root(Struct, frozen=True):
    """One tree that the files source looks at: a volume, a mounted volume or a given folder or
    file.
    """

    path: str
    description: str = ""
    """``C: NTFS`` …; empty for a given path."""
    raw: RawNtfs | None = None
    """Given, the volume is read by its records."""
    mounted: bool = True
    """Whether it can be walked: an image cannot."""
    why_walked: str = ""
    """Said in the coverage, where a reader may expect it to be read by its records."""
    tree: Tree | None = None
    """Given, it is walked in place of what lies at the path on this machine: an archive is."""


class SkippedVolume(Struct, frozen=True):
    """A volume that is not walked, and why (network, removable, cloud): said in the coverage."""

    path: str
    reason: str
    gap: bool
    """Whether the target is less than completely examined without it."""
    count: int = 1
    """How many there are that are missing for this reason; the path is the first one's."""


class MemoryBytes(Protocol):
    """An image of memory in a file; :class:`agent.targets.offline.memory.MemoryImage` is one. What
    cannot be read is an OSError."""

    path: str
    name: str

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def form(self) -> MemoryForm: ...

    @property
    def state(self) -> str:
        """Tells it from another one of the same name."""

    def read_at(self, offset: int, length: int) -> bytes:
        """At most so many bytes; fewer only at the end."""


class Target(Protocol):
    """What is swept."""

    @property
    def platform(self) -> str:
        """``windows`` or ``linux``: what the host is whose evidence this is, whoever reads it."""

    @property
    def live(self) -> LiveSystem | None:
        """The running system; None for evidence at rest."""

    @property
    def own(self) -> Own:
        """What belongs to this agent and must not be reported."""

    @property
    def boundaries(self) -> frozenset[str]:
        """Folders that a walk must not enter from above."""

    @property
    def held(self) -> HeldFiles:
        """Files that the running system itself keeps from everybody."""

    @property
    def keys(self) -> Sequence[VolumeKey]:
        """Of locked volumes in files."""

    @property
    def memories(self) -> Sequence[MemoryBytes]:
        """Images of its memory that were given."""

    @property
    def is_memory_alone(self) -> bool:
        """Whether nothing else of the host is there."""

    def describe(self) -> model.Target: ...

    def host(self) -> model.Host: ...

    def now(self) -> datetime:
        """UTC."""

    def roots(self) -> tuple[Sequence[Root], Sequence[SkippedVolume]]:
        """The trees to walk, and what was left out."""

    def met(self, volume: RawNtfs | Tree) -> None:
        """Is told of a volume that lies in a file: at rest, its Windows is asked for evidence
        too."""

    @property
    def volumes_met(self) -> Sequence[RawNtfs]:
        """Those of NTFS of which it was told, as far as they are this host's."""

    def known_as(self, path: str) -> str:
        r"""The host's own path, ``C:\Users\jo\a.txt``, of a file that the files source shows by
        where it lies here: ``/mnt/c/Users/jo/a.txt``, ``disk.img:\Users\jo\a.txt``."""

    def evidence(self, patterns: Sequence[str], ledger: Ledger) -> Iterator[EvidenceFile]:
        r"""The files that any of these patterns means, each once, wherever Windows lies:
        ``%SystemRoot%\Prefetch\*.pf`` (:mod:`agent.targets.path_patterns`). On another
        system in use, those at whole paths.

        What cannot be listed is told to the ledger as a gap; what is not there is nothing. Raises
        ValueError for a pattern that is none.
        """

    def lacking(self, wanted: Sequence[Wanted]) -> Iterator[str]:
        """Of evidence at rest, the places that every Windows has and this one has not
        (:mod:`agent.targets.every_windows`): it is a part of a host. Of a running host, none."""
