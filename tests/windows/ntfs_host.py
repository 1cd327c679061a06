"""A Windows host of Wine's whose drive C:, Windows and all, is an NTFS volume that is read raw too.

ntfs-3g numbers its files by their records, and Wine hands the numbers on: so a file that is refused
by its path can be told by its record, as on a real Windows. Wine's own programs are links to where
they lie (they would take 600 MB), which NTFS keeps as small files of their names.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from tests.evidence.images import laid_down, make, mounted
from tests.windows.host import Host

MEGABYTES = 64
_COPIED = 64 << 10
"""Bytes; larger files of Wine's own are links."""
_RIGHTS = "permissions"
"""Without it everything is everybody's, and the agent keeps nothing in such a folder."""
_LEFT_OUT = {"users", "ProgramData"}
"""Of other tests, in the top folder."""
_HOLD = """
import ctypes, sys, time
kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
kernel32.CreateFileW.restype = ctypes.c_void_p
READ_AND_WRITE, SHARED_WITH_NOBODY, EXISTING = 0xC0000000, 0, 3
handle = kernel32.CreateFileW(
    sys.argv[1], READ_AND_WRITE, SHARED_WITH_NOBODY, None, EXISTING, 0, None
)
print("held" if handle != ctypes.c_void_p(-1).value else ctypes.get_last_error(), flush=True)
time.sleep(600)
"""
_OPEN = """
import ctypes, sys
kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
kernel32.CreateFileW.restype = ctypes.c_void_p
READ, SHARED_WITH_ALL, EXISTING = 0x80000000, 7, 3
handle = kernel32.CreateFileW(sys.argv[1], READ, SHARED_WITH_ALL, None, EXISTING, 0, None)
print(0 if handle != ctypes.c_void_p(-1).value else ctypes.get_last_error())
"""


@contextmanager
def on_ntfs(
    host: Host,
    folder: Path,
    files: Mapping[str, bytes],
    times: Mapping[str, datetime] | None = None,
) -> Iterator[Host]:
    r"""A host of its own with these files, by their paths on ``C:``; all is on the disk."""
    lab = host.lab.clone_prefix(folder / "prefix")
    own = folder / "windows"
    lab.drive_c.rename(own)
    image = make(folder / "c.img", MEGABYTES)
    with mounted(image, _RIGHTS) as root:
        _lay_down(own, root)
        laid_down(root, files, times)
    with mounted(image, _RIGHTS) as root:
        lab.drive_c.symlink_to(root)
        lab.map_drive("c", root, volume=image)
        try:
            yield Host(lab, host.exe, host.one_file)
        finally:
            lab.kill_all()


def _lay_down(own: Path, root: Path) -> None:
    """Wine's Windows, without what other tests left."""
    for place, folders, names in os.walk(own):
        inner = Path(place).relative_to(own)
        if inner == Path():
            folders[:] = set(folders) - _LEFT_OUT
        (root / inner).mkdir(exist_ok=True)
        for name in names:
            path = Path(place, name)
            if path.stat().st_size > _COPIED:
                (root / inner / name).symlink_to(path)
            else:
                shutil.copyfile(path, root / inner / name)


@contextmanager
def held(host: Host, path: str) -> Iterator[None]:
    """While another Windows process has a file open to read and write, and shares it with nobody."""
    process = host.lab.popen([host.lab.python_exe, "-c", _HOLD, path])
    try:
        assert process.stdout is not None
        answer = process.stdout.readline().strip()
        assert answer == b"held", f"the test cannot hold the file: {answer!r}"
        yield
    finally:
        with process:
            process.kill()


def error_of_opening(host: Host, path: str) -> int:
    """The number of Windows' error for who asks for the least and shares all; 0: it is opened."""
    return int(host.lab.python(["-c", _OPEN, path]).stdout)
