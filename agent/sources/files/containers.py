"""Files that hold others, where the files source meets them: archives are looked into, volumes
and disks are swept when all else was, and whatever else holds files is a gap that names its kind.

Told by the first bytes of every file that is opened, and of those that are opened for this alone,
by their size or extension (:func:`agent.formats.kinds.may_hold`). Deleted files are noted: what is
left of them is no part of the host.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import BinaryIO

from msgspec import Struct, field

from ...coverage import Ledger
from ...formats.certificate import looks_like_certificate
from ...formats.kinds import WIM, Holds, Kind, kind_by_name, kind_of
from ...formats.lnk import HEADER as LNK_HEADER
from ...formats.partitions import Partition
from ...matching.matcher import Matcher
from ...ntfs import ByteSource, FileSource
from ...reading.opening import read_at, reason_of
from ...targets import RawNtfs, Root, Target
from ...targets.offline.archives.opening import holds_evidence
from ...targets.offline.bitlocker import LockedVolume
from ...targets.offline.file_systems.volume_tree import SharedFileSystem, swept
from ...targets.offline.layout import (
    HOLDS_NOTHING,
    NOT_LOOKED_INTO,
    WHOLE,
    Lying,
    images_on,
    volumes_on,
)
from ...targets.offline.media import MediaMet, SharedMedium
from .item import DELETED, Item

ARCHIVES = frozenset({Holds.ZIP, Holds.TAR, Holds.STREAM, Holds.CAB})
"""Looked into by ``archive_members.py``."""
VOLUMES = frozenset({Holds.NTFS, Holds.VOLUME, Holds.DISK})
MAX_DEPTH = 3
"""Images that an image which is swept may lie in."""
A_HOST_OF_ITS_OWN = "collection of a host in an archive: its logs, hives … not read; give it alone"
ODD = "given file: of a kind that no source looks into"
_HEAD = 4096
_EVIDENCE = re.compile(
    r"(?i)(?P<log>.+\.evtx)|(?P<prefetch>.+-[0-9A-F]{8}\.pf)"
    r"|(?P<hive>SYSTEM|SOFTWARE|SECURITY|NTUSER\.DAT|UsrClass\.dat|Amcache\.hve)"
)
_CONTROLS = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_WIDE_TEXT = (b"\xff\xfe", b"\xfe\xff")
_UNDERSTOOD = (b"MZ", b"%PDF", LNK_HEADER)


class _Image(Struct, frozen=True):
    """A volume or a disk in a file."""

    shown: str
    open: Callable[[], BinaryIO]
    kind: Kind
    depth: int


class Containers(Struct):
    """Keeps account of them for one sweep."""

    target: Target
    matcher: Matcher
    ledger: Ledger
    _images: list[_Image] = field(default_factory=list)
    _media: MediaMet = field(default_factory=MediaMet)
    _known: set[str] = field(default_factory=set)
    _hosts: set[str] = field(default_factory=set)
    """Archives with a host's evidence, by their places."""
    _depth: int = 0

    def met(self, item: Item, kind: Kind | None, size: int, *, odd: bool = False) -> None:
        """A file of this size and kind. ``odd``: none, and it is nothing else that is known.

        Of an NTFS volume or a disk, :meth:`roots` tells later.
        """
        if odd and item.given:
            self.ledger.unread(ODD, item.shown)
        elif odd and self.target.live is None:
            kind = kind_by_name(item.name)
        if kind is not None and kind.holds in ARCHIVES and self.target.live is None:
            self._collection(item)
        if kind is None or kind.holds in ARCHIVES or (size < kind.least and not item.given):
            return
        if item.seen == DELETED:
            self.ledger.note(f"deleted {NOT_LOOKED_INTO.format(kind.name)}", item.shown)
        elif self.target.live is None and self._media.takes(item.shown, kind):
            pass
        elif kind.holds in VOLUMES or kind is WIM:
            self._image(item, kind)
        elif kind.holds is Holds.MEMORY and self.target.live is not None and not item.given:
            self.ledger.note(NOT_LOOKED_INTO.format(kind.name), item.shown)
        else:
            self.closed(kind, item.shown)

    def _collection(self, item: Item) -> None:
        """Its files are looked at where they are; what else it holds of a host is not."""
        if item.seen != DELETED and os.path.isfile(item.shown) and holds_evidence(item.shown):
            self._of_a_host(item.shown)

    def holds(self, kinds: Collection[str], shown: str) -> None:
        """What an archive, or one in an archive, holds of a host's evidence: of such as is no
        collection by its shape, or too deep. On a Windows' own disk one kind alone is none."""
        least = 2 if self.target.platform == "windows" else 1
        if self.target.live is None and len(kinds) >= least:
            self._of_a_host(shown)

    def _of_a_host(self, shown: str) -> None:
        if shown not in self._hosts:
            self._hosts.add(shown)
            self.ledger.unread(A_HOST_OF_ITS_OWN, shown)

    def in_stream(self, kind: Kind | None, place: str, size: int) -> None:
        """The same of an alternate stream or a member of an archive, of which volumes are not
        swept."""
        if kind is not None and kind.holds not in ARCHIVES and size >= kind.least:
            self.closed(kind, place)

    def by_name(self, name: str, head: bytes) -> Kind | None:
        """What a file at rest is by its name that begins like nothing that is known; None for no
        image."""
        if self.target.live is not None or not is_unknown(head):
            return None
        return kind_by_name(name)

    def closed(self, kind: Kind, shown: str) -> None:
        """Something of a kind that is not looked into there; a gap if the packs ask for files."""
        tell = self.ledger.unread if self.matcher.selector.asks_for_files else self.ledger.note
        tell(NOT_LOOKED_INTO.format(kind.name), shown)

    def _image(self, item: Item, kind: Kind) -> None:
        if item.shown in self._known:
            return
        self._known.add(item.shown)
        if self._depth >= MAX_DEPTH:
            self.ledger.unread("image too deep in images, not looked into", item.shown)
            return
        self._images.append(_Image(item.shown, item.again(), kind, self._depth + 1))

    def roots(self) -> Iterator[Root]:
        """The volumes in what was met, and in what is met in them meanwhile."""
        for medium in self._media.opened(self._refused, self.target.keys):
            yield from self._on_medium(medium)
        while self._images:
            image = self._images.pop(0)
            if self._media.covers(image.shown):
                continue
            self._depth = image.depth
            try:
                if image.kind.holds is Holds.DISK or image.kind is WIM:
                    yield from self._on_disk(image)
                else:
                    whole = functools.partial(_source, image.open, WHOLE)
                    yield from self._volume(Lying(WHOLE, image.kind), image.shown, whole)
            except OSError as error:
                self.ledger.unread(f"{image.kind.name}: {reason_of(error)}", image.shown)

    def _refused(self, kind: Kind, shown: str, why: str) -> None:
        if why:
            self.ledger.unread(why, shown)
        else:
            self.closed(kind, shown)

    def _on_medium(self, medium: SharedMedium) -> Iterator[Root]:
        self._depth = 1
        for place, reason in medium.gaps(medium.path):
            self.ledger.unread(reason, place)
        yield from self._volumes(medium.found.volumes, medium.path, medium.opener, medium.state)

    def _on_disk(self, image: _Image) -> Iterator[Root]:
        with image.open() as file:
            read = functools.partial(read_at, file)
            if image.kind is WIM:
                found = list(images_on(read))
            else:
                size = file.seek(0, os.SEEK_END)
                wrong = functools.partial(self._on_disk_is_wrong, image)
                found = list(volumes_on(read, wrong, size))
        yield from self._volumes(
            found, image.shown, lambda part: functools.partial(_source, image.open, part)
        )

    def _on_disk_is_wrong(self, image: _Image, why: str) -> None:
        self.ledger.unread(f"{image.kind.name}: {why}", image.shown)

    def _volumes(
        self,
        found: Sequence[Lying],
        shown: str,
        opener: Callable[[Partition], Callable[[], ByteSource]],
        state: str = "",
    ) -> Iterator[Root]:
        for one in found:
            yield from self._volume(one, shown, opener(one.part), state)

    def _volume(
        self, one: Lying, shown: str, opens: Callable[[], ByteSource], state: str = ""
    ) -> Iterator[Root]:
        place = f"{shown}{one.label}"
        if one.is_locked:
            locked = LockedVolume(opens, self.target.keys)
            one, opens = one.unlocked(locked), locked.plain
            if one.opened_by:
                self.ledger.note(one.opened_by, place)
        if one.is_ntfs:
            yield self._root(opens, place, state)
        elif one.kind is not None and one.is_file_system:
            yield from self._file_system(SharedFileSystem(opens, one.kind, one.part.number), place)
        elif one.holds_nothing:
            self.ledger.note(HOLDS_NOTHING, place)
        else:
            self.ledger.unread(NOT_LOOKED_INTO.format(one.told), place)

    def _file_system(self, shared: SharedFileSystem, place: str) -> Iterator[Root]:
        root, told = swept(shared, place, f"{place}:")
        for one in told:
            (self.ledger.unread if one.gap else self.ledger.note)(one.reason, one.path, one.count)
        if root is not None and root.tree is not None:
            self.target.met(root.tree)
            self.ledger.note(f"{shared.kind.name} in a file, swept too", place)
            yield root

    def _root(self, opens: Callable[[], ByteSource], place: str, state: str = "") -> Root:
        raw = RawNtfs(opens, f"{place}:", state=f"{place} {state}" if state else place)
        self.target.met(raw)
        asked = "" if self.target.live is None else "; not its change journal"
        self.ledger.note(f"NTFS volume in a file, swept too{asked}", place)
        return Root(place, "NTFS", raw=raw, mounted=False)


def _source(open_file: Callable[[], BinaryIO], part: Partition) -> FileSource:
    return FileSource(open_file(), offset=part.start, size=part.size)


def kind_in(
    file: BinaryIO, size: int, name: str, head: bytes | None = None, *, given: bool = False
) -> Kind | None:
    """The kind of an open file; ``head``: its first 4,096 bytes, if they were read. Raises
    OSError."""
    read = functools.partial(read_at, file)
    return kind_of(read(0, _HEAD) if head is None else head, size, name, read, given=given)


def kinds_of_evidence(names: Iterable[str]) -> Iterator[str]:
    """Of files by their names: event logs, hives, prefetch."""
    for name in names:
        if name and (found := _EVIDENCE.fullmatch(name)) is not None:
            yield found.lastgroup or ""


def is_odd(item: Item, kind: Kind | None, head: bytes) -> bool:
    """Whether a file that is given, or called an image, is of unknown content."""
    if kind is not None or not (item.given or kind_by_name(item.name)):
        return False
    return is_unknown(head)


def is_unknown(head: bytes) -> bool:
    """Whether a file begins like nothing that is looked at for what it is, nor like text."""
    if head.startswith((*_UNDERSTOOD, *_WIDE_TEXT)) or looks_like_certificate(head):
        return False
    return _CONTROLS.search(head) is not None
