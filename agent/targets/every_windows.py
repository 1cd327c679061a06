r"""What every Windows has, and whether it is there: evidence at rest may be a part of a host.

A copy without the folder of the event logs has no event log, and nobody knows what stood in them.
A place is ``%SystemRoot%\Prefetch``, ``%EventLogs%\System.evtx`` or ``%Volume%\Users``;
``%Profile%\NTUSER.DAT`` is asked of each user whom the registry lists and whose folder is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .evidence import HostFiles
from .installation import PROFILE, VOLUME
from .path_patterns import below
from .tree import Tree

NOT_HERE = "not here, and every Windows has it"
PREFETCH = "%SystemRoot%\\Prefetch"
USUAL_DRIVE = "C:"
_OF_PEOPLE = ("S-1-5-21-", "S-1-12-1-")
"""Begin the SIDs of accounts, of a domain or computer and of Entra ID ([MS-DTYP] 2.4.2.4; Microsoft
Learn, "Security identifiers")."""

Wanted = Sequence[str]
"""Places, one of which has to be there."""


def lacking(files: HostFiles, wanted: Sequence[Wanted]) -> Iterator[str]:
    """The places of which a host has none, as it would know them; nothing of what is no host's
    system: a disk of data, loose files."""
    if not _is_system(files):
        return
    for places in wanted:
        if places == (PREFETCH,) and not files.installation.prefetches:
            continue
        for_all = places[0].upper().startswith(PROFILE)
        whole = [*_of_profiles(files, places[0])] if for_all else _whole(files, places)
        missing = [path for path in whole if not _is_there(files, path)]
        if for_all:
            yield from missing
        elif len(missing) == len(whole):
            yield missing[0] if missing else places[0]


def _is_system(files: HostFiles) -> bool:
    """Whether a Windows is there, or should be."""
    at = files.installation
    if at.is_loose or not files.trees:
        return False
    drives = [tree.drive.upper() for tree in files.trees]
    return bool(at.system_root or at.profiles) or USUAL_DRIVE in drives


def _whole(files: HostFiles, places: Wanted) -> list[str]:
    """The places with what their variables stand for."""
    parted = [place.partition("\\") for place in places]
    return [
        f"{folder}\\{rest}" if rest else folder
        for start, _, rest in parted
        for folder in _starts(files, start.upper())
    ]


def _starts(files: HostFiles, variable: str) -> list[str]:
    if variable == VOLUME:
        return [tree.drive for tree in files.trees if not tree.view]
    others = files.installation.others
    return [
        one
        for one in files.installation.all_of(variable)
        if one and not any(one.startswith(other) for other in others)
    ]


def _of_profiles(files: HostFiles, place: str) -> Iterator[str]:
    """Of the profiles of people that are listed, and whose folder is there."""
    _, _, rest = place.partition("\\")
    for profile in files.installation.profiles:
        if profile.owner_id.startswith(_OF_PEOPLE) and _is_there(files, profile.path):
            yield f"{profile.path}\\{rest}"


def _is_there(files: HostFiles, path: str) -> bool:
    """Also where that cannot be told: whoever looks for files there tells the gap."""
    if any(below(path, volume.path.rstrip("\\")) is not None for volume in files.missing):
        return True
    return any(_lies_in(tree, path) for tree in files.trees if not tree.view)


def _lies_in(tree: Tree, path: str) -> bool:
    names = below(path, tree.drive)
    if names is None:
        return False
    try:
        with tree.opened():
            return tree.find(*names) is not None
    except OSError:
        return True


__all__ = ["NOT_HERE", "PREFETCH", "Wanted", "lacking"]
