"""What archives of collections hold, and what of it is refused."""

from __future__ import annotations

import io
import os
import stat
import struct
import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.model.report import State
from agent.sources.files.containers import A_HOST_OF_ITS_OWN
from agent.sources.past_files.change_journal import UsnJournalSource
from agent.targets.evidence import EvidenceFile
from agent.targets.offline import archives
from agent.targets.offline.archives import unpacking, zip_listing
from agent.targets.offline.archives.opening import collected
from agent.targets.offline.folder import FolderTarget
from tests.evidence.collected import as_zip, laid_out
from tests.evidence.sweeping import swept
from tests.evidence.windows_folder import windows

NOW = 1_542_200_000
MORE = r"C:\Windows\Prefetch\X.EXE-1.pf"


def evidence(path: Path, *patterns: str) -> tuple[list[EvidenceFile], dict[str, int]]:
    ledger = Ledger("test", required=True)
    found = list(FolderTarget(str(path), own=Own()).evidence(patterns, ledger))
    return found, {one.reason: one.count for one in ledger.close().reasons}


def gaps(path: Path) -> dict[str, int]:
    """What a sweep of the files says."""
    return swept(FolderTarget(str(path), own=Own())).reasons


def read(file: EvidenceFile) -> bytes:
    with file.open() as opened:
        return opened.read()


def zipped(path: Path, *more: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    """A plain collection, and more members."""
    made = as_zip(path, laid_out("plain", windows()), NOW, method=method)
    with zipfile.ZipFile(made, "a") as archive:
        for name, content in more:
            info = zipfile.ZipInfo("x")
            info.filename = name
            archive.writestr(info, content)
    return made


def test_files_are_read_and_have_their_times(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip")
    (file,), told = evidence(path, r"%SystemRoot%\Prefetch\*.pf")
    assert told == {}
    assert file.path == r"C:\Windows\Prefetch\RUNDLL32.EXE-12345678.pf"
    assert (file.size, read(file)) == (15, b"MAM of rundll32")
    assert file.modified is not None
    assert file.modified.timestamp() == NOW


def test_a_name_does_not_make_a_collection(tmp_path: Path) -> None:
    assert collected(str(as_zip(tmp_path / "KAPE_C.zip", {"notes/C.txt": b"x"}, NOW))) is None
    (tmp_path / "HOST.zip").write_bytes(b"PK\3\4 broken off")
    assert collected(str(tmp_path / "HOST.zip")) is None
    assert collected(str(tmp_path)) is None
    assert collected(str(zipped(tmp_path / "holiday.jpg"))) is not None


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../Windows/Prefetch/X.EXE-1.pf", archives.OUTSIDE),
        ("Windows/../Windows/Prefetch/X.EXE-1.pf", archives.OUTSIDE),
        ("..\\X.EXE-1.pf", archives.OUTSIDE),
        ("/Windows/Prefetch/X.EXE-1.pf", archives.ABSOLUTE),
        ("\\\\host\\share\\X.EXE-1.pf", archives.ABSOLUTE),
        ("a/" * 300 + "X.EXE-1.pf", archives.IMPOSSIBLE),
    ],
)
def test_members_outside_of_the_archive_are_refused_and_counted(
    name: str, reason: str, tmp_path: Path
) -> None:
    path = zipped(tmp_path / "x.zip", (name, b"MAM"), (f"{name}2", b"MAM"))
    found, _ = evidence(path, r"%SystemRoot%\Prefetch\*.pf")
    assert len(found) == 1
    assert gaps(path) == {reason: 2}


def test_where_all_members_are_absolute_they_are_the_collection(tmp_path: Path) -> None:
    members = {f"/{name}": data for name, data in laid_out("plain", windows()).items()}
    found, _ = evidence(as_zip(tmp_path / "x.zip", members, NOW), r"%SystemRoot%\Prefetch\*.pf")
    assert len(found) == 1
    assert gaps(tmp_path / "x.zip") == {}


def test_names_of_devices_are_counted_and_looked_at_all_the_same(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", ("Windows/NUL", b"x"), ("Users/com1.txt", b"x"))
    assert gaps(path) == {archives.DEVICE: 2}


def test_links_are_not_followed(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip")
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("Windows/Prefetch/X.EXE-1.pf")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    found, told = evidence(path, r"%SystemRoot%\Prefetch\*.pf")
    assert len(found) == 1
    assert told == {"link not followed": 1}
    notes = swept(FolderTarget(str(path), own=Own())).notes
    assert notes == {"link not followed, its name was compared": 1}


def patched(path: Path, name: str, *, flags: int = 0, method: int | None = None) -> Path:
    """A member's headers changed."""
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        local = archive.getinfo(name).header_offset
    central = data.rfind(b"PK\1\2", 0, data.rfind(name.encode()))
    for at in (local + 6, central + 8):
        data[at] |= flags
    for at in (local + 8, central + 10):
        if method is not None:
            struct.pack_into("<H", data, at, method)
    path.write_bytes(data)
    return path


def test_encrypted_members_are_a_gap_of_that_name(tmp_path: Path) -> None:
    name = "Windows/Prefetch/RUNDLL32.EXE-12345678.pf"
    path = patched(zipped(tmp_path / "x.zip"), name, flags=1)
    (file,), _ = evidence(path, r"%SystemRoot%\Prefetch\*.pf")
    with pytest.raises(OSError, match="encrypted archive member"):
        file.open()
    assert gaps(path) == {zip_listing.ENCRYPTED: 1}


def test_a_method_that_is_not_read_is_a_gap(tmp_path: Path) -> None:
    name = "Windows/Prefetch/RUNDLL32.EXE-12345678.pf"
    assert gaps(patched(zipped(tmp_path / "x.zip"), name, method=93)) == {zip_listing.METHOD: 1}


def broken(path: Path, content: bytes) -> Path:
    """One byte of a member's is another."""
    data = path.read_bytes()
    path.write_bytes(data.replace(content, bytes([content[0] ^ 1]) + content[1:], 1))
    return path


def test_a_broken_member_is_a_gap_and_not_the_end(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", method=zipfile.ZIP_STORED)
    found, told = evidence(broken(path, b"of jo"), r"%Profile%\NTUSER.DAT")
    assert told == {}
    contents = {}
    for file in found:
        try:
            contents[file.path] = read(file)
        except OSError as error:
            contents[file.path] = str(error).encode()
    assert contents[r"C:\Users\jo\NTUSER.DAT"] == unpacking.BROKEN.encode()
    assert contents[r"C:\Users\Ann\NTUSER.DAT"] == b"of ann"


def test_a_directory_that_breaks_off_leaves_what_stands_before(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", ("Windows/last.txt", b"x"))
    data = bytearray(path.read_bytes())
    data[data.rfind(b"PK\1\2")] ^= 1
    path.write_bytes(data)
    found, _ = evidence(path, r"%SystemRoot%\Prefetch\*.pf")
    assert len(found) == 1
    told = gaps(path)
    assert told["archive: damaged entry of the central directory"] == 1


def test_what_the_directory_does_not_tell_of_is_a_gap(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("Windows/hidden.txt", b"x" * 100)
        del archive.filelist[-1]
        archive.NameToInfo.pop("Windows/hidden.txt")
        archive.writestr("Windows/shown.txt", b"x")
    assert gaps(path) == {zip_listing.BESIDE: 1}


def test_a_bomb_is_refused_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_listing, "_LEAST_BOMB", 1 << 20)
    path = as_zip(tmp_path / "x.zip", {**laid_out("plain", windows()), "b": bytes(2 << 20)}, NOW)
    assert gaps(path) == {zip_listing.BOMB: 1}


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "x.zip", ("a", b"1" * 50), ("b", b"2" * 50))
    with zipfile.ZipFile(path) as archive:
        first, second = archive.getinfo("a"), archive.getinfo("b")
    data = path.read_bytes()
    longer = second.header_offset + 200 - first.header_offset
    at = data.rfind(b"PK\1\2", 0, data.rfind(b"PK\1\2"))
    data = data[: at + 20] + struct.pack("<I", longer) + data[at + 24 :]
    path.write_bytes(data)
    assert gaps(path)[zip_listing.OVERLAPS] == 1


def test_a_member_of_another_size_than_is_told_is_not_believed(tmp_path: Path) -> None:
    for pieces in ([b"abc"], [b"abcdef"], [b"abc", b"def"]):
        file = unpacking.Unpacked(iter(pieces), 4)
        with pytest.raises(OSError, match=unpacking.OTHER_SIZE):
            file.read()
        with pytest.raises(OSError, match=unpacking.OTHER_SIZE):
            file.read()
        file.close()


def test_a_large_member_goes_on_in_a_file_without_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "MAX_HELD", 1000)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    whole = os.urandom(5000)
    pieces = (whole[at : at + 300] for at in range(0, 5000, 300))
    with unpacking.Unpacked(pieces, 5000) as file:
        assert file.read(100) == whole[:100]
        assert file.seek(-50, io.SEEK_END) == 4950
        assert file.read() == whole[-50:]
        file.seek(0)
        assert file.read() == whole
        assert list(tmp_path.iterdir()) == []


def test_no_more_is_unpacked_than_is_read() -> None:
    asked = []

    def pieces() -> object:
        for number in range(100):
            asked.append(number)
            yield bytes(1000)

    with unpacking.Unpacked(pieces(), 100_000) as file:  # type: ignore[arg-type]
        assert file.seek(0, io.SEEK_END) == 100_000
        file.seek(0)
        file.read(1500)
    assert asked == [0, 1]


def test_without_room_a_large_member_is_a_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MAX_HELD", 1000)
    monkeypatch.setattr(unpacking, "LEAST_FREE", 1 << 62)
    with (
        unpacking.Unpacked(iter([bytes(2000)]), 2000) as file,
        pytest.raises(OSError, match=unpacking.NO_ROOM),
    ):
        file.read()


def test_a_sparse_file_is_put_together_by_its_index(tmp_path: Path) -> None:
    files = {**windows(), r"C:\$Extend\$UsnJrnl:$J": b"changes"}
    path = as_zip(tmp_path / "x.zip", laid_out("velociraptor", files), NOW)
    (file,), _ = evidence(path, r"%Volume%\$Extend\$UsnJrnl:$J")
    assert read(file) == bytes(1 << 20) + b"changes"


@pytest.mark.parametrize("shape", ["kape", "kape_old"])
def test_kapes_journal_is_known_by_both_of_its_names(shape: str, tmp_path: Path) -> None:
    files = {**windows(), r"C:\$Extend\$UsnJrnl:$J": b"changes"}
    path = as_zip(tmp_path / "x.zip", laid_out(shape, files), NOW)
    (file,), _ = evidence(path, r"%Volume%\$Extend\$UsnJrnl:$J")
    assert read(file) == b"changes"


def test_members_of_one_name_are_all_looked_at(tmp_path: Path) -> None:
    name = "Windows/Prefetch/RUNDLL32.EXE-12345678.pf"
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = zipped(tmp_path / "x.zip", (name, b"another"))
    found, _ = evidence(path, r"%SystemRoot%\Prefetch\*.pf")
    assert sorted(read(file) for file in found) == [b"MAM of rundll32", b"another"]


def test_the_whole_archive_was_looked_at(tmp_path: Path) -> None:
    report = swept(FolderTarget(str(zipped(tmp_path / "x.zip")), own=Own()))
    assert report.coverage.state is State.COMPLETE
    assert report.coverage.examined == 14  # Six files, eight folders.


def test_a_collection_that_lies_in_a_folder_is_a_gap(tmp_path: Path) -> None:
    case = tmp_path / "case"
    case.mkdir()
    path = zipped(case / "HOST.zip")
    assert gaps(case) == {A_HOST_OF_ITS_OWN: 1}
    assert swept(FolderTarget(str(case), own=Own())).coverage.reasons[0].samples == [str(path)]
    as_zip(path, {"Windows/System32/x.dll": b"MZ", "ProgramData/x": b"x"}, NOW)
    assert gaps(case) == {}


def test_a_journal_that_was_copied_damaged_is_a_gap_of_its_source(tmp_path: Path) -> None:
    files = {**windows(), r"C:\$Extend\$UsnJrnl:$J": b"changes!" * 64}
    path = as_zip(tmp_path / "x.zip", laid_out("kape", files), NOW)
    report = swept(FolderTarget(str(path), own=Own()), UsnJournalSource())
    assert report.reasons == {"change journal: page damaged": 1}
    assert not report.coverage.required


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_collection_whose_making_broke_off_keeps_what_is_whole(
    method: int, tmp_path: Path, *, streamed: bool
) -> None:
    members = laid_out("kape", windows())
    path = tmp_path / "x.zip"
    made = Unseekable() if streamed else io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr("C/Windows/last.bin", os.urandom(5000))
    data = made.getvalue()
    path.write_bytes(data[: data.rfind(b"last.bin", 0, data.find(b"PK\1\2")) + 1000])
    found, _ = evidence(path, r"%SystemRoot%\Prefetch\*.pf")
    told = gaps(path)
    assert told["archive: no end of central directory"] == 1
    if streamed and method == zipfile.ZIP_STORED:
        assert found == []  # Nothing tells where they end.
    else:
        assert [read(file) for file in found] == [b"MAM of rundll32"]
        assert told["archive: archive is cut short"] == 1


class Unseekable(io.BytesIO):
    """What is written to a pipe: sizes follow their members."""

    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = 0) -> int:
        raise OSError("not seekable")

    def tell(self) -> int:
        raise OSError("not seekable")


def test_a_collection_that_velociraptor_encrypted_is_a_gap_of_that_name(tmp_path: Path) -> None:
    inner = as_zip(tmp_path / "data.zip", laid_out("velociraptor", windows()), NOW).read_bytes()
    path = as_zip(tmp_path / "x.zip", {"metadata.json": b"{}", "data.zip": inner}, NOW)
    assert gaps(patched(path, "data.zip", flags=1)) == {"encrypted archive member": 1}


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.data())
def test_any_changed_bytes_end_in_files_or_in_gaps(tmp_path: Path, data: st.DataObject) -> None:
    made = bytearray(zipped(tmp_path / "x.zip").read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        made[data.draw(st.integers(0, len(made) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "x.zip").write_bytes(made)
    for file in evidence(tmp_path / "x.zip", r"%SystemRoot%\**\*", r"%Profile%\**\*")[0]:
        try:
            assert len(read(file)) == file.size
        except OSError:
            continue
