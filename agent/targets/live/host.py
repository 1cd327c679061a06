"""This machine, running.

Facts about the host are taken from the host alone: no name is looked up, since a look-up leaves the
machine. Volumes: all fixed local ones; network drives, CD-ROMs and (unless asked for) removable
media are left out, as is what BitLocker keeps locked, and the report says so.
"""

from __future__ import annotations

import functools
import os
import platform
import socket
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from msgspec import structs

from ...coverage import Ledger
from ...matching.own_traces import Own
from ...model import report as model
from ...reading.opening import reason_of
from ...spelling import lies_below, whole_path
from ...windows.held import HeldFiles, loaded_hives
from .. import LOCKED, RawNtfs, Root, SkippedVolume
from ..evidence import EvidenceFile, HostFiles, files_of_windows
from ..installation import Listed
from ..mounted_tree import Mounted, MountedEntry
from ..tree import Tree
from ..volume_keys import VolumeKey
from .installed import installed_windows
from .mounts import Layout, layout, parse_mountinfo
from .system import LiveSystem
from .this_machine import RunningSystem

if TYPE_CHECKING:
    from ...windows import volumes
    from ..every_windows import Wanted

_FALLBACK_ID_SPACE = uuid.UUID("5f1d1f0a-3c43-4d0e-9d3b-6c6f636b6564")
"""Makes an id from the host's name where the system has none of its own."""


class LiveHost:
    """The target ``live``."""

    def __init__(
        self,
        own: Own,
        *,
        paths: Sequence[str] = (),
        removable: bool = False,
        walk: bool = False,
        system: LiveSystem | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        installed: Callable[[], tuple[str, Listed]] = installed_windows,
    ) -> None:
        """``walk``: NTFS volumes are walked even where they could be read by their records.
        ``installed``: tells the folder of Windows, and what its registry lists."""
        self._own = own
        self._paths = tuple(whole_path(path) for path in paths)
        self._removable = removable
        self._walk = walk
        self._system = system if system is not None else RunningSystem()
        self._now = now
        self._installed = installed
        self._layout: Layout | None = None
        self._held: HeldFiles | None = None

    @property
    def platform(self) -> str:
        return "windows" if sys.platform == "win32" else "linux"

    @property
    def live(self) -> LiveSystem:
        return self._system

    @property
    def own(self) -> Own:
        return self._own

    @property
    def boundaries(self) -> frozenset[str]:
        """Mount points that a walk must not enter from above: pseudo and network file systems, and
        places whose files are walked somewhere else. Each real tree below one is a root of its
        own. Below given paths, what is also seen somewhere else is walked here."""
        volumes = self._volumes()
        return volumes.boundaries - volumes.again if self._paths else volumes.boundaries

    @property
    def held(self) -> HeldFiles:
        """Asked once; a kernel that does not tell its hives leaves them to be gaps."""
        if self._held is None:
            self._held = HeldFiles()
            if self.platform == "windows":
                roots = [root.path for root in self._volumes().roots]
                try:
                    self._held = HeldFiles.of(roots, loaded_hives())
                except OSError:
                    self._held = HeldFiles.of(roots, ())
        return self._held

    @property
    def keys(self) -> Sequence[VolumeKey]:
        """Nobody gives any on a host in use."""
        return ()

    @property
    def memories(self) -> tuple[()]:
        """Its processes' memory is read instead."""
        return ()

    @property
    def is_memory_alone(self) -> bool:
        """It runs."""
        return False

    def describe(self) -> model.Target:
        return model.Target(kind=model.TargetKind.LIVE, paths=list(self._paths))

    def now(self) -> datetime:
        return self._now()

    def host(self) -> model.Host:
        offset = self._now().astimezone().utcoffset()
        host = _windows_host() if self.platform == "windows" else _unix_host()
        host.ip = _addresses()
        host.architecture = _architecture()
        host.utc_offset_minutes = None if offset is None else int(offset.total_seconds() // 60)
        return host

    def roots(self) -> tuple[Sequence[Root], Sequence[SkippedVolume]]:
        if not self._paths:
            volumes = self._volumes()
            return volumes.roots, volumes.skipped
        roots: list[Root] = []
        skipped: list[SkippedVolume] = []
        for path in self._paths:
            if self._is_locked(path):
                skipped.append(SkippedVolume(path, LOCKED, gap=True))
            else:
                roots.append(self._given(path))
        known = {root.path.casefold() for root in roots}
        roots += [
            root
            for root in self._volumes().roots
            if root.path.casefold() not in known and self._mounted_below(root.path)
        ]
        skipped += [
            structs.replace(volume, path=place, gap=True)
            for volume in self._volumes().skipped
            if (place := self._mounted_below(volume.path))
        ]
        return roots, skipped

    def _mounted_below(self, volume: str) -> str:
        """The place below a given path at which a volume is mounted; empty if it is not."""
        places = self._volumes().places(volume)
        return next((p for p in places if any(lies_below(p, of) for of in self._paths)), "")

    def met(self, volume: RawNtfs | Tree) -> None:
        """It is another host's, whose files alone are looked at."""

    @property
    def volumes_met(self) -> tuple[RawNtfs, ...]:
        """None is this host's."""
        return ()

    def known_as(self, path: str) -> str:
        """The host reads itself."""
        return path

    def evidence(self, patterns: Sequence[str], ledger: Ledger) -> Iterator[EvidenceFile]:
        """Of the whole host, whatever paths limit the files source."""
        if self.platform != "windows":
            paths = (pattern for pattern in patterns if os.path.isabs(pattern))
            yield from (_file_at(path) for path in paths if os.path.exists(path))
            return
        try:
            files = self._files
        except OSError as error:
            ledger.unavailable(f"folder of Windows: {reason_of(error)}")
            return
        yield from files.evidence(patterns, ledger)

    def lacking(self, wanted: Sequence[Wanted]) -> Iterator[str]:  # noqa: ARG002 - whatever it is
        """What is not there, this host has not."""
        return iter(())

    @cached_property
    def _files(self) -> HostFiles:
        volumes = self._volumes()
        system_root, listed = self._installed()
        return files_of_windows(
            [_tree_of(root) for root in volumes.roots], system_root, listed, volumes.skipped
        )

    def _is_locked(self, path: str) -> bool:
        """Whether a given path is that of a locked volume, or lies on one."""
        if "\\" not in path:
            return False
        return any(
            volume.reason == LOCKED and path.casefold().startswith(volume.path.casefold())
            for volume in self._volumes().skipped
        )

    def _given(self, path: str) -> Root:
        """A given path, which may be that of a whole volume."""
        if path.endswith("\\"):
            for root in self._volumes().roots:
                if root.path.casefold() == path.casefold():
                    return root
        return Root(path)

    def _volumes(self) -> Layout:
        if self._layout is None:
            if self.platform == "windows":
                self._layout = _windows_layout(removable=self._removable, walk=self._walk)
            else:
                self._layout = _unix_layout(removable=self._removable)
        return self._layout


def _file_at(path: str) -> EvidenceFile:
    """A file of a system that is not Windows."""
    entry = MountedEntry(os.path.basename(path), (os.path.realpath(path),), Mounted())
    facts = entry.facts()
    return EvidenceFile(path, facts.size, facts.times, _entry=entry)


def _tree_of(root: Root) -> Tree:
    """A volume in use: by its paths, and by its records what is refused so."""
    drive = root.raw.prefix if root.raw is not None else root.path.rstrip("\\")
    return Mounted(raw=root.raw).tree(drive, root.path)


def _addresses() -> list[str]:
    """All addresses of the host's interfaces but loopback."""
    found: set[str] = set()
    try:
        interfaces = psutil.net_if_addrs()
    except OSError:
        return []
    for addresses in interfaces.values():
        for address in addresses:
            if address.family in (socket.AF_INET, socket.AF_INET6):
                plain = address.address.split("%", 1)[0]
                if plain != "::1" and not plain.startswith("127."):
                    found.add(plain)
    return sorted(found, key=lambda address: (":" in address, address))


def _architecture() -> str:
    # platform.machine() is safe where platform.platform() is not: it reads the environment or
    # uname.
    machine = platform.machine().casefold()
    return {"x86_64": "amd64", "aarch64": "arm64", "i686": "x86"}.get(machine, machine)


def _unix_host() -> model.Host:
    name = socket.gethostname()
    release = _os_release()
    return model.Host(
        id=_machine_id() or str(uuid.uuid5(_FALLBACK_ID_SPACE, name)),
        name=name.split(".", 1)[0],
        fqdn=name if "." in name else "",
        domain=name.split(".", 1)[1] if "." in name else "",
        os=model.Os(
            name=release.get("PRETTY_NAME") or release.get("NAME") or sys.platform,
            version=release.get("VERSION_ID", ""),
            platform="linux" if sys.platform.startswith("linux") else sys.platform,
        ),
        elevated=os.geteuid() == 0 if sys.platform != "win32" else None,
    )


def _machine_id() -> str:
    for path in ("/etc/machine-id", "/var/lib/dbus/machine-id"):
        text = _text(path).strip()
        if len(text) == 32 and all(c in "0123456789abcdef" for c in text):
            return str(uuid.UUID(text))
    return ""


def _os_release() -> dict[str, str]:
    """See os-release(5)."""
    found: dict[str, str] = {}
    for line in (_text("/etc/os-release") or _text("/usr/lib/os-release")).splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found[key.strip()] = value.strip().strip("\"'")
    return found


def _text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "replace")[:65536]
    except OSError:
        return ""


def _unix_layout(*, removable: bool) -> Layout:
    mounts = parse_mountinfo(_text_whole("/proc/self/mountinfo"))
    return layout(mounts, is_removable=_is_removable, removable=removable)


def _text_whole(path: str) -> str:
    try:
        return Path(path).read_text("utf-8", "surrogateescape")
    except OSError:
        # Not Linux, or no /proc: the root is walked all the same.
        return ""


def _is_removable(device: str) -> bool:
    """Whether the kernel says so of this ``major:minor``, or of the disk that it is a partition
    of.
    """
    try:
        block = Path("/sys/dev/block", device).resolve(strict=True)
    except OSError:
        return False
    return any(_text(str(folder / "removable")).strip() == "1" for folder in (block, block.parent))


def _windows_host() -> model.Host:
    from ...windows import host, security

    def of(ask: Callable[[], str]) -> str:
        try:
            return ask()
        except OSError:
            return ""  # a host that does not tell its names is swept all the same

    try:
        name, fqdn, domain = host.names()
    except OSError:
        name, fqdn, domain = socket.gethostname(), "", ""
    try:
        system, version = host.os_version()
    except OSError:
        system, version = "Windows", ""
    return model.Host(
        id=of(host.machine_guid) or str(uuid.uuid5(_FALLBACK_ID_SPACE, name)),
        name=name,
        fqdn=fqdn,
        domain=domain,
        os=model.Os(name=system, version=version, platform="windows"),
        elevated=security.is_elevated(),
    )


_LEFT_OUT = {
    "network": "network drive, left out",
    "cdrom": "optical drive, left out",
    "removable": "removable volume, left out",
}


def _windows_layout(*, removable: bool, walk: bool = False) -> Layout:
    """Fixed volumes, those without a letter too; a letter that stands for a folder is walked
    there.
    """
    from ...windows import volumes

    roots: list[Root] = []
    skipped: list[SkippedVolume] = []
    found = volumes.volumes()
    for volume in found:
        # What nobody can tell the kind of is walked: leaving it out would be a gap.
        wanted = {"fixed", "ram", "unknown"} | ({"removable"} if removable else set())
        if volume.drive_type not in wanted:
            reason = _LEFT_OUT.get(volume.drive_type, f"{volume.drive_type} volume, left out")
            skipped.append(SkippedVolume(volume.root, reason, gap=False))
        elif not volume.guid and volume.device.startswith("\\??\\"):
            skipped.append(
                SkippedVolume(volume.root, "stands for a folder walked elsewhere", gap=False)
            )
        elif volume.locked:
            skipped.append(SkippedVolume(volume.root, LOCKED, gap=True))
        else:
            roots.append(_windows_root(volume, _why_walked(volume.file_system, walk=walk)))
    folders = (mount for volume in found for mount in volume.mounts if len(mount) > len("C:\\"))
    also_at = {volume.root: volume.mounts[1:] for volume in found if len(volume.mounts) > 1}
    return Layout(roots, skipped, frozenset(folders), also_at=also_at)


def _why_walked(file_system: str, *, walk: bool) -> str:
    """Why a volume is not read by its records; empty if it is."""
    from ...windows import security

    if walk:
        return "--walk"
    if file_system.upper() != "NTFS":
        return file_system or "unknown file system"
    return "" if security.is_elevated() else "not elevated"


def _windows_root(volume: volumes.Volume, why_walked: str) -> Root:
    if why_walked:
        return Root(volume.root, volume.file_system, why_walked=why_walked)
    from ...windows.change_journal import ChangeJournal
    from ...windows.raw_volume import RawVolume

    # A folder in which a volume is mounted has no device; a letter's device is its own.
    device = volume.root if len(volume.root) == 3 else volume.guid
    raw = RawNtfs(
        functools.partial(RawVolume, device),
        volume.root.rstrip("\\"),
        functools.partial(ChangeJournal, device, volume.root),
    )
    return Root(volume.root, volume.file_system, raw=raw)
