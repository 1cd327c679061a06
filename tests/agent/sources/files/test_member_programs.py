"""Programs as members of archives, and in alternate streams: by their only export whatever their
name and size, and for the archive behind them."""

from __future__ import annotations

import gzip
import random
import struct
import tracemalloc
import zipfile
from io import BytesIO
from pathlib import Path

import pytest

from agent.model.report import Strength
from agent.sources.files.source import FilesSource
from tests.agent.formats.test_cab_archive import MSZIP, cabinet
from tests.agent.formats.test_tar_archive import tar
from tests.evidence.files import EXPORT, archive, dll
from tests.evidence.hosts import disk
from tests.evidence.sweeping import Swept, swept
from tests.evidence.windows_folder import as_folder, as_image, windows

MIB = 1 << 20
IMPLANT = dll(size=20_000)
OTHER = dll(["DllMain"], size=20_000)
WANTED = {"notes/x.bin": dll()}
ZIPPED = archive({"a.jpg": IMPLANT})
STUB = b"MZ" + bytes(range(256)) * 40


def strengths(sweep: Swept) -> dict[str, Strength]:
    return {match.indicator.id: match.strength for match in sweep.matches()}


def below(folder: Path, place: str, data: bytes, *, thorough: bool = False) -> Swept:
    return swept(as_folder(folder / "case", windows({place: data})), thorough=thorough)


def of(folder: Path, data: bytes, limit: int = 64 * MIB) -> Swept:
    (folder / "a.zip").write_bytes(data)
    return swept(folder, FilesSource(limit))


HOLDERS = {
    "a.zip": ZIPPED,
    "a.docx": ZIPPED,
    "b.zip": archive({"a.zip": ZIPPED}),
    "a.tar": tar({"a.jpg": IMPLANT}),
    "a.tgz": gzip.compress(tar({"a.jpg": IMPLANT})),
    "a.gz": gzip.compress(IMPLANT),
    "a.cab": cabinet((MSZIP, {"a.jpg": IMPLANT})),
}


@pytest.mark.parametrize("name", HOLDERS)
def test_an_only_export_is_strong_in_archives_where_users_write(tmp_path: Path, name: str) -> None:
    sweep = below(tmp_path, rf"C:\Users\jo\Downloads\{name}", HOLDERS[name])
    assert strengths(sweep) == {"dll-export": Strength.STRONG}
    assert sweep.reasons == {}


@pytest.mark.parametrize("name", HOLDERS)
def test_elsewhere_it_takes_a_thorough_sweep(tmp_path: Path, name: str) -> None:
    place = rf"C:\Program Files\Vendor\{name}"
    assert strengths(below(tmp_path, place, HOLDERS[name])) == {}
    found = strengths(below(tmp_path / "all", place, HOLDERS[name], thorough=True))
    assert found["dll-export"] is Strength.STRONG


def test_where_users_could_write_an_archive_of_a_host_says(tmp_path: Path) -> None:
    place = r"C:\Cases\host.zip"
    collected = archive({"C/ProgramData/Vendor/x": IMPLANT, "C/Windows/y": OTHER})
    assert strengths(below(tmp_path, place, collected)) == {"dll-export": Strength.STRONG}


@pytest.mark.parametrize(
    "data",
    [
        dll([EXPORT, "Other"], size=20_000),
        dll(machine=0x14C, size=20_000),
        OTHER,
        b"MZ" + bytes(20_000),
        IMPLANT[:600],
        b"x" + IMPLANT,
    ],
    ids=["among others", "x86", "other", "no PE", "cut off", "not from its beginning"],
)
def test_others_are_neither_told_by_it_nor_a_gap(tmp_path: Path, data: bytes) -> None:
    sweep = below(tmp_path, r"C:\Users\jo\a.zip", archive({"a.bin": data}))
    assert "dll-export" not in strengths(sweep)
    assert sweep.reasons == {}


def test_a_program_that_has_it_not_counts_as_compared(tmp_path: Path) -> None:
    sweep = below(tmp_path, r"C:\Users\jo\a.zip", archive({"a.bin": OTHER}))
    counts = {count.id: count.tested for count in sweep.matcher.counts()}
    assert counts["dll-export"] == 1


@pytest.mark.parametrize(("owner", "thorough"), [(b"text", True), (OTHER, True), (OTHER, False)])
def test_an_alternate_stream_is_a_program_too(tmp_path: Path, owner: bytes, thorough: bool) -> None:
    files = windows({r"C:\Users\jo\a.txt": owner, r"C:\Users\jo\a.txt:x": IMPLANT})
    root = as_image(tmp_path / "case", files)
    sweep = swept(disk(tmp_path, root.read_bytes()), thorough=thorough)
    assert strengths(sweep)["dll-export"] is Strength.STRONG


# What lies behind a program, or deep in a member.


@pytest.mark.parametrize("name", ["setup.exe", "setup", "a.txt"])
@pytest.mark.parametrize("limit", [MIB, 64 * MIB])
def test_a_program_that_unpacks_itself_is_looked_into(
    tmp_path: Path, name: str, limit: int
) -> None:
    sweep = of(tmp_path, archive({name: STUB + archive(WANTED)}), limit)
    assert strengths(sweep) == {"dll-export": Strength.STRONG}
    assert sweep.seen[0].place.text == f"{tmp_path / 'a.zip'} → {name} → notes/x.bin"
    assert sweep.reasons == {}


def test_it_is_in_archives_of_other_kinds(tmp_path: Path) -> None:
    sfx = STUB + archive(WANTED)
    for name, data in {
        "a.tgz": gzip.compress(tar({"setup.exe": sfx})),
        "a.cab": cabinet((MSZIP, {"setup.exe": sfx})),
        "a.gz": gzip.compress(sfx),
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_bytes(data)
        assert "dll-export" in strengths(swept(tmp_path / name)), name


def test_within_the_limit_of_depth(tmp_path: Path) -> None:
    data = archive(WANTED)
    for _ in range(3):
        data = archive({"setup.exe": STUB + data})
    assert strengths(of(tmp_path, data)) == {"dll-export": Strength.STRONG}
    deeper = of(tmp_path, archive({"setup.exe": STUB + data}))
    assert strengths(deeper) == {}
    assert deeper.reasons == {"archive too deep in archives, not opened": 1}


def test_one_larger_than_the_limit_is_a_gap_if_it_unpacks_itself(tmp_path: Path) -> None:
    large = STUB + bytes(2 * MIB)
    sweep = of(tmp_path, archive({"setup.exe": large + archive(WANTED)}), MIB)
    assert sweep.reasons == {"archive member larger than --max-file-size": 1}
    assert of(tmp_path, archive({"setup.exe": large}), MIB).reasons == {}


def test_a_large_program_is_looked_at_in_bounded_memory(tmp_path: Path) -> None:
    buffer = BytesIO()
    content = bytes(MIB)
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as out,
        out.open("setup.exe", "w") as member,
    ):
        member.write(OTHER)
        for _ in range(40):
            member.write(content)
    (tmp_path / "Temp").mkdir()
    (tmp_path / "Temp" / "a.zip").write_bytes(buffer.getvalue())
    tracemalloc.start()
    try:
        sweep = swept(tmp_path, FilesSource(16 * MIB))
        assert tracemalloc.get_traced_memory()[1] < 20 * MIB
    finally:
        tracemalloc.stop()
    assert (sweep.seen, sweep.reasons) == ([], {})


def test_a_program_that_is_cut_short_is_a_gap(tmp_path: Path) -> None:
    data = bytearray(archive({"setup.exe": STUB + random.Random(4).randbytes(5_000)}))
    at = data.find(b"PK\1\2")
    (packed,) = struct.unpack_from("<I", data, at + 20)
    struct.pack_into("<I", data, at + 20, packed - 2_000)
    assert "archive: archive member is cut short" in of(tmp_path, bytes(data)).reasons


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.bin", bytes(0x8001) + b"CD001" + bytes(300_000), "ISO 9660 image"),
        ("a.vhd", b"x" * 300_000 + b"conectix" + bytes(504), "VHD disk"),
        ("a.dmg", b"x" * 300_000 + b"koly" + bytes(508), "DMG image"),
        ("a", b"-" * 5 + b"not so" + bytes(300_000), None),
    ],
)
def test_what_tells_its_kind_behind_its_first_bytes_is_a_gap(
    tmp_path: Path, name: str, data: bytes, kind: str | None
) -> None:
    sweep = of(tmp_path, archive({name: data}))
    assert sweep.reasons == ({f"{kind}: not looked into": 1} if kind else {})
