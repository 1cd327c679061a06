"""Volumes that BitLocker keeps locked: never complete, and unavailable where there is nothing else."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

from agent.matching.own_traces import Own
from agent.model.report import Coverage, State
from agent.ntfs import ByteSource, FileSource
from agent.reading.opening import reason_of
from agent.sources.files.source import FilesSource
from agent.sources.past_files.change_journal import UsnJournalSource
from agent.targets import LOCKED, RawNtfs, Root, SkippedVolume, Target
from agent.targets.offline.image import ImageTarget
from agent.windows import dlls
from tests.evidence.hosts import Volumes
from tests.evidence.images import file_name, image, record, resident, standard
from tests.evidence.journals import change, with_journal
from tests.evidence.sweeping import swept

BOOT = b"\xeb\x58\x90-FVE-FS-" + bytes(499) + b"\x55\xaa"
FILES = {
    11: record(standard(), file_name("$Extend"), sequence=11, flags=3),
    30: record(standard(), file_name("notes.txt"), resident(0x80, b"x")),
}
SOURCES = [FilesSource, UsnJournalSource]


def coverage(source: type[Any], target: Target) -> Coverage:
    sweep = swept(target, source())
    assert sweep.seen == []
    return sweep.coverage


def reasons(found: Coverage) -> dict[str, list[str]]:
    return {reason.reason: reason.samples for reason in found.reasons}


def locked_image(folder: Path) -> str:
    path = folder / "locked.img"
    path.write_bytes(BOOT + bytes(1 << 20))
    return str(path)


def open_image(folder: Path) -> str:
    path = folder / "open.img"
    path.write_bytes(image(FILES))
    return str(path)


def test_windows_number_of_it_is_told_in_words() -> None:
    """As Python on Windows tells it, signed."""
    error = dlls.failure("D:\\", dlls.FVE_E_LOCKED_VOLUME)
    assert dlls.code_of(error) == -2144272384
    assert reason_of(error) == LOCKED


@pytest.mark.parametrize("source", SOURCES)
def test_a_locked_image_is_unavailable(tmp_path: Path, source: type[Any]) -> None:
    path = locked_image(tmp_path)
    found = coverage(source, ImageTarget(path, own=Own()))
    assert found.state is State.UNAVAILABLE
    assert reasons(found) == {LOCKED: [path]}


@pytest.mark.parametrize("source", SOURCES)
def test_beside_another_one_it_is_a_gap(tmp_path: Path, source: type[Any]) -> None:
    locked, other = locked_image(tmp_path), open_image(tmp_path)
    if source is UsnJournalSource:
        Path(other).write_bytes(with_journal(change("x", folder=(43, 5)).ljust(4096, b"\0")))
    for paths in ([locked, other], [other, locked]):
        found = coverage(source, ImageTarget(*paths, own=Own()))
        assert found.state is State.PARTIAL
        assert found.unread == 1
        assert reasons(found) == {LOCKED: [locked]}


@pytest.mark.parametrize("source", SOURCES)
def test_a_locked_volume_that_is_not_opened_is_told_the_same_way(source: type[Any]) -> None:
    volume = SkippedVolume("D:\\", LOCKED, gap=True)
    found = coverage(source, Volumes(skipped=[volume]))
    assert found.state is State.UNAVAILABLE
    assert reasons(found) == {LOCKED: ["D:\\"]}


@pytest.mark.parametrize("raw", [True, False], ids=["elevated", "not elevated"])
def test_a_volume_whose_root_says_it_is_locked_is_unavailable(
    monkeypatch: pytest.MonkeyPatch, raw: bool
) -> None:
    def refuse(path: Any, *_: Any, **__: Any) -> os.stat_result:
        raise dlls.failure(str(path), dlls.FVE_E_LOCKED_VOLUME)

    monkeypatch.setattr(os, "lstat", refuse)
    ntfs = RawNtfs(lambda: FileSource(io.BytesIO(BOOT)), "D:") if raw else None
    found = coverage(FilesSource, Volumes(Root("D:\\", raw=ntfs)))
    assert found.state is State.UNAVAILABLE
    assert reasons(found) == {LOCKED: ["D:\\"]}


def test_a_raw_volume_that_only_says_it_is_locked_is_walked(tmp_path: Path) -> None:
    """Whatever the disk begins with: what is mounted can be seen."""
    (tmp_path / "notes.txt").write_bytes(b"x")
    ntfs = RawNtfs(lambda: FileSource(io.BytesIO(BOOT)), "D:")
    found = coverage(FilesSource, Volumes(Root(str(tmp_path), raw=ntfs)))
    assert found.state is State.COMPLETE
    assert {note.reason for note in found.notes} >= {f"NTFS: {LOCKED}"}


def test_a_volume_that_says_so_when_it_is_opened_raw_is_unavailable_to_the_journal() -> None:
    def refused() -> ByteSource:
        raise dlls.failure("D:\\", dlls.FVE_E_LOCKED_VOLUME)

    found = coverage(UsnJournalSource, Volumes(Root("D:\\", raw=RawNtfs(refused, "D:"))))
    assert found.state is State.UNAVAILABLE
    assert reasons(found) == {LOCKED: ["D:\\"]}
