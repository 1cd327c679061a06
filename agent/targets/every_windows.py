r"""What every Windows has, and whether it is there: evidence at rest may be a part of a host.

A copy without the folder of the event logs has no event log, and nobody knows what stood in them.
A place is ``%SystemRoot%\Prefetch``, ``%EventLogs%\System.evtx`` or ``%Volume%\Users``;
``%Profile%\NTUSER.DAT`` is asked of each user whom the registry lists and whose folder is there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct, field

from ..spelling import fold
from .evidence import HostFiles
from .installation import PROFILE, VOLUME
from .path_patterns import below
from .tree import Entry, Tree, child

NOT_HERE = "not here, and every Windows has it"
PREFETCH = "%SystemRoot%\\Prefetch"
USUAL_DRIVE = "C:"
_OF_PEOPLE = ("S-1-5-21-", "S-1-12-1-")
"""Begin the SIDs of accounts, of a domain or computer and of Entra ID ([MS-DTYP] 2.4.2.4; Microsoft
Learn, "Security identifiers")."""

Wanted = Sequence[str]
"""Places, one of which has to be there."""


def lacking(there: There, wanted: Sequence[Wanted]) -> Iterator[str]:
    """The places of which a host has none, as it would know them; nothing of what is no host's
    system: a disk of data, loose files."""
    files = there.files
    if not _is_system(files):
        return
    for places in wanted:
        if places == (PREFETCH,) and not files.installation.prefetches:
            continue
        if places[0].upper().startswith(PROFILE):
            yield from (path for path in there.of_profiles(places[0]) if not there.has(path))
        elif not any(map(there.has, whole := _whole(files, places))):
            yield whole[0] if whole else places[0]


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


class There(Struct):
    """What is there of one host; each folder on the way is listed once, whoever asks."""

    files: HostFiles
    _known: dict[tuple[int, tuple[str, ...]], Entry | None] = field(default_factory=dict)

    def of_profiles(self, place: str) -> Iterator[str]:
        """The place in the profiles of people that are listed, and whose folder is there."""
        _, _, rest = place.partition("\\")
        for profile in self.files.installation.profiles:
            if profile.owner_id.startswith(_OF_PEOPLE) and self.has(profile.path):
                yield f"{profile.path}\\{rest}"

    def has(self, path: str) -> bool:
        """Also where that cannot be told: whoever looks for files there tells the gap."""
        missing = (volume.path.rstrip("\\") for volume in self.files.missing)
        if any(below(path, drive) is not None for drive in missing):
            return True
        trees = (tree for tree in self.files.trees if not tree.view)
        return any(self._lies_in(number, tree, path) for number, tree in enumerate(trees))

    def _lies_in(self, number: int, tree: Tree, path: str) -> bool:
        names = below(path, tree.drive)
        if names is None:
            return False
        try:
            with tree.opened():
                return self._found(number, tree, tuple(map(fold, names))) is not None
        except OSError:
            return True

    def _found(self, number: int, tree: Tree, names: tuple[str, ...]) -> Entry | None:
        """Raises OSError."""
        key = (number, names)
        if key not in self._known:
            parent = self._found(number, tree, names[:-1]) if names else None
            found = tree.top if not names else None
            self._known[key] = found if parent is None else child(parent, names[-1])
        return self._known[key]


__all__ = ["NOT_HERE", "PREFETCH", "There", "Wanted", "lacking"]
