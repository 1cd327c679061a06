r"""Which folders of a folder stand for which volume of a host.

Three shapes, told by names alone:

- a volume: a mounted one, or a copy; it holds ``Windows\System32``, users' profiles or the like;
- folders named as drives, ``C`` or ``C:`` (KAPE's targets, copies by hand);
- Velociraptor's collections: ``uploads``, then the way of reading (``auto``, ``ntfs`` …), then
  ``C%3A`` or ``%5C%5C.%5CC%3A``, all names URL-encoded (version 0.6.7 and later); shadow copies
  under their devices' names.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from urllib.parse import unquote

from msgspec import Struct

from ....reading.opening import open_unnoticed

_DRIVE = re.compile(r"([A-Za-z])(?::|_)?")
_DEVICE = re.compile(r"(?i)(?:\\\\[.?]\\)?([A-Z]):\\?")
_SHADOW = re.compile(r"(?i).*\\(HarddiskVolumeShadowCopy[0-9]+)\\?")
_ENCODED = re.compile(r"(?i)%3A|%5C")
_UPLOADS = "UPLOADS"
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


def volumes_in(path: str) -> list[CopiedVolume]:
    """The volumes that a folder holds, or is; none if nothing in it looks like Windows."""
    names = _names(path)
    uploads = _encoded(path, names)
    if uploads:
        return uploads
    if is_windows_volume(path, names):
        return [CopiedVolume("", (path,))]
    drives: dict[str, list[str]] = {}
    for name in names:
        match = _DRIVE.fullmatch(name)
        if match:
            drives.setdefault(f"{match[1].upper()}:", []).append(os.path.join(path, name))
    if not any(is_windows_volume(place, _names(place)) for ps in drives.values() for place in ps):
        return []
    return [CopiedVolume(drive, tuple(paths)) for drive, paths in sorted(drives.items())]


def is_windows_volume(path: str, names: list[str]) -> bool:
    """Whether what a folder holds looks like the top of a volume of Windows."""
    folded = {name.upper(): name for name in names}
    if not _AT_THE_TOP.isdisjoint(folded):
        return True
    for windows in ("WINDOWS", "WINNT"):
        if windows in folded and _holds(os.path.join(path, folded[windows]), _OF_WINDOWS):
            return True
    if "USERS" not in folded:
        return False
    users = os.path.join(path, folded["USERS"])
    inside = (os.path.join(users, name) for name in _names(users)[:_MAX_USERS])
    return any(_holds(user, _OF_A_PROFILE) for user in inside)


def _holds(path: str, names: frozenset[str]) -> bool:
    return any(name.upper() in names for name in _names(path))


def _encoded(path: str, names: list[str]) -> list[CopiedVolume]:
    """The volumes of a collection of Velociraptor; ``path``: it, its uploads, or one way's."""
    found: dict[tuple[str, str], list[str]] = {}
    for folder in _ways(path, names):
        for name in _names(folder):
            drive, view = _device(name)
            if drive or view:
                found.setdefault((drive, view), []).append(os.path.join(folder, name))
    return [
        CopiedVolume(drive, tuple(paths), view, is_encoded=True)
        for (drive, view), paths in sorted(found.items())
    ]


def _ways(path: str, names: list[str]) -> Iterator[str]:
    """Folders in which encoded devices may lie."""
    yield path
    for name in names:
        inner = os.path.join(path, name)
        if name.upper() == _UPLOADS:
            yield from (os.path.join(inner, way) for way in _names(inner))
        elif os.path.basename(path).upper() == _UPLOADS:
            yield inner


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
    if any(separator in plain for separator in "\\/\0"):
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
