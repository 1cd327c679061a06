r"""Where one Windows keeps its things: its own folder, its users' profiles.

Source: the key ``HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion\ProfileList`` (Microsoft Learn,
"User profiles": ``ProfileImagePath`` per SID, ``ProfilesDirectory``, ``ProgramData``), and the
folders themselves: a profile may be gone from the list and still be on the disk.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from functools import cached_property

from msgspec import Struct

from ..spelling import base_name, fold

SYSTEM_ROOT, PROGRAM_DATA = "%SYSTEMROOT%", "%PROGRAMDATA%"
PROFILE, VOLUME, DATA_BASE = "%PROFILE%", "%VOLUME%", "%DATABASEPATH%"
EVENT_LOGS = "%EVENTLOGS%"
LOOSE = "%LOOSE%"
OF_SERVICES = (
    ("System32\\config\\systemprofile", "SYSTEM", "S-1-5-18"),
    ("SysWOW64\\config\\systemprofile", "SYSTEM", "S-1-5-18"),
    ("ServiceProfiles\\LocalService", "LOCAL SERVICE", "S-1-5-19"),
    ("ServiceProfiles\\NetworkService", "NETWORK SERVICE", "S-1-5-20"),
)
"""Profiles in the folder of Windows itself: 32-bit programs of the system have one of their own."""
NO_PROFILES = frozenset({"ALL USERS", "DEFAULT USER"})
"""Old names, as links, beside the profiles."""
PROFILE_FOLDERS = ("Users", "Documents and Settings")
RECYCLE_BINS = frozenset({"$RECYCLE.BIN", "RECYCLER"})
_VARIABLE = re.compile(r"%([^%\\]+)%")
_OF_KERNEL = "\\SYSTEMROOT\\"
MAX_PROFILES = 10_000
_DATA_BASE = "System32\\drivers\\etc"
_EVENT_LOGS = "System32\\winevt\\Logs"


class Profile(Struct, frozen=True):
    """One user's folder."""

    path: str
    owner: str
    """The user's name."""
    owner_id: str = ""
    """SID, where the host tells it."""


class Listed(Struct, frozen=True):
    """What the registry says of profiles; paths may hold ``%SystemRoot%`` and its like."""

    profiles: tuple[tuple[str, str], ...] = ()
    """SID and path of each."""
    directory: str = ""
    """Where new ones are made."""
    program_data: str = ""
    data_base: str = ""
    """``DataBasePath``: where the network's own files lie, the hosts file among them."""
    event_logs: tuple[str, ...] = ()
    """Files of event logs, where that is set."""
    prefetches: bool = True
    """Whether prefetch files are kept."""


class Installation(Struct, frozen=True, dict=True):
    """One Windows. Paths are whole, with the drive; empty: it has none, or it is not known."""

    system_root: str = ""
    program_data: str = ""
    profiles: tuple[Profile, ...] = ()
    data_base: str = ""
    event_logs: tuple[str, ...] = ()
    """Folders in which the event log service writes, its own first."""
    prefetches: bool = True
    """Whether it keeps prefetch files, as far as its registry tells."""
    others: tuple[str, ...] = ()
    """Folders of other Windows that lie there, see ``other_windows.py``."""
    is_loose: bool = False
    """Whether these are files without their Windows: by their names alone they are known."""

    def all_of(self, variable: str) -> list[str]:
        """What ``%SYSTEMROOT%``, ``%PROGRAMDATA%``, ``%EVENTLOGS%`` or ``%DATABASEPATH%`` stands
        for, of the other Windows too."""
        if variable == SYSTEM_ROOT:
            return [self.system_root, *self.others]
        if variable == PROGRAM_DATA:
            beside = [f"{parent_of(other)}\\ProgramData" for other in self.others]
            return list(dict.fromkeys([self.program_data, *beside]))
        if variable == EVENT_LOGS:
            return [*self.event_logs, *(f"{other}\\{_EVENT_LOGS}" for other in self.others)]
        return [self.data_base, *(f"{other}\\{_DATA_BASE}" for other in self.others)]

    def other_of(self, path: str) -> str:
        """The folder of the other Windows that a path belongs to; "": none."""
        folded = fold(path)
        for other in self.others:
            parent = parent_of(other)
            whole = parent if "\\" in parent else other
            if folded.startswith(fold(f"{whole}\\")):
                return other
        return ""

    def owner_of(self, path: str) -> tuple[str, str]:
        """Name and SID of the user in whose profile, or recycle bin, a path lies; empty: nobody's,
        or not known."""
        folder = fold(path).rpartition("\\")[0]
        while folder:
            if (profile := self._by_path.get(folder)) is not None:
                return profile.owner, profile.owner_id
            folder = folder.rpartition("\\")[0]
        parts = path.split("\\")
        for part, following in itertools.pairwise(parts):
            if fold(part) in RECYCLE_BINS and following.startswith("S-1-"):
                return self._by_sid.get(following, ""), following
        return "", ""

    def is_profile(self, path: str) -> bool:
        """Whether this folder is a user's own."""
        return fold(path) in self._by_path

    @cached_property
    def _by_path(self) -> dict[str, Profile]:
        return {fold(profile.path): profile for profile in self.profiles}

    @cached_property
    def _by_sid(self) -> dict[str, str]:
        return {profile.owner_id: profile.owner for profile in self.profiles if profile.owner_id}


NO_WINDOWS = Installation()
LOOSE_FILES = Installation(is_loose=True)


def installation(
    system_root: str, listed: Listed, folders: Iterable[str], others: Sequence[str] = ()
) -> Installation:
    """Put together from what the registry lists, the profiles' folders that are there, and other
    folders of Windows."""
    drive = system_root.partition("\\")[0]
    found: dict[str, Profile] = {}
    for root in (system_root, *others):
        for within, owner, sid in OF_SERVICES:
            path = f"{root}\\{within}"
            found[fold(path)] = Profile(path, owner, sid)
    for sid, told in listed.profiles[:MAX_PROFILES]:
        path = _whole(told, system_root)
        if path:
            found.setdefault(fold(path), Profile(path, base_name(path), sid))
    for profile in profiles_in(folders):
        if len(found) < MAX_PROFILES:
            found.setdefault(fold(profile.path), profile)
    return Installation(
        system_root=system_root,
        program_data=_whole(listed.program_data, system_root) or f"{drive}\\ProgramData",
        profiles=tuple(found.values()),
        data_base=_whole(listed.data_base, system_root) or f"{system_root}\\{_DATA_BASE}",
        event_logs=_log_folders(listed.event_logs, system_root),
        prefetches=listed.prefetches,
        others=tuple(others),
    )


def _log_folders(files: Iterable[str], system_root: str) -> tuple[str, ...]:
    """Each once; that of Windows itself in any case: what was written there before is there."""
    found: dict[str, str] = {}
    told = [parent_of(_whole(file, system_root)) for file in files]
    for folder in (f"{system_root}\\{_EVENT_LOGS}", *told):
        if folder:
            found.setdefault(fold(folder), f"{folder}\\" if folder.endswith(":") else folder)
    return tuple(found.values())


def profiles_in(folders: Iterable[str]) -> tuple[Profile, ...]:
    """The profiles that folders are, by their names."""
    return tuple(
        Profile(path, base_name(path))
        for path in folders
        if fold(base_name(path)) not in NO_PROFILES
    )[:MAX_PROFILES]


def profile_folders(system_root: str, listed: Listed, others: Sequence[str] = ()) -> list[str]:
    """The folders that hold the profiles."""
    roots = (system_root, *others)
    places = [f"{parent_of(root)}\\{name}" for root in roots for name in PROFILE_FOLDERS]
    if listed.directory:
        places.append(_whole(listed.directory, system_root))
    return list({fold(place): place for place in places}.values())


def parent_of(path: str) -> str:
    """The folder that a folder lies in; of one at the top, its drive."""
    return path.rpartition("\\")[0]


def _whole(path: str, system_root: str) -> str:
    """With the variables of the system written out, the kernel's way to write them too."""
    if fold(path).startswith(_OF_KERNEL):
        path = f"%SystemRoot%\\{path[len(_OF_KERNEL) :]}"
    drive = system_root.partition("\\")[0]
    known = {"SYSTEMROOT": system_root, "WINDIR": system_root, "SYSTEMDRIVE": drive}
    return _VARIABLE.sub(lambda m: known.get(m[1].upper(), m[0]), path).rstrip("\\")
