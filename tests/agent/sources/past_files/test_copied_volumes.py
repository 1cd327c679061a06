r"""Change journals and logs that were copied without their volume, with a $MFT beside them and
without one."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.matching.own_traces import Own
from agent.model.observation import Claim
from agent.sources.past_files.change_journal import OF_A_VIEW, UsnJournalSource
from agent.sources.past_files.log_file import OF_A_VIEW as LOG_OF_A_VIEW
from agent.sources.past_files.log_file import LogFileSource
from agent.targets.offline.folder import FolderTarget
from tests.evidence.collected import as_folder, laid_out
from tests.evidence.images import image, opened
from tests.evidence.journals import FOLDERS, NOON, change
from tests.evidence.ntfs_logs import added, created, log, removed
from tests.evidence.sweeping import swept

WHEN = NOON.timestamp()
MFT = opened(image(FOLDERS)).open_stream(0).read()
LIFE = log([created("cyzfc.dat"), added("cyzfc.dat"), removed("cyzfc.dat")])
CHANGES = change("cyzfc.dat", 0x100, minutes=1, folder=(43, 5)) + change(
    "cyzfc.dat", 0x8000_0200, minutes=5, folder=(43, 5)
)
WHOLE = r"C:\Users\jo\AppData\Local\cyzfc.dat"


def collection(place: Path, shape: str = "kape", **copied: bytes) -> FolderTarget:
    paths = {"mft": r"C:\$MFT", "log": r"C:\$LogFile", "journal": r"C:\$Extend\$UsnJrnl:$J"}
    members = {paths[name]: content for name, content in copied.items()}
    members[r"C:\Windows\System32\config\x"] = b"x"
    return FolderTarget(str(as_folder(place, laid_out(shape, members), WHEN)), own=Own())


@pytest.mark.parametrize("shape", ["kape", "kape_old", "velociraptor", "acquire"])
def test_a_journal_tells_what_came_and_went(shape: str, tmp_path: Path) -> None:
    sweep = swept(collection(tmp_path, shape, journal=CHANGES, mft=MFT), UsnJournalSource())
    (seen,) = sweep.seen
    assert (seen.place.text, seen.claim) == (WHOLE, Claim.WAS_THERE)
    assert seen.place.path == r"C:\$Extend\$UsnJrnl:$J"
    assert seen.file is not None
    assert seen.file.created == NOON.replace(minute=1)
    assert sweep.reasons == {}
    (part,) = sweep.coverage.parts
    assert (part.name, part.examined) == ("C:", 2)


def test_without_a_table_the_journal_s_own_folders_lead_as_far_as_it_knows(tmp_path: Path) -> None:
    folder = change("form", 0x100, folder=(43, 5), file=(60, 2), attributes=0x10)
    inside = change("cyzfc.dat", 0x100, minutes=1, folder=(60, 2))
    sweep = swept(collection(tmp_path, journal=folder + inside), UsnJournalSource())
    (seen,) = sweep.seen
    assert seen.place.text == r"C:?\form\cyzfc.dat"
    assert sweep.reasons == {}


def test_a_table_that_is_none_takes_nothing_from_the_journal(tmp_path: Path) -> None:
    sweep = swept(collection(tmp_path, journal=CHANGES, mft=b"none" * 99), UsnJournalSource())
    assert [one.place.text for one in sweep.seen] == [r"C:?\cyzfc.dat"]


@pytest.mark.parametrize("table", [True, False])
def test_a_log_tells_what_came_and_went(tmp_path: Path, *, table: bool) -> None:
    copied = {"log": LIFE, "mft": MFT} if table else {"log": LIFE}
    sweep = swept(collection(tmp_path, "kape", **copied), LogFileSource())
    (seen,) = sweep.seen
    assert seen.place.text == (WHOLE if table else r"C:?\cyzfc.dat")
    assert seen.place.path == r"C:\$LogFile"
    assert seen.remarks[0] == "NTFS log: file created, put into a folder, removed from a folder"
    assert sweep.coverage.examined == 3


def test_those_of_a_shadow_copy_are_gaps(tmp_path: Path) -> None:
    view = "uploads/ntfs/%5C%5C.%5CHarddiskVolumeShadowCopy1"
    files = {
        "uploads/auto/C%3A/Windows/System32/config/x": b"x",
        f"{view}/%24LogFile": LIFE,
        f"{view}/%24Extend/%24UsnJrnl%3A%24J": CHANGES,
    }
    target = FolderTarget(str(as_folder(tmp_path, files, WHEN)), own=Own())
    assert swept(target, UsnJournalSource()).reasons == {OF_A_VIEW: 1}
    assert swept(target, LogFileSource()).reasons == {LOG_OF_A_VIEW: 1}


def test_loose_ones_are_known_by_their_names(tmp_path: Path) -> None:
    files = {"exported/readme.txt": b"x", "$MFT": MFT, "$J": CHANGES, "$LogFile": LIFE}
    target = FolderTarget(str(as_folder(tmp_path, files, WHEN)), own=Own())
    (seen,) = swept(target, UsnJournalSource()).seen
    assert seen.place.text == rf"{tmp_path}\Users\jo\AppData\Local\cyzfc.dat"
    assert len(swept(target, LogFileSource()).seen) == 1
