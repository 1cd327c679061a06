from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.compressed import Forward
from agent.formats.tar_archive import NO_END, TarReader

FORMATS = {"ustar": tarfile.USTAR_FORMAT, "gnu": tarfile.GNU_FORMAT, "pax": tarfile.PAX_FORMAT}
LONG = "/".join(["long" * 10] * 10) + "/grün-ключ.dat"


def tar(
    members: Mapping[str, bytes],
    form: int = tarfile.GNU_FORMAT,
    more: Mapping[str, str] | None = None,
    kind: bytes = tarfile.REGTYPE,
) -> bytes:
    """``more``: of a pax header of each member; ``kind``: of each that is no folder."""
    buffer = io.BytesIO()
    form = tarfile.PAX_FORMAT if more else form
    with tarfile.TarFile(fileobj=buffer, mode="w", format=form) as out:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.type = len(content), kind
            info.pax_headers = dict(more or {})
            if name.endswith("/"):
                info.type = tarfile.DIRTYPE
            out.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def read(data: bytes, limit: int = 1 << 20) -> dict[str, bytes]:
    reader = TarReader(Forward(io.BytesIO(data).read))
    return {member.name: reader.first(member, limit) for member in reader.members()}


@pytest.mark.parametrize("form", FORMATS.values(), ids=FORMATS)
def test_members_are_read_as_they_were_put_in(form: int) -> None:
    members = {"a/": b"", "a/b.bin": bytes(range(256)) * 10, "c": b"", "d.txt": b"x" * 512}
    assert read(tar(members, form)) == members


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT], ids=["gnu", "pax"])
def test_names_of_any_length_and_script_are_whole(form: int) -> None:
    assert read(tar({LONG: b"x", "b": b"y"}, form)) == {LONG: b"x", "b": b"y"}


def test_of_a_member_as_much_is_given_as_is_asked_for() -> None:
    data = tar({"a": b"0123456789", "b": b"next"})
    assert read(data, 4) == {"a": b"0123", "b": b"next"}


def test_what_follows_the_end_is_looked_at_too() -> None:
    assert read(tar({"a": b"1"}) + tar({"b": b"2"})) == {"a": b"1", "b": b"2"}


def test_damage_is_told_after_what_is_whole() -> None:
    data = tar({"a": b"1", "b": b"2"})
    reader = TarReader(Forward(io.BytesIO(data[:1024] + b"\xff" * 512).read))
    members = reader.members()
    assert next(members).name == "a"
    with pytest.raises(FormatError, match="damaged header"):
        next(members)
    with pytest.raises(FormatError, match="cut short"):
        read(tar({"a": bytes(5000)})[:2000])


@pytest.mark.parametrize("kind", [b"7", b"D", b"M", b"Z"])
def test_what_is_no_known_kind_of_member_is_a_file(kind: bytes) -> None:
    """A folder of an incremental backup lists its names as content."""
    assert read(tar({"a": b"x" * 600, "b": b"y"}, kind=kind)) == {"a": b"x" * 600, "b": b"y"}


def test_a_sparse_member_is_a_gap_and_not_its_pieces() -> None:
    data = bytearray(tar({"a": b"pieces"}))
    data[156:157] = b"S"
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    reader = TarReader(Forward(io.BytesIO(bytes(data)).read))
    (member,) = reader.members()
    with pytest.raises(FormatError, match="sparse"):
        reader.first(member, 10)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(list(FORMATS.values())),
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=6),
    st.integers(0, 4000),
)
def test_any_bytes_end_in_members_or_in_a_typed_error(
    form: int, changes: list[tuple[int, int]], length: int
) -> None:
    data = bytearray(tar({"a": b"1" * 600, "b" * 90: b"2"}, form))
    for at, value in changes:
        data[at % len(data)] = value
    with suppress(FormatError):
        read(bytes(data[: length or len(data)]))


def whole_or_not(data: bytes) -> tuple[list[str], str]:
    """The members' names, and what is wrong behind them."""
    file = io.BytesIO(data)
    names: list[str] = []
    reader = TarReader(Forward(file.read, lambda count: file.seek(count, 1)))
    try:
        names.extend(member.name for member in reader.members())
    except FormatError as error:
        return names, error.what
    return names, ""


def test_an_archive_that_was_cut_between_two_members_is_not_whole() -> None:
    data = tar({"a": b"1", "b": b"2"})
    assert whole_or_not(data[:2048] + bytes(1024)) == (["a", "b"], "")
    for length in (1024, 2048):
        assert whole_or_not(data[:length]) == (["a", "b"][: length // 1024], NO_END)


def test_what_was_told_of_a_member_that_is_not_there_is_not_passed_over() -> None:
    data = tar({"a": b"1", LONG: b"2"})
    assert whole_or_not(data[: 1024 + 1024] + bytes(1024)) == (["a"], NO_END)


def test_a_size_that_no_file_has_ends_the_archive_and_not_the_reading() -> None:
    data = bytearray(tar({"a": b"1", "b": b"2"}))
    data[1024 + 124 : 1024 + 136] = b"\x80" + (1 << 62).to_bytes(11, "big")
    data[1024 + 148 : 1024 + 156] = b" " * 8
    data[1024 + 148 : 1024 + 156] = b"%06o\0 " % sum(data[1024:1536])
    assert whole_or_not(bytes(data)) == (["a", "b"], "cut short")
