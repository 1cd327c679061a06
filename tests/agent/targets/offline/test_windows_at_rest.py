"""Who a host at rest was: told by its own registry."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.targets import Target
from agent.targets.offline.at_rest import TargetError
from agent.targets.offline.folder import FolderTarget
from agent.targets.offline.image import ImageTarget
from tests.evidence.hives import dirty, log
from tests.evidence.hosts import disk
from tests.evidence.windows_folder import (
    CONFIG,
    FORMS,
    GUID,
    JO_SID,
    Files,
    as_folder,
    as_image,
    software,
    system,
    volume_bytes,
    windows,
)

AT_REST = sorted(set(FORMS) - {"running"})


def target_of(form: str, place: Path, files: Files) -> Target:
    place.mkdir(exist_ok=True)
    return FORMS[form](place, files)


def gaps(target: Target, *patterns: str) -> dict[str, list[str]]:
    ledger = Ledger("test", required=True)
    list(target.evidence(patterns, ledger))
    return {reason.reason: reason.samples for reason in ledger.close().reasons}


@pytest.mark.parametrize("form", AT_REST)
def test_a_host_is_named_by_its_registry_in_every_form(form: str, tmp_path: Path) -> None:
    host = target_of(form, tmp_path / "case", windows()).host()
    assert (host.id, host.name) == (GUID, "WS-0421")
    assert (host.fqdn, host.domain) == ("ws-0421.corp.example", "corp.example")
    assert host.os is not None
    assert (host.os.name, host.os.version) == ("Windows 10 Pro 22H2", "10.0.19045.3803")
    assert host.os.platform == "windows"


def test_without_a_guid_a_host_is_its_name_and_when_it_was_installed(tmp_path: Path) -> None:
    files = {**windows(), f"{CONFIG}\\SOFTWARE": software(guid="")}
    one = target_of("folder", tmp_path / "one", files).host()
    same = target_of("image", tmp_path / "two", files).host()
    assert one.id == same.id
    assert one.name == "WS-0421"
    assert str(tmp_path) not in one.id


def test_a_folder_without_hives_is_known_by_its_place(tmp_path: Path) -> None:
    target = FolderTarget(str(as_folder(tmp_path, {r"C:\Windows\Prefetch\A.pf": b"x"})), own=Own())
    assert target.host().id == f"path:{tmp_path}"
    assert target.platform == "windows"
    found = list(target.evidence([r"%SystemRoot%\prefetch\*"], Ledger("test", required=True)))
    assert [file.path for file in found] == [r"C:\Windows\Prefetch\A.pf"]


def test_the_drive_s_letter_is_the_one_that_the_registry_tells(tmp_path: Path) -> None:
    hive = software(system_root="E:\\WINNT", profiles={})
    files = {
        r"E:\WINNT\System32\config\SOFTWARE": hive,
        r"E:\WINNT\Prefetch\A.pf": b"x",
        r"E:\Users\jo\NTUSER.DAT": b"x",
    }
    target = ImageTarget(str(as_image(tmp_path / "case", files)), own=Own())
    patterns = [r"%SystemRoot%\Prefetch\*", r"%Profile%\NTUSER.DAT"]
    found = list(target.evidence(patterns, Ledger("test", required=True)))
    assert [file.path for file in found] == [r"E:\Users\jo\NTUSER.DAT", r"E:\WINNT\Prefetch\A.pf"]


def test_a_list_of_profiles_that_cannot_be_read_is_a_gap_where_profiles_are_meant(
    tmp_path: Path,
) -> None:
    files = {**windows(), f"{CONFIG}\\SOFTWARE": b"regf, and no more"}
    target = target_of("folder", tmp_path / "case", files)
    assert list(gaps(target, r"%Profile%\NTUSER.DAT").values()) == [[f"{CONFIG}\\SOFTWARE"]]
    assert gaps(target, r"%SystemRoot%\Prefetch\*") == {}
    assert target.host().id.startswith("path:")


def test_a_profile_that_only_the_transaction_log_knows_is_looked_at(tmp_path: Path) -> None:
    before, after = (software(profiles={JO_SID: path}) for path in ("D:\\jo", "D:\\an"))
    files = {
        **windows(),
        f"{CONFIG}\\SOFTWARE": dirty(before, 2),
        f"{CONFIG}\\SOFTWARE.LOG1": log(before, after, 2),
        r"D:\an\NTUSER.DAT": b"an",
    }
    target = target_of("drives", tmp_path / "case", files)
    found = list(target.evidence([r"%Profile%\NTUSER.DAT"], Ledger("test", required=True)))
    assert r"D:\an\NTUSER.DAT" in [file.path for file in found]
    del files[f"{CONFIG}\\SOFTWARE.LOG1"]
    target = target_of("drives", tmp_path / "other", files)
    assert gaps(target, r"%Profile%\NTUSER.DAT") == {
        "list of the profiles: dirty, and its logs are missing": [f"{CONFIG}\\SOFTWARE"]
    }
    assert target.host().id == GUID


def test_two_images_with_a_windows_are_looked_through_one_after_the_other(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, two = as_image(tmp_path / "a", windows()), as_image(tmp_path / "b", windows())
    target = ImageTarget(str(one), str(two), own=Own())
    found = list(target.evidence([r"%SystemRoot%\Prefetch\*"], Ledger("test", required=True)))
    assert len(found) == 2
    assert target.host().id == GUID


def test_two_hosts_are_not_taken_for_one(tmp_path: Path) -> None:
    other = {**windows(), f"{CONFIG}\\SYSTEM": system("DC-01")}
    one, two = as_folder(tmp_path / "a", windows()), as_folder(tmp_path / "b", other)
    target = FolderTarget(str(one), str(two), own=Own())
    with pytest.raises(TargetError, match="WS-0421 and DC-01 are different hosts: sweep them one"):
        target.host()


def test_a_volume_of_data_beside_windows_keeps_the_name_of_its_image(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    data = as_image(tmp_path / "b", {r"C:\logs\x.evtx": b"x"})
    data = data.rename(tmp_path / "data.img")
    system = as_image(tmp_path / "a", windows())
    target = ImageTarget(str(data), str(system), own=Own())
    found = list(target.evidence([r"%Volume%\logs\*.evtx"], Ledger("test", required=True)))
    assert [file.path for file in found] == [r"data.img:\logs\x.evtx"]
    assert target.host().id == GUID


def test_where_a_windows_may_lie_but_cannot_be_seen_nothing_is_said_to_be_clean(
    tmp_path: Path,
) -> None:
    data = bytearray(volume_bytes({r"C:\Other\System32\config\SOFTWARE": software()}))
    at = data.index("config".encode("utf-16-le")) - 0x52  # the entry in the index of System32
    data[at + 8 : at + 10] = b"\7\0"
    target = disk(tmp_path, bytes(data))
    assert gaps(target, r"%SystemRoot%\Prefetch\*") == {
        "whether a Windows lies there is not known: folder's index damaged": [r"disk.img:\Other"]
    }


def test_a_locked_volume_says_so_and_nothing_is_said_to_be_clean(tmp_path: Path) -> None:
    data = bytearray(volume_bytes(windows()))
    data[3:11] = b"-FVE-FS-"
    target = disk(tmp_path, bytes(data))
    assert gaps(target, r"%SystemRoot%\Prefetch\*") == {"locked by BitLocker": ["disk.img:"]}


def test_a_volume_beside_windows_that_is_locked_is_a_gap_where_it_may_be_meant(
    tmp_path: Path,
) -> None:
    data = bytearray(volume_bytes({r"D:\x": b"x"}))
    data[3:11] = b"-FVE-FS-"
    (tmp_path / "data.img").write_bytes(data)
    system = as_image(tmp_path / "a", windows())
    target = ImageTarget(str(tmp_path / "data.img"), str(system), own=Own())
    assert gaps(target, r"%SystemRoot%\Prefetch\*") == {}
    assert gaps(target, r"%Volume%\x") == {"locked by BitLocker": ["data.img:"]}
