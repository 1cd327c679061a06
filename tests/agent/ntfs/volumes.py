"""NTFS volumes for the tests: made by mkntfs, filled through ntfs-3g."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.ntfs import FileSource, Unread, Volume
from agent.spelling import fold, original_of_copy

_TOOLS = ("mkntfs", "ntfs-3g", "umount")


def require_tools(*more: str) -> None:
    """Skip, saying why, where a volume cannot be made or looked at."""
    missing = [tool for tool in (*_TOOLS, *more) if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    if not hasattr(os, "geteuid") or os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
        pytest.skip("needs root and FUSE to mount with ntfs-3g")


def make(image: Path, megabytes: int, *options: str) -> Path:
    """An empty volume."""
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run(["mkntfs", "-qFQ", *options, str(image)], check=True, capture_output=True)
    return image


@contextmanager
def mounted(image: Path, *options: str) -> Iterator[Path]:
    """The volume's root, writable; skips where mounting is not allowed."""
    place = image.parent / f"{image.name}.mounted"
    place.mkdir(exist_ok=True)
    shown = ",".join(("streams_interface=windows", "compression", "noatime", *options))
    done = subprocess.run(
        ["ntfs-3g", "-o", shown, str(image), str(place)], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip(f"ntfs-3g does not mount here: {done.stderr.decode()[:200]}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def volume(image: Path, account: Unread | None = None) -> Volume:
    """The volume, read by us; an unbuffered file."""
    return Volume(FileSource(image.open("rb", buffering=0)), account)


def wants(*names: str):
    """Which of some names are wanted: these, in any case, and copies of them."""
    folded = {fold(name) for name in names}

    def of(seen):
        return [
            name for name in seen if original_of_copy(fold(name)) in folded or fold(name) in folded
        ]

    return of


def fls(image: Path, *options: str) -> list[str]:
    done = subprocess.run(
        ["fls", "-f", "ntfs", *options, str(image)], capture_output=True, check=True
    )
    return done.stdout.decode("utf-8", "replace").splitlines()


def icat(image: Path, address: str) -> bytes:
    return subprocess.run(
        ["icat", "-f", "ntfs", str(image), address], capture_output=True, check=True
    ).stdout
