"""WIM files, by wimlib-imagex."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from .images import make, require_tools
from .windows_folder import as_folder

Files = Mapping[str, bytes]
"""Contents by path on ``C:``."""
METHODS = {
    "none": ("--compress=none",),
    "XPRESS": ("--compress=XPRESS",),
    "XPRESS in large chunks": ("--compress=XPRESS", "--chunk-size=65536"),
    "LZX": ("--compress=LZX",),
}


def imagex(*arguments: object) -> None:
    """Skips the test where it is not installed."""
    if shutil.which("wimlib-imagex") is None:
        pytest.skip("needs wimlib-imagex (Debian package wimtools)")
    command = ["wimlib-imagex", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)


def wim(path: Path, *images: Files, options: tuple[str, ...] = METHODS["LZX"]) -> Path:
    """One with these images."""
    for number, files in enumerate(images):
        source = as_folder(path.parent / f"{path.name}.files", files)
        if number:
            imagex("append", source, path, f"image {number + 1}")
        else:
            imagex("capture", source, path, "image 1", *options)
        shutil.rmtree(source)
    return path


def of_ntfs(path: Path, name: str, content: bytes, stream: str, told: bytes) -> Path:
    """One of an NTFS volume with a file that has an alternate stream."""
    require_tools("ntfscp", "wimlib-imagex")
    volume = make(path.parent / "volume.img", 8)
    given = path.parent / "given"
    for data, options in ((content, ()), (told, ("-N", stream))):
        given.write_bytes(data)
        command = ["ntfscp", "-q", "-f", *options, str(volume), str(given), name]
        subprocess.run(command, check=True, capture_output=True)
    imagex("capture", volume, path, "image 1")
    return path
