"""Which archive a file is, and what of a host it holds."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from functools import partial
from typing import BinaryIO, cast

from msgspec import Struct

from ....formats import FormatError
from ....formats.kinds import SEVEN_ZIP, Holds, Kind, kind_of
from ....reading.opening import open_quietly, read_at, read_up_to, reason_of
from ....spelling import fold
from ...tree import Tree
from ..collections.beside import beside
from ..collections.drives import Copied, Within, copied_as, decoded, volumes_of
from . import DEVICE, Archive, Node, Problem, device_names
from .member_tree import MemberTrees
from .orc import OrcCollection, is_of_orc
from .seven_zip import SevenZipListing, is_readable
from .tar_listing import TarListing
from .unpacking import SharedReading, spooled
from .zip_listing import ZipListing

_HEAD = 4096
_OF_UAC = "[root]"
"""The folder of a host's files in what UAC collects of Linux, macOS and the like."""
_LOOSE = re.compile(
    r"(?i).*\.(?:evtx|pf|(?:automatic|custom)Destinations-ms)|SYSTEM|SOFTWARE|SECURITY|NTUSER\.DAT"
    r"|UsrClass\.dat|Amcache\.hve|SRUDB\.dat|\$MFT|\$J|\$LogFile|\$UsnJrnl\$J"
)
"""Names by which evidence is known without its Windows, and that no other file has."""
_OF_COLLECTORS = frozenset({"LIVE_RESPONSE", "NETWORK CONNECTIONS", "WDSUPPORTLOGS"})
"""Folders of what collectors write: UAC, Defender's investigation packages."""
_HOW_SEALED = "metadata.json"
_SCHEME = re.compile(rb'"Scheme": *"(X509|PGP)"', re.IGNORECASE)
_MAX_HOW = 1 << 20
_MAX_AROUND = 3
_EVIDENCE = (
    ("Windows", "System32", "config"),
    ("Windows", "System32", "winevt", "Logs"),
    ("Windows", "Prefetch"),
)


class Collected(Struct, frozen=True):
    """What was copied of a host, in an archive."""

    path: str
    """As it was given."""
    archive: Archive
    copies: tuple[Copied, ...]
    """Volumes of Windows; none: it is another system's."""

    def trees(self) -> list[Tree]:
        """Of the volumes, as the host knew them."""
        found = []
        for copied in self.copies:
            of = MemberTrees(self.archive, copied_as)
            if copied.is_encoded:
                of = MemberTrees(self.archive, decoded, is_sparse=True)
            shown = tuple(os.sep.join((self.path, *within)) for within in copied.within)
            found.append(of.tree(copied.drive, *copied.within, view=copied.view, shown=shown))
        return found

    def whole(self) -> Tree:
        """All that is in it, under the names that it has there."""
        return MemberTrees(self.archive).tree(self.path, ())

    def loose(self) -> list[Tree]:
        """What lies beside the volumes, with names as the host knew them; none if all of it is
        one."""
        tree = MemberTrees(self.archive, copied_as).tree(self.path, ())
        volumes = [within for copied in self.copies for within in copied.within]
        return [*filter(None, [beside(tree, volumes)])]

    def problems(self) -> list[Problem]:
        """Members that are missing, by their reasons, with the first place as it is shown."""
        told = list(self.archive.problems)
        odd = list(device_names(self.archive.top)) if self.copies else []
        if odd:
            told.append(Problem(DEVICE, odd[0], len(odd)))
        return [
            Problem(one.reason, os.sep.join(filter(None, (self.path, one.place))), one.count)
            for one in told
        ]


def holds_evidence(path: str) -> bool:
    """Whether it is an archive of a Windows with logs, hives or prefetch files."""
    found = collected(path)
    if found is None:
        return False
    return any(_has(tree, *names) for tree in found.trees() for names in _EVIDENCE)


def _has(tree: Tree, *names: str) -> bool:
    try:
        found = tree.find(*names)
        return found is not None and any(found.entries(lambda _: True, lambda _: None))
    except OSError:
        return False


def collected(path: str, passwords: Sequence[str] = ()) -> Collected | None:
    """``passwords``: of members that are encrypted by AES.

    None for what is no archive, or one without the shape of a host; also for one that cannot be
    read: the files source tells of it.
    """
    real = os.path.realpath(path)
    try:
        archive = _listing(real, passwords)
    except (OSError, FormatError):
        return None
    if archive is None:
        return None
    sealed = _sealed_in(archive)
    if sealed is not None:
        archive = _unsealed(archive, sealed, passwords)
    elif is_of_orc(archive):
        archive = OrcCollection(archive)
    copies = tuple(volumes_of(partial(_names, archive.top)))
    if not (copies or sealed or _is_of_uac(archive.top) or _holds_loose_files(archive.top)):
        return None
    return Collected(path, archive, copies)


def _sealed_in(archive: Archive) -> Node | None:
    """The encrypted archive in which Velociraptor puts all, beside what tells how."""
    top = archive.top
    return None if top.folders or top.file(_HOW_SEALED) is None else top.file("data.zip")


def _unsealed(outer: Archive, node: Node, passwords: Sequence[str]) -> Archive:
    """What lies in it; if it cannot be opened, the outer archive, which tells why."""
    try:
        if node.member is None or node.refused:
            raise OSError(node.refused)
        with outer.open(node) as file:
            source = spooled(file, node.member.size)
        inner = ZipListing(lambda: cast("BinaryIO", SharedReading(source)), passwords)
    except (OSError, FormatError) as error:
        why = error.what if isinstance(error, FormatError) else reason_of(error)
        told = [one for one in outer.problems if one.reason != node.refused]
        node.refused = f"{why}{_how_sealed(outer)}"
        outer.problems[:] = [*told, Problem(node.refused, "data.zip")]
        return outer
    inner.problems[:0] = outer.problems
    return inner


def _how_sealed(outer: Archive) -> str:
    """By what its password is kept, for whoever has that key."""
    node = outer.top.file(_HOW_SEALED)
    try:
        if node is None:
            return ""
        with outer.open(node) as file:
            found = _SCHEME.search(read_up_to(file, _MAX_HOW))
    except OSError:
        return ""
    return f" (its password is encrypted by {found[1].decode()})" if found else ""


def _listing(path: str, passwords: Sequence[str]) -> Archive | None:
    """Raises OSError, FormatError."""
    kind = _kind_at(path)
    if kind is None:
        return None
    if kind.holds is Holds.ZIP:
        return ZipListing(partial(open_quietly, path), passwords)
    if kind is SEVEN_ZIP and is_readable():
        return SevenZipListing(partial(open_quietly, path))
    return TarListing(path, kind) if kind.holds in (Holds.TAR, Holds.STREAM) else None


def _kind_at(path: str) -> Kind | None:
    """Raises OSError."""
    if not os.path.isfile(path):
        return None
    with open_quietly(path) as file:
        size = file.seek(0, os.SEEK_END)
        read = partial(read_at, file)
        return kind_of(read(0, _HEAD), size, os.path.basename(path), read, given=True)


def _names(top: Node, within: Within) -> list[str]:
    folder = top.below(within)
    return [] if folder is None else sorted(folder.names())


def _is_of_uac(top: Node) -> bool:
    """Its folder may lie in another one that bears the host's name."""
    for _ in range(_MAX_AROUND):
        if _OF_UAC in top.folders:
            return True
        if len(top.folders) != 1:
            break
        (top,) = top.folders.values()
    return False


def _holds_loose_files(top: Node) -> bool:
    """Whether evidence lies in it without its Windows, or what a collector wrote."""
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        if any(_LOOSE.fullmatch(name) for name, _ in folder.files):
            return True
        if any(fold(name) in _OF_COLLECTORS for name in folder.folders):
            return True
        waiting += folder.folders.values()
    return False


__all__ = ["Collected", "collected", "holds_evidence"]
