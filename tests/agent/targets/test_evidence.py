"""Evidence in files: found by the same patterns, told by the same paths, in every form of a host."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest

from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.model.report import State
from agent.ntfs import FileSource
from agent.reading import opening
from agent.reading.opening import NotRegularError, open_quietly
from agent.targets import LOCKED, RawNtfs, SkippedVolume, Target, evidence, mounted_tree
from agent.targets.evidence import EvidenceFile, files_of_windows
from agent.targets.installation import Listed
from agent.targets.live.host import LiveHost
from agent.targets.offline.folder import FolderTarget
from agent.targets.offline.image import ImageTarget
from agent.targets.tree import Kind
from tests.evidence.hosts import disk
from tests.evidence.images import (
    file_name,
    image,
    index_entries,
    index_root,
    make,
    mounted,
    record,
    require_tools,
    resident,
    standard,
)
from tests.evidence.windows_folder import (
    FORMS,
    JO_SID,
    Files,
    as_collection,
    as_folder,
    as_image,
    as_live,
    software,
    system,
    volume_bytes,
    windows,
)

posix = pytest.mark.skipif(os.name == "nt", reason="POSIX links and descriptors")

Found = tuple[list[EvidenceFile], Ledger]
Make = Callable[[Files], Target]


def found(target: Target, *patterns: str) -> Found:
    ledger = Ledger("test", required=True)
    return list(target.evidence(patterns, ledger)), ledger


def paths(target: Target, *patterns: str) -> list[str]:
    """Where nothing is missing."""
    files, ledger = found(target, *patterns)
    assert ledger.state is State.COMPLETE, ledger.close().reasons
    return [file.path for file in files]


def content(file: EvidenceFile) -> bytes:
    with file.open() as opened:
        return opened.read()


@pytest.fixture(params=FORMS)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    place = tmp_path / "case"
    place.mkdir()
    return lambda files: FORMS[request.param](place, files)


def test_the_folder_of_windows_is_found_wherever_it_lies(made: Make) -> None:
    target = made(windows())
    (file,) = found(target, r"%SystemRoot%\Prefetch\*.pf")[0]
    assert file.path == r"C:\Windows\Prefetch\RUNDLL32.EXE-12345678.pf"
    assert file.size == len(content(file))
    assert content(file) == b"MAM of rundll32"
    assert (file.owner, file.view) == ("", "")
    assert file.modified is not None
    assert file.modified.tzinfo is not None
    assert target.platform == "windows"


def test_names_are_compared_in_any_case(made: Make) -> None:
    target = made(windows({r"C:\Windows\PREFETCH\cmd.exe-1.PF": b"x"}))
    assert len(paths(target, r"%SYSTEMROOT%\prefetch\*.pf")) == 2


def test_every_user_s_profile_is_looked_at(made: Make) -> None:
    target = made(windows())
    files, _ = found(target, r"%Profile%\NTUSER.DAT")
    assert {file.path: (file.owner, file.owner_id) for file in files} == {
        r"C:\Users\jo\NTUSER.DAT": ("jo", JO_SID),
        r"C:\Users\Ann\NTUSER.DAT": ("Ann", ""),
        r"C:\Windows\System32\config\systemprofile\NTUSER.DAT": ("SYSTEM", "S-1-5-18"),
    }


def test_a_file_that_two_patterns_mean_is_given_once(made: Make) -> None:
    target = made(windows())
    both = paths(target, r"%Profile%\NTUSER.DAT", r"%Volume%\Users\*\ntuser.*")
    assert len(both) == len(set(both)) == 3


def test_any_depth_means_the_folder_itself_too(made: Make) -> None:
    target = made(
        windows(
            {
                rf"C:\$Recycle.Bin\{JO_SID}\$IABCDEF.dat": b"1",
                rf"C:\$Recycle.Bin\{JO_SID}\$RXYZ\deep\$I1": b"2",
                r"C:\$Recycle.Bin\$Itop": b"3",
                rf"C:\$Recycle.Bin\{JO_SID}\other": b"4",
            }
        )
    )
    files, _ = found(target, r"%Volume%\$Recycle.Bin\**\$I*")
    assert sorted(content(file) for file in files) == [b"1", b"2", b"3"]
    assert {file.owner for file in files if JO_SID in file.path} == {"jo"}


def test_logs_of_a_file_are_found_beside_it(made: Make) -> None:
    target = made(
        windows({r"C:\Users\jo\history": b"db", r"C:\Users\jo\History-WAL": b"newest rows"})
    )
    (file,) = found(target, r"%Profile%\History")[0]
    beside = file.beside("-wal")
    assert beside is not None
    assert content(beside) == b"newest rows"
    assert (beside.path, beside.owner) == (r"C:\Users\jo\History-WAL", "jo")
    assert file.beside("-journal") is None


def test_files_of_many_clusters_are_read_at_any_place(made: Make) -> None:
    data = bytes(range(256)) * 64
    (file,) = found(made(windows({r"C:\ProgramData\big.log": data})), r"%ProgramData%\*.log")[0]
    with file.open() as opened:
        opened.seek(5000)
        assert opened.read(10) == data[5000:5010]
        assert opened.seek(0, os.SEEK_END) == len(data)


def test_what_is_not_on_this_host_is_nothing(made: Make) -> None:
    target = made(windows())
    assert paths(target, r"%SystemRoot%\appcompat\pca\*.txt", r"%Volume%\nowhere\**\x") == []


def test_a_folder_is_no_file(made: Make) -> None:
    target = made(windows({"C:\\Windows\\Prefetch\\folder.pf\\": b""}))
    assert len(paths(target, r"%SystemRoot%\Prefetch\*.pf")) == 1


def test_nobody_is_asked_to_find_what_is_no_pattern(made: Make) -> None:
    target = made(windows())
    for wrong in (r"Windows\x", r"%AppData%\x", "%SystemRoot%", r"%Volume%\a**\x", r"%Volume%\**"):
        with pytest.raises(ValueError):
            found(target, wrong)


def test_files_are_opened_after_the_search_ended(made: Make) -> None:
    files, _ = found(made(windows()), r"%Profile%\NTUSER.DAT")
    assert {content(file) for file in files} == {b"of jo", b"of ann", b"of the system"}


def test_how_a_file_was_read_is_known(made: Make, request: pytest.FixtureRequest) -> None:
    (file,) = found(made(windows()), r"%SystemRoot%\Prefetch\*.pf")[0]
    content(file)
    assert file.how == ("by record" if "image" in request.node.name else "by path")


# Alternate streams.


def test_alternate_streams_are_found_on_an_image(tmp_path: Path) -> None:
    files = windows(
        {
            r"C:\Windows\Prefetch:HIDDEN.EXE-1.pf": b"MAM hidden",
            r"C:\Users\jo\x.exe": b"MZ",
            r"C:\Users\jo\x.exe:Zone.Identifier": b"[ZoneTransfer]",
        }
    )
    target = ImageTarget(str(as_image(tmp_path / "case", files)), own=Own())
    patterns = (r"%SystemRoot%\Prefetch:*.pf", r"%Profile%\*.exe:zone.identifier")
    files_found, _ = found(target, *patterns)
    assert {file.path: content(file) for file in files_found} == {
        r"C:\Windows\Prefetch:HIDDEN.EXE-1.pf": b"MAM hidden",
        r"C:\Users\jo\x.exe:Zone.Identifier": b"[ZoneTransfer]",
    }
    assert {file.size for file in files_found} == {10, 14}
    assert files_found[0].beside("x") is None


@pytest.mark.parametrize("name", ["$UsnJrnl%3A$J", "%24UsnJrnl%3A%24J"])
def test_a_stream_in_a_collection_is_a_file_of_its_own(tmp_path: Path, name: str) -> None:
    place = as_collection(tmp_path, windows())
    extend = place / "uploads/ntfs/%5C%5C.%5CC%3A/$Extend"
    extend.mkdir(parents=True)
    (extend / name).write_bytes(b"changes")
    (file,) = found(FolderTarget(str(place), own=Own()), r"%Volume%\$Extend\$UsnJrnl:$J")[0]
    assert (file.path, content(file)) == (r"C:\$Extend\$UsnJrnl:$J", b"changes")
    assert paths(FolderTarget(str(place), own=Own()), r"%Volume%\$Extend\$UsnJrnl") == []


# What cannot be read is a gap.


def gaps(ledger: Ledger) -> dict[str, list[str]]:
    return {reason.reason: reason.samples for reason in ledger.close().reasons}


def notes(ledger: Ledger) -> dict[str, list[str]]:
    return {note.reason: note.samples for note in ledger.close().notes}


def refusing_folder(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    real = opening.open_unnoticed

    def opened(path: str, flags: int) -> int:
        if path.endswith(name):
            raise PermissionError(errno.EACCES, "denied", path)
        return real(path, flags)

    monkeypatch.setattr(mounted_tree, "open_unnoticed", opened)


@posix
def test_a_folder_that_cannot_be_listed_is_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = FolderTarget(str(as_folder(tmp_path, windows())), own=Own())
    refusing_folder(monkeypatch, "Prefetch")
    files, ledger = found(target, r"%SystemRoot%\Prefetch\*.pf", r"%Profile%\NTUSER.DAT")
    assert len(files) == 3
    assert gaps(ledger) == {"folder: access denied": [r"C:\Windows\Prefetch"]}


@posix
def test_profiles_that_cannot_be_listed_are_a_gap_where_profiles_are_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = FolderTarget(str(as_folder(tmp_path, windows())), own=Own())
    refusing_folder(monkeypatch, "Users")
    _, ledger = found(target, r"%Profile%\NTUSER.DAT")
    assert gaps(ledger)["folder of the profiles: access denied"] == [r"C:\Users"]
    assert paths(target, r"%SystemRoot%\Prefetch\*.pf")


@posix
def test_a_link_is_not_followed_and_is_a_gap(tmp_path: Path) -> None:
    place = as_folder(tmp_path, windows())
    (place / "Windows/Prefetch/LINK.EXE-1.pf").symlink_to("/etc/passwd")
    (place / "Windows/appcompat").symlink_to(place / "Users")
    (place / "Users/jo/deep").symlink_to(place)
    target = FolderTarget(str(place), own=Own())
    files, ledger = found(target, r"%SystemRoot%\Prefetch\*.pf")
    assert len(files) == 1
    assert gaps(ledger) == {"link not followed": [r"C:\Windows\Prefetch\LINK.EXE-1.pf"]}
    assert gaps(found(target, r"%SystemRoot%\appcompat\*.hve")[1]) == {
        "link not followed": [r"C:\Windows\appcompat"]
    }
    _, ledger = found(target, r"%Profile%\**\*.hve")
    assert gaps(ledger) == {}
    assert notes(ledger) == {"link not followed": [r"C:\Users\jo\deep"]}


def test_old_names_of_folders_are_no_gap(tmp_path: Path) -> None:
    junction = 0xA000_0003
    files = windows({"C:\\Documents and Settings\\": b"", "C:\\Users\\Default User\\": b""})
    tags = dict.fromkeys((r"C:\Documents and Settings", r"C:\Users\Default User"), junction)
    target = ImageTarget(str(as_image(tmp_path / "case", files, tags=tags)), own=Own())
    assert len(paths(target, r"%Profile%\NTUSER.DAT", r"%Volume%\Documents and Settings\*\x")) == 3


@posix
def test_a_volume_that_is_mounted_in_a_folder_is_looked_through_once(tmp_path: Path) -> None:
    data = as_folder(tmp_path / "data", {r"X:\jo\NTUSER.DAT": b"x", r"X:\$Recycle.Bin\$I1": b"x"})
    system_drive = as_folder(tmp_path / "c", windows({"C:\\mnt\\": b""}))
    (system_drive / "mnt/data").symlink_to(data)
    volumes = (("C:", system_drive), (r"C:\mnt\data", data))
    trees = [mounted_tree.Mounted().tree(drive, str(path)) for drive, path in volumes]
    listed = Listed(((JO_SID, r"C:\mnt\data\jo"),))
    host = files_of_windows(trees, "C:\\Windows", listed)
    ledger = Ledger("test", required=True)
    files = list(host.evidence([r"%Profile%\NTUSER.DAT", r"%Volume%\**\$I*"], ledger))
    assert [file.path for file in files if "mnt" in file.path] == [
        r"C:\mnt\data\$Recycle.Bin\$I1",
        r"C:\mnt\data\jo\NTUSER.DAT",
    ]
    assert (gaps(ledger), notes(ledger)) == ({}, {})


def test_what_lies_in_a_cloud_is_a_gap_and_never_opened(tmp_path: Path) -> None:
    files = windows({r"C:\Users\jo\a.lnk": b"", "C:\\Users\\jo\\far\\": b""})
    bits = {r"C:\Users\jo\a.lnk": 0x40_0020, r"C:\Users\jo\far": 0x4_0010}
    target = ImageTarget(str(as_image(tmp_path / "case", files, bits=bits)), own=Own())
    files_found, ledger = found(target, r"%Profile%\*.lnk", r"%Profile%\far\*.lnk")
    assert files_found == []
    assert gaps(ledger) == {
        "cloud placeholder, not recalled": [r"C:\Users\jo\a.lnk"],
        "cloud folder, not recalled": [r"C:\Users\jo\far"],
    }


def test_content_that_is_kept_elsewhere_is_refused_not_read_as_zeros(tmp_path: Path) -> None:
    path, dedup = r"C:\Users\jo\a.lnk", 0x8000_0013
    files, sparse = windows({path: bytes(9)}), {path: 0x220}
    place = as_image(tmp_path / "case", files, tags={path: dedup}, bits=sparse)
    (file,) = found(ImageTarget(str(place), own=Own()), r"%Profile%\*.lnk")[0]
    with pytest.raises(OSError, match="content kept elsewhere"):
        file.open()


def test_a_name_whose_record_is_another_s_by_now_is_a_gap(tmp_path: Path) -> None:
    data = bytearray(volume_bytes(windows({r"C:\Users\jo\a.lnk": b"x"})))
    name = "a.lnk".encode("utf-16-le")
    last = data.rindex(name)  # of the record itself; the index of the folder stands before
    data[last : last + 2] = "b".encode("utf-16-le")
    target = disk(tmp_path, bytes(data))
    files, ledger = found(target, r"%Profile%\?.lnk")
    assert files == []
    assert gaps(ledger) == {
        "its record was used again since its folder was listed": [r"C:\Users\jo\a.lnk"]
    }


def test_a_volume_that_is_locked_is_a_gap_where_it_may_be_meant(tmp_path: Path) -> None:
    skipped = (SkippedVolume("D:\\", LOCKED, gap=True), SkippedVolume("E:\\", "DVD", gap=False))
    target = as_live(tmp_path / "case", windows(), skipped=skipped)
    assert paths(target, r"%SystemRoot%\Prefetch\*.pf")
    for pattern in (r"%Volume%\$Recycle.Bin\**\$I*", r"D:\logs\*.evtx"):
        assert gaps(found(target, pattern)[1]) == {LOCKED: ["D:\\"]}


def test_a_volume_that_cannot_be_opened_is_a_gap(tmp_path: Path) -> None:
    path = as_image(tmp_path / "case", windows())
    target = ImageTarget(str(path), own=Own())
    assert paths(target, r"%SystemRoot%\Prefetch\*.pf")
    path.write_bytes(b"")
    files, ledger = found(target, r"%SystemRoot%\Prefetch\*.pf")
    assert files == []
    assert list(gaps(ledger).values()) == [["C:"]]
    assert ledger.state is State.PARTIAL


def test_a_folder_that_contains_itself_is_looked_through_once(tmp_path: Path) -> None:
    inside = index_root(index_entries([("loop", 40), ("x.evtx", 41)], 40))
    names = (file_name("loop"), file_name("loop", 40))
    top = index_root(index_entries([("loop", 40)], 5))
    records = {
        5: record(standard(), file_name("."), resident(0x90, top, "$I30"), sequence=5, flags=3),
        40: record(standard(), *names, resident(0x90, inside, "$I30"), flags=3),
        41: record(standard(), file_name("x.evtx", 40), resident(0x80, b"log")),
    }
    files, ledger = found(disk(tmp_path, image(records)), r"%Volume%\**\*.evtx")
    assert [file.path for file in files] == [r"disk.img:\loop\x.evtx"]
    assert notes(ledger) == {
        "folder reached by a second way, looked through once": [r"disk.img:\loop\loop"]
    }


def test_a_host_whose_folder_of_windows_is_not_told_is_unavailable(tmp_path: Path) -> None:
    target = as_live(tmp_path / "case", windows())

    def silent() -> tuple[str, Listed]:
        raise PermissionError(errno.EACCES, "denied")

    target._installed = silent
    files, ledger = found(target, r"%SystemRoot%\Prefetch\*.pf")
    assert files == []
    assert ledger.state is State.UNAVAILABLE


# Refused by the system, read by records.


def refusing(name: str) -> Callable[[str], BinaryIO]:
    def opened(path: str) -> BinaryIO:
        if path.endswith(name):
            raise PermissionError(errno.EACCES, "denied", path)
        return open_quietly(path)

    return opened


def test_what_the_system_refuses_is_read_by_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_tools()
    path = make(tmp_path / "disk.img", 16)
    with mounted(path) as root:
        as_folder(root, windows())
    with mounted(path, "ro") as root:
        raw = RawNtfs(lambda: FileSource(path.open("rb", buffering=0)), "C:")
        of = mounted_tree.Mounted(refusing("SOFTWARE"), raw)
        host = files_of_windows([of.tree("C:", str(root))], "C:\\Windows", Listed())
        refusing_folder(monkeypatch, "Prefetch")
        ledger = Ledger("test", required=True)
        patterns = (r"%SystemRoot%\System32\config\S*", r"%SystemRoot%\Prefetch\*.pf")
        files = list(host.evidence(patterns, ledger))
        read = {file.path: (content(file), file.how) for file in files}
    assert ledger.state is State.COMPLETE
    assert read == {
        r"C:\Windows\System32\config\SOFTWARE": (software(), "by record"),
        r"C:\Windows\System32\config\SYSTEM": (system(), "by path"),
        r"C:\Windows\Prefetch\RUNDLL32.EXE-12345678.pf": (b"MAM of rundll32", "by record"),
    }


# Not Windows.


def test_another_system_has_no_such_evidence(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    target = FolderTarget(str(tmp_path), own=Own())
    assert paths(target, r"%Volume%\**\*.evtx") == []
    assert target.platform == ("windows" if os.name == "nt" else "linux")


@pytest.mark.skipif(os.name == "nt", reason="a running host that is not Windows")
def test_a_running_host_that_is_not_windows_has_none() -> None:
    assert paths(LiveHost(Own()), r"%SystemRoot%\Prefetch\*.pf") == []


# Opened with little asked.


@posix
def test_a_file_that_was_just_asked_for_is_not_asked_again_before_it_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_folder(tmp_path, windows())
    asked: list[str] = []
    lstat = os.lstat

    def counted(path: str, **more: Any) -> os.stat_result:
        asked.append(os.path.basename(path))
        return lstat(path, **more)

    host = files_of_windows(
        [mounted_tree.Mounted().tree("C:", str(tmp_path))], "C:\\Windows", Listed()
    )
    monkeypatch.setattr(os, "lstat", counted)
    (file,) = host.evidence((r"%SystemRoot%\Prefetch\*.pf",), Ledger("test", required=True))
    with file.open():
        pass
    assert asked.count("RUNDLL32.EXE-12345678.pf") == 1
    with file.open():
        pass
    assert asked.count("RUNDLL32.EXE-12345678.pf") == 2  # It may be something else by now.


@posix
@pytest.mark.parametrize("times", [1, 2])
def test_what_is_no_regular_file_any_more_is_refused_whenever_it_was_asked_for(
    tmp_path: Path, times: int
) -> None:
    as_folder(tmp_path, windows())
    path = tmp_path / "Windows" / "Prefetch" / "RUNDLL32.EXE-12345678.pf"
    host = files_of_windows(
        [mounted_tree.Mounted().tree("C:", str(tmp_path))], "C:\\Windows", Listed()
    )
    (file,) = host.evidence((r"%SystemRoot%\Prefetch\*.pf",), Ledger("test", required=True))
    for _ in range(times - 1):
        file.open().close()
    path.unlink()
    os.mkfifo(path)

    with pytest.raises(NotRegularError):
        file.open()


class _Grown:
    """A file whose folder still tells what it was when it was closed last, as NTFS does."""

    name, how = "x.evtx", "by path"

    def kind(self) -> Kind:
        return Kind.FILE

    def open(self, stream: str = "") -> tuple[BinaryIO, str]:
        return io.BytesIO(b"larger by now"), "by path"


def test_a_file_that_was_opened_is_as_large_as_it_is_and_not_as_its_folder_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(evidence, "os", SimpleNamespace(name="nt", SEEK_END=os.SEEK_END))
    grown: Any = _Grown()
    file = EvidenceFile("C:\\x.evtx", size=0, _entry=grown)
    with file.open() as opened:
        assert opened.read() == b"larger by now"
    assert file.size == len(b"larger by now")


def test_of_what_a_folder_lists_the_file_itself_tells_when_it_was_written_but_not_our_own_access(
    tmp_path: Path,
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"")
    os.utime(path, (1_000, 2_000))
    listed = os.lstat(path)
    os.utime(path, (5_000, 6_000))
    told = mounted_tree._times_now(str(path), listed)
    assert [one and one.timestamp() for one in (told.accessed, told.modified)] == [1_000, 6_000]
    path.unlink()
    told = mounted_tree._times_now(str(path), listed)
    assert [one and one.timestamp() for one in (told.accessed, told.modified)] == [1_000, 2_000]
