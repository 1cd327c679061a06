"""Members of archives of every flavour: found by what they are, whatever archive and member are
called."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest

from agent.formats.compressed import TOO_LARGE
from agent.sources.files.source import FilesSource
from tests.agent.formats.test_cab_archive import LZX, MSZIP, STORED, cabinet
from tests.agent.formats.test_tar_archive import tar
from tests.agent.sources.files.test_containers import mbr
from tests.evidence.files import archive, campaign_link, dll
from tests.evidence.packs import matcher_of, named
from tests.evidence.sweeping import Swept, reported, swept

MIB = 1 << 20
LIMIT = 1 << 20
DLL = {"notes/x.bin": dll()}


def of(folder: Path, name: str, data: bytes, limit: int = 64 * MIB) -> Swept:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    return swept(folder, FilesSource(limit))


def only_indicator(sweep: Swept) -> str:
    (found,) = {match.indicator.id for match in sweep.matches()}
    return found


def renamed(data: bytes, before: str, name: str, after: str) -> bytes:
    """A member's directory entry with another name of the same length, and this one's Unicode
    Path."""
    field = struct.pack("<BI", 1, zlib.crc32(before.encode())) + after.encode()
    extra = struct.pack("<HH", 0x7075, len(field)) + field
    assert len(before) == len(name)
    at = data.find(b"PK\1\2")
    end = data.rfind(b"PK\5\6")
    entry = bytearray(data[at:end])
    struct.pack_into("<H", entry, 30, len(extra))
    length = 46 + len(before)
    entry[46:length] = name.encode()
    entry[length:length] = extra
    tail = bytearray(data[end:])
    struct.pack_into("<I", tail, 12, len(entry))
    return data[:at] + bytes(entry) + bytes(tail)


def zip64(data: bytes) -> bytes:
    """With the end records of Zip64, and those of before saturated."""
    at = data.rfind(b"PK\5\6")
    count, size, offset = struct.unpack_from("<HII", data, at + 10)
    record = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, at, 1)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return data[:at] + record + locator + end


@pytest.mark.parametrize(
    "name", ["Unconfirmed 4711.crdownload", "invoice.dat", "report.docx", "update", "a.xlsm"]
)
def test_a_zip_is_looked_into_whatever_its_name(tmp_path: Path, name: str) -> None:
    sweep = of(tmp_path, name, archive({"notes/any.lnk": campaign_link()}))
    assert "lnk-layout" in {match.indicator.id for match in sweep.matches()}


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
@pytest.mark.parametrize("described", [False, True])
def test_a_member_that_the_directory_calls_empty_is_looked_at_by_its_header(
    tmp_path: Path, method: int, described: bool
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as out:
        out.writestr("notes/x.bin", dll())
    data = bytearray(buffer.getvalue())
    struct.pack_into("<II", data, data.find(b"PK\1\2") + 20, 0, 0)
    if described and method == zipfile.ZIP_DEFLATED:
        struct.pack_into("<II", data, 18, 0, 0)
        data[6] |= 8
    assert only_indicator(of(tmp_path, "a.zip", bytes(data))) == "dll-export"


def test_empty_members_are_empty(tmp_path: Path) -> None:
    sweep = of(tmp_path, "a.zip", archive({"a/": b"", "a/b.txt": b"", "c.dll": b""}))
    assert (sweep.seen, sweep.reasons, sweep.notes) == ([], {}, {})
    assert sweep.coverage.examined == 4


def test_a_folder_with_content_is_a_file(tmp_path: Path) -> None:
    assert only_indicator(of(tmp_path, "a.zip", archive({"notes/x.bin/": dll()}))) == "dll-export"


@pytest.mark.parametrize(
    "stub", [b"MZ" + bytes(100), b"MZ" + b"\x07" * (3 * LIMIT), b"#!/bin/sh\n"]
)
def test_a_zip64_archive_behind_something_else_is_looked_into(tmp_path: Path, stub: bytes) -> None:
    sweep = of(tmp_path, "a.zip", stub + zip64(archive(DLL)), LIMIT)
    assert only_indicator(sweep) == "dll-export"
    assert closed(sweep) == (len(stub) > LIMIT)


def closed(sweep: Swept) -> bool:
    return "archive: more beside its directory than can be searched" in sweep.reasons


def test_a_large_file_that_is_no_zip_in_spite_of_its_name_is_a_gap(tmp_path: Path) -> None:
    assert closed(of(tmp_path, "a.zip", b"\x07" * (2 * LIMIT), LIMIT))
    assert not closed(of(tmp_path, "a.zip", b"\x07" * LIMIT, LIMIT))


@pytest.mark.parametrize(
    ("name", "second"), [("x.bin", "cyzfc.dat"), ("cyzfc.dat", "any.x"), ("cyzfc.dat", "cyzfc.dat")]
)
def test_both_names_of_a_member_are_compared(tmp_path: Path, name: str, second: str) -> None:
    content = archive({name: b"x" * 20})
    (tmp_path / "a.zip").write_bytes(renamed(content, name, name, second))
    sweep = swept(tmp_path, matcher=matcher_of(named("cyzfc.dat")))
    file = sweep.only_file()
    assert (file.path, file.member_of) == ("cyzfc.dat", str(tmp_path / "a.zip"))
    assert len(sweep.matches()) == 1


@pytest.mark.parametrize(("name", "second"), [("x.txt", "any.lnk"), ("a.lnk", "any.txt")])
def test_a_member_is_opened_for_either_name(tmp_path: Path, name: str, second: str) -> None:
    content = archive({name: campaign_link()})
    sweep = of(tmp_path, "a.zip", renamed(content, name, name, second))
    assert "lnk-machine-id" in {match.indicator.id for match in sweep.matches()}


TARS = {
    "a.tar": lambda data: data,
    "a.tar.gz": gzip.compress,
    "a.tgz": gzip.compress,
    "a.tar.bz2": bz2.compress,
    "a.tar.xz": lzma.compress,
    "Unconfirmed 1.crdownload": gzip.compress,
}


@pytest.mark.parametrize(("name", "pack"), TARS.items())
def test_tar_archives_are_looked_into_packed_or_not(tmp_path: Path, name: str, pack) -> None:  # type: ignore[no-untyped-def]
    members = {"a/": b"", "a/readme.txt": b"x" * 5000, **DLL, "b/cyzfc.dat": b"last"}
    sweep = of(tmp_path, name, pack(tar(members)))
    place = f"{tmp_path / name} → "
    assert {m.indicator.id for m in sweep.matches(f"{place}notes/x.bin")} == {"dll-export"}
    assert "name-cyzfc-dat" in {m.indicator.id for m in sweep.matches(f"{place}b/cyzfc.dat")}
    assert sweep.reasons == {}
    assert sweep.coverage.examined == 1 + len(members)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_one_packed_file_is_looked_at(tmp_path: Path, pack) -> None:  # type: ignore[no-untyped-def]
    sweep = of(tmp_path, "x.bin.gz", pack(dll()))
    assert only_indicator(sweep) == "dll-export"
    assert sweep.seen[0].place.text == f"{tmp_path / 'x.bin.gz'} → x.bin"


def test_the_name_that_gzip_tells_is_compared(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with gzip.GzipFile("cyzfc.dat", "wb", fileobj=buffer) as out:
        out.write(b"x" * 100)
    assert "name-cyzfc-dat" in {
        m.indicator.id for m in of(tmp_path, "a.gz", buffer.getvalue()).matches()
    }


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_members_of_a_zip_by_newer_methods_are_looked_at(tmp_path: Path, method: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as out:
        out.writestr("notes/x.bin", dll())
    sweep = of(tmp_path, "a.zip", buffer.getvalue())
    assert only_indicator(sweep) == "dll-export"
    assert sweep.reasons == {}


@pytest.mark.parametrize("method", [STORED, MSZIP])
def test_cabinets_are_looked_into(tmp_path: Path, method: int) -> None:
    sweep = of(tmp_path, "any.cab", cabinet((method, {"a.txt": b"x", **DLL})))
    assert only_indicator(sweep) == "dll-export"
    assert sweep.reasons == {}


def test_of_a_cabinet_packed_in_another_way_what_may_match_is_a_gap(tmp_path: Path) -> None:
    members = {"cyzfc.dat": b"x" * 100, "a.txt": b"x", "any.bin": bytes(294_400)}
    sweep = of(tmp_path, "any.cab", cabinet((LZX, members)))
    assert "name-cyzfc-dat" in {match.indicator.id for match in sweep.matches()}
    assert sweep.reasons == {"archive: archive member packed by LZX": 2}


def test_archives_of_several_kinds_in_each_other_are_looked_into(tmp_path: Path) -> None:
    inner = gzip.compress(tar({"b.zip": archive(DLL)}))
    sweep = of(
        tmp_path, "a.zip", archive({"c.tgz": inner, "d.gz": gzip.compress(b"7z\xbc\xaf\x27\x1c")})
    )
    assert only_indicator(sweep) == "dll-export"
    assert sweep.reasons == {"7z archive: not looked into": 1}


def test_a_damaged_archive_keeps_what_was_found_before_and_is_a_gap(tmp_path: Path) -> None:
    data = tar({**DLL, "b": b"x" * 600_000})
    (tmp_path / "short").mkdir()
    short = of(tmp_path / "short", "a.tar", data[: 512 + 300_000])
    assert only_indicator(short) == "dll-export"
    assert list(short.reasons) == ["archive: cut short"]

    sweep = of(tmp_path / "bad", "a.tar", tar(DLL)[: 512 + 294_912] + b"\xff" * 5000)
    assert only_indicator(sweep) == "dll-export"
    assert list(sweep.reasons) == ["archive: damaged header: bad checksum"]

    cut = of(tmp_path / "cut", "a.tgz", gzip.compress(tar(DLL))[:-20])
    assert list(cut.reasons) == ["archive: compressed stream is cut short"]


def test_a_bomb_ends_at_the_bound(tmp_path: Path) -> None:
    data = gzip.compress(tar({"a.txt": bytes(3 * MIB)}), 1)
    assert f"archive: {TOO_LARGE}" in of(tmp_path, "a.tgz", data, MIB // 16).reasons


def test_each_member_is_a_finding_of_its_own_with_its_own_facts(tmp_path: Path) -> None:
    other = dll(original_name="other.dll")
    members = {"a/cyzfc.dat": b"a text", "b/any.bin": dll(), "c/more.bin": other}
    (tmp_path / "ds7002.zip").write_bytes(archive(members))
    inner = {"inner.zip": archive({"cyzfc.dat": b"another text"})}
    (tmp_path / "any.tgz").write_bytes(gzip.compress(tar(inner)))
    report = reported(tmp_path, thorough=True)

    found = {finding.title: finding.file for finding in report.findings}
    content = {f"{tmp_path}/ds7002.zip → {name}": (name, data) for name, data in members.items()}
    content[f"{tmp_path}/any.tgz → inner.zip → cyzfc.dat"] = ("cyzfc.dat", b"another text")
    for title, (path, data) in content.items():
        file = found.pop(title)
        assert file is not None
        assert file.hash is not None
        holder = title.removesuffix(f" → {path}")
        assert (file.path, file.member_of, file.size) == (path, holder, len(data))
        assert file.hash.sha1 == hashlib.sha1(data, usedforsecurity=False).hexdigest()
    assert list(found) == [f"{tmp_path}/ds7002.zip"]
    assert len({finding.id for finding in report.findings}) == len(report.findings)


@pytest.mark.parametrize("name", ["a.tgz", "a.cab"])
def test_a_sweep_can_be_ended_while_an_archive_is_unpacked(tmp_path: Path, name: str) -> None:
    class OutOfTimeError(Exception):
        pass

    told: list[str] = []

    def progress(place: str) -> None:
        told.append(place)
        if told.count(str(tmp_path / name)) == 5:
            raise OutOfTimeError

    members = {"a.txt": bytes(4 * MIB), "cyzfc.dat": b"x"}
    data = {"a.tgz": gzip.compress(tar(members), 1), "a.cab": cabinet((MSZIP, members))}[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(OutOfTimeError):
        swept(tmp_path, FilesSource(progress=progress))


# What a member holds.


CLAIMED = 294_400
"""Bytes of the campaign's DLL, to which its gate belongs."""
ISO = bytes(0x8001) + b"CD001" + bytes(100_000)
FIXED_VHD = b"\x11" * (2 * MIB) + b"conectix" + bytes(504)


@pytest.mark.parametrize(
    ("name", "image", "kind"),
    [
        ("evil.iso", ISO, "ISO 9660 image"),
        ("disk.vhd", FIXED_VHD, "VHD disk"),
        ("C.dd", mbr(bytes(MIB)), "disk with partitions"),
    ],
)
def test_an_image_in_any_archive_is_a_gap(
    tmp_path: Path, name: str, image: bytes, kind: str
) -> None:
    for outer, data in {
        "a.zip": archive({name: image}),
        "a.tgz": gzip.compress(tar({name: image})),
        "a.cab": cabinet((MSZIP, {name: image})),
    }.items():
        assert of(tmp_path / outer, outer, data).reasons == {f"{kind}: not looked into": 1}, outer


@pytest.mark.parametrize(
    ("name", "image", "kind"),
    [
        ("evil.iso", ISO, "ISO 9660 image"),
        # Its footer stands at the end, of which a stream does not say where it is.
        ("disk.vhd", FIXED_VHD, "image by its name, of unknown content"),
        ("C.dd", mbr(bytes(MIB)), "disk with partitions"),
    ],
)
def test_an_image_in_a_stream_is_a_gap(tmp_path: Path, name: str, image: bytes, kind: str) -> None:
    sweep = of(tmp_path, f"{name}.gz", gzip.compress(image))
    assert sweep.reasons == {f"{kind}: not looked into": 1}


def test_the_size_of_what_a_stream_holds_is_not_that_of_the_stream(tmp_path: Path) -> None:
    """A volume of zeros, but for its beginning, is packed to next to nothing."""
    volume = (bytes(3) + b"NTFS    ").ljust(20 * MIB, b"\0")
    for name in ("backup.gz", "backup.img.gz"):
        sweep = of(tmp_path / name, name, gzip.compress(volume))
        assert sweep.reasons == {"NTFS volume: not looked into": 1}
    small = of(tmp_path / "small", "a.gz", gzip.compress(volume[: 64 << 10]))
    assert small.reasons == {}


def test_a_sparse_member_is_as_large_as_it_unpacks_to(tmp_path: Path) -> None:
    """Nobody asks for files of what is kept of it."""
    pax = {"GNU.sparse.realsize": str(CLAIMED), "GNU.sparse.name": "x.dll"}
    plain = tar({"x.dll": b"x" * 600}, more={"GNU.sparse.size": str(CLAIMED)})
    for number, data in enumerate((tar({"any": b"x" * 600}, more=pax), plain)):
        sweep = of(tmp_path / str(number), "a.tar", data)
        assert sweep.reasons == {"archive: sparse archive member": 1}
    old = bytearray(tar({"x.dll": b"x" * 600}, form=tarfile.GNU_FORMAT))
    old[156:157] = b"S"
    old[483:495] = b"%011o " % CLAIMED
    old[148:156] = b" " * 8
    old[148:156] = b"%06o\0 " % sum(old[:512])
    assert of(tmp_path / "old", "a.tar", bytes(old)).reasons == {
        "archive: sparse archive member": 1
    }


@pytest.mark.parametrize("name", ["a.tgz", "a.bin.gz"])
def test_a_tar_of_before_ustar_is_told_by_its_checksum(tmp_path: Path, name: str) -> None:
    old = bytearray(tar(DLL, form=tarfile.USTAR_FORMAT))
    old[257:265] = bytes(8)
    old[148:156] = b" " * 8
    old[148:156] = b"%06o\0 " % sum(old[:512])
    assert only_indicator(of(tmp_path, name, gzip.compress(old))) == "dll-export"


@pytest.mark.parametrize(
    "name",
    ["cyzfc.dat.", "cyzfc.dat ", "a/cyzfc.dat. .", "../cyzfc.dat", "cyzfc.dat/", "b\\cyzfc.dat\\"],
)
@pytest.mark.parametrize("content", [b"", b"x" * 20])
def test_a_member_has_the_name_that_it_gets_when_it_is_unpacked(
    tmp_path: Path, name: str, content: bytes
) -> None:
    (tmp_path / "a.zip").write_bytes(archive({name: content}))
    sweep = swept(tmp_path, matcher=matcher_of(named("cyzfc.dat")))
    (match,) = sweep.matches()
    assert match.observation.place.text == f"{tmp_path / 'a.zip'} → {name}"
