"""Which archive a file is, and what of a host it holds."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import BinaryIO

from msgspec import Struct

from ....formats import FormatError
from ....formats.kinds import OF_ACQUIRE, SEVEN_ZIP, Holds, Kind, kind_of
from ....reading.opening import open_quietly, read_at, reason_of
from ....spelling import fold
from ...tree import Tree
from ...volume_keys import VolumeKey
from ..collections.beside import beside
from ..collections.drives import Copied, Within, copied_as, decoded, volumes_of
from . import DEVICE, Archive, Node, Problem, device_names
from .member_tree import MemberTrees
from .orc import OrcCollection, is_of_orc
from .sealed import BY_ACQUIRE, NO_ARCHIVE, Closed, Secrets, of_acquire, sealed_in, unsealed
from .seven_zip import SevenZipListing, is_readable
from .tar_listing import TarListing
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


def collected(path: str, keys: Sequence[VolumeKey] = ()) -> Collected | None:
    """``keys``: of what is encrypted, by AES or to a certificate.

    None for what is no archive, or one without the shape of a host; also for one that cannot be
    read: the files source tells of it. What acquire has encrypted is always a collection.
    """
    real = os.path.realpath(path)
    secrets = Secrets.of(keys)
    try:
        kind = _kind_at(real)
        listing = partial(_listing, partial(open_quietly, real), kind)
        archive = listing(secrets)
    except (OSError, FormatError):
        return None
    if archive is None:
        return None
    sealed = sealed_in(archive)
    if sealed is not None:
        archive = unsealed(archive, sealed, secrets, listing)
    elif is_of_orc(archive):
        archive = OrcCollection(archive)
    copies = tuple(volumes_of(partial(_names, archive.top)))
    known = kind is OF_ACQUIRE or sealed or copies or _is_of_uac(archive.top)
    return Collected(path, archive, copies) if known or _holds_loose_files(archive.top) else None


def _listing(
    open_it: Callable[[], BinaryIO], kind: Kind | None, secrets: Secrets
) -> Archive | None:
    """Raises OSError, FormatError."""
    if kind is None:
        return None
    if kind is OF_ACQUIRE:
        return _of_acquire(open_it, secrets)
    if kind.holds is Holds.ZIP:
        return ZipListing(open_it, secrets.passwords)
    if kind is SEVEN_ZIP and is_readable():
        return SevenZipListing(open_it)
    return TarListing(open_it, kind) if kind.holds in (Holds.TAR, Holds.STREAM) else None


def _of_acquire(open_it: Callable[[], BinaryIO], secrets: Secrets) -> Archive:
    """The archive in it; an empty one that tells why it cannot be opened."""
    try:
        opened = of_acquire(open_it, secrets)
        archive = None if opened.kind is OF_ACQUIRE else _listing(opened.open, opened.kind, secrets)
    except FormatError as error:
        return Closed(error.what)
    except OSError as error:
        return Closed(f"{BY_ACQUIRE}: {reason_of(error)}")
    if archive is None:
        return Closed(NO_ARCHIVE)
    archive.problems += opened.problems
    return archive


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
