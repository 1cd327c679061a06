from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path

import pytest

from agent.reading.opening import (
    NotRegularError,
    is_gone,
    open_quietly,
    read_at,
    read_up_to,
    reason_of,
    status_of,
)

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX only")


@posix
def test_opening_leaves_the_time_of_last_access(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    os.utime(file, (1_000_000_000, 1_500_000_000))

    with open_quietly(str(file)) as opened:
        assert read_up_to(opened, 100) == b"content"
    assert file.stat().st_atime == 1_000_000_000


@posix
def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to(tmp_path / "fifo")

    for path in (tmp_path / "fifo", tmp_path / "link", tmp_path, Path("/dev/null")):
        with pytest.raises(NotRegularError):
            open_quietly(str(path))


@posix
def test_a_path_longer_than_the_system_takes_is_opened(tmp_path: Path) -> None:
    number = os.open(tmp_path, os.O_RDONLY)
    path = str(tmp_path)
    for _ in range(24):
        os.mkdir("d" * 200, dir_fd=number)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=number)
        os.close(number)
        number, path = inner, f"{path}/{'d' * 200}"
    file = os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=number)
    os.write(file, b"deep")
    os.close(file)
    os.close(number)

    assert status_of(f"{path}/file").st_size == 4
    with open_quietly(f"{path}/file") as opened:
        assert opened.read() == b"deep"
    with pytest.raises(FileNotFoundError):
        open_quietly(f"{path}/other")


def test_reading_stops_at_the_limit_and_at_the_end() -> None:
    class Dribble(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(3, size if size is not None and size >= 0 else 3))

    assert read_up_to(Dribble(b"0123456789"), 7) == b"0123456"
    assert read_up_to(Dribble(b"0123456789"), 100) == b"0123456789"
    assert read_at(Dribble(b"0123456789"), 8, 5) == b"89"
    assert read_at(Dribble(b"0123456789"), 80, 5) == b""


def test_reasons_are_words() -> None:
    assert reason_of(PermissionError(errno.EACCES, "")) == "access denied"
    assert reason_of(OSError(errno.EIO, "")) == "read error on the disk"
    assert reason_of(OSError(errno.EXDEV, "")).startswith(f"error {errno.EXDEV}: ")
    assert reason_of(NotRegularError(errno.EINVAL, "")) == "not a regular file"
    assert reason_of(OSError("odd")) == "odd"
    if sys.platform == "win32":
        busy = OSError(0, "", "file", 32)
    else:
        busy = OSError(errno.EACCES, "")
        vars(busy)["winerror"] = 32
    assert reason_of(busy) == "in use by another program (sharing violation)"


def test_what_vanished_is_told_from_what_was_denied() -> None:
    assert is_gone(FileNotFoundError(errno.ENOENT, ""))
    assert not is_gone(PermissionError(errno.EACCES, ""))
