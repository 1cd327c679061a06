"""Records made byte by byte: shapes that no tool writes."""

from __future__ import annotations

import io
import itertools
import struct
from typing import Any

import pytest

from agent.ntfs import (
    FileSource,
    Hit,
    MftScan,
    NtfsError,
    RawHit,
    Reference,
    Selected,
    Unread,
    Volume,
    Wanted,
)
from agent.ntfs import volume as volume_module
from agent.ntfs.fixups import mend_record, mend_records
from agent.ntfs.lznt1 import decompress
from agent.ntfs.name_endings import _forms
from agent.ntfs.run_list import Run, decode_runs
from agent.reading.openings import Selection
from tests.evidence.images import (
    CLUSTER,
    boot,
    file_name,
    image,
    non_resident,
    opened,
    record,
    resident,
    run,
    standard,
    wants,
)

WANTED = Wanted(wants("cyzfc.dat"), frozenset({"CYZFC.DAT"}))


def scan(volume: Volume, wanted: Wanted = WANTED) -> list[Hit | RawHit]:
    return list(MftScan(volume, wanted).hits())


def names(found: list[Hit | RawHit]) -> list[str]:
    return [name.text for hit in found if isinstance(hit, Hit) for name in hit.entry.names]


def test_runs_may_be_sparse_and_go_backwards() -> None:
    runs = run(3, 100) + run(5, None) + run(300, -90) + b"\0"
    assert decode_runs(runs) == [Run(0, 100, 3), Run(3, None, 5), Run(8, 10, 300)]


@pytest.mark.parametrize(
    "data",
    [b"\x21\x05", b"\x11\x00\x05", b"\x11\x05\x80", b"\x91" + bytes(10), b"\x08" + b"\xff" * 8],
)
def test_run_lists_that_cannot_be_are_refused(data: bytes) -> None:
    with pytest.raises(NtfsError, match="run list damaged"):
        decode_runs(data)


@pytest.mark.parametrize(
    ("size", "array"), list(itertools.product((1024, 4096), (0x30, 0x2A, 0x38)))
)
def test_all_records_of_a_buffer_are_mended_as_each_alone(size: int, array: int) -> None:
    name = file_name("n" * 200)
    one = record(standard(), name, size=size, array=array)
    torn = bytearray(one)
    torn[510] ^= 1
    buffer = bytearray(
        one + bytes(size) + bytes(torn) + b"BAAD" + one[4:] + record(standard(), size=size)
    )
    each = bytearray(buffer)
    mended = mend_records(buffer, 5, size)
    assert mended.torn == [2]
    assert mended.unsigned == [1, 3]
    for index in (0, 2, 4):
        assert mend_record(each, index * size, size) == (index != 2)
    assert buffer == each


def test_a_torn_record_is_counted_and_still_searched() -> None:
    data = bytearray(image({30: record(standard(), file_name("cyzfc.dat"))}))
    data[4 * CLUSTER + 30 * 1024 + 1022] ^= 0xFF
    account = Unread()
    volume = opened(bytes(data), account)
    search = MftScan(volume, WANTED)
    (hit,) = search.hits()
    assert isinstance(hit, Hit)
    assert "record torn: written in part" in hit.entry.notes
    assert search.counts.torn == 1
    assert account.gaps["$MFT: record torn"] == 1


def test_a_record_without_signature_is_a_mention_and_a_gap() -> None:
    account = Unread()
    bad = b"BAAD" + record(standard(), file_name("cyzfc.dat"))[4:]
    (found,) = scan(opened(image({30: bad}), account))
    assert isinstance(found, RawHit)
    assert (found.record, found.text, found.place) == (
        30,
        "cyzfc.dat",
        "record without a signature",
    )
    assert account.gaps == {"$MFT: record without a signature": 1}


def listed(*numbers: int) -> bytes:
    return b"".join(struct.pack("<IHBBQQH6x", 0x80, 32, 0, 26, 0, n | 1 << 48, 0) for n in numbers)


def test_names_and_sizes_in_an_extension_record_are_the_files() -> None:
    wanted = Wanted(
        wants("cyzfc.dat"),
        frozenset({"CYZFC.DAT"}),
        (),
        Selection(frozenset({5000}), extensions=frozenset({".lnk"})),
    )
    base = record(standard(), resident(0x20, listed(31, 32)), file_name("other.txt"))
    one = record(file_name("cyzfc.dat"), file_name("x.lnk"), base=30 | 1 << 48)
    two = record(non_resident(0x80, 5000, run(2, 100), last=1), base=30 | 1 << 48)
    for order in ((30, 31, 32), (32, 31, 30)):
        swap = dict(zip((30, 31, 32), order, strict=True))
        base = record(
            standard(), resident(0x20, listed(swap[31], swap[32])), file_name("other.txt")
        )
        one, two = (
            record(*parts, base=swap[30] | 1 << 48)
            for parts in (
                (file_name("cyzfc.dat"), file_name("x.lnk")),
                (non_resident(0x80, 5000, run(2, 100), last=1),),
            )
        )
        records = {swap[30]: base, swap[31]: one, swap[32]: two}
        (hit,) = scan(opened(image(records)), wanted)
        assert isinstance(hit, Hit)
        assert hit.entry.number == swap[30]
        assert {n.text for n in hit.entry.names} == {"other.txt", "cyzfc.dat", "x.lnk"}
        assert hit.why == Selected.NAME | Selected.SIZE | Selected.EXTENSION
        assert hit.wanted == ("cyzfc.dat",)


def test_an_attribute_list_may_lie_in_clusters() -> None:
    base = record(standard(), non_resident(0x20, 32, run(1, 200)))
    more = record(file_name("cyzfc.dat"), base=30 | 1 << 48)
    volume = opened(image({30: base, 31: more}, contents={200: listed(31)}))
    assert names(scan(volume)) == ["cyzfc.dat"]


def test_an_extension_that_its_base_disowns_stands_for_itself() -> None:
    more = record(file_name("cyzfc.dat"), base=30 | 9 << 48)
    base = record(standard(), file_name("another.txt"), sequence=2)
    (hit,) = scan(opened(image({30: base, 31: more})))
    assert isinstance(hit, Hit)
    assert hit.entry.number == 31


def test_a_name_over_a_strides_end_is_whole_once_mended() -> None:
    for filler in range(70, 110):
        data = record(standard(), file_name("a" * filler), file_name("cyzfc.dat"), links=2)
        assert names(scan(opened(image({40: data}))))[1] == "cyzfc.dat"


@pytest.mark.parametrize("size", [1024, 4096])
def test_extensions_are_found_in_every_form_of_record(size: int) -> None:
    wanted = Wanted(lambda seen: [], selection=Selection(extensions=frozenset({".lnk", ""})))
    data = non_resident(0x80, 10, run(1, 100))
    forms = {
        24: (standard(), file_name("usual.LNK"), data),
        25: (standard(length=0x30), file_name("old.lnk"), data),
        26: (standard(), file_name("SHORT~1.LNK", space=2), file_name("short name.lnk")),
        27: (standard(), file_name("none"), data),
        28: (standard(), file_name("kelvin.ln\N{KELVIN SIGN}")),
        29: (standard(), file_name("\u2e00\u2e00.lnk")),
        30: (standard(), file_name("odd\u002e\u002elnk\u2e2e"), data),
        31: (standard(), file_name("not.lnk.txt"), file_name("but.lnk")),
        32: (file_name("first.lnk"),),
        33: (standard(), file_name("\u2e41\u4100")),
        34: (standard(), file_name("one.txt"), file_name("uncounted.lnk")),
        35: (standard(), file_name("TWO~1.TXT", space=2), file_name("two.txt"), file_name("x.lnk")),
    }
    others = {
        40: (standard(), file_name("no.txt")),
        41: (standard(), file_name("short.txt"), file_name("SHORT.LNK", space=2)),
        42: (standard(), file_name("linked.lnk"), resident(0xC0, struct.pack("<I", 0xA000_000C))),
    }
    made = {
        n: record(*parts, size=size, links=sum(p[:1] == b"\x30" for p in parts))
        for n, parts in {**forms, **others}.items()
    }
    made[34] = record(*forms[34], size=size, links=1)
    made[35] = record(*forms[35], size=size, links=2)
    made[43] = record(standard(), file_name("folder.lnk"), size=size, flags=3)
    made[44] = record(standard(), file_name("deleted.lnk"), size=size, flags=0)
    found = {
        hit.entry.number
        for hit in scan(opened(image(made, size=size)), wanted)
        if isinstance(hit, Hit)
    }
    assert found == set(forms) - {30}


@pytest.mark.parametrize("size", [1024, 4096])
def test_alternate_streams_are_found_by_extension(size: int) -> None:
    wanted = Wanted(lambda seen: [], selection=Selection(extensions=frozenset({".lnk", ""})))
    name = file_name("a.txt")
    streams = {
        24: ((name, resident(0x80, b"x", name="s.LNK")), 1),
        25: ((name, non_resident(0x80, 9, run(1, 50), name="s.lnk")), 1),
        26: ((name, resident(0x80, b""), resident(0x80, b"x", name="none")), 1),
        27: ((name, resident(0x80, b"x", name="folder's.ln\N{KELVIN SIGN}")), 3),
        28: ((name, resident(0x80, b"x", name="s" * 200 + ".lnk")), 1),
    }
    others = {
        30: ((name, resident(0x80, b"x", name="s.txt")), 1),
        31: ((name, resident(0x80, b"x", name="deleted.lnk")), 0),
        32: ((name, resident(0x80, b"s.lnk")), 1),
        33: ((name, non_resident(0x80, 9, run(1, 50), name="WofCompressedData")), 1),
        34: ((file_name("folder.lnk"), resident(0x80, b"x", name="s.txt")), 3),
        35: ((name, resident(0x90, bytes(32), name="i.lnk")), 3),
    }
    made = {
        number: record(standard(), *parts, size=size, flags=flags)
        for number, (parts, flags) in {**streams, **others}.items()
    }
    # One whose stream is told by a record of its own.
    made[40] = record(standard(), resident(0x20, listed(41)), name, size=size)
    made[41] = record(resident(0x80, b"x", name="far.lnk"), base=40 | 1 << 48, size=size)

    found = {
        hit.entry.number: hit.why
        for hit in scan(opened(image(made, size=size)), wanted)
        if isinstance(hit, Hit)
    }

    assert found == dict.fromkeys((*streams, 40), Selected.STREAM_EXTENSION)


def test_the_kelvin_sign_is_all_that_needs_care() -> None:
    others = {
        chr(c)
        for c in range(128, 0x110000)
        if len(chr(c).lower()) == 1 and chr(c).lower().isascii()
    }
    assert others == {"\N{KELVIN SIGN}"}
    assert set(_forms(".lnk")) == {".lnk", ".ln\N{KELVIN SIGN}"}


def test_sizes_are_found_resident_or_not_named_or_not() -> None:
    wanted = Wanted(
        lambda seen: [], selection=Selection(frozenset({100, 70_000}), least_size=1 << 20)
    )
    made = {
        24: (resident(0x80, bytes(100)), Selected.SIZE),
        25: (non_resident(0x80, 70_000, run(18, 50)), Selected.SIZE),
        26: (non_resident(0x80, 70_000, run(18, 50), name="stream"), Selected.STREAM_SIZE),
        27: (resident(0x80, bytes(100), name="s"), Selected.STREAM_SIZE),
        28: (non_resident(0x80, 1 << 20, run(256, 50)), Selected.LEAST_SIZE),
        29: (non_resident(0x80, 1 << 32, run(9, 50)), Selected.LEAST_SIZE),
        30: (non_resident(0x80, (1 << 20) - 1, run(256, 50)), None),
        31: (non_resident(0x80, 0x0F_0000, run(256, 50)), None),
    }
    records = {n: record(standard(), file_name("a.txt"), data) for n, (data, _) in made.items()}
    found = {
        hit.entry.number: hit.why
        for hit in scan(opened(image(records)), wanted)
        if isinstance(hit, Hit)
    }
    assert found == {n: why for n, (_, why) in made.items() if why}


@pytest.mark.parametrize("size", [1024, 4096])
@pytest.mark.parametrize("least", [5000, 0x623B6, 1 << 20, 1 << 33, (1 << 48) + 1])
@pytest.mark.parametrize("extensions", [(), (".lnk",), (".lnk", "")], ids=["none", "lnk", "empty"])
def test_large_files_are_found_in_every_form_of_record(
    size: int, least: int, extensions: tuple[str, ...]
) -> None:
    wanted = Wanted(
        lambda seen: [],
        selection=Selection(least_size=least, extensions=frozenset(extensions)),
    )

    def data(length: int, **kept: Any) -> bytes:
        return non_resident(0x80, length, run(256, 50), **kept)

    name, short = file_name("a.txt"), file_name("A~1.TXT", space=2)
    forms: dict[int, tuple[tuple[bytes, ...], Selected | None]] = {
        24: ((standard(), name, data(least)), Selected.LEAST_SIZE),
        25: ((standard(), name, data(least - 1)), None),
        26: ((standard(), file_name("a.dll"), data(least + 1)), Selected.LEAST_SIZE),
        27: ((standard(length=0x30), name, data(1 << 62)), Selected.LEAST_SIZE),
        28: ((standard(), short, name, data(least)), Selected.LEAST_SIZE),
        29: ((standard(), short, name, data(least - 1)), None),
        30: ((standard(), name, resident(0x40, bytes(16)), data(least)), Selected.LEAST_SIZE),
        31: ((standard(), short, name, resident(0x50, bytes(9)), data(least)), Selected.LEAST_SIZE),
        32: ((standard(), name, file_name("b.txt"), data(least)), Selected.LEAST_SIZE),
        33: ((name, data(least)), Selected.LEAST_SIZE),
        34: ((standard(), name, data(9), data(least, name="s.x")), Selected.STREAM_SIZE),
        35: ((standard(), name, data(9), data(least - 1, name="s.x")), None),
        36: ((standard(), name, data(least, name="s.x")), Selected.STREAM_SIZE),
        37: ((standard(), name, resident(0x80, b"\xff" * 64)), None),
        38: ((standard(), resident(0x20, listed(39)), name), Selected.LEAST_SIZE),
    }
    made = {
        number: record(*parts, size=size, links=sum(p[:1] == b"\x30" for p in parts))
        for number, (parts, _) in forms.items()
    }
    made[39] = record(data(least), base=38 | 1 << 48, size=size)
    made[41] = record(standard(), name, data(least), size=size, flags=0)
    found = {
        hit.entry.number: hit.why
        for hit in scan(opened(image(made, size=size)), wanted)
        if isinstance(hit, Hit)
    }
    assert found == {number: why for number, (_, why) in forms.items() if why}


@pytest.mark.parametrize("speed", [0, 1 << 62])
def test_records_read_ahead_are_the_same(speed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From memory each buffer is read when its turn comes, from a disk the next one meanwhile."""
    monkeypatch.setattr(volume_module, "MEMORY_SPEED", speed)
    made = {24 + n: record(standard(), file_name(f"{n}.txt")) for n in range(40)}
    volume = opened(image(made))

    found = list(volume.mft(2048))

    assert [buffer.first for buffer in found] == list(range(0, volume.records, 2))
    whole = b"".join(buffer.data for buffer in found)
    assert whole == b"".join(volume.record(n).data for n in range(volume.records))


def test_letters_outside_ascii_fold_as_ntfs_folds_them() -> None:
    wanted = Wanted(wants("Übung.exe", "ſ.dat"), frozenset({"ÜBUNG.EXE", "ſ.DAT"}))
    made = {
        24: record(standard(), file_name("übung.EXE")),
        25: record(standard(), file_name("s.dat")),
        26: record(standard(), file_name("ſ.DAT")),
    }
    assert names(scan(opened(image(made)), wanted)) == ["übung.EXE", "ſ.DAT"]


def test_a_wildcard_without_letters_has_every_name_asked_for() -> None:
    wanted = Wanted(lambda seen: [n for n in seen if len(n) == 3], pieces=("",))
    made = {24: record(standard(), file_name("abc")), 25: record(standard(), file_name("abcd"))}
    assert names(scan(opened(image(made)), wanted)) == ["abc"]


def test_folders_that_contain_each_other_end_in_an_unknown_path() -> None:
    made = {
        24: record(standard(), file_name("one", 25, 1), flags=3),
        25: record(standard(), file_name("two", 24, 1), flags=3),
        26: record(standard(), file_name("cyzfc.dat", 24, 1)),
    }
    volume = opened(image(made))
    (path,) = volume.paths(volume.entry(26))
    assert not path.known
    assert path.note == "folders that contain each other"


def test_times_that_disagree_are_noted() -> None:
    made = {24: record(standard(10**16, 10**16, 10**16, 10**16), file_name("cyzfc.dat"))}
    (hit,) = scan(opened(image(made)))
    assert isinstance(hit, Hit)
    assert any("$SI before $FN" in note for note in hit.entry.notes)
    assert any("fractions" in note for note in hit.entry.notes)


def test_encrypted_content_and_such_as_a_filter_keeps_is_refused_with_the_reason() -> None:
    made = {
        24: record(standard(), non_resident(0x80, 10, run(1, 9), flags=0x4000)),
        25: record(
            standard(),
            non_resident(0x80, 10, run(1, None)),
            resident(0xC0, struct.pack("<I", 0x8000_0017)),
        ),
    }
    volume = opened(image(made))
    with pytest.raises(NtfsError, match="EFS"):
        volume.open_stream(24)
    with pytest.raises(NtfsError, match="content kept elsewhere"):
        volume.open_stream(25)


def test_lznt1_as_the_specification_shows_it() -> None:
    """[MS-XCA] 3.3."""
    packed = bytes.fromhex(
        "38b08846232000204720410010a24701a045204400084501507900c04520052413"
        "8805b4024a44ef0358028c091601484500be009e000401189000"
    )
    plain = (
        b"F# F# G A A G F# E D D E F# F# E E F# F# G A A G F# E D D E F# E D D E E F# D E F# G F# D E F# G"
        b" F# E D E A F# F# G A A G F# E D D E F# E D D\0"
    )
    assert decompress(packed, len(plain)) == plain


def test_lznt1_copies_overlap_and_plain_chunks_stay() -> None:
    copied = struct.pack("<HB1sH", 0xB000 | 3, 2, b"a", 97)  # 1 byte, then 100 of it
    assert decompress(copied, 101) == b"a" * 101
    stored = struct.pack("<H", 0x3000 | 4) + b"hello"
    assert decompress(stored, 5) == b"hello"
    assert decompress(stored + stored, 4101) == b"hello".ljust(4096, b"\0") + b"hello"


# Damage.


class Failing(FileSource):
    """Some places cannot be read."""

    def __init__(self, data: bytes, *places: range) -> None:
        super().__init__(io.BytesIO(data))
        self._places = places

    def read_into(self, offset: int, view: memoryview) -> int:
        if any(place.start < offset + len(view) and offset < place.stop for place in self._places):
            raise OSError(5, "Input/output error")
        return super().read_into(offset, view)


def test_sectors_that_cannot_be_read_are_a_gap_and_the_rest_is_searched() -> None:
    data = image(
        {
            30: record(standard(), file_name("cyzfc.dat")),
            60: record(standard(), file_name("cyzfc.dat")),
        }
    )
    bad = 4 * CLUSTER + 28 * 1024
    account = Unread()
    found = scan(Volume(Failing(data, range(bad, bad + 512)), account))
    assert [hit.entry.number for hit in found if isinstance(hit, Hit)] == [60]
    assert account.gaps == {"$MFT: Input/output error": 4}


def test_an_image_that_ends_early_is_a_gap_and_the_rest_is_searched() -> None:
    data = image(
        {
            30: record(standard(), file_name("cyzfc.dat")),
            60: record(standard(), file_name("cyzfc.dat")),
        }
    )
    account = Unread()
    found = scan(opened(data[: 4 * CLUSTER + 50 * 1024], account))
    assert [hit.entry.number for hit in found if isinstance(hit, Hit)] == [30]
    assert account.gaps["$MFT: beyond the end of the image"] == 16
    assert account.gaps["image ends before the volume does"] == 1


def test_a_lost_boot_sector_is_taken_from_its_copy() -> None:
    data = bytearray(image({30: record(standard(), file_name("cyzfc.dat"))}))
    data[-512:] = data[:512]
    data[:512] = bytes(512)
    account = Unread()
    assert names(scan(opened(bytes(data), account))) == ["cyzfc.dat"]
    assert "boot sector damaged, its copy was used" in account.notes


def test_a_lost_first_record_is_taken_from_the_mirror() -> None:
    data = bytearray(image({30: record(standard(), file_name("cyzfc.dat"))}))
    data[4 * CLUSTER : 4 * CLUSTER + 1024] = bytes(1024)
    account = Unread()
    assert names(scan(opened(bytes(data), account))) == ["cyzfc.dat"]
    assert "$MFT's first record damaged, its copy was used" in account.notes


@pytest.mark.parametrize(
    "sector",
    [
        bytes(512), b"", boot(mft=0), boot(mft=1 << 40), boot(per_cluster=3), boot(per_cluster=0x90),
        boot(sectors=1 << 60), boot(record=256), boot()[:3] + b"-FVE-FS-" + boot()[11:],
    ],
)  # fmt: skip
def test_a_boot_sector_that_lies_is_refused(sector: bytes) -> None:
    with pytest.raises(NtfsError):
        opened(sector.ljust(1 << 16, b"\0") if sector else b"")


def test_an_mft_that_claims_to_be_endless_is_not_walked() -> None:
    data = bytearray(image({}))
    own = record(
        standard(),
        file_name("$MFT"),
        non_resident(0x80, 1 << 50, run(16, 4) + run(1 << 40, None), last=0),
    )
    data[4 * CLUSTER : 4 * CLUSTER + 1024] = own
    data[2 * CLUSTER : 2 * CLUSTER + 1024] = own
    account = Unread()
    try:
        volume = opened(bytes(data), account)
    except NtfsError:
        return
    assert volume.mft_size <= len(data) + CLUSTER
    assert account.gaps


def test_references_keep_number_and_sequence_apart() -> None:
    assert Reference.of(0x0003_0000_0000_0042) == Reference(0x42, 3)


@pytest.mark.parametrize("flags", [0, 1], ids=["deleted", "live"])
@pytest.mark.parametrize("used", [0x40, 0xA8, 0x110], ids=["inside", "before a name", "before all"])
def test_a_record_cut_short_tells_its_long_name_and_its_size(flags: int, used: int) -> None:
    made = bytearray(
        record(
            standard(),
            file_name("CYZFC~1.DAT", space=2),
            file_name("cyzfc.dat"),
            non_resident(0x80, 294400, run(72, 100)),
            flags=flags,
        )
    )
    struct.pack_into("<I", made, 0x18, used)
    account = Unread()
    (hit,) = scan(opened(image({30: bytes(made)}), account))
    assert isinstance(hit, Hit)
    assert [name.text for name in hit.entry.long_names] == ["cyzfc.dat"]
    assert hit.entry.size == 294400
    assert bool(account.gaps) == bool(flags)


def test_what_lies_behind_the_end_of_the_attributes_stays_slack() -> None:
    whole = record(standard(), file_name("a.txt"), file_name("cyzfc.dat"), flags=0)
    cut = bytearray(whole)
    end = 0x38 + len(standard()) + len(file_name("a.txt"))
    cut[end : end + 8] = b"\xff\xff\xff\xff\0\0\0\0"
    struct.pack_into("<I", cut, 0x18, end + 8)
    entry = opened(image({30: bytes(cut)})).entry(30)
    assert [name.text for name in entry.names] == ["a.txt"]


def test_a_file_without_content_is_empty_and_no_stream_that_is_missing() -> None:
    made = {
        30: record(standard(), file_name("a.txt")),
        31: record(standard(), resident(0x20, listed(60)), file_name("b.txt")),
    }
    volume = opened(image(made))
    assert volume.open_stream(30).read() == b""
    for number, name in ((30, "other"), (31, "")):
        with pytest.raises(NtfsError, match="no such stream"):
            volume.open_stream(number, name)
