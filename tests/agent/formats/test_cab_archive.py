from __future__ import annotations

import io
import random
import shutil
import struct
import subprocess
import zlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.cab_archive import CabReader
from agent.formats.compressed import TOO_LARGE

LIMIT = 64 << 20
STORED, MSZIP, LZX = 0, 1, 0x1503
CONTENT = random.Random(7).randbytes(40_000) * 3


def cabinet(*folders: tuple[int, Mapping[str, bytes]], reserve: int = 0, level: int = 6) -> bytes:
    """A cabinet of these folders, each with its method; ``reserve``: bytes that signers use."""
    files, blocks, entries = b"", [], b""
    for number, (method, members) in enumerate(folders):
        data = b"".join(members.values())
        offset = 0
        for name, content in members.items():
            files += struct.pack("<IIHHHH", len(content), offset, number, 0x4D21, 0, 0xA0)
            files += name.encode() + b"\0"
            offset += len(content)
        blocks.append(_blocks(data, method, reserve, level))
    extra = struct.pack("<HBB", reserve, reserve, reserve) + bytes(reserve) if reserve else b""
    head = 36 + len(extra)
    at = head + len(folders) * (8 + reserve) + len(files)
    for (method, _), (count, data) in zip(folders, blocks, strict=True):
        entries += struct.pack("<IHH", at, count, method) + bytes(reserve)
        at += len(data)
    files_at = head + len(entries)
    header = struct.pack(
        "<4s4xI4xI4xBBHHHHH",
        b"MSCF",
        at,
        files_at,
        3,
        1,
        len(folders),
        sum(len(members) for _, members in folders),
        4 if reserve else 0,
        1,
        0,
    )
    return header + extra + entries + files + b"".join(data for _, data in blocks)


def _blocks(data: bytes, method: int, reserve: int, level: int) -> tuple[int, bytes]:
    made, count = b"", 0
    for at in range(0, len(data), 1 << 15):
        block = packed = data[at : at + (1 << 15)]
        if method == MSZIP:
            packer = zlib.compressobj(
                6, zlib.DEFLATED, -15, zdict=data[max(0, at - (1 << 15)) : at]
            )
            packed = b"CK" + packer.compress(block) + packer.flush()
        made += struct.pack("<4xHH", len(packed), len(block)) + bytes(reserve) + packed
        count += 1
    return count, made


def read(data: bytes, limit: int = LIMIT, first: int = LIMIT) -> dict[str, bytes]:
    reader = CabReader(io.BytesIO(data), limit)
    return {member.name: reader.first(member, first) for member in reader.members()}


MEMBERS = {"a.txt": b"x" * 100, "dir\\grün.dll": CONTENT, "empty": b"", "z.bin": b"last"}


@pytest.mark.parametrize("method", [STORED, MSZIP])
@pytest.mark.parametrize("reserve", [0, 20])
def test_members_are_read_as_they_were_put_in(method: int, reserve: int) -> None:
    more = {"b.txt": b"another folder"}
    data = cabinet((method, MEMBERS), (STORED, more), reserve=reserve)
    assert read(data) == {**MEMBERS, **more}
    assert read(data, first=3)["dir\\grün.dll"] == CONTENT[:3]


@pytest.mark.skipif(shutil.which("7z") is None, reason="needs 7z")
@pytest.mark.parametrize("method", [STORED, MSZIP])
def test_another_reader_makes_the_same_of_it(tmp_path: Path, method: int) -> None:
    (tmp_path / "a.cab").write_bytes(cabinet((method, MEMBERS)))
    subprocess.run(
        ["7z", "x", "-y", f"-o{tmp_path}/out", str(tmp_path / "a.cab")],
        check=True,
        capture_output=True,
    )
    for name, content in MEMBERS.items():
        assert (tmp_path / "out" / name.replace("\\", "/")).read_bytes() == content


def test_members_that_nobody_asks_for_are_not_unpacked() -> None:
    reader = CabReader(io.BytesIO(cabinet((MSZIP, MEMBERS))), LIMIT)
    assert [member.name for member in reader.members()] == list(MEMBERS)
    assert reader.left == LIMIT


def test_what_is_packed_in_another_way_is_named_and_no_more() -> None:
    reader = CabReader(io.BytesIO(cabinet((LZX, {"a": b"x" * 10}))), LIMIT)
    (member,) = reader.members()
    assert (member.name, member.size) == ("a", 10)
    with pytest.raises(FormatError, match="packed by LZX"):
        reader.first(member, 1)


def test_damage_is_told() -> None:
    data = cabinet((MSZIP, MEMBERS))
    with pytest.raises(FormatError, match="cut short"):
        read(data[:-100])
    with pytest.raises(FormatError, match="damaged block"):
        read(data.replace(b"CK", b"XX", 1))
    with pytest.raises(FormatError, match="damaged entry"):
        read(data[:60])
    with pytest.raises(FormatError, match=TOO_LARGE):
        read(data, limit=50_000)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([cabinet((kind, {"a": b"1" * 600, "b": b"2"})) for kind in (STORED, MSZIP)]),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6),
    st.integers(0, 800),
)
def test_any_bytes_end_in_members_or_in_a_typed_error(
    data: bytes, changes: list[tuple[int, int]], length: int
) -> None:
    changed = bytearray(data)
    for at, value in changes:
        changed[at % len(data)] = value
    with suppress(FormatError):
        read(bytes(changed[: length or len(data)]), 1 << 20)
