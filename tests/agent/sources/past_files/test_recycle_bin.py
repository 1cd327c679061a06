"""What was deleted is told by the recycle bin, with its old path, its time and its user."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.model.observation import Claim, moments
from agent.model.report import Reach, State, Strength
from agent.sources.artefact_source import ArtefactSource
from agent.sources.files.source import FilesSource
from agent.sources.past_files.recycle_bin import RecycleBin
from tests.evidence.files import dll
from tests.evidence.recycled import NOON, recycled, recycler
from tests.evidence.sweeping import reported, swept
from tests.evidence.windows_folder import FORMS, JO_SID, Files, as_folder, windows

BIN = f"C:\\$Recycle.Bin\\{JO_SID}"
PATH = "C:\\Users\\jo\\AppData\\Local\\cyzfc.dat"
RECORD = {f"{BIN}\\$IA1B2C3.dat": recycled(PATH, 294_400)}


def source() -> ArtefactSource:
    return ArtefactSource(RecycleBin())


@pytest.mark.parametrize("form", FORMS)
def test_a_deleted_file_is_told_with_its_path_time_size_and_user(form: str, tmp_path: Path) -> None:
    found = swept(FORMS[form](tmp_path / "c", windows(RECORD)), source())
    strengths = {match.indicator.id: match.strength for match in found.matches()}
    assert strengths["path-localappdata-cyzfc-dat"] is Strength.STRONG
    seen = found.only()
    assert (seen.claim, seen.moments) == (Claim.WAS_THERE, moments(deleted=NOON))
    assert seen.file is not None
    assert (seen.file.path, seen.file.size) == (PATH, 294_400)
    assert seen.file.recycled == f"{BIN}\\$RA1B2C3.dat"
    assert seen.user is not None
    assert (seen.user.name, seen.user.id) == ("jo", JO_SID)
    assert found.coverage.state is State.COMPLETE
    assert found.coverage.examined == 1
    assert found.coverage.reach == Reach(oldest=NOON, newest=NOON)


def test_what_lies_in_the_bin_and_its_record_are_one_finding(tmp_path: Path) -> None:
    content = {
        f"{BIN}\\$RA1B2C3.lnk": b"$zk='JHB0Z3Q9MHgwMDA1ZTJiZTskdmNxPTB4MDAwNjIzYjY7JHRiPSJkczcwMDIubG5rIjtpZi"
    }
    path = "C:\\Users\\jo\\AppData\\Local\\Temp\\ds7002.lnk"
    files = {f"{BIN}\\$IA1B2C3.lnk": recycled(path, 400), **content}
    made = reported(as_folder(tmp_path, windows(files)), FilesSource(), source())
    (finding,) = made.findings
    assert {one.source for one in finding.evidence} == {"files", "recycle_bin"}
    assert finding.strength is Strength.STRONG
    assert f"deleted from {path}; what is left of it is {BIN}\\$RA1B2C3.lnk" in finding.reasons


def test_a_second_download_in_the_bin_is_known_by_its_first_ones_name(tmp_path: Path) -> None:
    record = {f"{BIN}\\$IA1B2C3.zip": recycled("C:\\x\\ds7002 (1).zip", 1)}
    found = swept(FORMS["folder"](tmp_path, windows(record)), source())
    assert {match.indicator.id for match in found.matches()} == {"name-ds7002-zip"}


def test_two_users_deletions_are_two_findings(tmp_path: Path) -> None:
    other = "C:\\$Recycle.Bin\\S-1-5-21-1-2-3-1002\\$IXXXXXX.dat"
    files: Files = {**RECORD, other: recycled("D:\\x\\cyzfc.dat", 1)}
    made = reported(as_folder(tmp_path, windows(files)), source())
    assert len({finding.id for finding in made.findings}) == 2


def test_a_record_that_cannot_be_read_is_a_mention_and_a_gap(tmp_path: Path) -> None:
    broken = {f"{BIN}\\$IA1B2C3.dat": b"\7" + recycled(PATH, 1)[1:]}
    found = swept(FORMS["folder"](tmp_path, windows(broken)), source())
    assert [(one.observation.claim, one.strength) for one in found.matches()] == [
        (Claim.MENTIONED, Strength.WEAK)
    ]
    assert found.reasons == {"recycle bin's record: no recycle bin's record": 1}


# ---- Before Windows Vista


OLD_BIN = f"C:\\RECYCLER\\{JO_SID}"
LIST = f"{OLD_BIN}\\INFO2"


@pytest.mark.parametrize("form", FORMS)
def test_an_older_bins_list_tells_path_time_and_user(form: str, tmp_path: Path) -> None:
    files = {LIST: recycler(["C:\\x\\other.txt", PATH])}
    found = swept(FORMS[form](tmp_path / "c", windows(files)), source())
    strengths = {match.indicator.id: match.strength for match in found.matches()}
    assert strengths["path-localappdata-cyzfc-dat"] is Strength.STRONG
    seen = found.seen[1]
    assert (seen.claim, seen.moments) == (Claim.WAS_THERE, moments(deleted=NOON))
    assert seen.file is not None
    assert (seen.file.path, seen.file.recycled) == (PATH, f"{OLD_BIN}\\Dc2.dat")
    assert seen.user is not None
    assert (seen.user.name, seen.user.id) == ("jo", JO_SID)
    assert found.coverage.state is State.COMPLETE
    assert found.coverage.examined == 1


@pytest.mark.parametrize("path", ["D:\\RECYCLED\\INFO2", "D:\\RECYCLED\\INFO"])
def test_a_short_entry_of_what_left_the_bin_has_its_path_still(path: str, tmp_path: Path) -> None:
    made = recycler(["D:\\x\\cyzfc.dat"], gone=["D:\\x\\cyzfc.dat"], size=280)
    target = FORMS["drives"](tmp_path, {**windows(), path: made})
    seen = swept(target, source()).only()
    assert seen.file is not None
    assert (seen.file.path, seen.file.recycled) == ("D:\\x\\cyzfc.dat", "")
    assert seen.remarks == ("deleted from D:\\x\\cyzfc.dat; it is no longer in the bin",)


def test_what_lies_in_an_older_bin_and_its_entry_are_one_finding(tmp_path: Path) -> None:
    files = {LIST: recycler([PATH]), f"{OLD_BIN}\\Dc1.dat": dll()}
    made = reported(as_folder(tmp_path, windows(files)), FilesSource(), source())
    (finding,) = made.findings
    assert {one.source for one in finding.evidence} == {"files", "recycle_bin"}


def test_a_second_download_in_an_older_bin_is_known_by_its_first_ones_name(tmp_path: Path) -> None:
    files = {LIST: recycler(["C:\\x\\ds7002 (1).zip"])}
    found = swept(FORMS["folder"](tmp_path, windows(files)), source())
    assert {match.indicator.id for match in found.matches()} == {"name-ds7002-zip"}


def test_a_list_that_is_cut_is_a_gap_and_what_is_before_the_cut_is_told(tmp_path: Path) -> None:
    files = {LIST: recycler([PATH, "C:\\x\\b.txt"])[:-1]}
    found = swept(FORMS["folder"](tmp_path, windows(files)), source())
    assert found.reasons == {"recycle bin's record: the list of a recycle bin is cut": 1}
    assert Strength.STRONG in {match.strength for match in found.matches()}


def test_what_stands_behind_the_end_of_a_path_is_mentioned(tmp_path: Path) -> None:
    made = bytearray(recycler(["C:\\x\\b.txt"]))
    made[20 + 30 : 20 + 30 + 9] = b"cyzfc.dat"
    found = swept(FORMS["folder"](tmp_path, windows({LIST: bytes(made)})), source())
    (match,) = found.matches()
    assert (match.indicator.id, match.strength) == ("name-cyzfc-dat", Strength.WEAK)
