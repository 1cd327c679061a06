"""Paths that lead to another file than the record that they were made from."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import pytest

from agent.model.report import State
from agent.ntfs import FileSource
from agent.reading.opening import open_quietly
from agent.targets.raw_fallback import ELSEWHERE
from tests.evidence.hosts import Mounted
from tests.evidence.images import make, mounted, require_tools
from tests.evidence.packs import matcher_of, sha256_of
from tests.evidence.sweeping import swept_mounted

HARMLESS, WANTED = b"harmless" * 1000, b"evil one" * 1000


class ThoseOfWindows(Mounted):
    """Of names that differ in case alone, every path leads to the first, as Windows has it."""

    def open_file(self, path: str) -> BinaryIO:
        inside = path.removeprefix("\\\\?\\").removeprefix("D:\\").replace("\\", "/")
        folder = (self.root / inside).parent
        first = min(
            one for one in folder.iterdir() if one.name.lower() == Path(inside).name.lower()
        )
        return open_quietly(str(first))


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require_tools()
    path = make(tmp_path_factory.mktemp("same") / "disk.img", 16)
    with mounted(path) as root:
        (root / "REPORT.bin").write_bytes(HARMLESS)
        (root / "report.bin").write_bytes(WANTED)
    return path


def test_of_two_names_that_differ_in_case_alone_both_files_are_read(image: Path) -> None:
    with mounted(image, "ro") as root:
        host = ThoseOfWindows(root, lambda: FileSource(image.open("rb")))
        matcher = matcher_of(sha256_of(WANTED), thorough=True)
        sweep = swept_mounted(host, matcher=matcher)
        found = sweep.matches()
    assert [match.observation.place.text for match in found] == ["D:\\report.bin"]
    assert found[0].observation.remarks == (f"read from the raw volume: {ELSEWHERE}",)
    assert sweep.coverage.state is State.COMPLETE
