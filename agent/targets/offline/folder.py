"""Evidence at rest: one or more folders, such as a mounted volume, a share or a copy of a disk's
files, and collections that lie in an archive."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cached_property, partial

from ...coverage import Ledger
from ...formats.kinds import NAMED_SO, OF_ACQUIRE, SEVEN_ZIP, Holds, Kind, kind_by_name, kind_of
from ...matching.own_traces import Own
from ...model import report as model
from ...reading.opening import open_quietly, read_at, reason_of
from .. import Root, SkippedVolume
from ..evidence import EvidenceFile, HostFiles
from ..installation import LOOSE_FILES
from ..mounted_tree import Mounted, MountedEntry
from ..tree import Entry, Tell, Tree
from ..volume_keys import VolumeKey
from .archives.opening import Collected, collected
from .archives.seven_zip import NO_LIBRARY, is_readable
from .at_rest import AtRest, TargetError
from .collections.beside import beside
from .collections.drives import copied_as, decoded, volumes_in
from .collections.sparse import open_collected
from .windows_at_rest import Volume

IF_MEMORY = '; if it is an image of memory, say so by "--as memory"'
_HEAD = 4096


class FolderTarget(AtRest):
    """The target of ``offline FOLDER…``; a single file will do."""

    def __init__(
        self,
        *paths: str,
        own: Own,
        now: Callable[[], datetime] | None = None,
        keys: Sequence[VolumeKey] = (),
        called: Sequence[str] = (),
        memories: Sequence[str] = (),
    ) -> None:
        """Raises TargetError, naming it, for a path that does not exist or cannot be asked for."""
        if not paths:
            raise TargetError("no folder given")
        super().__init__(*paths, own=own, now=now, keys=keys, called=called, memories=memories)
        self._loose: list[Tree] = []
        """Of the paths in which no volume of Windows lies."""
        for path in self._paths:
            _must_be_swept(path)

    @property
    def platform(self) -> str:
        """Windows if the folders look like one; else taken to be that of this machine."""
        return "windows" if os.name == "nt" or self.volumes or self._met else "linux"

    def describe(self) -> model.Target:
        """The folders, as absolute paths."""
        return model.Target(
            kind=model.TargetKind.FOLDER,
            paths=self.given,
            collected=self.is_collected or bool(self._archives),
        )

    def host(self) -> model.Host:
        """Who it says it was; else a host that is known by its place alone."""
        path = self._paths[0]
        unknown = model.Host(id=f"path:{path}", name=os.path.basename(path) or path)
        return self._called((self._identity() if self.volumes else None) or unknown)

    def evidence(self, patterns: Sequence[str], ledger: Ledger) -> Iterator[EvidenceFile]:
        """Of every Windows that lies there, and of what lies there without one."""
        if self.volumes or self._met:
            yield from super().evidence(patterns, ledger)
        yield from self.loose().evidence(patterns, ledger)

    def loose(self) -> HostFiles:
        """What lies in folders and archives without a Windows."""
        self.volumes  # noqa: B018 - tells them apart
        return HostFiles(self._loose, LOOSE_FILES)

    def roots(self) -> tuple[Sequence[Root], Sequence[SkippedVolume]]:
        """The folders and archives; what is left out are members of these."""
        roots, skipped = list[Root](), list[SkippedVolume]()
        for path in self._paths:
            archive = self._archives.get(path)
            roots.append(Root(path, tree=None if archive is None else archive.whole()))
            for one in () if archive is None else archive.problems():
                skipped.append(SkippedVolume(one.place, one.reason, gap=True, count=one.count))
        return roots, skipped

    @cached_property
    def _archives(self) -> dict[str, Collected]:
        """Of the paths, those that are a collection in an archive."""
        found = {path: collected(path, self.keys) for path in self._paths}
        return {path: one for path, one in found.items() if one is not None}

    def _volumes_at_rest(self) -> list[Volume]:
        """The volumes that lie in the folders and archives, by their shapes."""
        found: list[Volume] = []
        for path in self._paths:
            if (archive := self._archives.get(path)) is not None:
                found += [Volume(tree, path, is_copy=True) for tree in archive.trees()]
                self._loose += archive.loose()
                continue
            real = os.path.realpath(path)
            copies = volumes_in(real)
            within = [place for copied in copies for place in copied.within(real)]
            is_copy = not all(os.path.ismount(top) for one in copies for top in one.paths)
            self._loose += filter(None, [beside(_loose(path, real), within)])
            for copied in copies:
                of = Mounted(decoded=copied_as)
                if copied.is_encoded:
                    of = Mounted(open_collected, decoded=decoded)
                shown = tuple((path + top[len(real) :]).rstrip(os.sep) for top in copied.paths)
                tree = of.tree(copied.drive, *copied.paths, view=copied.view, shown=shown)
                found.append(Volume(tree, path, is_copy=is_copy and within != [()]))
        return found


class _OneOf(MountedEntry, eq=False):
    """A folder of which one file was given."""

    given: str = ""

    def entries(self, keep: Callable[[str], bool], tell: Tell) -> Iterator[Entry]:
        return super().entries(lambda name: name == self.given and keep(name), tell)


def _loose(path: str, real: str) -> Tree:
    """A folder as it is, or one of which a single file was given."""
    of = Mounted(decoded=copied_as)
    if os.path.isdir(real):
        return of.tree(path, real)
    folder, name = os.path.split(real)
    return Tree(os.path.dirname(path), _OneOf("", (folder,), of, given=name))


def _must_be_swept(path: str) -> None:
    """Only what a walk looks at: an image that is called clean by its name would be a lie."""
    try:
        mode = os.stat(path).st_mode
    except OSError as error:
        raise TargetError(f"{path}: {error.strerror or error}") from error
    if stat.S_ISDIR(mode):
        return
    if not stat.S_ISREG(mode):
        raise TargetError(f"{path}: neither a folder nor a file; mount it first")
    try:
        kind = _closed_kind(path)
    except OSError as error:
        raise TargetError(f"{path}: {reason_of(error)}") from error
    if kind is SEVEN_ZIP and not is_readable():
        raise TargetError(f"{path}: {NO_LIBRARY}")
    if kind is OF_ACQUIRE:
        return
    if kind is not None and (kind is not SEVEN_ZIP or collected(path) is None):
        raise TargetError(
            f"{path}: {kind.name}; this version sweeps folders, archives and images of disks:"
            f" mount or unpack it first{IF_MEMORY * (kind is NAMED_SO)}"
        )


def _closed_kind(path: str) -> Kind | None:
    """The kind of a file that is not looked into."""
    name = os.path.basename(path)
    with open_quietly(os.path.realpath(path)) as file:
        size = file.seek(0, os.SEEK_END)
        kind = kind_of(read_at(file, 0, _HEAD), size, name, partial(read_at, file), given=True)
    if kind is None:
        return kind_by_name(name)
    return kind if kind.holds in (Holds.FILES, Holds.MEMORY) else None
