"""The volumes of this machine: with a letter, mounted in a folder, and those with neither."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

from msgspec import Struct

from . import devices, dlls, text

MAX_VOLUMES = 1_000
_KINDS = {2: "removable", 3: "fixed", 4: "network", 5: "cdrom", 6: "ram"}
_NO_DIALOGUES = 0x1 | 0x8000  # SEM_FAILCRITICALERRORS | SEM_NOOPENFILEERRORBOX


class Volume(Struct, frozen=True):
    r"""A volume, or a drive letter that stands for something else.

    guid: ``\\?\Volume{…}\``, empty for a letter without a volume of its own. mounts: ``C:\`` and
    folders. drive_type: fixed, removable, network, cdrom, ram, unknown. serial: ``C4B2-BD1C``.
    error: why file system, label and serial are not known. locked: by BitLocker. device:
    for a letter without a volume, what it stands for (``\??\C:\folder`` if made by subst).
    """

    guid: str
    mounts: list[str]
    drive_type: str
    file_system: str = ""
    label: str = ""
    serial: str = ""
    error: str = ""
    device: str = ""
    locked: bool = False

    @property
    def root(self) -> str:
        """A path that begins every path on it: its first mount point, else the GUID path."""
        return self.mounts[0] if self.mounts else self.guid


def volumes() -> list[Volume]:
    """All volumes, then the drive letters that are none (network, subst).

    Network drives are listed and not asked anything, so that no server is contacted.
    """
    with _quietly():
        found = [_volume(guid, mounts=_mounts(guid)) for guid in _guids()]
        known = {mount.casefold() for volume in found for mount in volume.mounts}
        for drive in devices.drive_letters():
            if f"{drive}\\".casefold() not in known:
                found.append(  # noqa: PERF401 - `known` reads better with the loop
                    _volume("", mounts=[f"{drive}\\"], device=_device(drive))
                )
    return found


@contextmanager
def _quietly() -> Iterator[None]:
    """Without "there is no disk in the drive" dialogues, for this thread."""
    change = dlls.function(
        "kernel32",
        "SetThreadErrorMode",
        ctypes.c_int,
        ctypes.c_uint32,
        ctypes.POINTER(ctypes.c_uint32),
    )
    before = ctypes.c_uint32()
    change(_NO_DIALOGUES, ctypes.byref(before))
    try:
        yield
    finally:
        change(before.value, None)


def _guids() -> list[str]:
    place = "volumes"
    first = dlls.function(
        "kernel32", "FindFirstVolumeW", ctypes.c_void_p, text.Pointer, ctypes.c_uint32
    )
    following = dlls.function(
        "kernel32",
        "FindNextVolumeW",
        ctypes.c_int,
        ctypes.c_void_p,
        text.Pointer,
        ctypes.c_uint32,
    )
    close = dlls.function("kernel32", "FindVolumeClose", ctypes.c_int, ctypes.c_void_p)
    name = text.space(260)
    handle = first(name, len(name))
    if handle in (None, dlls.INVALID_HANDLE):
        raise dlls.failure(place)
    guids: list[str] = []
    try:
        while len(guids) < MAX_VOLUMES:
            guids.append(text.narrow(name))
            if not following(handle, name, len(name)):
                if dlls.last_error() == dlls.ERROR_NO_MORE_FILES:
                    return guids
                raise dlls.failure(place)
    finally:
        close(handle)
    raise dlls.TooMany(place, MAX_VOLUMES, guids)


def _mounts(guid: str) -> list[str]:
    ask = dlls.function(
        "kernel32",
        "GetVolumePathNamesForVolumeNameW",
        ctypes.c_int,
        text.Pointer,
        text.Pointer,
        ctypes.c_uint32,
        ctypes.POINTER(ctypes.c_uint32),
    )
    needed = ctypes.c_uint32()
    for units in (1024, text.MAX_PATH_UNITS, 32 * text.MAX_PATH_UNITS):
        answer = text.space(units)
        if ask(text.wide(guid), answer, units, ctypes.byref(needed)):
            names = text.narrow(answer, min(needed.value, units)).split("\0")
            return [name for name in names if name]
        if dlls.last_error() != dlls.ERROR_MORE_DATA:
            break
    raise dlls.failure(guid)


def _device(drive: str) -> str:
    try:
        return devices.device_of(drive)
    except OSError:
        return ""


def _volume(guid: str, *, mounts: list[str], device: str = "") -> Volume:
    root = guid or mounts[0]
    ask = dlls.function("kernel32", "GetDriveTypeW", ctypes.c_uint32, text.Pointer)
    # Asked by the mount point: what stands for a volume (Wine's, some drivers') may know only that.
    places = [*mounts[:1], root]
    kind = next((_KINDS[n] for n in map(ask, map(text.wide, places)) if n in _KINDS), "unknown")
    if kind == "network":
        return Volume(guid, mounts, kind, error="a network drive is not asked", device=device)
    try:
        file_system, label, serial = _information(root)
    except OSError as error:
        code = dlls.code_of(error)
        reason = error.strerror or f"Windows error {code}"
        locked = code == dlls.FVE_E_LOCKED_VOLUME
        return Volume(guid, mounts, kind, error=reason, device=device, locked=locked)
    return Volume(guid, mounts, kind, file_system, label, serial, device=device)


def _information(root: str) -> tuple[str, str, str]:
    ask = dlls.function(
        "kernel32",
        "GetVolumeInformationW",
        ctypes.c_int,
        text.Pointer,
        text.Pointer,
        ctypes.c_uint32,
        ctypes.POINTER(ctypes.c_uint32),
        ctypes.c_void_p,
        ctypes.c_void_p,
        text.Pointer,
        ctypes.c_uint32,
    )
    label, file_system, serial = text.space(261), text.space(261), ctypes.c_uint32()
    number = ctypes.byref(serial)
    if not ask(text.wide(root), label, len(label), number, None, None, file_system, 261):
        raise dlls.failure(root)
    value = serial.value
    return text.narrow(file_system), text.narrow(label), f"{value >> 16:04X}-{value & 0xFFFF:04X}"
