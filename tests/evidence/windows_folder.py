r"""One Windows host's files in every form in which they are swept: a folder, folders by drive, a raw
NTFS image, a collection of Velociraptor, a running host. Paths are the host's: ``C:\Windows\…``."""

from __future__ import annotations

import itertools
import os
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from agent.matching.own_traces import Own
from agent.model.report import Host
from agent.ntfs import FileSource
from agent.ntfs.reference import EXTEND
from agent.targets import RawNtfs, Root, SkippedVolume, Target
from agent.targets.installation import Listed
from agent.targets.live.host import LiveHost
from agent.targets.live.mounts import Layout
from agent.targets.offline.folder import FolderTarget
from agent.targets.offline.image import ImageTarget
from tests.evidence.execution import task
from tests.evidence.filetime import ticks
from tests.evidence.hives import Tree, hive
from tests.evidence.hosts import FakeSystem
from tests.evidence.images import (
    CLUSTER,
    MFT_CLUSTER,
    file_name,
    image,
    index_entries,
    index_root,
    non_resident,
    record,
    resident,
    standard,
)
from tests.evidence.images import run as cluster_run
from tests.evidence.logs import event_log

GUID = "0b6c8f7e-5a1d-4c6b-9d0e-3f2a1b4c5d6e"
JO_SID = "S-1-5-21-1004336348-1177238915-682003330-1001"
CLASSIC_LOGS = ("System", "Security", "Application")
CONFIG = "C:\\Windows\\System32\\config"
_RECORD = 4096
_RESIDENT = 600
"""Bytes; larger files get clusters of their own."""
_FIRST_RECORD = 40
_EXTEND = "C:\\$Extend\\"
"""Where NTFS keeps files of its own, the change journal among them; its record has a number."""

Files = Mapping[str, bytes]
"""Contents by path; a path that ends in a backslash is an empty folder."""
Times = Mapping[str, datetime]
"""When files were made and changed last, by path."""


def software(
    *, system_root: str = "C:\\Windows", guid: str = GUID, profiles: Mapping[str, str] | None = None
) -> bytes:
    """The hive SOFTWARE. ``profiles``: path by SID."""
    listed = {JO_SID: "C:\\Users\\jo"} if profiles is None else profiles
    current: Tree = {
        "SystemRoot": system_root,
        "ProductName": "Windows 10 Pro",
        "DisplayVersion": "22H2",
        "CurrentBuild": "19045",
        "CurrentMajorVersionNumber": 10,
        "CurrentMinorVersionNumber": 0,
        "UBR": 3803,
        "InstallDate": 1_700_000_000,
        "ProfileList": {
            "ProfilesDirectory": "%SystemDrive%\\Users",
            "ProgramData": "%SystemDrive%\\ProgramData",
            **{sid: {"ProfileImagePath": path} for sid, path in listed.items()},
        },
    }
    cryptography: Tree = {"MachineGuid": guid} if guid else {}
    return hive(
        {
            "Microsoft": {
                "Windows NT": {"CurrentVersion": current},
                "Cryptography": cryptography,
            }
        }
    )


def system(
    name: str = "WS-0421",
    *,
    control: Tree | None = None,
    services: Tree | None = None,
    mounted: Tree | None = None,
) -> bytes:
    """The hive SYSTEM; with more in its control set. ``mounted``: what it knows volumes by."""
    known: Tree = {"ComputerName": {"ComputerName": {"ComputerName": name}}, **(control or {})}
    parameters: Tree = {"Hostname": name.lower(), "Domain": "corp.example"}
    more: Tree = {"Tcpip": {"Parameters": parameters}, **(services or {})}
    return hive({
        "Select": {"Current": 3},
        "ControlSet003": {"Control": known, "Services": more},
        **({"MountedDevices": mounted} if mounted else {}),
    })  # fmt: skip


def windows(more: Files | None = None) -> dict[str, bytes]:
    """A host with two users, and more files."""
    return {
        f"{CONFIG}\\SOFTWARE": software(),
        f"{CONFIG}\\SYSTEM": system(),
        f"{CONFIG}\\systemprofile\\NTUSER.DAT": b"of the system",
        "C:\\Windows\\Prefetch\\RUNDLL32.EXE-12345678.pf": b"MAM of rundll32",
        "C:\\Users\\jo\\NTUSER.DAT": b"of jo",
        "C:\\Users\\Ann\\NTUSER.DAT": b"of ann",
        **(more or {}),
    }


def every_windows() -> dict[str, bytes]:
    """What is on every Windows (``agent/sources/whereabouts.py``), with nothing in it that tells
    anything; hives are left to others."""
    logs = (f"C:\\Windows\\System32\\winevt\\Logs\\{name}.evtx" for name in CLASSIC_LOGS)
    return {
        **dict.fromkeys(logs, event_log([])),
        "C:\\Windows\\Prefetch\\Layout.ini": b"[OptimalLayoutFile]\r\nVersion=1\r\n",
        "C:\\Windows\\System32\\drivers\\etc\\networks": b"loopback 127\r\n",
        "C:\\Windows\\System32\\Tasks\\Updater": task("C:\\Windows\\notepad.exe", ""),
        "C:\\Windows\\System32\\wbem\\Repository\\MAPPING1.MAP": b"\xcd\xab\0\0",
    }


def as_folder(place: Path, files: Files, times: Times | None = None) -> Path:
    """The volume ``C:`` as a folder, as if it were mounted."""
    for path, content in files.items():
        written = place.joinpath(*path.split("\\")[1:])
        _write(written, path, content)
        if (when := (times or {}).get(path)) is not None:
            os.utime(written, (when.timestamp(), when.timestamp()))
    return place


def as_drives(place: Path, files: Files) -> Path:
    """Folders named by drives, as KAPE writes them: ``C``."""
    for path, content in files.items():
        drive, *names = path.split("\\")
        _write(place.joinpath(drive[0], *names), path, content)
    return place


def as_collection(place: Path, files: Files, way: str = "auto") -> Path:
    """A collection of Velociraptor, unpacked: ``uploads/auto/C%3A``."""
    for path, content in files.items():
        names = [_encoded(name) for name in path.split("\\")]
        _write(place.joinpath("uploads", way, *names), path, content)
    return place


def _encoded(name: str) -> str:
    start = "%2E" if name.startswith(".") else ""
    return start + quote(name[1:] if start else name, safe=" $()-_.~")


def _write(place: Path, path: str, content: bytes) -> None:
    folder = place if path.endswith("\\") else place.parent
    folder.mkdir(parents=True, exist_ok=True)
    if folder is not place:
        place.write_bytes(content)


# A volume, byte by byte, with the folders' indexes.


@dataclass
class _Node:
    number: int
    parent: int
    inside: dict[str, _Node] | None = None
    content: bytes = b""
    streams: dict[str, bytes] = field(default_factory=dict)
    tag: int = 0
    bits: int = 0x20
    when: int | None = None
    """In ticks; of all its four times."""


@dataclass
class _Volume:
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(_FIRST_RECORD))
    records: dict[int, bytes] = field(default_factory=dict)
    contents: dict[int, bytes] = field(default_factory=dict)

    def node(self, top: _Node, path: str) -> tuple[_Node, str]:
        """What lies at a path, made if it is not there; the name of a stream."""
        node, names = top, path.split("\\")[1:]
        names[-1], _, stream = names[-1].partition(":")
        for place, name in enumerate(names):
            assert node.inside is not None
            if name and name not in node.inside:
                is_folder = place < len(names) - 1
                number = EXTEND if path.startswith(_EXTEND) and not place else next(self.numbers)
                node.inside[name] = _Node(number, node.number, {} if is_folder else None)
            node = node.inside[name] if name else node
        return node, stream

    def lay_down(self, name: str, node: _Node, clusters: Iterator[int]) -> None:
        times = () if node.when is None else (node.when,) * 4
        attributes = [standard(*times, bits=node.bits), file_name(name, node.parent)]
        contents = {**({} if node.inside is not None else {"": node.content}), **node.streams}
        attributes += [self._data(*one, clusters) for one in contents.items()]
        inside = sorted((node.inside or {}).items(), key=lambda item: item[0].upper())
        if node.inside is not None:
            names = [(inner, below.number) for inner, below in inside]
            entries = index_entries(names, node.number, sequence=5)
            attributes.append(resident(0x90, index_root(entries), "$I30"))
        if node.tag:
            attributes.append(resident(0xC0, struct.pack("<II", node.tag, 0)))
        flags = 1 if node.inside is None else 3
        self.records[node.number] = record(*attributes, size=_RECORD, sequence=5, flags=flags)
        for inner, below in inside:
            self.lay_down(inner, below, clusters)

    def _data(self, stream: str, content: bytes, clusters: Iterator[int]) -> bytes:
        if len(content) <= _RESIDENT:
            return resident(0x80, content, stream)
        length = -(-len(content) // CLUSTER)
        place, *_ = [next(clusters) for _ in range(length)]
        self.contents[place] = content
        runs = cluster_run(length, place)
        return non_resident(0x80, len(content), runs, name=stream, last=length - 1)


def volume_bytes(
    files: Files,
    *,
    tags: Mapping[str, int] | None = None,
    bits: Mapping[str, int] | None = None,
    times: Times | None = None,
) -> bytes:
    """An NTFS volume with these files; ``path:stream`` is an alternate stream. ``tags``: of
    reparse points, by path; ``bits``: of attributes."""
    top, made = _Node(5, 5, {}), _Volume()
    for path, content in files.items():
        node, stream = made.node(top, path)
        if stream:
            node.streams[stream] = content
        elif node.inside is None:
            node.content = content
    for path, tag in (tags or {}).items():
        made.node(top, path)[0].tag = tag
    for path, value in (bits or {}).items():
        made.node(top, path)[0].bits = value
    for path, when in (times or {}).items():
        made.node(top, path)[0].when = ticks(when)
    count = next(made.numbers)
    clusters = itertools.count(MFT_CLUSTER + -(-count * _RECORD // CLUSTER))
    made.lay_down(".", top, clusters)
    size = next(clusters) + 1
    return image(made.records, count=count, size=_RECORD, clusters=size, contents=made.contents)


def record_of(files: Files, folder: str) -> int:
    """The number that a folder's record has on the volume of these files, or of these and more
    behind them."""
    top, made = _Node(5, 5, {}), _Volume()
    for path in files:
        made.node(top, path)
    return made.node(top, f"{folder}\\")[0].number


def as_image(
    place: Path,
    files: Files,
    *,
    tags: Mapping[str, int] | None = None,
    bits: Mapping[str, int] | None = None,
    times: Times | None = None,
) -> Path:
    """The volume ``C:`` as a raw image; as :func:`volume_bytes`."""
    place.mkdir(exist_ok=True)
    path = place / "disk.img"
    path.write_bytes(volume_bytes(files, tags=tags, bits=bits, times=times))
    return path


# Running hosts.


class RunningWindows(LiveHost):
    """A host that says it is Windows, with volumes of one's own."""

    made: Layout

    @property
    def platform(self) -> str:
        return "windows"

    def host(self) -> Host:
        """The machine that runs the test is asked: it is no Windows."""
        return Host(id=GUID, name="WS-0421")

    def _volumes(self) -> Layout:
        return self.made


def as_live(
    place: Path,
    files: Files,
    *,
    skipped: tuple[SkippedVolume, ...] = (),
    times: Times | None = None,
    system: FakeSystem | None = None,
) -> RunningWindows:
    """A running host whose ``C:`` is a folder, and can be read by its records too."""
    by_paths = {path: data for path, data in files.items() if not path.startswith(_EXTEND)}
    as_folder(place, by_paths, times)
    listed = Listed(((JO_SID, "C:\\Users\\jo"),), "%SystemDrive%\\Users", "C:\\ProgramData")
    host = RunningWindows(
        Own(), system=system or FakeSystem(), installed=lambda: ("C:\\Windows", listed)
    )

    def opened() -> FileSource:
        path = place.parent / "raw.img"
        path.write_bytes(volume_bytes(files, times=times))
        return FileSource(path.open("rb", buffering=0))

    host.made = Layout([Root(str(place), "C: NTFS", RawNtfs(opened, "C:"))], skipped)
    return host


FORMS: dict[str, Callable[[Path, Files], Target]] = {
    "folder": lambda place, files: FolderTarget(str(as_folder(place, files)), own=Own()),
    "drives": lambda place, files: FolderTarget(str(as_drives(place, files)), own=Own()),
    "image": lambda place, files: ImageTarget(str(as_image(place, files)), own=Own()),
    "collection": lambda place, files: FolderTarget(str(as_collection(place, files)), own=Own()),
    "running": as_live,
}
"""A target of each form, of files, in an empty folder."""
