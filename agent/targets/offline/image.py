"""Evidence at rest: disks and volumes, in whatever container; NTFS is read by its records, other
file systems folder by folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from functools import cached_property

from msgspec import structs

from ...matching.own_traces import Own
from ...model import report as model
from ...ntfs.boot_sector import BOOT_SIZE, read_boot_sector
from ...reading.block_device import name_of
from ...reading.opening import reason_of
from .. import RawNtfs, Root, SkippedVolume
from ..record_tree import record_tree
from ..shared_volume import SharedVolume
from ..volume_keys import VolumeKey
from .at_rest import AtRest, TargetError
from .collections.in_volume import with_copies
from .file_systems.volume_tree import SharedFileSystem, swept
from .layout import HOLDS_NOTHING, NOT_LOOKED_INTO, Lying
from .media import SharedMedium
from .windows_at_rest import Volume

OF_ANOTHER = "Windows of another host, which has a report of its own"


class ImageTarget(AtRest):
    """The target of ``offline IMAGE…``."""

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
        """Raises TargetError, naming it, for what is no image of a disk or of a volume, and for one
        that cannot be read at all."""
        if not paths:
            raise TargetError("no image given")
        super().__init__(
            *paths,
            own=own,
            now=now,
            keys=keys,
            installation=installation,
            called=called,
            memories=memories,
        )
        for medium in self.images:
            medium.beside = self.images
            try:
                medium.opened()
            except OSError as error:
                raise TargetError(f"{medium.path}: {reason_of(error)}") from error

    @cached_property
    def images(self) -> Sequence[SharedMedium]:
        """All that was given."""
        return [SharedMedium(path, self.keys) for path in self._paths]

    @property
    def platform(self) -> str:
        """Whoever made the volume, its paths are written as Windows does."""
        return "windows"

    def describe(self) -> model.Target:
        """The images, as absolute paths."""
        return model.Target(
            kind=model.TargetKind.IMAGE, paths=self.given, collected=self.is_collected
        )

    def host(self) -> model.Host:
        """Who it says it was; else a host that is known by its first volume's serial number, or by
        the image's place where that cannot be read."""
        return self._called(self._identity() or self.by_volume())

    def by_volume(self) -> model.Host:
        """One of which no Windows tells who it was."""
        path = self._paths[0]
        try:
            told = self._volume_identity()
        except OSError:
            told = f"ntfs:unknown:{path}"
        return model.Host(id=told, name=name_of(path) or path)

    def roots(self) -> tuple[Sequence[Root], Sequence[SkippedVolume]]:
        """The volumes that are read, and what else there is; paths in them are shown behind the
        image's name, or behind its whole path where two images have one name."""
        roots, skipped = list[Root](), list[SkippedVolume]()
        for medium, name in self._named():
            skipped += (SkippedVolume(at, why, gap=True) for at, why in medium.gaps(name))
            for one in medium.found.volumes:
                place = f"{name}{one.label}"
                if one.opened_by:
                    skipped.append(SkippedVolume(place, one.opened_by, gap=False))
                if (f"{place}:",) in self._elsewhere:
                    skipped.append(SkippedVolume(place, OF_ANOTHER, gap=False))
                elif one.is_ntfs:
                    raw = RawNtfs(medium.opener(one.part), f"{place}:", state=medium.state)
                    path = f"{medium.path}{one.label}"
                    roots.append(Root(path, "NTFS", raw=raw, mounted=False))
                elif (shared := self._file_systems.get(f"{place}:")) is not None:
                    root, told = swept(shared, f"{medium.path}{one.label}", f"{place}:")
                    roots += [] if root is None else [root]
                    skipped += told
                elif one.holds_nothing:
                    skipped.append(SkippedVolume(place, HOLDS_NOTHING, gap=False))
                else:
                    reason = NOT_LOOKED_INTO.format(one.told)
                    skipped.append(SkippedVolume(place, reason, gap=True))
        return roots, skipped

    def _named(self) -> list[tuple[SharedMedium, str]]:
        """Each image, and what it is called."""
        names = Counter(name_of(path) for path in self._paths)
        bases = [(medium, name_of(medium.path)) for medium in self.images]
        return [(medium, name if names[name] == 1 else medium.path) for medium, name in bases]

    def _volumes_lying(self) -> Iterator[tuple[SharedMedium, Lying, str]]:
        """Each, with what stands before the paths in it."""
        for medium, name in self._named():
            for one in medium.found.volumes:
                yield medium, one, f"{name}{one.label}:"

    @cached_property
    def _file_systems(self) -> dict[str, SharedFileSystem]:
        """Those other than NTFS, by what stands before the paths in them."""
        return {
            prefix: SharedFileSystem(medium.opener(one.part), one.kind, one.part.number)
            for medium, one, prefix in self._volumes_lying()
            if one.kind is not None and one.is_file_system
        }

    def _volume_identity(self) -> str:
        """By the first volume of NTFS, or else by the first one that is read. Raises OSError."""
        for medium, one, _ in self._volumes_lying():
            if one.is_ntfs:
                head = medium.part(one.part).read_at(0, BOOT_SIZE)
                return f"ntfs:{read_boot_sector(head).serial:016X}"
        for shared in self._file_systems.values():
            return shared.opened().identity
        raise OSError("no volume that is read")

    def _volumes_at_rest(self) -> list[Volume]:
        found = []
        for medium, one, prefix in self._volumes_lying():
            if one.is_ntfs:
                tree = record_tree(SharedVolume(medium.opener(one.part), at_rest=True), "")
                tree = structs.replace(tree, shown=(prefix,))
                found.append(Volume(tree, prefix, one.part.device))
            elif (shared := self._file_systems.get(prefix)) is not None:
                found.append(Volume(shared.tree(prefix), prefix, one.part.device))
        return with_copies(found)
