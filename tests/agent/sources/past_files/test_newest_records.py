"""The change journal of a volume in use: what the disk does not hold yet is told by the system."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent.matching.own_traces import Own
from agent.model.report import State
from agent.ntfs import FileSource
from agent.sources.past_files.change_journal import NONE, UsnJournalSource
from agent.targets import RawNtfs, Root, SkippedVolume
from agent.targets.live.host import LiveHost
from tests.evidence.hosts import FakeSystem
from tests.evidence.images import file_name, image, record, standard
from tests.evidence.journals import FOLDERS, NOON, MadeJournal, change, with_journal
from tests.evidence.sweeping import Swept, swept

LOCAL = (43, 5)
PLACE = "C:\\Users\\jo\\AppData\\Local\\cyzfc.dat"
WRITTEN = change("other.txt", minutes=-60) + change("cyzfc.dat", minutes=-50, folder=LOCAL)
ON_DISK = with_journal(WRITTEN.ljust(4096, b"\0"))
NO_JOURNAL = image({**FOLDERS, 11: record(standard(), file_name("$Extend"), flags=3)})


class Host(LiveHost):
    def __init__(self, data: bytes, journal: MadeJournal) -> None:
        super().__init__(Own.of(), system=FakeSystem(), now=lambda: NOON)
        self.data, self.journal = data, journal

    def roots(self) -> tuple[Sequence[Root], Sequence[SkippedVolume]]:
        raw = RawNtfs(lambda: FileSource(io.BytesIO(self.data)), "C:", lambda: self.journal)
        return [Root("C:\\", raw=raw)], []


def of_host(data: bytes, journal: MadeJournal) -> Swept:
    host, source = Host(data, journal), UsnJournalSource()
    assert not source.required(host)
    sweep = swept(host, source)
    assert not journal.is_open
    return sweep


def test_a_file_that_went_a_moment_ago_is_told() -> None:
    newest = [
        change("other.txt", minutes=-60),
        change("cyzfc.dat", minutes=-50, folder=LOCAL),
        change("cyzfc.dat", 0x80000200, minutes=-1, folder=LOCAL),
    ]
    sweep = of_host(ON_DISK, MadeJournal(newest))
    (found,) = sweep.at(PLACE)
    assert [moment.time for moment in found.moments] == [
        NOON.replace(hour=11, minute=10),
        NOON.replace(hour=11, minute=59),
    ]
    assert "deleted 2018-11-14 11:59:00 UTC" in sweep.seen[0].remarks
    assert sweep.coverage.examined == 3
    assert sweep.coverage.reach is not None
    assert sweep.coverage.reach.newest == NOON.replace(hour=11, minute=59)
    assert sweep.coverage.state is State.COMPLETE


@pytest.mark.parametrize(
    ("told", "place"),
    [
        ("\\Users\\jo\\new", "C:\\Users\\jo\\new\\cyzfc.dat"),
        ("\\", "C:\\cyzfc.dat"),
        (87, "C:?\\cyzfc.dat"),
    ],
)
def test_a_folder_that_is_not_on_the_disk_yet_is_asked_of_the_system(
    told: str | int, place: str
) -> None:
    newest = [change("cyzfc.dat", minutes=-1, folder=(60, 3))]
    journal = MadeJournal(newest, {60: told})
    sweep = of_host(NO_JOURNAL, journal)
    assert {found.place.text for found in sweep.seen} == {place}


def test_a_journal_that_is_not_on_the_disk_yet_is_told_all_the_same() -> None:
    sweep = of_host(NO_JOURNAL, MadeJournal([change("cyzfc.dat", folder=LOCAL)]))
    assert sweep.at(PLACE)
    assert sweep.notes[NONE] == 1


def test_a_volume_without_a_journal_stays_complete() -> None:
    sweep = of_host(NO_JOURNAL, MadeJournal([], refused={"state": 1179}))
    assert sweep.notes == {NONE: 1, "newest records: its change journal is not active": 1}
    assert sweep.coverage.state is State.COMPLETE


def test_newest_records_that_nobody_tells_are_a_gap() -> None:
    sweep = of_host(ON_DISK, MadeJournal([], refused={"state": 5}))
    assert sweep.reasons == {"newest records: its change journal cannot be read: access denied": 1}
    assert sweep.coverage.state is State.PARTIAL
    assert sweep.at(PLACE)


def test_a_hole_between_the_disk_and_what_is_told_is_a_gap() -> None:
    sweep = of_host(ON_DISK, MadeJournal([change("x", minutes=-5)]))
    assert sweep.reasons == {"newest records: not told back to those on the disk": 1}


@pytest.mark.parametrize("name", ["cyzfc.dat", "other.txt"])
def test_what_is_wanted_alone_is_kept(tmp_path: Path, name: str) -> None:
    journal = MadeJournal([change("x", minutes=-60), change(name, folder=LOCAL)])
    sweep = of_host(NO_JOURNAL, journal)
    assert bool(sweep.seen) == (name == "cyzfc.dat")
