"""What lies in a volume's shadow copies alone."""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path

from agent.matching.own_traces import Own
from agent.model.observation import Claim, Moment, MomentOf
from agent.model.report import State, Strength, Verdict
from agent.sources.files.source import FilesSource
from agent.sources.past_files.shadow_copies import FOUND, NONE, ShadowCopiesSource
from agent.targets.offline.folder import FolderTarget
from agent.targets.offline.image import ImageTarget
from tests.evidence.hosts import disk
from tests.evidence.images import (
    CLUSTER,
    file_name,
    image,
    non_resident,
    record,
    resident,
    run,
    standard,
)
from tests.evidence.journals import FOLDERS, NOON, change, extend
from tests.evidence.ntfs_logs import added, created, log, removed, with_log
from tests.evidence.packs import matcher_of, named, sha256_of
from tests.evidence.samples import qcow2
from tests.evidence.shadow_copies import when, with_copies
from tests.evidence.sweeping import Swept, reported, swept

PLACE = "disk.img:\\Users\\jo\\AppData\\Local\\cyzfc.dat"
NEWEST, OLDEST = "shadow copy of 2018-11-14 13:00:00 UTC", "shadow copy of 2018-11-14 12:00:00 UTC"
EVIL = b"MZ evil".ljust(CLUSTER, b"!")


def state(*more: tuple[int, bytes], contents: dict[int, bytes] | None = None) -> bytes:
    """Of a volume: its folders, and these records."""
    blank = record(standard(), file_name("$LogFile"), resident(0x80, b""))
    return image({**FOLDERS, 2: blank, **dict(more)}, contents=contents)[:-512]


def file(
    name: str, data: bytes = b"x", *, number: int = 50, sequence: int = 1
) -> tuple[int, bytes]:
    held = resident(0x80, data)
    return number, record(standard(), file_name(name, 43, 5), held, sequence=sequence)


def of_image(folder: Path, data: bytes, **options: object) -> Swept:
    return swept(disk(folder, data), ShadowCopiesSource(1 << 20), **options)  # type: ignore[arg-type]


def test_a_file_that_is_only_in_a_shadow_copy_is_told_with_its_date(tmp_path: Path) -> None:
    sweep = of_image(tmp_path, with_copies(state(file("cyzfc.dat")), state()))
    (found,) = sweep.at(PLACE)
    assert (found.claim, found.place.view) == (Claim.WAS_THERE, OLDEST)
    assert f"in the {OLDEST}" in found.remarks
    assert {match.strength for match in sweep.matches(PLACE)} == {Strength.STRONG, Strength.WEAK}
    assert sweep.coverage.state is State.COMPLETE
    assert sweep.notes[FOUND] == 1
    assert sweep.coverage.reach is not None
    assert sweep.coverage.reach.oldest == when(0)
    assert [part.name for part in sweep.coverage.parts] == [f"{tmp_path}/disk.img, {OLDEST}"]


def test_its_content_is_read_through_the_copy(tmp_path: Path) -> None:
    away = non_resident(0x80, len(EVIL), run(1, 100))
    then = state(
        (50, record(standard(), file_name("renamed.bin", 43, 5), away)), contents={100: EVIL}
    )
    sweep = of_image(
        tmp_path,
        with_copies(then, state(contents={100: b"other".ljust(CLUSTER, b"?")})),
        matcher=matcher_of(sha256_of(EVIL, size=len(EVIL))),
    )
    (found,) = sweep.seen
    assert found.file is not None
    assert found.file.hash is not None
    assert found.file.hash.sha256 == hashlib.sha256(EVIL).hexdigest()
    assert [match.strength for match in sweep.matches()] == [Strength.CONFIRMED]


def test_of_several_copies_the_newest_that_has_it_is_told(tmp_path: Path) -> None:
    has, has_not = state(file("cyzfc.dat")), state()
    (found,) = of_image(tmp_path, with_copies(has, has, has_not)).seen
    assert found.place.view == NEWEST
    sweep = of_image(tmp_path, with_copies(has, has_not, has_not))
    assert [found.place.view for found in sweep.seen] == [OLDEST]
    assert sweep.notes[FOUND] == 2


def test_what_is_still_there_as_it_was_is_left_to_the_files(tmp_path: Path) -> None:
    # Another record of the same block was written since, and this one's access time.
    then = state(file("cyzfc.dat"), file("other", number=51))
    read = (50, record(standard(*(10**17 + 7,) * 3, 10**17 + 9), *_named_and_held()))
    assert of_image(tmp_path, with_copies(then, state(read))).seen == []
    grown = file("cyzfc.dat", b"xyz")
    sweep = of_image(tmp_path, with_copies(then, state(grown)))
    assert [found.place.text for found in sweep.seen] == [PLACE]


def _named_and_held() -> tuple[bytes, bytes]:
    return file_name("cyzfc.dat", 43, 5), resident(0x80, b"x")


def test_a_file_whose_record_was_used_again_is_told(tmp_path: Path) -> None:
    then, now = state(file("cyzfc.dat")), state(file("cyzfc.dat", sequence=2))
    assert len(of_image(tmp_path, with_copies(then, now)).seen) == 1


def test_an_mft_that_lay_elsewhere_is_read_there(tmp_path: Path) -> None:
    """Its old place was left as it was, so that no copy keeps it."""
    then, now = bytearray(state(file("cyzfc.dat"))), bytearray(state())
    # The volume goes on with a table at cluster 128; the bytes of the old one stay.
    table = bytearray(now[4 * CLUSTER : 20 * CLUSTER])
    own = record(standard(), file_name("$MFT"), non_resident(0x80, 64 << 10, run(16, 128), last=15))
    table[: len(own)] = own
    moved = bytearray(then)
    moved[128 * CLUSTER : 144 * CLUSTER] = table
    moved[2 * CLUSTER : 2 * CLUSTER + len(own)] = own
    struct.pack_into("<Q", moved, 0x30, 128)
    sweep = of_image(tmp_path, with_copies(bytes(then), bytes(moved)))
    assert [found.place.text for found in sweep.seen] == [PLACE]


def test_the_change_journal_as_it_was_is_searched_as_far_as_it_is_gone_by_now(
    tmp_path: Path,
) -> None:
    then = change("cyzfc.dat", 0x80000200, folder=(43, 5)).ljust(4096, b"\0")
    later = change("ds7002.zip", 0x80000200, minutes=30, folder=(43, 5)).ljust(4096, b"\0")
    old = journal_of(then + later)
    # What was told first was cut off: a journal's place never changes.
    now = journal_of(bytes(4096) + later, begins=1)
    sweep = of_image(tmp_path, with_copies(old, now))
    assert [found.place.text for found in sweep.seen] == [PLACE]
    (found,) = sweep.seen
    assert (found.seen, found.place.view) == ("journalled file", OLDEST)
    assert found.moments == (Moment(time=NOON, of=MomentOf.DELETED),)
    # Of another journal all is told.
    again = journal_of(bytes(4096) + later, begins=1, number=6)
    sweep = of_image(tmp_path, with_copies(old, again))
    assert [found.place.text.rpartition("\\")[2] for found in sweep.seen] == [
        "cyzfc.dat",
        "ds7002.zip",
    ]


def test_the_log_as_it_was_is_searched(tmp_path: Path) -> None:
    life = [created("cyzfc.dat"), added("cyzfc.dat"), removed("cyzfc.dat")]
    old, now = with_log(log(life)), with_log(log([created("other")]))
    (found,) = of_image(tmp_path, with_copies(old[:-512], now[:-512])).seen
    assert (found.place.text, found.place.view) == (PLACE, OLDEST)
    assert found.place.path == "disk.img:\\$LogFile"
    assert found.remarks == (
        f"in the {OLDEST}",
        "NTFS log: file created, put into a folder, removed from a folder",
    )


def test_a_file_whose_record_is_another_s_now_is_not_taken_for_that_one(tmp_path: Path) -> None:
    told = change("cyzfc.dat", 0x80000200, folder=(43, 5), file=(50, 1)).ljust(4096, b"\0")
    other = file("other", sequence=2)
    old, now = journal_of(told, other), journal_of(bytes(4096), other, begins=1)
    assert len(of_image(tmp_path, with_copies(old, now)).seen) == 1


def journal_of(data: bytes, *more: tuple[int, bytes], begins: int = 0, number: int = 5) -> bytes:
    """Of a volume: its folders, and its change journal, of which so many clusters are no more."""
    gone = run(begins, None) if begins else b""
    clusters = len(data) // CLUSTER
    there = run(clusters - begins, 100 + begins) if clusters > begins else b""
    stream = non_resident(0x80, len(data), gone + there, name="$J", last=clusters - 1)
    largest = resident(0x80, struct.pack("<4Q", 1 << 25, 1 << 22, number, 0), "$Max")
    own = record(standard(), file_name("$UsnJrnl", 11, 11), largest, stream)
    return state((11, extend(45)), (45, own), *more, contents={100: data})


def test_a_volume_without_any_says_so(tmp_path: Path) -> None:
    sweep = of_image(tmp_path, image(FOLDERS))
    assert (sweep.seen, sweep.notes) == ([], {NONE: 1})
    assert sweep.coverage.state is State.COMPLETE


def test_copies_that_cannot_be_read_are_a_gap_each(tmp_path: Path) -> None:
    data = bytearray(with_copies(state(file("cyzfc.dat")), state(), state(file("more"))))
    at = data.rindex(struct.pack("<QQ", 2, len(data) - 512))
    (first,) = struct.unpack_from("<Q", data, at + 136)
    data[first : first + 16] = bytes(16)
    sweep = of_image(tmp_path, bytes(data))
    assert sweep.seen == []
    assert sweep.reasons == {
        "shadow copy not read: list of a shadow copy damaged": 1,
        "shadow copy not reached": 1,
    }
    data[0x1E10] = 9
    assert list(of_image(tmp_path, bytes(data)).reasons) == [
        "shadow copies: shadow copies of an unknown version"
    ]


def test_a_copy_whose_data_lie_on_another_volume_is_a_gap(tmp_path: Path) -> None:
    data = bytearray(with_copies(state(file("cyzfc.dat")), state()))
    at = data.index(struct.pack("<QQ", 2, len(data) - 512))
    data[at + 128 : at + 256] = bytes(128)
    sweep = of_image(tmp_path, bytes(data))
    assert sweep.reasons == {"shadow copy not read: its data are on another volume": 1}


def test_a_copy_of_a_volume_that_was_none_is_a_gap(tmp_path: Path) -> None:
    now = state()
    sweep = of_image(tmp_path, with_copies(b"?" * len(now), now))
    assert sweep.coverage.state is State.PARTIAL


def test_a_report_shows_it_as_of_the_copy_and_clean_stays_clean(tmp_path: Path) -> None:
    target = disk(tmp_path, with_copies(state(file("cyzfc.dat")), state()))
    report = reported(target, FilesSource(), ShadowCopiesSource(1 << 20))
    (finding,) = report.findings
    assert finding.evidence[0].place.view == OLDEST
    assert report.verdict is Verdict.HIT
    target = disk(tmp_path, with_copies(state(file("other")), state()))
    report = reported(target, FilesSource(), ShadowCopiesSource(1 << 20))
    assert report.verdict is Verdict.CLEAN


def test_a_folder_has_none(tmp_path: Path) -> None:
    source = ShadowCopiesSource(1 << 20)
    target = FolderTarget(str(tmp_path), own=Own())
    assert not source.required(target)
    sweep = swept(target, source)
    assert sweep.seen == []
    assert sweep.coverage.state is State.COMPLETE


def test_a_real_volume_shows_the_file_that_was_deleted(tmp_path: Path) -> None:
    path = qcow2("images/vsstest.qcow2", tmp_path / "C.dd")
    sweep = swept(
        ImageTarget(str(path), own=Own()),
        ShadowCopiesSource(1 << 20),
        matcher=matcher_of(named("syslog")),
    )
    # The newer copy is of after it was deleted, which its log tells.
    logged, found = sweep.seen
    assert (logged.seen, logged.place.view) == (
        "file in the NTFS log",
        "shadow copy of 2013-12-03 06:37:48 UTC",
    )
    assert found.file is not None
    assert (found.file.name, found.file.size) == ("syslog", 1247)
    assert found.place.view == "shadow copy of 2013-12-03 06:35:09 UTC"
    assert found.file.created is not None
    assert f"{found.file.created:%Y-%m-%d %H:%M:%S}" == "2013-12-03 06:32:24"
    assert sweep.coverage.state is State.COMPLETE
