"""7z archives of collections: what py7zr cannot unpack is a gap, and takes nothing else with it."""

from __future__ import annotations

import random
import struct
import zlib
from functools import partial
from pathlib import Path

import py7zr
import pytest

from agent.formats import FormatError
from agent.matching.own_traces import Own
from agent.reading.opening import open_quietly
from agent.targets.offline.archives import seven_zip, unpacking
from agent.targets.offline.archives.seven_zip import NO_LIBRARY, TWICE, SevenZipListing
from agent.targets.offline.archives.seven_zip_unpacking import LIST_DAMAGED, LIST_ENCRYPTED
from agent.targets.offline.archives.zip_listing import ENCRYPTED, METHOD
from agent.targets.offline.at_rest import TargetError
from agent.targets.offline.folder import FolderTarget
from tests.evidence.collected import as_7z, laid_out
from tests.evidence.sweeping import swept
from tests.evidence.windows_folder import windows

NOW = 1_542_200_000
NOISE = random.Random(7).randbytes(3000)


def renamed(path: Path, old: str, new: str) -> None:
    """In the list, with its checksums (7-Zip, ``DOC/7zFormat.txt``, SignatureHeader)."""
    data = path.read_bytes()
    start, size = struct.unpack_from("<QQ", data, 12)
    head = data[32 + start : 32 + start + size]
    head = head.replace(old.encode("utf-16-le"), new.encode("utf-16-le"))
    body = struct.pack("<QQI", start, size, zlib.crc32(head))
    path.write_bytes(
        data[:8] + struct.pack("<I", zlib.crc32(body)) + body + data[32 : 32 + start] + head
    )


def listing(path: Path) -> SevenZipListing:
    return SevenZipListing(partial(open_quietly, str(path)))


def made(path: Path, *members: tuple[str, bytes], password: str | None = None) -> Path:
    """In one block, but for what is added later."""
    with py7zr.SevenZipFile(path, "w", password=password) as archive:
        archive.set_encoded_header_mode(False)
        for name, content in members:
            archive.writestr(content, name)
    return path


def read(archive: SevenZipListing, *names: str) -> bytes:
    folder = archive.top.below(names[:-1])
    assert folder is not None
    node = folder.file(names[-1])
    assert node is not None
    with archive.open(node) as file:
        return file.read()


def test_members_are_read_in_any_order(tmp_path: Path) -> None:
    contents = {f"a/{n}.bin": NOISE[: 100 * n] for n in range(9)}
    archive = listing(made(tmp_path / "x.7z", *contents.items()))
    for name, content in reversed(contents.items()):
        assert read(archive, *name.split("/")) == content
    assert archive.problems == []


def test_a_member_outside_takes_nothing_else_with_it(tmp_path: Path) -> None:
    path = made(tmp_path / "x.7z", ("a/ok.txt", b"ok"), ("b/up/up/evil.txt", b"no"), ("c", b"see"))
    renamed(path, "b/up/up/", "b/../../")
    archive = listing(path)
    assert [one.reason for one in archive.problems] == [
        "archive member outside of the archive, refused"
    ]
    assert (read(archive, "a", "ok.txt"), read(archive, "c")) == (b"ok", b"see")


def test_of_two_with_one_name_nobody_can_tell_which_is_which(tmp_path: Path) -> None:
    archive = listing(made(tmp_path / "x.7z", ("a", b"1"), ("a", b"22"), ("b", b"3")))
    assert [(one.reason, one.count) for one in archive.problems] == [(TWICE, 2)]
    assert read(archive, "b") == b"3"
    with pytest.raises(OSError, match=TWICE):
        read(archive, "a")


def test_what_is_encrypted_is_a_gap_by_its_members(tmp_path: Path) -> None:
    path = made(tmp_path / "x.7z", ("a", NOISE), ("b", b"x"), password="secret")
    archive = listing(path)
    assert [(one.reason, one.count) for one in archive.problems] == [(ENCRYPTED, 2)]


def test_an_encrypted_list_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "x.7z"
    with py7zr.SevenZipFile(path, "w", password="secret", header_encryption=True) as archive:
        archive.writestr(NOISE, "a")
    with pytest.raises(FormatError, match=LIST_ENCRYPTED):
        listing(path)


def test_a_method_that_is_not_known_is_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = made(tmp_path / "x.7z", ("a", NOISE))
    known = listing(path)
    monkeypatch.setattr("agent.targets.offline.archives.seven_zip_unpacking.opened", _of_no_method)
    with pytest.raises(OSError, match=METHOD):
        read(known, "a")


def _of_no_method(_: object) -> py7zr.SevenZipFile:
    raise py7zr.UnsupportedCompressionMethodError(b"\x03\x03\x01\x1b", "BCJ2")


def test_a_broken_block_gives_what_lies_before_the_damage(tmp_path: Path) -> None:
    path = made(tmp_path / "x.7z", ("a", NOISE), ("b", NOISE[::-1]), ("c", b"behind"))
    data = bytearray(path.read_bytes())
    data[32 + 4500] ^= 0xFF
    path.write_bytes(data)
    archive = listing(path)
    assert read(archive, "a") == NOISE
    for name in ("b", "c"):
        with pytest.raises(OSError, match=unpacking.BROKEN):
            read(archive, name)


def test_where_there_is_no_room_nothing_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = listing(made(tmp_path / "x.7z", ("a", NOISE)))
    monkeypatch.setattr(seven_zip, "LEAST_FREE", 1 << 60)
    with pytest.raises(OSError, match=unpacking.NO_ROOM):
        read(archive, "a")
    monkeypatch.setattr(seven_zip, "MAX_BLOCK", 100)
    with pytest.raises(OSError, match=unpacking.NO_ROOM):
        read(archive, "a")
    with pytest.raises(OSError, match=seven_zip.TOO_LARGE):
        read(listing(tmp_path / "x.7z"), "a")


def test_changed_bytes_end_in_members_or_in_gaps(tmp_path: Path) -> None:
    path = made(tmp_path / "x.7z", *((f"{n}.bin", NOISE[:300]) for n in range(4)))
    whole, chance = path.read_bytes(), random.Random(5)
    ends = {"listed": 0, "refused": 0}
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data[: chance.choice((len(data), chance.randrange(len(data))))])
        try:
            archive = listing(path)
        except (FormatError, OSError):
            ends["refused"] += 1
            continue
        ends["listed"] += 1
        for _, node in archive.top.files:
            try:
                with archive.open(node) as file:
                    assert file.read() == NOISE[:300]
            except OSError:
                continue
    assert min(ends.values()) > 0


def test_without_the_library_it_is_refused_and_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = as_7z(tmp_path / "HOST.7z", laid_out("kape", windows()), NOW)
    assert swept(FolderTarget(str(path), own=Own())).reasons == {}
    monkeypatch.setattr("agent.targets.offline.folder.is_readable", lambda: False)
    with pytest.raises(TargetError) as raised:
        FolderTarget(str(path), own=Own())
    assert NO_LIBRARY in str(raised.value)


def test_one_without_a_host_is_refused(tmp_path: Path) -> None:
    path = made(tmp_path / "x.7z", ("a/notes.md", NOISE))
    with pytest.raises(TargetError, match="7z archive; this version"):
        FolderTarget(str(path), own=Own())
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(FormatError, match=LIST_DAMAGED):
        listing(path)
