"""What is decided on bytes before a record becomes a file: size, extension, first bytes."""

from __future__ import annotations

import struct

import pytest

from agent.ntfs import Hit, MftScan, Selected, Volume, Wanted
from agent.ntfs.lznt1 import beginning, decompress
from agent.reading.openings import ANY_HEAD, Opening, Selection
from tests.evidence.images import (
    BadSectors,
    file_name,
    image,
    non_resident,
    opened,
    record,
    resident,
    run,
    standard,
)

ZIP, LINK = b"PK\3\4", b"L\0\0\0"
SELECTION = Selection(
    exact_sizes=frozenset({4000}),
    least_size=100_000,
    extensions=frozenset({".dat", "", ".lnk", ".ps1"}),
    openings=(
        Opening(100, extensions=frozenset({".dat", ""}), head=ZIP),
        Opening(100_000, head=LINK),
        Opening(extensions=frozenset({".lnk"}), head=LINK),
        Opening(most=8000, extensions=frozenset({".ps1"})),
        Opening(4000, 4000, head=b"%PDF"),
    ),
)
WANTED = Wanted(lambda seen: [], selection=SELECTION)


def scan(volume: Volume) -> dict[int, Hit]:
    found = MftScan(volume, WANTED).hits()
    return {hit.number: hit for hit in found if isinstance(hit, Hit)}


def file(name: str, content: bytes, *more: bytes, bits: int = 0x20) -> bytes:
    return record(standard(bits=bits), *more, file_name(name), content)


@pytest.mark.parametrize(
    ("extension", "size", "heads"),
    [
        (".dat", 99, ()),
        (".dat", 100, (ZIP,)),
        (".dat", 100_000, (ZIP, LINK)),
        (".txt", 99_999, ()),
        (".txt", 100_000, (LINK,)),
        (".lnk", 1, (LINK,)),
        (".lnk", 0, ()),
        (".ps1", 8000, ANY_HEAD),
        (".ps1", 8001, ()),
        (".txt", 4000, (b"%PDF",)),
    ],
)
def test_size_and_extension_say_how_a_file_has_to_begin(
    extension: str, size: int, heads: tuple[bytes, ...]
) -> None:
    assert set(SELECTION.heads(extension, size)) == set(heads)


def test_without_openings_whatever_is_singled_out_is_looked_into() -> None:
    assert Selection(extensions=frozenset({".dat"})).heads(".dat", 0) == ANY_HEAD


def test_files_of_a_size_that_no_gate_allows_are_no_hits() -> None:
    made = {24 + n: file(f"{n}.dat", resident(0x80, b"x")) for n in range(300)}
    forms = {
        330: file("none", resident(0x80, b"x" * 99)),
        331: file("large.dat", non_resident(0x80, 99, run(1, 50))),
        332: file("SHORT~1.DAT", resident(0x80, b"x"), file_name("short.dat", space=1)),
        333: record(file_name("first.dat"), resident(0x80, b"x")),
        334: file("b.dat", resident(0x80, b"x"), resident(0x40, bytes(16))),
        335: file("empty.lnk", resident(0x80, b"")),
    }
    assert scan(opened(image(made | forms, count=340))) == {}


def test_content_in_the_record_is_told_by_its_first_bytes() -> None:
    body = bytes(120)
    made = {
        24: file("yes.dat", resident(0x80, ZIP + body)),
        25: file("no.dat", resident(0x80, b"MZ" + body)),
        26: file("yes", resident(0x80, ZIP + body)),
        27: file("no.lnk", resident(0x80, ZIP + body)),
        28: file("yes.lnk", resident(0x80, LINK)),
        29: file("no.lnk", resident(0x80, LINK[:3])),
        30: file("yes.ps1", resident(0x80, b"whatever")),
        31: file("kept elsewhere.dat", resident(0x80, body), bits=0x40_0020),
        32: record(
            standard(), file_name("a.txt"), file_name("b.lnk"), resident(0x80, LINK), links=2
        ),
    }
    hits = scan(opened(image(made)))
    assert set(hits) == {24, 26, 28, 30, 31, 32}
    assert {hit.why for hit in hits.values()} == {Selected.EXTENSION}
    assert all(hit.may_begin_so() for hit in hits.values())


def test_content_on_the_disk_is_told_by_its_first_bytes_before_anything_is_parsed() -> None:
    data = non_resident(0x80, 5000, run(2, 100), last=1)
    other = non_resident(0x80, 5000, run(2, 110), last=1)
    beyond = non_resident(0x80, 5000, run(2, 1 << 30), last=1)
    made = {
        24: (file("yes.dat", data), True),
        25: (file("no.dat", other), False),
        26: (file("yes.lnk", other), True),
        27: (file("no.lnk", data), False),
        28: (file("beyond.lnk", beyond), True),
        29: (file("kept elsewhere.lnk", data, bits=0x1020), True),
        30: (file("encrypted.lnk", non_resident(0x80, 5000, run(2, 100), flags=0x4000)), True),
        31: (file("a hole.lnk", non_resident(0x80, 5000, run(2, None))), True),
        32: (file("no runs.lnk", non_resident(0x80, 5000, b"\xff")), True),
    }
    volume = opened(
        image({n: one for n, (one, _) in made.items()}, contents={100: ZIP * 9, 110: LINK * 9})
    )
    hits = scan(volume)
    assert {n: hit.may_begin_so() for n, hit in hits.items()} == {
        n: answer for n, (_, answer) in made.items()
    }
    assert all(hit._entry is None for hit in hits.values())


def test_a_name_that_leads_beyond_the_last_record_does_not_end_the_scan() -> None:
    short, long = file_name("SHORT~1.TXT", space=2), file_name("long.txt")
    data = bytearray(record(standard(), short, long, resident(0x80, b"x"), links=2))
    second = data.index("long.txt".encode("utf-16-le")) - 0x5A
    data[second + 4 : second + 6] = (0x3FF).to_bytes(2, "little")
    assert scan(opened(image({24: bytes(data)}, count=25))) == {}


def test_a_name_without_room_for_one_does_not_end_the_scan() -> None:
    data = bytearray(file("x.lnk", resident(0x80, LINK)))
    end = data.index(b"\xff" * 4)
    data[end : end + 16] = struct.pack("<IIQ", 0x100, 968 - end, 0)
    data[968:996] = struct.pack("<II16xI", 0x30, 24, 0xFFFFFFFF)
    (hit,) = scan(opened(image({24: bytes(data)}))).values()
    assert hit.why == Selected.EXTENSION


def test_what_cannot_be_read_is_left_to_the_look_that_tells_why() -> None:
    data = image({24: file("x.lnk", non_resident(0x80, 5000, run(2, 100)))})
    (hit,) = scan(Volume(BadSectors(data, range(100 * 4096, 101 * 4096)))).values()
    assert hit.may_begin_so()


def compressed(start: bytes) -> bytes:
    """One chunk of LZNT1: so many letters, then one of them repeated."""
    assert len(start) == 7
    body = b"\x80" + start + struct.pack("<H", 0x00FF) + bytes(5)
    return struct.pack("<H", 0xB000 | len(body) - 1) + body


def test_compressed_content_is_told_by_its_first_bytes_too() -> None:
    # Clusters 1 of 16, then a hole: compressed; 16 of 16: as it is; two pieces: not told.
    forms = {
        24: (run(1, 100) + run(15, None), True),
        25: (run(1, 110) + run(15, None), False),
        26: (run(16, 120), True),
        27: (run(16, 100), False),
        28: (run(1, 110) + run(15, 20), True),
    }
    made = {
        n: file("x.dat", non_resident(0x80, 60_000, runs, flags=1, unit=4))
        for n, (runs, _) in forms.items()
    }
    contents = {100: compressed(ZIP + b"abc"), 110: compressed(b"MZ" + b"abcde"), 120: ZIP * 9}
    hits = scan(opened(image(made, contents=contents)))
    assert {n: hit.may_begin_so() for n, hit in hits.items()} == {
        n: answer for n, (_, answer) in forms.items()
    }


def test_the_beginning_of_compressed_bytes_is_that_of_all() -> None:
    data = compressed(ZIP + b"abc")
    assert beginning(data[:64], 16) == decompress(data, 4096)[:16]
    plain = struct.pack("<H", 0x3FFF) + bytes(range(256)) * 16
    assert beginning(plain[:64], 16) == bytes(range(16))
    assert beginning(bytes(64), 16) == bytes(16)
