from __future__ import annotations

import io
import struct
import time
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.formats import FormatError, pe
from agent.formats.pe import (
    MAX_EXPORTS,
    holds_export,
    machine_of,
    original_file_name,
    read_pe,
)
from tests.evidence.files import dll


def machine(data: bytes) -> str | None:
    return machine_of(lambda offset, length: data[offset : offset + length])


def test_a_dll_says_its_machine_its_exports_and_when_it_was_made() -> None:
    found = read_pe(dll(["PointFunctionCall"]))

    assert found.machine == "amd64"
    assert found.dll
    assert found.exports == ["PointFunctionCall"]
    assert found.compiled == datetime(2018, 11, 14, 10, 59, 12, tzinfo=timezone.utc)


def test_an_open_file_is_read_as_its_bytes_are() -> None:
    data = dll(["B", "A"])

    assert read_pe(io.BytesIO(data)) == read_pe(data)
    assert read_pe(data).exports == ["A", "B"]


def test_a_32_bit_dll_is_x86() -> None:
    assert read_pe(dll(machine=0x14C)).machine == "x86"
    assert machine(dll(machine=0x14C)) == "x86"
    assert machine(dll(machine=0x1C4)) == "0x1c4"


def test_the_machine_is_found_behind_a_long_stub() -> None:
    data = bytearray(100_000)
    data[:2] = b"MZ"
    struct.pack_into("<I", data, 60, 90_000)
    data[90_000:90_006] = b"PE\0\0\x64\x86"

    assert machine(bytes(data)) == "amd64"


def test_an_export_by_ordinal_counts_as_an_export() -> None:
    data = bytearray(dll(["A", "PointFunctionCall"]))
    at = data.find(struct.pack("<II", 2, 2))
    struct.pack_into("<I", data, at + 4, 1)

    assert read_pe(bytes(data)).exports == ["A", "#2"]


def test_the_original_name_is_that_of_the_version_resource(tmp_path: Path) -> None:
    file = tmp_path / "renamed.exe"
    file.write_bytes(dll(original_name="RUNDLL32.EXE"))

    assert original_file_name(str(file)) == "RUNDLL32.EXE"
    assert read_pe(file.read_bytes()).original_file_name == "RUNDLL32.EXE"


def test_without_a_version_resource_there_is_no_original_name(tmp_path: Path) -> None:
    file = tmp_path / "plain.dll"
    file.write_bytes(dll())

    assert original_file_name(str(file)) == ""


@pytest.mark.parametrize(
    "data", [b"", b"MZ", b"MZ" + bytes(62), b"PK\3\4", dll()[:0x84], dll()[:0x90]]
)
def test_what_is_no_pe_file_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(FormatError):
        read_pe(data)


def with_sections(count: int, exports: list[str], *, others_first: bool = False) -> bytes:
    """A DLL that the loader takes, with empty sections added up to a count."""
    data = dll(exports)
    (optional,) = struct.unpack_from("<H", data, 0x80 + 20)
    table = 0x80 + 24 + optional
    own = bytearray(data[table : table + 80])
    more = b"".join(
        struct.pack("<8s6I2HI", b"x", 0x1000, 0x10000 + n * 0x1000, 0, 0, 0, 0, 0, 0, 0x4000_0040)
        for n in range(count - 2)
    )
    start = -(-(table + 80 + len(more)) // 0x200) * 0x200
    for header in (0, 40):
        (at,) = struct.unpack_from("<I", own, header + 20)
        struct.pack_into("<I", own, header + 20, at + start - 0x400)
    headers = bytearray(data[:table]) + (more + own if others_first else own + more)
    struct.pack_into("<H", headers, 0x86, count)
    return bytes(headers.ljust(start, b"\0")) + data[0x400:]


@pytest.mark.parametrize("count", [97, 3000, 65_535])
def test_as_many_sections_as_the_loader_takes_hide_no_export(count: int) -> None:
    data = with_sections(count, ["PointFunctionCall"], others_first=True)

    assert read_pe(data).exports == ["PointFunctionCall"]


def test_many_exports_in_many_sections_take_no_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pe, "MAX_LOOK_UPS", 2_000)

    with pytest.raises(FormatError, match="3000 sections and too much to look up"):
        read_pe(with_sections(3000, [f"f{number:03}" for number in range(40)]))


def test_sections_that_the_file_does_not_have_hide_no_export() -> None:
    data = bytearray(dll())
    struct.pack_into("<H", data, 0x86, 97)

    assert read_pe(bytes(data)).exports == ["PointFunctionCall"]


@pytest.mark.parametrize(
    "odd", ["A B", "Größe", "A\u00a0B", "$%&", "\t", "A" * 2000, "?f@@YAXXZ", "\x7f"]
)
def test_an_odd_name_hides_no_other(odd: str) -> None:
    assert sorted(read_pe(dll([odd, "PointFunctionCall"])).exports) == sorted(
        [odd, "PointFunctionCall"]
    )


def test_a_name_that_is_no_text_is_told_all_the_same() -> None:
    data = dll(["A?", "PointFunctionCall"]).replace(b"A?\0", b"A\xff\0")
    assert read_pe(data).exports == ["A\N{REPLACEMENT CHARACTER}", "PointFunctionCall"]


def test_a_name_that_lies_nowhere_leaves_its_ordinal() -> None:
    data = bytearray(dll(["A", "PointFunctionCall"]))
    pointers = data.find(struct.pack("<II", 2, 2)) + 12
    (rva,) = struct.unpack_from("<I", data, pointers)
    struct.pack_into("<I", data, rva - 0x1000 + 0x400, 0x7FFF_0000)

    assert read_pe(bytes(data)).exports == ["#1", "PointFunctionCall"]


def test_a_table_of_zeros_that_the_file_does_not_hold_is_one() -> None:
    """The loader fills a section up with zeros: the ordinal of an only export may lie there."""
    data = bytearray(dll())
    tables = data.find(struct.pack("<III", 1, 1, 1)) + 12
    section = data.find(b".text\0\0\0")
    struct.pack_into("<I", data, section + 8, 0x4000)
    struct.pack_into("<I", data, tables + 8, 0x2800)
    struct.pack_into("<I", data, section + 40 + 12, 0x8000)

    assert read_pe(bytes(data)).exports == ["PointFunctionCall"]


def test_tables_that_the_file_was_cut_off_before_are_a_gap() -> None:
    data = bytearray(dll(size=0x1800))
    tables = data.find(struct.pack("<III", 1, 1, 1)) + 12
    struct.pack_into("<I", data, tables, 0x1FFE)

    with pytest.raises(FormatError):
        read_pe(bytes(data))


def test_an_export_directory_that_points_nowhere_is_malformed_or_empty() -> None:
    data = bytearray(dll())
    at = data.find(struct.pack("<II", 1, 1))
    struct.pack_into("<I", data, at + 8, 0xFFFF_FFF0)

    with suppress(FormatError):
        assert "PointFunctionCall" not in read_pe(bytes(data)).exports


def test_a_directory_of_endless_exports_takes_neither_long_nor_much() -> None:
    data = bytearray(dll([f"f{number:03}" for number in range(200)]))
    at = data.find(struct.pack("<II", 200, 200))
    struct.pack_into("<II", data, at, 0xFFFF_FFFF, 0xFFFF_FFFF)
    start = time.monotonic()

    with suppress(FormatError):
        assert len(read_pe(bytes(data)).exports) <= MAX_EXPORTS
    assert time.monotonic() - start < 5


@settings(max_examples=60)
@given(st.binary(max_size=4096))
def test_any_bytes_end_in_facts_or_in_a_format_error(data: bytes) -> None:
    for attempt in (data, b"MZ" + data, dll(size=8192)[:0x80] + data):
        with suppress(FormatError):
            read_pe(attempt)


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.integers(0, 0x600), st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])), max_size=12
    )
)
def test_a_damaged_dll_ends_in_facts_or_in_a_format_error(damage: list[tuple[int, int]]) -> None:
    data = bytearray(dll(size=8192, original_name="x.dll"))
    for offset, value in damage:
        data[offset] = value
    try:
        found = read_pe(bytes(data))
    except FormatError:
        return
    assert len(found.exports) <= MAX_EXPORTS


def holds(data: bytes, *names: str) -> bool:
    return holds_export(lambda offset, length: data[offset : offset + length], frozenset(names))


@pytest.mark.parametrize("machine", [0x8664, 0x14C])
@pytest.mark.parametrize("others", [0, 3, 200])
def test_an_export_is_known_before_the_file_is_parsed(machine: int, others: int) -> None:
    names = [f"f{number:03}" for number in range(others)]
    data = dll([*names, "PointFunctionCall"], machine=machine)
    assert holds(data, "Other", "PointFunctionCall")
    assert not holds(data, "PointFunction")
    assert not holds(data[:0x300], "PointFunctionCall")


@pytest.mark.parametrize("count", [97, 65_535])
def test_it_is_known_among_many_sections(count: int) -> None:
    assert holds(
        with_sections(count, ["PointFunctionCall"], others_first=True), "PointFunctionCall"
    )


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 0x600), st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])), max_size=9)
)  # fmt: skip
@example([(404, 1)])
def test_a_damaged_dll_whose_export_is_read_is_known_too(damage: list[tuple[int, int]]) -> None:
    data = bytearray(dll(size=8192))
    for offset, value in damage:
        data[offset] = value
    known = holds(bytes(data), "PointFunctionCall")
    with suppress(FormatError):
        assert known or "PointFunctionCall" not in read_pe(bytes(data)).exports
