r"""Which folders of a folder, or of an archive, stand for which volume of a host.

Told by names alone, whoever lists them:

- a volume: a mounted one, or a copy; it holds ``Windows\System32``, users' profiles or the like;
- folders named as drives, ``C`` or ``C:`` (KAPE's targets, CyLR, copies by hand); those of acquire
  lie in ``fs``, where ``sysvol`` stands for the system's;
- Velociraptor's collections: ``uploads``, then the way of reading (``auto``, ``ntfs`` …), then
  ``C%3A`` or ``%5C%5C.%5CC%3A``, all names URL-encoded (version 0.6.7 and later); shadow copies
  under their devices' names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from urllib.parse import unquote

from msgspec import Struct, structs

from ....reading.opening import open_unnoticed

_DRIVE = re.compile(r"([A-Za-z])(?::|_)?")
_DEVICE = re.compile(r"(?i)(?:\\\\[.?]\\)?([A-Z]):\\?")
_SHADOW = re.compile(r"(?i).*\\(HarddiskVolumeShadowCopy[0-9]+)\\?")
_ENCODED = re.compile(r"(?i)%3A|%5C")
_UPLOADS = "UPLOADS"
_FILE_SYSTEMS, _SYSTEM_VOLUME = "FS", "SYSVOL"
_OF_WINDOWS = frozenset(
    {"SYSTEM32", "SYSWOW64", "PREFETCH", "APPCOMPAT", "SERVICEPROFILES", "INF", "TASKS"}
)
_OF_A_PROFILE = frozenset({"NTUSER.DAT", "APPDATA", "LOCAL SETTINGS"})
_AT_THE_TOP = frozenset(
    {
        "$RECYCLE.BIN",
        "SYSTEM VOLUME INFORMATION",
        "$EXTEND",
        "DOCUMENTS AND SETTINGS",
        "PROGRAMDATA",
    }
)
"""What nothing but a volume of Windows holds at its top."""
_MAX_USERS = 1000
_MAX_AROUND, _MAX_BESIDE = 4, 64
"""Folders around a collection, and names that lie beside the only folder of one."""

Within = tuple[str, ...]
"""A folder by the names that lead to it; none: the top."""
Listing = Callable[[Within], Sequence[str]]
"""What a folder holds; nothing for what is none, or cannot be listed: its shape is then not known,
and whoever looks through it tells of it."""


class CopiedVolume(Struct, frozen=True):
    """One volume of a host, or what was copied of it."""

    drive: str
    """``C:``; empty where nothing tells it."""
    paths: tuple[str, ...]
    """Of its top, on this machine; several where it was copied by several ways."""
    view: str = ""
    """A shadow copy's name; empty: as it was when it was copied."""
    is_encoded: bool = False
    """Whether its names are URL-encoded."""

    def within(self, folder: str) -> Iterator[Within]:
        """Its tops by the names that lead to them from a folder around them all."""
        for path in self.paths:
            rest = os.path.relpath(path, folder)
            yield () if rest == os.curdir else tuple(rest.split(os.sep))


class Copied(Struct, frozen=True):
    """The same, by names from the top of what was listed."""

    drive: str
    within: tuple[Within, ...]
    view: str = ""
    is_encoded: bool = False


def volumes_in(path: str) -> list[CopiedVolume]:
    """The volumes that a folder of this machine holds, or is; none if nothing in it looks like
    Windows."""

    def listed(within: Within) -> Sequence[str]:
        return _names(os.path.join(path, *within))

    return [
        CopiedVolume(
            one.drive,
            tuple(os.path.join(path, *within) for within in one.within),
            one.view,
            one.is_encoded,
        )
        for one in volumes_of(listed, os.path.basename(path))
    ]


def volumes_of(listed: Listing, called: str = "") -> list[Copied]:
    """The same of whatever can be listed; ``called``: its top's own name. The only folder of a top
    that has no shape itself is looked at in its place: many archives begin with one."""
    within: Within = ()
    for _ in range(_MAX_AROUND):
        found = _shape(partial(_below, listed, within), called)
        if found:
            return [
                structs.replace(one, within=tuple((*within, *place) for place in one.within))
                for one in found
            ]
        names = listed(within)
        inner = [name for name in names[:_MAX_BESIDE] if listed((*within, name))]
        if len(inner) != 1 or len(names) > _MAX_BESIDE:
            break
        called = inner[0]
        within = (*within, called)
    return []


def _below(listed: Listing, top: Within, within: Within) -> Sequence[str]:
    return listed((*top, *within))


def _shape(listed: Listing, called: str) -> list[Copied]:
    names = listed(())
    uploads = _encoded(listed, names, called)
    if uploads:
        return uploads
    if _is_windows_volume(listed, (), names):
        return [Copied("", ((),))]
    found = _drives(listed, (), names)
    for name in names:
        if not found and name.upper() == _FILE_SYSTEMS:
            found = _drives(listed, (name,), listed((name,)))
    return found


def _drives(listed: Listing, within: Within, names: Sequence[str]) -> list[Copied]:
    """Folders that are named as drives, if one of them is Windows' own."""
    drives: dict[str, list[Within]] = {}
    for name in names:
        match = _DRIVE.fullmatch(name)
        if match:
            drives.setdefault(f"{match[1].upper()}:", []).append((*within, name))
        elif within and name.upper() == _SYSTEM_VOLUME:
            drives.setdefault("C:", []).append((*within, name))
    places = [place for several in drives.values() for place in several]
    if not any(_is_windows_volume(listed, place, listed(place)) for place in places):
        return []
    return [Copied(drive, tuple(several)) for drive, several in sorted(drives.items())]


def _is_windows_volume(listed: Listing, within: Within, names: Sequence[str]) -> bool:
    """Whether what a folder holds looks like the top of a volume of Windows."""
    folded = {name.upper(): name for name in names}
    if not _AT_THE_TOP.isdisjoint(folded):
        return True
    for windows in ("WINDOWS", "WINNT"):
        if windows in folded and _holds(listed((*within, folded[windows])), _OF_WINDOWS):
            return True
    if "USERS" not in folded:
        return False
    users = (*within, folded["USERS"])
    return any(_holds(listed((*users, name)), _OF_A_PROFILE) for name in listed(users)[:_MAX_USERS])


def _holds(names: Sequence[str], wanted: frozenset[str]) -> bool:
    return any(name.upper() in wanted for name in names)


def _encoded(listed: Listing, names: Sequence[str], called: str) -> list[Copied]:
    """The volumes of a collection of Velociraptor: its folder's, its uploads', or one way's."""
    found: dict[tuple[str, str], list[Within]] = {}
    for folder in _ways(listed, names, called):
        for name in listed(folder):
            drive, view = _device(name)
            if drive or view:
                found.setdefault((drive, view), []).append((*folder, name))
    return [
        Copied(drive, tuple(places), view, is_encoded=True)
        for (drive, view), places in sorted(found.items())
    ]


def _ways(listed: Listing, names: Sequence[str], called: str) -> Iterator[Within]:
    """Folders in which encoded devices may lie."""
    yield ()
    for name in names:
        if name.upper() == _UPLOADS:
            yield from ((name, way) for way in listed((name,)))
        elif called.upper() == _UPLOADS:
            yield (name,)


def _device(name: str) -> tuple[str, str]:
    """Drive and view of an encoded name; empty for what is none."""
    if not _ENCODED.search(name):
        return "", ""
    plain = unquote(name)
    if match := _SHADOW.fullmatch(plain):
        return "", match[1]
    match = _DEVICE.fullmatch(plain)
    return (f"{match[1].upper()}:", "") if match else ("", "")


def decoded(name: str) -> tuple[str, str]:
    r"""The name on the host, and the alternate stream, of a URL-encoded one."""
    plain = unquote(name, errors="surrogateescape")
    if any(separator in plain for separator in "\\/\0") or plain in (".", ".."):
        return name, ""  # no name of a file: somebody else made it
    base, _, stream = plain.partition(":")
    return (base, stream) if base and stream else (plain, "")


def copied_as(name: str) -> tuple[str, str]:
    """The same of a name in a copy by KAPE or by hand, where a stream is a file of its own: the
    change journal, ``$Extend\\$J``."""
    if "$" not in name and ":" not in name:
        return name, ""
    if name.upper() in ("$J", "$MAX"):
        return "$UsnJrnl", name
    if name.upper() in ("$USNJRNL$J", "$USNJRNL$MAX"):
        return "$UsnJrnl", name[8:]
    base, _, stream = name.partition(":")
    return (base, stream) if os.name != "nt" and base and stream else (name, "")


def _names(path: str) -> list[str]:
    """What a folder holds; nothing for what cannot be listed: its shape is then not known, and the
    walk tells of it."""
    try:
        if os.name == "nt":
            return sorted(os.listdir(path))
        number = open_unnoticed(path, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return []
    try:
        return sorted(os.listdir(number))
    except OSError:
        return []
    finally:
        os.close(number)
