"""The recycle bin's records tell what was deleted."""

from __future__ import annotations

import struct
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.recycled import Recycled, read_recycled
from agent.formats.recycler import read_recycler
from tests.evidence.recycled import NOON, recycled, recycler

PATH = "C:\\Users\\jo\\AppData\\Local\\cyzfc.dat"


@pytest.mark.parametrize("version", [1, 2])
def test_path_size_and_time_are_read(version: int) -> None:
    assert read_recycled(recycled(PATH, 294_400, version=version)) == Recycled(PATH, 294_400, NOON)


def test_a_record_as_windows_10_writes_it() -> None:
    """Byte by byte."""
    data = bytes.fromhex("0200000000000000 007e040000000000 008863f3197cd401 04000000")
    data += "C:\\".encode("utf-16-le") + b"\0\0"
    when = datetime(2018, 11, 14, 13, tzinfo=timezone.utc)
    assert read_recycled(data) == Recycled("C:\\", 294_400, when)


@pytest.mark.parametrize(
    "data", [b"", struct.pack("<QQQI", 3, 0, 0, 4) + b"x\0", struct.pack("<QQQI", 2, 0, 0, 0)]
)
def test_what_is_none_is_refused(data: bytes) -> None:
    with pytest.raises(FormatError):
        read_recycled(data)


@pytest.mark.parametrize("version", [1, 2])
def test_a_path_that_is_cut_is_not_told_as_the_whole(version: int) -> None:
    with pytest.raises(FormatError, match="cut"):
        read_recycled(recycled(PATH, 1, version=version)[:-10])


@given(st.binary(max_size=700), st.sampled_from([b"\1" + bytes(7), b"\2" + bytes(7), b""]))
def test_any_bytes_end_in_a_record_or_in_an_error(data: bytes, begin: bytes) -> None:
    try:
        told = read_recycled(begin + data)
    except FormatError:
        return
    assert told.path


# ---- Before Windows Vista


@pytest.mark.parametrize("size", [280, 800])
def test_a_list_tells_each_entry(size: int) -> None:
    other = "D:\\x\\a.b\\no extension"
    told = list(read_recycler(recycler([PATH, other], gone=[other], size=size)))
    assert [(one.path, one.content, one.is_gone, one.deleted) for one in told] == [
        (PATH, "Dc1.dat", False, NOON),
        (other, "Dd2", True, NOON),
    ]


def test_a_path_outside_the_code_page_is_told_by_its_other_form() -> None:
    (told,) = read_recycler(recycler(["C:\\счёт.pdf"]))
    assert told.path == "C:\\счёт.pdf"


def test_a_list_of_no_known_entries_and_one_that_is_cut_are_refused() -> None:
    with pytest.raises(FormatError):
        list(read_recycler(recycler([PATH], size=280).replace(b"\x18\1\0\0", b"\x19\1\0\0", 1)))
    entries = read_recycler(recycler([PATH, PATH])[:-1])
    assert next(entries).path == PATH
    with pytest.raises(FormatError, match="cut"):
        next(entries)


@given(st.binary(max_size=1700), st.sampled_from([280, 800]))
def test_any_bytes_end_in_entries_or_in_an_error(data: bytes, size: int) -> None:
    head = bytes(12) + struct.pack("<II", size, 0)
    try:
        told = list(read_recycler(head + data))
    except FormatError:
        return
    assert len(told) <= len(data) // size
