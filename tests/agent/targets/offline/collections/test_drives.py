"""The shapes of folders that hold what was copied of a host."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.targets.offline.collections.drives import CopiedVolume, copied_as, decoded, volumes_in
from agent.targets.offline.folder import FolderTarget
from tests.evidence.windows_folder import as_collection, as_drives, as_folder, windows


def folders(place: Path, *names: str) -> Path:
    for name in names:
        (place / name).mkdir(parents=True, exist_ok=True)
    return place


@pytest.mark.parametrize(
    "inside",
    [
        "Windows/System32",
        "windows/system32",
        "WINNT/system32",
        "Windows/Prefetch",
        "Users/jo/AppData",
        "$Recycle.Bin",
        "System Volume Information",
        "ProgramData",
        "Documents and Settings",
    ],
)
def test_a_volume_of_windows_is_told_by_what_lies_at_its_top(tmp_path: Path, inside: str) -> None:
    assert volumes_in(str(folders(tmp_path, inside))) == [CopiedVolume("", (str(tmp_path),))]


@pytest.mark.parametrize(
    "inside", ["etc", "windows/build", "Users/jo/Library", "c/include", "a", "System32"]
)
def test_other_folders_are_no_volume_of_windows(tmp_path: Path, inside: str) -> None:
    assert volumes_in(str(folders(tmp_path, inside))) == []


def test_folders_named_by_drives_are_volumes_if_one_of_them_is_windows_own(tmp_path: Path) -> None:
    folders(tmp_path, "C/Windows/System32", "d/data", "E_/x", "Console", "z")
    assert volumes_in(str(tmp_path)) == [
        CopiedVolume("C:", (str(tmp_path / "C"),)),
        CopiedVolume("D:", (str(tmp_path / "d"),)),
        CopiedVolume("E:", (str(tmp_path / "E_"),)),
        CopiedVolume("Z:", (str(tmp_path / "z"),)),
    ]


@pytest.mark.parametrize("below", ["", "uploads"])
def test_a_collection_of_velociraptor_is_told_by_its_names(tmp_path: Path, below: str) -> None:
    shadow = "%5C%5C.%5CGLOBALROOT%5CDevice%5CHarddiskVolumeShadowCopy12"
    ways = ("auto/C%3A", "ntfs/%5C%5C.%5CC%3A", "file/d%3A", f"ntfs_vss/{shadow}")
    folders(tmp_path / "uploads", *ways)
    top = tmp_path / "uploads"
    assert volumes_in(str(tmp_path / below)) == [
        CopiedVolume("", (str(top / ways[3]),), "HarddiskVolumeShadowCopy12", is_encoded=True),
        CopiedVolume("C:", (str(top / ways[0]), str(top / ways[1])), is_encoded=True),
        CopiedVolume("D:", (str(top / ways[2]),), is_encoded=True),
    ]


def test_a_folder_that_is_not_there_or_is_a_file_holds_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    assert volumes_in(str(tmp_path / "file")) == volumes_in(str(tmp_path / "nowhere")) == []


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("a%20b", ("a b", "")),
        ("%2Eprofile", (".profile", "")),
        ("100%25.txt", ("100%.txt", "")),
        ("%C3%A4", ("ä", "")),
        ("$UsnJrnl%3A$J", ("$UsnJrnl", "$J")),
        ("a%5Cb", ("a%5Cb", "")),
        ("a%2Fb", ("a%2Fb", "")),
        ("%3Astream", (":stream", "")),
    ],
)
def test_names_are_decoded(name: str, host: tuple[str, str]) -> None:
    assert decoded(name) == host


def test_kape_writes_the_change_journal_under_the_name_of_its_stream() -> None:
    assert copied_as("$J") == copied_as("$UsnJrnl$J") == ("$UsnJrnl", "$J")
    assert copied_as("x.pf") == ("x.pf", "")


def test_what_was_collected_in_two_ways_is_one_volume(tmp_path: Path) -> None:
    as_collection(tmp_path, windows())
    as_collection(tmp_path, {r"C:\WINDOWS\prefetch\.x y.pf": b"MAM"}, way="ntfs")
    ledger = Ledger("test", required=True)
    target = FolderTarget(str(tmp_path), own=Own())
    found = list(target.evidence([r"%SystemRoot%\Prefetch\*.pf"], ledger))
    assert [file.path for file in found] == [
        r"C:\Windows\Prefetch\.x y.pf",
        r"C:\Windows\Prefetch\RUNDLL32.EXE-12345678.pf",
    ]


def test_files_of_a_shadow_copy_are_of_that_view(tmp_path: Path) -> None:
    as_collection(tmp_path, windows())
    shadow = (
        tmp_path / "uploads/ntfs_vss/%5C%5C%3F%5CGLOBALROOT%5CDevice%5CHarddiskVolumeShadowCopy1"
    )
    as_folder(shadow, {r"C:\Windows\Prefetch\OLD.EXE-1.pf": b"MAM"})
    target = FolderTarget(str(tmp_path), own=Own())
    ledger = Ledger("test", required=True)
    found = list(target.evidence([r"%SystemRoot%\Prefetch\*.pf"], ledger))
    assert {file.path: file.view for file in found} == {
        r"C:\Windows\Prefetch\RUNDLL32.EXE-12345678.pf": "",
        r"C:\Windows\Prefetch\OLD.EXE-1.pf": "HarddiskVolumeShadowCopy1",
    }


def test_a_profile_on_another_drive_is_found_by_the_registry(tmp_path: Path) -> None:
    from tests.evidence.windows_folder import CONFIG, JO_SID, software

    hive = software(profiles={JO_SID: "D:\\Profiles\\jo.CORP"})
    files = {**windows(), f"{CONFIG}\\SOFTWARE": hive, r"D:\Profiles\jo.CORP\NTUSER.DAT": b"d"}
    target = FolderTarget(str(as_drives(tmp_path, files)), own=Own())
    found = list(target.evidence([r"%Profile%\NTUSER.DAT"], Ledger("test", required=True)))
    assert (r"D:\Profiles\jo.CORP\NTUSER.DAT", "jo.CORP", JO_SID) in [
        (file.path, file.owner, file.owner_id) for file in found
    ]
