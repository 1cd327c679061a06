r"""A paging file of a running Windows: refused by its path, and the system tells no number of it
(CPython takes what it knows from the listing of its folder: ``st_ino`` is 0)."""

from __future__ import annotations

import io
import ntpath
import os
import stat
from collections.abc import Callable
from typing import BinaryIO

import pytest

from agent.ntfs import FileSource
from agent.targets import RawNtfs, raw_fallback
from agent.targets.raw_fallback import RawFallbackOpener
from tests.evidence.windows_folder import volume_bytes, windows

CONTENT = b"paged out" * 1000
IMAGE = volume_bytes(
    windows({"C:\\pagefile.sys": CONTENT, "C:\\deep\\er\\swapfile.sys": CONTENT[::-1]})
)


def denied(path: str) -> BinaryIO:
    raise PermissionError(13, "in use", path)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], bytes]:
    """What is read of a path, of which the system tells this size."""

    def read(path: str, size: int) -> bytes:
        told = os.stat_result((stat.S_IFREG, 0, 0, 0, 0, 0, size, 0, 0, 0))
        monkeypatch.setattr(raw_fallback, "status_of", lambda _: told)
        monkeypatch.setattr(raw_fallback, "_base", ntpath.basename)
        raw = RawNtfs(lambda: FileSource(io.BytesIO(IMAGE)), "C:")
        file, how = RawFallbackOpener(denied, raw).open(path)
        assert how == "by record"
        with file:
            return file.read()

    return read


@pytest.mark.parametrize("prefix", ["", "\\\\?\\"])
def test_it_is_found_by_its_folder_and_read(
    prefix: str, opened: Callable[[str, int], bytes]
) -> None:
    assert opened(f"{prefix}C:\\pagefile.sys", len(CONTENT)) == CONTENT
    assert opened(f"{prefix}C:\\deep\\er\\swapfile.sys", len(CONTENT)) == CONTENT[::-1]


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("C:\\pagefile.sys", len(CONTENT) + 1),
        ("C:\\swapfile.sys", len(CONTENT)),
        ("C:\\mount\\pagefile.sys", len(CONTENT)),
        ("C:\\deep", 0),
    ],
    ids=["another size", "not there", "another volume", "a folder"],
)
def test_what_may_be_another_file_stays_refused(
    path: str, size: int, opened: Callable[[str, int], bytes]
) -> None:
    with pytest.raises(PermissionError, match="in use"):
        opened(path, size)
