"""The change journal of an image: what came and went."""

from __future__ import annotations

import struct
from pathlib import Path

from agent.findings.finding import evidence_of
from agent.matching.own_traces import Own
from agent.model.observation import Moment, MomentOf
from agent.model.report import State, Strength, Verdict
from agent.sources.files.source import FilesSource
from agent.sources.past_files.change_journal import NONE, UsnJournalSource
from agent.sources.past_files.lost_folders import TOLD_BY_THE_JOURNAL
from agent.targets.offline.folder import FolderTarget
from tests.evidence import journals
from tests.evidence.hosts import disk
from tests.evidence.images import file_name, image, record, resident, standard
from tests.evidence.journals import NOON, with_journal
from tests.evidence.sweeping import Swept, reported, swept


def change(name: str, reason: int, hour: int, parent: int = 43, sequence: int = 5) -> bytes:
    return journals.change(name, reason, minutes=60 * hour, folder=(parent, sequence))


def of_image(folder: Path, data: bytes) -> Swept:
    target, source = disk(folder, data), UsnJournalSource()
    assert source.required(target)
    return swept(target, source)


PLACE = "disk.img:\\Users\\jo\\AppData\\Local\\cyzfc.dat"


def test_a_file_that_came_and_went_is_told_with_its_times(tmp_path: Path) -> None:
    journal = (
        change("other.txt", 0x100, 0)
        + change("cyzfc.dat", 0x100, 1)
        + change("cyzfc.dat", 0x80000102, 1)
        + change("cyzfc.dat", 0x80000200, 5)
        + change("other.txt", 0x80000200, 9)
    )
    sweep = of_image(tmp_path, with_journal(journal.ljust(4096, b"\0")))
    assert [found.place.text for found in sweep.seen] == [PLACE]
    assert sweep.only().moments == (
        Moment(time=NOON.replace(hour=13), of=MomentOf.LOGGED),
        Moment(time=NOON.replace(hour=17), of=MomentOf.DELETED),
    )
    match = next(m for m in sweep.matches(PLACE) if m.reason == "journalled file path")
    assert match.strength is Strength.STRONG
    told = evidence_of(match).detail
    assert "change journal: data extended, created, deleted" in told
    assert "created 2018-11-14 13:00:00 UTC; deleted 2018-11-14 17:00:00 UTC" in told
    coverage = sweep.coverage
    assert coverage.state is State.COMPLETE
    assert coverage.examined == 5
    assert coverage.reach is not None
    assert coverage.reach.oldest == NOON
    assert coverage.reach.newest == NOON.replace(hour=21)


def test_a_file_that_is_still_there_is_only_mentioned(tmp_path: Path) -> None:
    journal = change("cyzfc.dat", 0x100, 1).ljust(4096, b"\0")
    file = record(standard(), file_name("cyzfc.dat", 43, 5), resident(0x80, b"x"), sequence=7)
    sweep = of_image(tmp_path, with_journal(journal, {50: file}))
    (found,) = sweep.seen
    assert found.place.text == PLACE
    assert found.mention
    assert found.remarks[-1] == "the file is still there"
    assert {match.strength for match in sweep.matcher.match(found)} == {Strength.WEAK}
    again = record(standard(), file_name("cyzfc.dat", 43, 5), resident(0x80, b"x"), sequence=8)
    (other,) = of_image(tmp_path, with_journal(journal, {50: again})).seen
    assert not other.mention


def gone(name: str, file: tuple[int, int], folder: tuple[int, int], minutes: float = 0) -> bytes:
    """A folder that was made, and is no more."""
    return journals.change(name, minutes=minutes, file=file, folder=folder, attributes=0x10)


def test_where_a_folder_lay_whose_record_was_used_again_the_journal_tells(tmp_path: Path) -> None:
    outer, inner = (60, 3), (61, 4)
    journal = (
        gone("Temp", outer, (43, 5))
        + gone("New folder", inner, outer, 1)
        + gone("Temp1_form.zip", inner, outer, 2)
        + change("cyzfc.dat", 0x100, 1, *inner)
        + change("other.dat", 0x100, 1, 62, 1)
    )
    again = {
        number: record(standard(), file_name("x.tmp", 43, 5), resident(0x80, b"x"), sequence=9)
        for number in (60, 61)
    }
    (found,) = of_image(tmp_path, with_journal(journal.ljust(4096, b"\0"), again)).seen
    folder = "disk.img:\\Users\\jo\\AppData\\Local\\Temp\\Temp1_form.zip"
    assert found.place.text == f"{folder}\\cyzfc.dat"
    assert TOLD_BY_THE_JOURNAL in found.remarks


def test_a_folder_in_itself_lies_nowhere(tmp_path: Path) -> None:
    loop = (60, 3)
    journal = gone("a", loop, loop) + change("cyzfc.dat", 0x100, 1, *loop)
    (found,) = of_image(tmp_path, with_journal(journal.ljust(4096, b"\0"))).seen
    assert found.place.text == "disk.img:?\\cyzfc.dat"


def test_a_record_of_another_use_of_that_number_tells_nothing(tmp_path: Path) -> None:
    journal = gone("Temp1_form.zip", (60, 2), (43, 5)) + change("cyzfc.dat", 0x100, 1, 60, 3)
    (found,) = of_image(tmp_path, with_journal(journal.ljust(4096, b"\0"))).seen
    assert found.place.text == "disk.img:?\\cyzfc.dat"


def test_a_folder_that_is_gone_leaves_the_name(tmp_path: Path) -> None:
    journal = change("cyzfc.dat", 0x100, 1, sequence=3).ljust(4096, b"\0")
    sweep = of_image(tmp_path, with_journal(journal))
    (found,) = sweep.seen
    assert found.place.text == "disk.img:?\\cyzfc.dat"
    assert any("used again" in remark for remark in found.remarks)
    assert {match.strength for match in sweep.matches(found.place.text)} == {Strength.WEAK}


def test_a_damaged_journal_is_a_gap_and_still_searched(tmp_path: Path) -> None:
    bad = bytearray(change("cyzfc.dat", 0x100, 1))
    bad[0:4] = struct.pack("<I", 1 << 30)
    sweep = of_image(tmp_path, with_journal(bytes(bad).ljust(4096, b"\0")))
    assert sweep.coverage.state is State.PARTIAL
    (found,) = sweep.seen
    assert found.mention
    assert sweep.matcher.match(found)


def test_a_volume_without_a_journal_says_so(tmp_path: Path) -> None:
    extend = record(standard(), file_name("$Extend"), flags=3)
    sweep = of_image(tmp_path, image({11: extend}))
    assert sweep.seen == []
    assert list(sweep.notes) == [NONE]
    assert sweep.coverage.state is State.COMPLETE


def test_a_journal_that_may_have_been_there_is_a_gap(tmp_path: Path) -> None:
    assert of_image(tmp_path, image({})).coverage.state is State.PARTIAL
    extend = record(standard(), file_name("$Extend"), flags=3)
    cut = of_image(tmp_path, image({11: extend})[: 200 << 10])
    assert cut.coverage.state is State.PARTIAL


def test_an_image_whose_mft_is_gone_is_a_gap(tmp_path: Path) -> None:
    sweep = of_image(tmp_path, with_journal(bytes(4096))[:4096])
    assert sweep.coverage.state is State.PARTIAL


def test_a_folder_has_none(tmp_path: Path) -> None:
    source = UsnJournalSource()
    assert not source.required(FolderTarget(str(tmp_path), own=Own()))
    sweep = swept(tmp_path, source)
    assert (sweep.seen, sweep.notes) == ([], {"no NTFS volume in a file": 1})
    assert sweep.coverage.state is State.COMPLETE


def test_of_a_volume_in_a_folder_it_is_searched_as_of_an_image(tmp_path: Path) -> None:
    journal = change("cyzfc.dat", 0x80000200, 5).ljust(4096, b"\0")
    (tmp_path / "C.dd").write_bytes(with_journal(journal).ljust(1 << 20, b"\0"))
    target = FolderTarget(str(tmp_path), own=Own())
    report = reported(target, FilesSource(), UsnJournalSource())
    (finding,) = (f for f in report.findings if f.strength is Strength.STRONG)
    place = f"{tmp_path}/C.dd:\\Users\\jo\\AppData\\Local\\cyzfc.dat"
    assert finding.evidence[0].place.text == place
    (coverage,) = (one for one in report.coverage if one.source == UsnJournalSource.name)
    assert coverage.required
    assert (coverage.state, coverage.examined) == (State.COMPLETE, 1)


def test_a_damaged_one_there_is_a_gap_that_names_it(tmp_path: Path) -> None:
    bad = bytearray(change("cyzfc.dat", 0x100, 1))
    bad[:4] = b"\xff" * 4
    (tmp_path / "C.dd").write_bytes(
        with_journal(bytes(bad).ljust(4096, b"\0")).ljust(1 << 20, b"\0")
    )
    report = reported(FolderTarget(str(tmp_path), own=Own()), FilesSource(), UsnJournalSource())
    (coverage,) = (one for one in report.coverage if one.source == UsnJournalSource.name)
    assert (coverage.state, coverage.required) == (State.PARTIAL, True)
    assert report.verdict is not Verdict.CLEAN
