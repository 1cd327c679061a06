"""Names that were taken out of folders."""

from __future__ import annotations

from pathlib import Path

from agent.matching.own_traces import Own
from agent.model.observation import Claim
from agent.model.report import State, Strength, Verdict
from agent.sources.files.source import FilesSource
from agent.sources.past_files.index_slack import IndexSlackSource
from agent.targets.offline.folder import FolderTarget
from tests.evidence import images
from tests.evidence.hosts import disk
from tests.evidence.images import (
    CLUSTER,
    file_name,
    image,
    index_block,
    index_entries,
    non_resident,
    record,
    resident,
    run,
    standard,
)
from tests.evidence.journals import FOLDERS
from tests.evidence.ntfs_logs import entry
from tests.evidence.sweeping import Swept, reported, swept

PLACE = "disk.img:\\Users\\jo\\AppData\\Local\\cyzfc.dat"
LOCAL = 43


def with_slack(*entries: bytes, more: dict[int, bytes] | None = None) -> bytes:
    """An image of ``FOLDERS``; behind the end of the last one's index are these entries."""
    blocks = non_resident(0xA0, CLUSTER, run(1, 100), name="$I30")
    own = record(standard(), file_name("Local", 42, 5), blocks, sequence=5, flags=3)
    data = index_block(index_entries([], LOCAL) + b"".join(entries))
    # The end of what counts lies before them.
    data = data[:0x1C] + (0x40 - 0x18 + 16).to_bytes(4, "little") + data[0x20:]
    return image({**FOLDERS, LOCAL: own, **(more or {})}, contents={100: data})


def of_image(folder: Path, data: bytes) -> Swept:
    return swept(disk(folder, data), IndexSlackSource())


def test_a_name_that_was_taken_out_is_told_as_deleted(tmp_path: Path) -> None:
    sweep = of_image(tmp_path, with_slack(entry("other.txt", 51), entry("cyzfc.dat")))
    (found,) = sweep.seen
    assert (found.place.text, found.claim, found.place.view) == (PLACE, Claim.WAS_THERE, "deleted")
    assert found.place.path == "disk.img:\\Users\\jo\\AppData\\Local"
    assert found.place.record.startswith("record 43, free part of a folder's index, byte 4")
    assert found.remarks == (
        "entry in the free part of a folder's index; the file's record does not have this name",
    )
    assert found.file is not None
    assert (found.file.inode, found.file.size) == ("50-1", 0)
    assert found.file.created is not None
    match = next(m for m in sweep.matches(PLACE) if m.reason == "deleted index entry path")
    assert match.strength is Strength.STRONG
    assert sweep.coverage.state is State.COMPLETE
    assert sweep.coverage.examined == 1 + 5  # A block, and the records of all folders.


def test_a_name_that_only_moved_in_its_index_is_left_to_the_files(tmp_path: Path) -> None:
    there = record(standard(), file_name("cyzfc.dat", LOCAL, 5), resident(0x80, b"x"))
    assert of_image(tmp_path, with_slack(entry("cyzfc.dat"), more={50: there})).seen == []
    moved = record(standard(), file_name("cyzfc.dat", 42, 5), resident(0x80, b"x"))
    (found,) = of_image(tmp_path, with_slack(entry("cyzfc.dat"), more={50: moved})).seen
    assert found.place.text == PLACE
    again = record(standard(), file_name("cyzfc.dat", LOCAL, 5), resident(0x80, b"x"), sequence=2)
    assert len(of_image(tmp_path, with_slack(entry("cyzfc.dat"), more={50: again})).seen) == 1


def test_entries_of_one_file_are_told_once(tmp_path: Path) -> None:
    sweep = of_image(tmp_path, with_slack(entry("cyzfc.dat"), entry("cyzfc.dat")))
    assert len(sweep.seen) == 1
    two = with_slack(entry("cyzfc.dat"), entry("cyzfc.dat", sequence=2))
    assert len(of_image(tmp_path, two).seen) == 2


def test_what_is_left_of_an_entry_is_a_mention_in_its_folder(tmp_path: Path) -> None:
    sweep = of_image(tmp_path, with_slack(entry("cyzfc.dat")[0x40:]))
    (found,) = sweep.seen
    assert found.mention
    assert found.place.path == "disk.img:\\Users\\jo\\AppData\\Local"
    assert {match.strength for match in sweep.matches()} == {Strength.WEAK}


def test_a_report_takes_it_for_a_file_that_was_there(tmp_path: Path) -> None:
    target = disk(tmp_path, with_slack(entry("cyzfc.dat")))
    report = reported(target, FilesSource(), IndexSlackSource())
    (finding,) = report.findings
    assert finding.file is not None
    assert finding.file.path == PLACE
    assert report.verdict is Verdict.HIT


def test_a_folder_of_this_machine_has_none(tmp_path: Path) -> None:
    target = FolderTarget(str(tmp_path), own=Own())
    assert not IndexSlackSource().required(target)
    sweep = swept(target, IndexSlackSource())
    assert (sweep.seen, sweep.coverage.state) == ([], State.COMPLETE)


def test_a_file_that_ntfs_3g_deleted_is_found_though_its_record_was_used_again(
    tmp_path: Path,
) -> None:
    images.require_tools()
    path = images.make(tmp_path / "disk.img", 16)
    with images.mounted(path) as top:
        (top / "Temp").mkdir()
        for name in ("a.txt", "b.txt", "cyzfc.dat", *(f"more-{n}" for n in range(20))):
            (top / "Temp" / name).write_bytes(b"x" * 500)
        number = (top / "Temp" / "cyzfc.dat").stat().st_ino
    with images.mounted(path) as top:
        for file in sorted((top / "Temp").iterdir())[::-1]:
            file.unlink()
        for again in range(64):
            (top / f"again-{again}").write_bytes(b"y")
    sweep = of_image(tmp_path, path.read_bytes())
    (found,) = sweep.seen
    assert found.place.text == "disk.img:\\Temp\\cyzfc.dat"
    assert found.file is not None
    assert (found.file.inode.partition("-")[0], found.file.size) == (str(number), 500)
    files = swept(disk(tmp_path, path.read_bytes()))
    assert [seen for seen in files.seen if not seen.mention] == []
