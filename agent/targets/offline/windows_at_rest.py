"""From volumes at rest to the hosts whose Windows lies on them."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import TypeVar

from msgspec import Struct, field, structs

from ...formats import FormatError
from ...formats.paged import Bytes, held_or_paged
from ...model import report as model
from ...reading.opening import reason_of
from ...spelling import fold
from .. import SkippedVolume
from ..evidence import HostFiles, files_of_profiles, files_of_windows, has_profiles
from ..tree import Entry, Kind, Tree, child
from .identity import Computer, Software, read_computer, read_software

_T = TypeVar("_T")
USUAL_DRIVE = "C:"
_USUAL = ("WINDOWS", "WINNT")
_LOGS = (".LOG1", ".LOG2", ".LOG")
MAX_HIVE_BYTES = 512 << 20
_HELD = 4 << 20
"""Bytes of a hive or log that is read as a whole: a few keys are asked for."""
_CONFIG = ("System32", "config")
_NO_WINDOWS = frozenset({"$Extend", "$RECYCLE.BIN", "$Recycle.Bin", "Users"})
_MAX_FOLDERS = 1000
"""At the top of a volume, the usual names first."""
NOT_KNOWN = "whether a Windows lies there is not known"
_NAMES_SPACE = uuid.UUID("0b0d8a52-9d0e-4a0c-8f4e-1b1f2d1a6c11")
"""Makes an id from a host's name and the time when its Windows was installed."""


class Volume(Struct, frozen=True):
    """A volume at rest."""

    tree: Tree
    """Its drive may be empty: not known."""
    name: str
    r"""Stands before ``\\Users`` where no drive letter is known."""
    device: bytes = b""
    """By which Windows may know its letter."""
    is_copy: bool = False
    """Whether it is what somebody copied of a volume."""


class WindowsAtRest(Struct, frozen=True):
    """One host."""

    files: HostFiles
    software: Software = Software()
    computer: Computer = Computer()
    label: str = ""
    """Tells it from others: its name, with a piece of its id where another one has that name too;
    its id if it has no name. Empty if its hives do not tell."""

    def host(self) -> model.Host | None:
        """Who it was; None if its hives do not tell."""
        name = self.computer.name or self.computer.host_name
        guid, installed = self.software.machine_guid, self.software.installed
        if not guid and not (name and installed):
            return None
        told = f"{fold(name)} {installed}"
        domain = self.computer.domain
        host_name = self.computer.host_name or name
        system = self.software
        return model.Host(
            id=guid or str(uuid.uuid5(_NAMES_SPACE, told)),
            name=name or guid,
            fqdn=f"{host_name}.{domain}" if host_name and domain else "",
            domain=domain,
            os=model.Os(
                name=system.product or "Windows", version=system.version, platform="windows"
            ),
        )


def hosts_on(volumes: Sequence[Volume]) -> list[WindowsAtRest]:
    """The hosts; one without a name if Windows lies on none of them.

    Volumes without a Windows, and views of earlier times, are taken for the first host's.
    """
    found: list[_Read] = []
    others = _Others()
    for volume in volumes:
        drive, problems = volume.tree.drive or volume.name, list[tuple[str, str]]()
        try:
            with volume.tree.opened():
                place = _windows_on(volume.tree, problems)
        except OSError as error:
            others.closed.append(SkippedVolume(drive, reason_of(error), gap=True))
            continue
        if place is None:
            others.volumes.append(volume)
            others.unknown += [(f"{NOT_KNOWN}: {why}", drive + where) for why, where in problems]
        else:
            found.append(_read_at(volume, place))
    if not found:
        return [WindowsAtRest(_without_windows(others))]
    hosts = [_host(one, _Others()) for one in found[1:]]
    letters: dict[bytes, str] = {}
    for one in found:
        for device, letter in one.computer.letters:
            letters.setdefault(device, letter)
    others.volumes = _lettered(others.volumes, letters, found[0])
    return [_host(found[0], others), *hosts]


def _lettered(volumes: Sequence[Volume], letters: dict[bytes, str], host: _Read) -> list[Volume]:
    """With the letters that the host gave them, each once."""
    taken = {host.drive, *(volume.tree.drive for volume in volumes)}
    made = []
    for volume in volumes:
        letter = letters.get(volume.device, "") if volume.device else ""
        if not letter or volume.tree.drive or letter in taken:
            made.append(volume)
        else:
            taken.add(letter)
            tree = structs.replace(volume.tree, drive=letter)
            made.append(structs.replace(volume, tree=tree))
    return made


def labelled(hosts: Sequence[WindowsAtRest]) -> list[WindowsAtRest]:
    """With the labels that tell them apart: clones, and a Windows that was installed anew, bear one
    name and are different hosts."""
    known = [(one, one.host()) for one in hosts]
    ids: dict[str, set[str]] = {}
    for one, host in known:
        if host is not None:
            ids.setdefault(fold(one.computer.name), set()).add(host.id)
    made = []
    for one, host in known:
        label = one.computer.name
        if host is not None and not label:
            label = host.id
        elif host is not None and len(ids[fold(label)]) > 1:
            label = f"{label} ({host.id[:8]})"
        made.append(structs.replace(one, label=label))
    return made


def _without_windows(others: _Others) -> HostFiles:
    """Volumes of a host whose Windows lies elsewhere, or of which only profiles were copied: the
    first one that has profiles and no letter is taken for ``C:``."""
    trees: list[Tree] = []
    for volume in others.volumes:
        known = any(tree.drive == USUAL_DRIVE for tree in trees) or volume.tree.drive
        usual = structs.replace(volume.tree, drive=USUAL_DRIVE)
        trees.append(_named(volume) if known or not has_profiles(usual) else usual)
    return files_of_profiles(trees, others.closed, others.unknown)


class _Others(Struct):
    """Volumes on which no Windows was found."""

    volumes: list[Volume] = field(default_factory=list)
    closed: list[SkippedVolume] = field(default_factory=list)
    """Those that cannot be opened."""
    unknown: list[tuple[str, str]] = field(default_factory=list)
    """Why there may be one, and where."""


class _Place(Struct, frozen=True):
    """Where a Windows lies in a volume."""

    name: str
    config: Entry | None


def _windows_on(tree: Tree, problems: list[tuple[str, str]]) -> _Place | None:
    """None if there is none, or if it cannot be told: ``problems`` holds why.

    A folder that holds the hive goes before one that has the usual name alone.
    """
    if tree.view:
        return None
    top = tree.top.entries(
        lambda name: name not in _NO_WINDOWS, lambda problem: problems.append((problem, ""))
    )
    try:
        folders = sorted(top, key=lambda entry: fold(entry.name) not in _USUAL)
    except OSError as error:
        problems.append((f"folder: {reason_of(error)}", ""))
        return None
    usual: str | None = None
    for folder in folders[:_MAX_FOLDERS]:
        is_usual = fold(folder.name) in _USUAL
        try:
            config = _below(folder, *_CONFIG)
            if config is not None and child(config, "SOFTWARE") is not None:
                return _Place(folder.name, config)
            is_usual = is_usual and folder.kind() is Kind.FOLDER
        except OSError as error:
            problems.append((reason_of(error), f"\\{folder.name}"))
        if is_usual:
            usual = usual or folder.name
    return None if usual is None else _Place(usual, None)


def _below(folder: Entry, *names: str) -> Entry | None:
    """Raises OSError."""
    found: Entry | None = folder
    for name in names:
        found = None if found is None or found.kind() is not Kind.FOLDER else child(found, name)
    return found if found is not None and found.kind() is Kind.FOLDER else None


class _Read(Struct, frozen=True):
    """A volume with a Windows, and what its hives say."""

    volume: Volume
    place: _Place
    software: Software
    computer: Computer
    problems: Sequence[tuple[str, str]]

    @property
    def drive(self) -> str:
        """Its letter."""
        root = self.software.system_root
        usual = root[:2].upper() if root[1:3] == ":\\" else USUAL_DRIVE
        return self.volume.tree.drive or usual


def _read_at(volume: Volume, place: _Place) -> _Read:
    software, computer, problems = Software(), Computer(), list[tuple[str, str]]()
    if place.config is not None:
        software = _read(place.config, "SOFTWARE", read_software, software, problems)
        computer = _read(place.config, "SYSTEM", read_computer, computer, [])
        if software.problem:
            problems.append((f"list of the profiles: {software.problem}", "SOFTWARE"))
    return _Read(volume, place, software, computer, problems)


def _host(read: _Read, others: _Others) -> WindowsAtRest:
    software, computer, drive = read.software, read.computer, read.drive
    trees = [structs.replace(read.volume.tree, drive=drive)]
    for other in others.volumes:
        # A shadow copy does not say of which volume it is one: of the system's, until it does.
        same = other.tree.view and not other.tree.drive
        trees.append(structs.replace(other.tree, drive=drive) if same else _named(other))
    logs = (*computer.event_logs, *software.listed.event_logs)
    listed = structs.replace(
        software.listed,
        data_base=computer.data_base,
        event_logs=logs,
        prefetches=computer.prefetches,
    )
    files = files_of_windows(trees, f"{drive}\\{read.place.name}", listed, others.closed)
    config = "\\".join((drive, read.place.name, *_CONFIG))
    told = [(why, f"{config}\\{name}") for why, name in read.problems]
    files = structs.replace(files, problems=[*files.problems, *told])
    return WindowsAtRest(files, software, computer)


def _read(
    config: Entry,
    name: str,
    read: Callable[[Bytes, Sequence[Bytes]], _T],
    otherwise: _T,
    problems: list[tuple[str, str]],
) -> _T:
    """A hive with its transaction logs."""
    try:
        with ExitStack() as held:
            data = _bytes(config, name, held)
            logs = [_bytes(config, name + suffix, held) for suffix in _LOGS]
            return otherwise if data is None else read(data, [log for log in logs if log])
    except FormatError as error:
        problems.append((f"list of the profiles: {error.what}", name))
    except OSError as error:
        problems.append((f"list of the profiles: {reason_of(error)}", name))
    return otherwise


def _bytes(config: Entry, name: str, held: ExitStack) -> Bytes | None:
    """None if there is no such file; ``held``: closes it. Raises OSError."""
    found = child(config, name)
    if found is None or found.kind() is not Kind.FILE:
        return None
    file, _ = found.open()
    held.enter_context(file)
    size = file.seek(0, os.SEEK_END)
    if size > MAX_HIVE_BYTES:
        raise OSError("hive larger than is read")
    return held_or_paged(file, size, _HELD)


def _named(volume: Volume) -> Tree:
    return volume.tree if volume.tree.drive else structs.replace(volume.tree, drive=volume.name)
