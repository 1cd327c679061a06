"""A sweep that is stopped early has told what it saw by name until then."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import pytest

from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.model.observation import Observation
from agent.ntfs import FileSource
from agent.reading.opening import open_quietly
from agent.sources.files import by_records as ntfs_files
from agent.sources.files import cross_view as two_views
from agent.sources.files.cross_view import CrossView
from agent.sources.files.source import FilesSource
from agent.targets import RawNtfs, Root, Target
from agent.targets.offline.folder import FolderTarget
from tests.evidence.files import archive, campaign_link, shell_link
from tests.evidence.hosts import disk
from tests.evidence.images import file_name, image, non_resident, record, run, standard
from tests.evidence.packs import campaign
from tests.evidence.sweeping import swept

EFS = 0x4000


class Stopped(Exception):
    pass


def stopping_after(count: int) -> Callable[[str], None]:
    told: list[str] = []

    def progress(place: str) -> None:
        told.append(place)
        if len(told) > count:
            raise Stopped

    return progress


def seen_before_the_end(target: Target, count: int) -> set[str]:
    source = FilesSource(progress=stopping_after(count))
    seen: list[Observation] = []
    with pytest.raises(Stopped):
        seen.extend(source.observe(target, campaign(), Ledger("files", required=True)))
    return {one.place.text.replace("\\", "/").rpartition("/")[2] for one in seen}


def test_a_wanted_name_that_lies_far_back_on_the_disk(tmp_path: Path) -> None:
    places = {30 + number: (f"{number}.lnk", 100 + number) for number in range(10)}
    places[45] = ("cyzfc.dat", 150)
    records = {
        number: record(standard(), file_name(name), non_resident(0x80, 500, run(1, cluster)))
        for number, (name, cluster) in places.items()
    }
    assert "cyzfc.dat" in seen_before_the_end(disk(tmp_path, image(records)), 5)


def test_a_wanted_name_in_a_walk(tmp_path: Path) -> None:
    (tmp_path / "cyzfc.dat").write_bytes(b"x" * 500)
    for number in range(10):
        (tmp_path / f"{number}.lnk").write_bytes(b"x" * 500)
    assert "cyzfc.dat" in seen_before_the_end(FolderTarget(str(tmp_path), own=Own()), 5)


@dataclass
class StoppedWhileReading:
    """The first file is open until the sweep is stopped, so that nothing is told before."""

    count: int
    told: list[str] = field(default_factory=list)
    is_stopped: threading.Event = field(default_factory=threading.Event)

    def progress(self, place: str) -> None:
        self.told.append(place)
        if len(self.told) > self.count:
            self.is_stopped.set()
            raise Stopped

    def open_file(self, path: str) -> BinaryIO:
        if path.endswith("first.lnk"):
            assert self.is_stopped.wait(60)
        return open_quietly(path)

    def observe(self, folder: Path) -> tuple[FilesSource, list[Observation], Ledger]:
        source = FilesSource(progress=self.progress, open_file=self.open_file)
        ledger, seen = Ledger("files", required=True), list[Observation]()
        with pytest.raises(Stopped):
            seen.extend(source.observe(FolderTarget(str(folder), own=Own()), campaign(), ledger))
        return source, seen, ledger


def test_what_was_read_and_not_told_is_owed(tmp_path: Path) -> None:
    (tmp_path / "first.lnk").write_bytes(campaign_link())
    (tmp_path / "sub").mkdir()
    for number in range(16):
        (tmp_path / f"sub/{number}.lnk").write_bytes(shell_link())

    source, seen, _ = StoppedWhileReading(18).observe(tmp_path)

    assert seen == []
    owed = {one.place.text.rpartition("/")[2] for one in source.pending()}
    assert "first.lnk" in owed
    assert len(owed - {"first.lnk"}) == 15
    assert list(source.pending()) == []


def test_an_archive_that_was_not_opened_before_the_end_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "first.lnk").write_bytes(campaign_link())
    (tmp_path / "sub").mkdir()
    for number in range(16):
        (tmp_path / f"sub/{number}.zip").write_bytes(archive({"cyzfc.dat": b"x"}))

    source, _, ledger = StoppedWhileReading(18).observe(tmp_path)

    assert [one.place.text.rpartition("/")[2] for one in source.pending() if not one.mention] == [
        "first.lnk"
    ]
    (reason,) = ledger.close().reasons
    assert (reason.reason, reason.count) == ("archive not opened: the reading was ended early", 15)


def test_the_listing_of_records_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_views, "_STEP", 4)
    names = {30 + n: record(standard(), file_name(f"{n}.txt")) for n in range(20)}
    data = image(names)
    ledger = Ledger("files", required=True)
    raw = RawNtfs(lambda: FileSource(io.BytesIO(data)), "D:")
    views = CrossView(Root("D:\\", raw=raw), raw, ledger, stopping_after(2))
    with pytest.raises(Stopped):
        views.list_records()


def test_files_with_very_many_runs_do_not_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits to be looked at in the order of the disk is bounded by its runs, too, where they
    are held for it: of what is encrypted, no first look tells the place."""
    monkeypatch.setattr(ntfs_files, "_RUNS_IN_ORDER", 8)
    runs = b"".join(run(1, 3) for _ in range(4))
    records = {
        30 + n: record(
            standard(), file_name(f"{n}.lnk"), non_resident(0x80, 500, run(1, 200 - n), flags=EFS)
        )
        for n in range(20)
    } | {
        60: record(
            standard(), file_name("20.lnk"), non_resident(0x80, 500, runs, last=3, flags=EFS)
        ),
    }
    order: list[str] = []
    swept(disk(tmp_path, image(records)), FilesSource(progress=order.append))
    looked_at = [int(place.rpartition("\\")[2][:-4]) for place in order if "lnk" in place]
    assert looked_at == [7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8, 20, 19, 18, 17, 16]
