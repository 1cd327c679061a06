"""From volumes at rest to the hosts whose Windows lies on them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, TypeVar

from ...formats import FormatError
from ...model import report as model
from ...reading.opening import reason_of
from ...spelling import fold
from .. import SkippedVolume
from ..evidence import HostFiles, windows_files
from ..tree import Entry, Kind, Tree, child
from .identity import Computer, Software, read_computer, read_software

_T = TypeVar("_T")
_USUAL = ("WINDOWS", "WINNT")
_CONFIG = ("System32", "config")
_NAMES_SPACE = uuid.UUID("0b0d8a52-9d0e-4a0c-8f4e-1b1f2d1a6c11")
"""Makes an id from a host's name and the time when its Windows was installed."""


@dataclass(frozen=True)
class Volume:
    """A volume at rest."""

    tree: Tree
    """Its drive may be empty: not known."""
    name: str
    r"""Stands before ``\\Users`` where no drive letter is known."""


@dataclass(frozen=True)
class WindowsAtRest:
    """One host."""

    files: HostFiles
    software: Software = Software()  # noqa: RUF009 - frozen
    computer: Computer = Computer()  # noqa: RUF009 - frozen

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
    missing: list[SkippedVolume] = []
    found = [(volume, place) for volume in volumes if (place := _windows_on(volume, missing))]
    with_windows = [volume for volume, _ in found]
    others = [volume for volume in volumes if volume not in with_windows]
    hosts = []
    for volume, place in found:
        hosts.append(_host(volume, place, others, missing))
        others, missing = [], []
    return hosts or [
        WindowsAtRest(HostFiles([_named(volume) for volume in volumes], missing=missing))
    ]


@dataclass(frozen=True)
class _Place:
    """Where a Windows lies in a volume."""

    name: str
    config: Entry | None
    problem: str = ""


def _windows_on(volume: Volume, missing: list[SkippedVolume]) -> _Place | None:
    """None if there is none. The usual names go first; a folder by one of them will do.

    A volume that cannot be read joins the missing ones.
    """
    tree = volume.tree
    if tree.view:
        return None
    try:
        with tree.opened():
            folders = [e for e in tree.top.entries(lambda _: True, _ignore) if _is_folder(e)]
            folders.sort(key=lambda entry: (fold(entry.name) not in _USUAL, fold(entry.name)))
            for folder in folders:
                config = _below(folder, *_CONFIG)
                if config is not None and child(config, "SOFTWARE") is not None:
                    return _Place(folder.name, config)
            usual = [entry.name for entry in folders if fold(entry.name) in _USUAL]
            return _Place(usual[0], None) if usual else None
    except OSError as error:
        missing.append(SkippedVolume(tree.drive or volume.name, reason_of(error), gap=True))
        return None


def _ignore(_problem: str) -> None:
    """The search for evidence is told the same."""


def _is_folder(entry: Entry) -> bool:
    try:
        return entry.kind() is Kind.FOLDER
    except OSError:
        return False


def _below(folder: Entry, *names: str) -> Entry | None:
    """None too for what cannot be listed: no Windows is known there."""
    found: Entry | None = folder
    try:
        for name in names:
            found = None if found is None or not _is_folder(found) else child(found, name)
    except OSError:
        return None
    return found


def _host(
    volume: Volume, place: _Place, others: Sequence[Volume], missing: Sequence[SkippedVolume]
) -> WindowsAtRest:
    software, computer, problems = Software(), Computer(), list[tuple[str, str]]()
    if place.config is not None:
        with volume.tree.opened():
            software = _read(place.config, "SOFTWARE", read_software, software, problems)
            computer = _read(place.config, "SYSTEM", read_computer, computer, [])
    root = software.system_root
    drive = volume.tree.drive or (root[:2].upper() if root[1:3] == ":\\" else "C:")
    trees = [replace(volume.tree, drive=drive)]
    for other in others:
        # A shadow copy does not say of which volume it is one: of the system's, until it does.
        same = other.tree.view and not other.tree.drive
        trees.append(replace(other.tree, drive=drive) if same else _named(other))
    listed = replace(software.listed, data_base=computer.data_base)
    files = windows_files(trees, f"{drive}\\{place.name}", listed, missing)
    files = replace(files, problems=[*files.problems, *problems])
    return WindowsAtRest(files, software, computer)


def _read(
    config: Entry,
    name: str,
    read: Callable[[BinaryIO], _T],
    otherwise: _T,
    problems: list[tuple[str, str]],
) -> _T:
    try:
        hive = child(config, name)
        if hive is None:
            return otherwise
        file, _ = hive.open()
        with file:
            return read(file)
    except FormatError as error:
        problems.append((f"list of the profiles: {error.what}", name))
    except OSError as error:
        problems.append((f"list of the profiles: {reason_of(error)}", name))
    return otherwise


def _named(volume: Volume) -> Tree:
    return volume.tree if volume.tree.drive else replace(volume.tree, drive=volume.name)
