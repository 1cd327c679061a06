r"""A $MFT that was copied without its volume tells what was there: names that the collection does
not hold, deleted ones, small contents; and what nobody looked at is a gap."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.matching.own_traces import Own
from agent.model.report import State
from agent.ntfs import CopiedVolume, NtfsError, Unread
from agent.sources.files.copied_records import NOT_HELD, OF_A_VIEW
from agent.targets.offline.folder import FolderTarget
from tests.evidence.collected import as_folder, laid_out
from tests.evidence.images import (
    file_name,
    folders,
    image,
    non_resident,
    opened,
    record,
    resident,
    run,
    standard,
)
from tests.evidence.infected import LONG_BEFORE, infected, journal, mft, times
from tests.evidence.sweeping import commanded, swept
from tests.evidence.windows_folder import CONFIG, as_image

WHEN = LONG_BEFORE.timestamp()
SIZE = 294_400
"""Of the campaign's DLL."""
FOLDERS = folders("Users", "jo", "AppData", "Local")
JO = (43, 5)
CONTENT = non_resident(0x80, SIZE, run(72, 100), last=71)


def table(records: dict[int, bytes]) -> bytes:
    return opened(image({**FOLDERS, **records})).open_stream(0).read()


def collection(place: Path, content: bytes, **files: bytes) -> FolderTarget:
    r"""``files``: in ``C:\Users\jo\AppData\Local``."""
    held = {rf"C:\Users\jo\AppData\Local\{name}": data for name, data in files.items()}
    members = {r"C:\Windows\System32\config\x": b"x", r"C:\$MFT": content, **held}
    return FolderTarget(str(as_folder(place, laid_out("kape", members), WHEN)), own=Own())


def named(name: str, *content: bytes, flags: int = 1, sequence: int = 3) -> bytes:
    return record(standard(), file_name(name, *JO), *content, flags=flags, sequence=sequence)


def test_a_file_that_was_not_copied_is_found_by_its_name(tmp_path: Path) -> None:
    sweep = swept(collection(tmp_path, table({30: named("cyzfc.dat", CONTENT)})))
    (seen,) = sweep.seen
    assert seen.place.text == r"C:\Users\jo\AppData\Local\cyzfc.dat"
    assert seen.file is not None
    assert (seen.file.size, seen.file.inode) == (SIZE, "30-3")
    assert seen.file.created is not None
    assert seen.remarks[0] == "by its record in a copied $MFT"
    assert sweep.reasons == {NOT_HELD: 1}
    assert sweep.notes["a copy of its $MFT was read"] == 1


def test_a_deleted_one_is_found_and_leaves_no_gap(tmp_path: Path) -> None:
    sweep = swept(collection(tmp_path, table({30: named("cyzfc.dat", CONTENT, flags=0)})))
    (seen,) = sweep.seen
    assert (seen.place.view, seen.seen) == ("deleted", "deleted file")
    assert sweep.reasons == {}


def test_one_of_a_wanted_size_that_the_collection_holds_is_looked_at_there(tmp_path: Path) -> None:
    content = table({30: named("other.bin", CONTENT), 31: named("third.bin", CONTENT)})
    sweep = swept(collection(tmp_path, content, **{"OTHER.bin": bytes(SIZE)}))
    assert sweep.reasons == {NOT_HELD: 1}
    assert sweep.coverage.reasons[0].samples == [r"C:\Users\jo\AppData\Local\third.bin"]


def test_what_a_record_keeps_itself_is_read(tmp_path: Path) -> None:
    zone = b"[ZoneTransfer]\r\nZoneId=3\r\nHostUrl=https://www.jmj.com/personal/nauerthn_state_gov/TUJE7QJl\r\n"
    content = table({30: named("a.zip", CONTENT, resident(0x80, zone, "Zone.Identifier"))})
    sweep = swept(collection(tmp_path, content))
    assert "https://www.jmj.com/personal/nauerthn_state_gov/TUJE7QJl" in {
        one.url.full for one in sweep.seen if one.url is not None
    }


def test_a_stream_in_clusters_is_known_by_its_name(tmp_path: Path) -> None:
    stream = non_resident(0x80, SIZE, run(72, 100), last=71, name="cyzfc.dat")
    sweep = swept(collection(tmp_path, table({30: named("a.txt", stream)})))
    assert [one.file.stream for one in sweep.seen if one.file is not None] == ["cyzfc.dat"]
    assert "not copied with the $MFT" not in sweep.reasons


def test_an_attribute_list_in_clusters_is_told_by_the_records_it_named(tmp_path: Path) -> None:
    of_list = non_resident(0x20, 96, run(1, 90))
    content = table(
        {
            30: record(standard(), of_list, sequence=3),
            31: record(file_name("cyzfc.dat", *JO), base=30 | 3 << 48),
            32: record(CONTENT, base=30 | 3 << 48, sequence=9),
        }
    )
    sweep = swept(collection(tmp_path, content))
    (seen,) = sweep.seen
    assert seen.file is not None
    assert (seen.file.size, seen.file.inode) == (SIZE, "30-3")
    assert sweep.reasons == {NOT_HELD: 1}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no table of files" * 99, "$MFT: not a $MFT"),
        (record(standard())[:0x1C] + b"\3\0\0\0" + bytes(992), "$MFT: impossible size of a record"),
    ],
)
def test_what_is_none_is_a_gap(content: bytes, why: str, tmp_path: Path) -> None:
    sweep = swept(collection(tmp_path, content))
    assert sweep.reasons == {why: 1}
    assert sweep.coverage.state is State.PARTIAL


def test_one_that_is_cut_is_a_gap_with_its_place(tmp_path: Path) -> None:
    whole = table({30: named("cyzfc.dat", CONTENT)})
    sweep = swept(collection(tmp_path, whole[: 50 * 1024 + 77]))
    assert sweep.reasons == {"$MFT: ends within a record": 1, NOT_HELD: 1}
    assert "byte 51,200" in sweep.coverage.reasons[-1].samples + sweep.coverage.reasons[0].samples


def test_one_of_a_shadow_copy_is_a_gap(tmp_path: Path) -> None:
    way = "uploads/ntfs/%5C%5C.%5CHarddiskVolumeShadowCopy1/%24MFT"
    live = "uploads/auto/C%3A/Windows/System32/config/x"
    as_folder(tmp_path, {way: table({}), live: b"x"}, WHEN)
    assert OF_A_VIEW in swept(FolderTarget(str(tmp_path), own=Own())).reasons


def test_without_a_table_a_volume_knows_no_file() -> None:
    volume = CopiedVolume(None, account=Unread())
    assert list(volume.mft()) == []
    with pytest.raises(NtfsError, match="no such record"):
        volume.record(5)


def findings(place: Path, path: Path, *options: str) -> dict[str, str]:
    report = commanded(place, "offline", str(path), "--quiet", *options)[1]
    return {one.id: one.title for one in report.findings}


def test_a_collection_with_table_and_journal_has_the_findings_of_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    files = {**infected(), **journal()}
    of_image = findings(tmp_path / "1", Path(as_image(tmp_path / "image", files, times=times())))
    everything = laid_out("kape", {**files, **mft()})
    copied = findings(tmp_path / "2", as_folder(tmp_path / "whole", everything, WHEN))
    assert copied.keys() == of_image.keys()

    hives = {path: data for path, data in files.items() if path.startswith(CONFIG)}
    alone = as_folder(tmp_path / "alone", laid_out("kape", {**hives, **journal(), **mft()}), WHEN)
    only = ("--only", "files,usn_journal")
    told = findings(tmp_path / "3", alone, *only)
    of_disk = findings(tmp_path / "4", tmp_path / "image" / "disk.img", *only)
    assert {of_disk[one].rpartition(":\\")[2] for one in of_disk.keys() - told.keys()} == {
        r"Users\jo\Downloads\ds7002.zip → ds7002.lnk"
    }
    assert told.keys() <= of_disk.keys()
