"""Which address lies at which byte of an image of memory, by its headers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats.kinds import Read
from agent.formats.memory_image import MemoryForm, memory_form
from tests.evidence.memory_images import bitmap_dump, core, crash_dump, lime, minidump

PAGE = 4096
RANGES = [(0x1000, b"a" * PAGE * 2), (0x10_0000, b"b" * PAGE), (0x1_2345_6000, b"c" * PAGE)]
FORMS: dict[str, tuple[bytes, str, str]] = {
    "lime": (lime(RANGES), "LiME memory image", "physical"),
    "crash": (crash_dump(RANGES), "Windows crash dump", "physical"),
    "crash32": (crash_dump(RANGES, wide=False), "Windows crash dump", "physical"),
    "minidump": (minidump(RANGES), "minidump of a process", "virtual"),
    "minidump of parts": (minidump(RANGES, whole=False), "minidump of a process", "virtual"),
    "core": (core(RANGES), "ELF core", "physical"),
}


def reader(data: bytes) -> Read:
    return lambda offset, length: data[offset : offset + length]


def form_of(data: bytes, name: str = "") -> MemoryForm:
    return memory_form(reader(data), len(data), name)


@pytest.mark.parametrize("name", FORMS)
def test_each_byte_of_memory_has_its_address(name: str) -> None:
    data, kind, space = FORMS[name]
    form = form_of(data)
    assert (form.kind, form.space) == (kind, space)
    for address, content in RANGES:
        start = data.index(content)
        assert form.addresses.of(start) == address
        assert form.addresses.of(start + 4095) == address + 4095
        assert form.addresses.of(start + len(content) - 1) == address + len(content) - 1
    assert form.addresses.of(0) is None
    assert form.addresses.of(len(data)) is None


@pytest.mark.parametrize("kernel", [True, False])
@pytest.mark.parametrize("wide", [True, False])
def test_pages_of_a_bitmap_have_the_addresses_of_their_bits(kernel: bool, wide: bool) -> None:
    numbers = [0, 3, 7, 8, 40_000, 70_001, 99_999]
    pages = {number: f"page {number:06}".encode().ljust(PAGE, b"\0") for number in numbers}
    data = bitmap_dump(pages, 100_000, kernel=kernel, wide=wide)
    form = form_of(data)
    for number, content in pages.items():
        at = data.index(content[:11])
        assert form.addresses.of(at) == number * PAGE
        assert form.addresses.of(at + 100) == number * PAGE + 100
    assert form.addresses.of(16) is None
    assert form.addresses.of(len(data)) is None
    of = "of the kernel" if kernel else "of pages in use"
    assert form.lacking == (f"Windows crash dump {of}: 99,993 of 100,000 pages are not in it",)


def test_a_dump_whose_bitmap_has_all_pages_lacks_nothing() -> None:
    pages = {number: bytes(PAGE) for number in range(16)}
    assert form_of(bitmap_dump(pages, 16, kernel=False)).lacking == ()


def test_whole_forms_lack_nothing() -> None:
    assert {name: form_of(data).lacking for name, (data, _, _) in FORMS.items()} == {
        **dict.fromkeys(FORMS, ()),
        "minidump of parts": (
            "minidump of a process: holds little more of its memory than its stacks",
        ),
    }


def test_what_lies_between_ranges_of_lime_is_a_note() -> None:
    (told,) = form_of(lime(RANGES)).notes
    between = 0x10_0000 - 0x3000 + 0x1_2345_6000 - 0x10_1000
    assert (
        told
        == f"LiME memory image: {between:,} bytes of addresses between its ranges are not in it"
    )
    assert form_of(lime(RANGES[:1])).notes == ()


@pytest.mark.parametrize("name", FORMS)
def test_bytes_that_are_cut_off_are_counted(name: str) -> None:
    data, kind, _ = FORMS[name]
    form = form_of(data[:-1000])
    assert f"{kind}: cut short, 1,000 bytes are missing" in form.lacking
    assert form.addresses.of(data.index(b"b" * PAGE)) == 0x10_0000


def test_a_dump_of_a_bitmap_that_is_cut_off_says_so() -> None:
    data = bitmap_dump({1: bytes(PAGE), 5: bytes(PAGE)}, 8)
    assert "Windows crash dump: cut short, 5,000 bytes are missing" in form_of(data[:-5000]).lacking


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (lime(RANGES[:1]) + b"noise" * 10, "LiME memory image: header damaged"),
        (lime(RANGES, version=2), "LiME memory image: header damaged"),
        (crash_dump(RANGES)[:5000], "Windows crash dump: cut short within its header"),
        (crash_dump([]), "Windows crash dump: runs of pages damaged"),
        (crash_dump(RANGES, dump_type=4), "Windows crash dump: small memory dump"),
        (crash_dump(RANGES, dump_type=10), "Windows crash dump: of type 10"),
        (bitmap_dump({1: bytes(PAGE)}, 8).replace(b"\x02", b"\x06", 1), "bitmap of its pages damaged"),
        (minidump(RANGES)[:40], "minidump of a process: cut short within its header"),
        (core(RANGES)[:100], "ELF core: cut short within its header"),
        (b"AVML\2\0\0\0" + bytes(100), "AVML memory image: compressed (Snappy)"),
        (b"hibr" + bytes(100), "hibernation file: compressed memory (XPRESS)"),
    ],
)  # fmt: skip
def test_what_a_form_does_not_tell_is_a_gap(data: bytes, told: str) -> None:
    (lacking,) = (one for one in form_of(data).lacking if told in one)
    assert lacking


def test_a_range_before_a_damaged_header_keeps_its_addresses() -> None:
    data = lime(RANGES[:1]) + b"noise" * 10
    assert form_of(data).addresses.of(32) == 0x1000
    assert form_of(data).addresses.of(len(data) - 1) is None


def test_a_hibernation_that_was_resumed_from_is_known_by_its_name() -> None:
    assert form_of(bytes(8192), "HIBERFIL.SYS").kind == "hibernation file"
    assert form_of(bytes(8192), "host.vmem").kind == "raw memory image"


def test_a_raw_image_tells_no_addresses_and_says_so() -> None:
    form = form_of(b"\xf0" * 8192)
    assert form.kind == "raw memory image"
    assert form.addresses.of(5000) is None
    assert form.notes == ("raw memory image: it does not tell addresses, only bytes",)
    assert form.lacking == ()


_CHANGES = st.lists(st.tuples(st.integers(0, 9000), st.binary(min_size=1, max_size=8)), max_size=6)
_MADE = [
    *(data for data, _, _ in FORMS.values()),
    bitmap_dump({1: b"x" * PAGE, 9: b"y" * PAGE}, 64),
]


@given(st.sampled_from(_MADE), _CHANGES, st.integers(0, 20_000))
def test_any_bytes_end_in_a_form(data: bytes, changes: list[tuple[int, bytes]], cut: int) -> None:
    changed = bytearray(data[: len(data) - cut] if cut < len(data) else data)
    for at, new in changes:
        changed[at : at + len(new)] = new
    form = form_of(bytes(changed))
    told: Callable[[int], int | None] = form.addresses.of
    for at in (0, 32, 8191, 8192, len(changed) - 1, len(changed)):
        found = told(at)
        assert found is None or found >= 0
    assert all(form.lacking)
