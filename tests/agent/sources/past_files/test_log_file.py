"""The log of a volume: files that came and went lately."""

from __future__ import annotations

from pathlib import Path

from agent.matching.own_traces import Own
from agent.model.observation import Claim, Moment, MomentOf
from agent.model.report import State, Strength, Verdict
from agent.sources.files.source import FilesSource
from agent.sources.past_files.log_file import BLANK, LogFileSource
from agent.targets.offline.image import ImageTarget
from tests.evidence.hosts import disk
from tests.evidence.images import CLUSTER, file_name, image, record, resident, standard
from tests.evidence.journals import FOLDERS, NOON, change
from tests.evidence.ntfs_logs import AT, PAGE, WRITE, Logged, added, created, log, removed, with_log
from tests.evidence.packs import matcher_of, named
from tests.evidence.samples import qcow2
from tests.evidence.sweeping import Swept, reported, swept

PLACE = "disk.img:\\Users\\jo\\AppData\\Local\\cyzfc.dat"
LIFE = [created("cyzfc.dat"), added("cyzfc.dat"), removed("cyzfc.dat")]


def of_image(folder: Path, data: bytes) -> Swept:
    return swept(disk(folder, data), LogFileSource())


def test_a_file_that_came_and_went_is_told_with_what_was_done(tmp_path: Path) -> None:
    sweep = of_image(tmp_path, with_log(log([added("other.txt"), *LIFE])))
    (found,) = sweep.seen
    assert (found.place.text, found.claim) == (PLACE, Claim.WAS_THERE)
    assert found.remarks[0] == ("NTFS log: file created, put into a folder, removed from a folder")
    assert found.place.path == "disk.img:\\$LogFile"
    assert found.file is not None
    assert found.file.inode == "50-1"
    assert found.file.created is not None
    match = next(m for m in sweep.matches(PLACE) if m.reason == "file in the NTFS log path")
    assert match.strength is Strength.STRONG
    assert sweep.coverage.state is State.COMPLETE
    assert sweep.coverage.examined == 3


def test_a_file_that_is_still_there_is_left_to_the_files(tmp_path: Path) -> None:
    there = record(standard(), file_name("cyzfc.dat", 43, 5), resident(0x80, b"x"))
    data = log([created("cyzfc.dat"), added("cyzfc.dat")])
    assert of_image(tmp_path, with_log(data, {50: there})).seen == []
    again = record(standard(), file_name("cyzfc.dat", 43, 5), resident(0x80, b"x"), sequence=2)
    assert len(of_image(tmp_path, with_log(data, {50: again})).seen) == 1


def test_what_the_change_journal_was_told_has_its_time(tmp_path: Path) -> None:
    told = [
        Logged(WRITE, WRITE, change("cyzfc.dat", reason, minutes=at, folder=(43, 5), file=(50, 1)))
        for reason, at in ((0x100, 1), (0x2, 2), (0x80000200, 9))
    ]
    (found,) = of_image(tmp_path, with_log(log(told))).seen
    assert found.moments == tuple(
        Moment(time=NOON.replace(minute=at), of=MomentOf.LOGGED) for at in (1, 9)
    )
    assert found.remarks[0] == (
        "NTFS log: change journal: created, change journal: data extended, change journal: deleted"
    )
    assert found.file is not None
    assert found.file.size is None
    # The name's own record says more of the file.
    (found,) = of_image(tmp_path, with_log(log([*told, *LIFE]))).seen
    assert found.file is not None
    assert found.file.created is not None
    assert len(found.moments) == 4


def test_a_record_that_says_not_whose_name_it_has_goes_with_one_that_does(tmp_path: Path) -> None:
    taken = Logged(0x06, 0x05, undo_data=file_name("cyzfc.dat", 43, 5))
    (found,) = of_image(tmp_path, with_log(log([*LIFE, taken]))).seen
    assert found.remarks[0].endswith("removed from a folder, name taken away")
    (found,) = of_image(tmp_path, with_log(log([taken]))).seen
    assert found.file is not None
    assert (found.file.inode, found.remarks[0]) == ("", "NTFS log: name taken away")


def test_a_text_in_the_log_is_a_mention(tmp_path: Path) -> None:
    text = "rundll32 C:\\t\\cyzfc.dat,PointFunctionCall".encode("utf-16-le")
    sweep = of_image(tmp_path, with_log(log([Logged(WRITE, WRITE, text)])))
    (found,) = sweep.seen
    assert found.mention
    assert found.place.path == "disk.img:\\$LogFile"
    assert found.place.record == f"byte {4 * PAGE + 0x40 + 0x58 + 2 * 14}"
    assert {match.strength for match in sweep.matches()} == {Strength.WEAK}


def test_a_blank_log_says_so(tmp_path: Path) -> None:
    sweep = of_image(tmp_path, with_log(b"\xff" * (16 * PAGE)))
    assert (sweep.seen, sweep.notes) == ([], {BLANK: 1})
    assert sweep.coverage.state is State.COMPLETE


def test_a_volume_whose_log_cannot_be_read_has_a_gap(tmp_path: Path) -> None:
    whole = with_log(log(LIFE))
    for data in (image(FOLDERS), whole[: (AT + 2) * CLUSTER]):
        sweep = of_image(tmp_path, data)
        assert sweep.coverage.state is State.PARTIAL
        assert all(reason.startswith("$LogFile") for reason in sweep.reasons)


def test_a_report_takes_it_for_a_file_that_was_there(tmp_path: Path) -> None:
    target = disk(tmp_path, with_log(log(LIFE)))
    report = reported(target, FilesSource(), LogFileSource())
    (finding,) = report.findings
    assert finding.file is not None
    assert finding.file.path == PLACE
    assert report.verdict is Verdict.HIT


def test_our_own_files_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(with_log(log(LIFE)))
    sweep = swept(ImageTarget(str(path), own=Own.of(files=[PLACE])), LogFileSource())
    assert (sweep.seen, sweep.coverage.own) == ([], 1)


def test_a_real_log_tells_of_the_file_that_was_deleted(tmp_path: Path) -> None:
    """Its times are those that libvshadow shows of it in a shadow copy of the volume."""
    path = qcow2("images/vsstest.qcow2", tmp_path / "C.dd")
    matcher = matcher_of(named("syslog"))
    sweep = swept(ImageTarget(str(path), own=Own()), LogFileSource(), matcher=matcher)
    (found,) = sweep.seen
    assert found.file is not None
    assert (found.file.path, found.file.size, found.file.inode) == ("C.dd:\\syslog", 1247, "35-1")
    assert f"{found.file.created:%Y-%m-%d %H:%M:%S}" == "2013-12-03 06:32:24"
    assert found.remarks[0] == ("NTFS log: put into a folder, file created, removed from a folder")
    assert sweep.coverage.examined == 114
    matcher = matcher_of(named("password.txt"))
    sweep = swept(ImageTarget(str(path), own=Own()), LogFileSource(), matcher=matcher)
    assert sweep.seen == []
