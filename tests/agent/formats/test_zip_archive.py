from __future__ import annotations

import io
import struct
import zipfile
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.zip_archive import (
    Member,
    find_directory,
    hidden_members,
    looks_like_zip,
    members,
    unlisted,
)
from agent.formats.zip_unpacking import unpack
from tests.evidence.files import archive, bomb

LIMIT = 1 << 20


def listed(data: bytes) -> list[Member]:
    file = io.BytesIO(data)
    return list(members(file, find_directory(file, len(data))))


def test_members_are_listed_and_unpacked_as_by_zipfile() -> None:
    content = {"a.txt": b"x" * 5000, "dir/b.bin": bytes(range(256)), "dir/": b"", "c": b""}
    data = archive(content)
    found = listed(data)

    assert {member.name: member.size for member in found} == {
        name: len(value) for name, value in content.items()
    }
    for member in found:
        assert unpack(io.BytesIO(data), member, LIMIT) == content[member.name]


def test_a_member_knows_the_last_part_of_its_path() -> None:
    def member(name: str) -> Member:
        return Member(name, 0, 0, 0, encrypted=False, header=0)

    assert member("a/b/c.dat").base_name == "c.dat"
    assert member("a\\d.dat").base_name == "d.dat"
    assert (member("a/e/").base_name, member("a/e/").folder_name) == ("", "e")


def test_stored_members_are_unpacked_too() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as out:
        out.writestr("a", b"stored")
    data = buffer.getvalue()

    assert unpack(io.BytesIO(data), listed(data)[0], LIMIT) == b"stored"


def test_another_method_is_named() -> None:
    data = archive({"a": b"x"})
    member = listed(data)[0]._replace(method=9)

    with pytest.raises(FormatError, match="method 9"):
        unpack(io.BytesIO(data), member, LIMIT)


def test_zip64_sizes_are_read() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out, out.open("a", "w", force_zip64=True) as member:
        member.write(b"x" * 100)
    found = listed(buffer.getvalue())

    assert [(member.name, member.size) for member in found] == [("a", 100)]


def test_a_zip64_extra_field_replaces_what_32_bits_do_not_hold() -> None:
    data = bytearray(archive({"a": b"x" * 100}))
    at = data.find(b"PK\1\2")
    extra = struct.pack("<HHQ", 1, 8, 5 << 32)
    struct.pack_into("<I", data, at + 24, 0xFFFF_FFFF)
    struct.pack_into("<H", data, at + 30, len(extra))
    data[at + 47 : at + 47] = extra
    end = data.find(b"PK\5\6")
    struct.pack_into("<I", data, end + 12, 47 + len(extra))

    assert listed(bytes(data))[0].size == 5 << 32


def test_the_zip64_end_record_is_followed() -> None:
    data = archive({"a": b"x"})
    at = data.find(b"PK\5\6")
    length, offset = struct.unpack_from("<II", data, at + 12)
    end64 = struct.pack("<4sQ2H2I4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, length, offset)
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, at, 1)
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFF_FFFF, 0xFFFF_FFFF, 0)

    assert [member.name for member in listed(data[:at] + end64 + locator + end)] == ["a"]


def test_an_archive_behind_a_program_is_found() -> None:
    data = b"MZ" + bytes(5000) + archive({"a": b"content"})

    assert unpack(io.BytesIO(data), listed(data)[0], LIMIT) == b"content"


class _Ahead(io.BytesIO):
    """A stream that tells its place as that of a larger file, as acquire's encryption does."""

    def tell(self) -> int:
        return super().tell() + 572

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_places_that_are_told_too_far_behind_are_found(method: int) -> None:
    content = {"a.txt": b"x" * 5000, "b.bin": bytes(range(256))}
    made = _Ahead()
    with zipfile.ZipFile(made, "w", method) as out:
        for name, value in content.items():
            out.writestr(name, value)
    data = made.getvalue()
    assert int.from_bytes(data[-6:-2], "little") > data.find(b"PK\1\2")
    found = {one.name: unpack(io.BytesIO(data), one, LIMIT) for one in listed(data)}
    assert found == content


def test_members_whose_bytes_were_cut_off_in_front_are_damaged() -> None:
    data = archive({"a.txt": bytes(300), "b.txt": b"b"})
    data = data[data.find(b"PK\3\4", 4) :]
    first, second = listed(data)
    assert unpack(io.BytesIO(data), second, LIMIT) == b"b"
    with pytest.raises(FormatError, match="damaged archive member"):
        unpack(io.BytesIO(data), first, LIMIT)


def test_an_empty_directory_that_would_lie_before_its_end_is_none() -> None:
    data = archive({})
    wrong = data[:16] + b"\1" + data[17:]
    with pytest.raises(FormatError, match="would overlap its end"):
        listed(wrong)


def test_names_are_unicode_or_code_page_437() -> None:
    data = archive({"Документы.txt": b""})
    assert listed(data)[0].name == "Документы.txt"

    old = bytearray(archive({"abc.txt": b""}))
    at = old.find(b"PK\1\2") + 46
    old[at : at + 3] = b"\x81\x84\x94"
    assert listed(bytes(old))[0].name == "üäö.txt"


def test_an_encrypted_member_is_listed_and_not_unpacked() -> None:
    data = archive({"ds7002.lnk": b"x"}, encrypted=True)
    (member,) = listed(data)

    assert (member.name, member.encrypted) == ("ds7002.lnk", True)
    with pytest.raises(FormatError, match="encrypted"):
        unpack(io.BytesIO(data), member, LIMIT)


def test_a_bomb_is_unpacked_no_further_than_allowed() -> None:
    data = bomb("cyzfc.dat", 1000, 64 << 20)
    (member,) = listed(data)

    assert unpack(io.BytesIO(data), member, LIMIT) == bytes(LIMIT)


def test_members_before_the_damage_are_given() -> None:
    data = bytearray(archive({"a": b"", "b": b""}))
    second = data.rfind(b"PK\1\2")
    data[second] = 0
    file = io.BytesIO(data)
    entries = members(file, find_directory(file, len(data)))

    assert next(entries).name == "a"
    with pytest.raises(FormatError, match="damaged entry"):
        next(entries)


def test_an_archive_cut_short_has_no_directory() -> None:
    data = archive({"a": b"x" * 100})
    with pytest.raises(FormatError, match="no end of central directory"):
        find_directory(io.BytesIO(data[:-30]), len(data) - 30)


def test_archives_are_told_by_their_first_bytes() -> None:
    assert looks_like_zip(archive({"a": b""}))
    assert looks_like_zip(archive({}))
    assert not looks_like_zip(b"MZ")


def stretches(data: bytes) -> list[tuple[int, int]]:
    file = io.BytesIO(data)
    directory = find_directory(file, len(data))
    listed = [(m.header, m.packed) for m in members(file, directory)]
    return list(unlisted(file, len(data), directory, listed))


def test_a_whole_archive_has_nothing_that_is_unlisted() -> None:
    assert stretches(archive({"a": b"x" * 500, "dir/": b"", "b": b""})) == []
    assert stretches(archive({})) == []


def test_what_is_before_between_and_behind_is_unlisted() -> None:
    first, second = archive({"a": b"x"}), archive({"b": b"y"})
    size = len(first)

    assert stretches(first + second) == [(0, size)]
    assert stretches(b"MZ" + second) == [(0, 2)]
    end = len(second) - 22
    assert stretches(second[:-2] + b"\x01\0c") == [(end, len(second) + 1)]


def test_local_headers_tell_of_members_without_a_directory() -> None:
    content = {"a.txt": b"x" * 5000, "dir/b.bin": bytes(range(256)), "c": b""}
    data = archive(content)
    found = list(hidden_members(b"??" + data.partition(b"PK\1\2")[0], -2))

    assert {member.name for member in found} == set(content)
    for member in found:
        assert unpack(io.BytesIO(data), member, LIMIT) == content[member.name]
        assert not member.listed


def test_bytes_that_only_look_like_a_header_tell_of_nothing() -> None:
    assert list(hidden_members(b"PK\3\4" + bytes(100), 0)) == []
    assert list(hidden_members(b"PK\3\4" * 50, 0)) == []
    assert list(hidden_members(b"PK\3\4", 0)) == []


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8), st.binary())
def test_local_headers_of_any_bytes_end_within_their_bounds(
    damage: list[tuple[int, int]], tail: bytes
) -> None:
    data = bytearray(archive({"a": b"x" * 300, "dir/ds7002.lnk": bytes(range(200))}) + tail)
    for offset, value in damage:
        if offset < len(data):
            data[offset] = value
    for member in hidden_members(bytes(data), 0):
        with suppress(FormatError):
            assert len(unpack(io.BytesIO(data), member, 4096)) <= 4096
    with suppress(FormatError):
        assert all(0 <= start < end <= len(data) for start, end in stretches(bytes(data)))


@settings(max_examples=150)
@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8),
    st.integers(0, 200),
    st.binary(max_size=64),
)
def test_a_damaged_archive_ends_in_members_or_in_a_format_error(
    damage: list[tuple[int, int]], cut: int, tail: bytes
) -> None:
    data = bytearray(archive({"a": b"x" * 300, "dir/ds7002.lnk": bytes(range(200))}))
    for offset, value in damage:
        if offset < len(data):
            data[offset] = value
    data = data[: len(data) - cut] + tail
    file = io.BytesIO(data)
    with suppress(FormatError):
        for member in members(file, find_directory(file, len(data))):
            with suppress(FormatError):
                assert len(unpack(file, member, 4096)) <= 4096
