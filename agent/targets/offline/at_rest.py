"""What all evidence at rest has in common: nothing runs there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from functools import cached_property

from msgspec import structs

from ...coverage import Ledger
from ...exit_codes import CannotRun
from ...matching.own_traces import Own
from ...model import report as model
from ...model.custody import Exhibit
from ...spelling import fold, whole_path
from ...windows.held import HeldFiles
from .. import RawNtfs
from ..every_windows import There, Wanted, lacking
from ..evidence import EvidenceFile, HostFiles
from ..record_tree import record_tree
from ..shared_volume import SharedVolume
from ..tree import Tree
from ..volume_keys import VolumeKey
from .collections.in_volume import with_copies
from .containers.opening import is_medium
from .exhibits import exhibits_at, exhibits_of
from .media import SharedMedium
from .memory_image import MemoryImage
from .windows_at_rest import Volume, WindowsAtRest, hosts_on, labelled


class TargetError(CannotRun):
    """What was to be swept cannot be: there is no such thing."""


class SeveralHosts(TargetError):
    """What was given is of more than one host, and a report is about one alone."""

    def __init__(self, names: Sequence[str]) -> None:
        told = " and ".join(names)
        super().__init__(f"{told} are different hosts: sweep them one after the other")
        self.names = tuple(names)


class OtherHost(TargetError):
    """What was given is of another host than it was said to be of."""

    def __init__(self, told: Sequence[tuple[str, str]], called: Sequence[str]) -> None:
        """``told``: places, and the names that the Windows there bears."""
        found = "; ".join(f"{place} is of {name}" for place, name in told)
        more = " ".join(f"--host {name}" for name in dict.fromkeys(name for _, name in told))
        super().__init__(
            f"{found}, not of {' or '.join(called)}: if that is the same host, give {more} too"
        )


class AtRest(ABC):
    """A target that is one or more paths of this machine."""

    def __init__(
        self,
        *paths: str,
        own: Own,
        now: Callable[[], datetime] | None = None,
        keys: Sequence[VolumeKey] = (),
        installation: str = "",
        called: Sequence[str] = (),
        memories: Sequence[str] = (),
    ) -> None:
        """``own``: what belongs to this agent, in case it lies there; ``now``: UTC; ``keys``: of
        locked volumes; ``installation``: of several hosts, the name of the one that is meant;
        ``called``: names of the only host that all is of, the first is its own; ``memories``:
        images of its memory."""
        self.keys = keys
        self.called = tuple(called)
        self._paths = tuple(dict.fromkeys(whole_path(path) for path in paths))
        self._own = own
        self._now = now
        self.installation = installation
        self.memories = [MemoryImage(path) for path in dict.fromkeys(map(whole_path, memories))]
        self._there: list[There] = []
        self._met: list[Volume] = []
        self._raw_met: list[RawNtfs] = []

    @property
    def live(self) -> None:
        """Nothing runs here."""
        return

    @property
    def own(self) -> Own:
        """What belongs to this agent, in case it lies there."""
        return self._own

    @property
    def paths(self) -> tuple[str, ...]:
        """Of disks, folders and files."""
        return self._paths

    @property
    def given(self) -> list[str]:
        """All paths, those of images of memory last."""
        return [*self._paths, *(image.path for image in self.memories)]

    @property
    def is_memory_alone(self) -> bool:
        """Whether no disk and no file was given."""
        return bool(self.memories) and not self._paths

    @property
    def boundaries(self) -> frozenset[str]:
        """All that lies below was asked for."""
        return frozenset()

    @property
    def held(self) -> HeldFiles:
        """Nothing runs here."""
        return HeldFiles()

    def now(self) -> datetime:
        """UTC."""
        return self._now() if self._now is not None else datetime.now(timezone.utc)

    def evidence(self, patterns: Sequence[str], ledger: Ledger) -> Iterator[EvidenceFile]:
        """Of every Windows that lies there, one after the other."""
        for host in (*self._hosts, *self._met_hosts):
            yield from host.files.evidence(patterns, ledger)

    def lacking(self, wanted: Sequence[Wanted]) -> Iterator[str]:
        """Of every Windows that lies there, or should."""
        for host in (*self._hosts, *self._met_hosts):
            yield from lacking(self._of_host(host.files), wanted)

    def _of_host(self, files: HostFiles) -> There:
        """The one that is kept for these."""
        known = next((one for one in self._there if one.files is files), None)
        if known is None:
            self._there.append(known := There(files))
        return known

    def met(self, volume: RawNtfs | Tree) -> None:
        """Evidence that is asked for later comes from it too."""
        if isinstance(volume, RawNtfs):
            tree = record_tree(SharedVolume(volume.open, at_rest=True), "")
            tree = structs.replace(tree, shown=(volume.prefix,))
            self._raw_met.append(volume)
        else:
            tree = volume
        self._met += with_copies([Volume(tree, tree.shown[0])])
        self.__dict__.pop("_met_hosts", None)

    @property
    def volumes_met(self) -> tuple[RawNtfs, ...]:
        """All of them: what lies in one folder is one host's."""
        return tuple(self._raw_met)

    def known_as(self, path: str) -> str:
        """By the volume that it lies on, if that is known for one of Windows."""
        hosts = (*self._hosts, *self._met_hosts)
        trees = (tree for host in hosts for tree in host.files.trees)
        return next((known for tree in trees if (known := tree.known_as(path)) is not None), path)

    @cached_property
    def images(self) -> Sequence[SharedMedium]:
        """Those among what was given."""
        return [SharedMedium(path, self.keys) for path in self._paths if is_medium(path)]

    def exhibits(self) -> list[Exhibit]:
        """What was given, each thing with all its files, for the chain of custody."""
        images = {shared.path: shared for shared in self.images}
        return [
            made
            for path in self._paths
            for made in (exhibits_of([images[path]]) if path in images else exhibits_at([path]))
        ] + [*exhibits_at(image.path for image in self.memories)]

    @abstractmethod
    def _volumes_at_rest(self) -> list[Volume]:
        """The volumes of Windows, as far as they are known for such."""

    @cached_property
    def volumes(self) -> list[Volume]:
        """Those that lie there, of all hosts."""
        return self._volumes_at_rest()

    @property
    def is_collected(self) -> bool:
        """Whether there is nothing but copies of a host's files: of what was not copied they tell
        nothing."""
        return bool(self.volumes) and all(one.is_copy for one in self.volumes)

    @cached_property
    def _found(self) -> list[WindowsAtRest]:
        """Of all hosts."""
        return labelled(hosts_on(self.volumes))

    @property
    def names(self) -> list[str]:
        """Of the hosts whose Windows lies there, as far as it says so."""
        named = {fold(name): name for host in self._found if (name := host.label)}
        return [*named.values()]

    def _identity(self) -> model.Host | None:
        """Of the first Windows that says who it was; None if none does. Raises TargetError."""
        hosts = [known for one in self._hosts if (known := one.host()) is not None]
        mine = [one for one in hosts if fold(one.name) in map(fold, self.called[:1])]
        return next(iter((*mine, *hosts)), None)

    def _called(self, host: model.Host) -> model.Host:
        """Under the name that it was said to have, in its own spelling if it has one."""
        if not self.called or fold(host.name) == fold(self.called[0]):
            return host
        return structs.replace(host, name=self.called[0])

    def _refuse_others(self) -> None:
        """Raises OtherHost for a Windows that bears none of the names that were said."""
        called = set(map(fold, self.called))
        others = [
            (host.files.trees[0].shown[0].removesuffix(":"), host.computer.name)
            for host in self._found
            if host.computer.name and called.isdisjoint(map(fold, host.computer.names))
        ]
        if others:
            raise OtherHost(others, self.called)

    @cached_property
    def _elsewhere(self) -> frozenset[tuple[str, ...]]:
        """Where the volumes are shown that hold the Windows of another host than the one that is
        meant. Raises SeveralHosts, and OtherHost."""
        names = self.names
        if self.called:
            self._refuse_others()
            return frozenset()
        if len(names) < 2:
            return frozenset()
        meant = fold(self.installation)
        if meant not in map(fold, names):
            raise SeveralHosts(names)
        mine = [host for host in self._found if fold(host.label) == meant]
        others = [
            host.files.trees[0].shown
            for host in self._found
            if host.label and fold(host.label) != meant
        ]
        kept = {host.files.trees[0].shown for host in mine}
        if not kept.isdisjoint(others):
            raise SeveralHosts(names)
        return frozenset(others)

    @cached_property
    def _hosts(self) -> list[WindowsAtRest]:
        """Raises SeveralHosts: a report can be about one alone."""
        if not (elsewhere := self._elsewhere):
            return self._found
        return hosts_on([one for one in self.volumes if one.tree.shown not in elsewhere])

    @cached_property
    def _met_hosts(self) -> list[WindowsAtRest]:
        return hosts_on(self._met) if self._met else []
