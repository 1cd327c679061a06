"""Databases of shims are taken apart tag by tag."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.shim_database import read_shims
from tests.evidence.shim_databases import shim_database

DLL = "C:\\ProgramData\\x.dll"
PROGRAMS = [("winword.exe", "InjectDll", DLL), ("a.exe", "EmulateHeap", ""), ("b.exe", "", "")]


def test_each_shim_is_told_with_its_program_and_what_it_is_given() -> None:
    told = list(read_shims(shim_database(PROGRAMS)))
    assert [(one.program, one.name, one.command_line) for one in told] == PROGRAMS
    assert {one.application for one in told} == {"Program"}
    assert told[0].texts == ("winword.exe", "Program", "InjectDll", DLL)
    assert told[2].texts == ("b.exe", "Program")


def test_a_layer_has_no_program() -> None:
    (told,) = read_shims(shim_database([("Win95", "InjectDll", DLL)], layer=True))
    assert (told.program, told.application, told.command_line) == ("", "Win95", DLL)


def test_what_is_before_a_cut_is_told() -> None:
    data = shim_database(PROGRAMS)
    with pytest.raises(FormatError, match="cut"):
        list(read_shims(data[:-1]))
    with pytest.raises(FormatError, match="no shim database"):
        list(read_shims(data[:8] + b"x" + data[9:]))
    cut = bytearray(data)
    at = data.index(b"\x07\x70", data.index(b"\x07\x70") + 2)  # the second program
    cut[at + 2 : at + 6] = b"\xff\xff\xff\xff"
    entries = read_shims(bytes(cut))
    assert next(entries).program == "winword.exe"
    with pytest.raises(FormatError, match="cut"):
        list(entries)


def test_lists_in_lists_end() -> None:
    inner = b""
    for _ in range(2_000):
        inner = b"\x09\x70" + len(inner).to_bytes(4, "little") + inner
    exe = b"\x07\x70" + len(inner).to_bytes(4, "little") + inner
    base = b"\x01\x70" + len(exe).to_bytes(4, "little") + exe
    assert list(read_shims(bytes(8) + b"sdbf" + base))


@given(st.data())
def test_any_bytes_end_in_shims_or_in_an_error(data: st.DataObject) -> None:
    made = bytearray(shim_database(PROGRAMS))
    for _ in range(data.draw(st.integers(0, 6))):
        made[data.draw(st.integers(0, len(made) - 1))] = data.draw(st.integers(0, 255))
    try:
        told = list(read_shims(bytes(made)))
    except FormatError:
        return
    assert len(told) <= len(made) // 2
