"""Members of archives whose directory is lost."""

from __future__ import annotations

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats import FormatError, zip_recovery
from agent.formats.zip_recovery import recovered_members
from agent.formats.zip_unpacking import unpack


class Pipe(io.RawIOBase):
    """Takes bytes and tells no place."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.data += bytes(data)  # type: ignore[call-overload]
        return len(bytes(data))  # type: ignore[call-overload]


def streamed(*contents: bytes) -> bytes:
    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, content in enumerate(contents):
            archive.writestr(f"{number}", content)
    return pipe.data


@pytest.mark.parametrize("signed", [True, False])
def test_members_whose_sizes_follow_them_are_measured(*, signed: bool) -> None:
    contents = [b"abc" * 1000, b"", b"PK\3\4 as content", bytes(3 << 20)]
    data = streamed(*contents)
    if not signed:
        data = data.replace(b"PK\7\x08", b"")
    data = data[: data.rfind(b"PK\1\2", 0, data.find(b"PK\5\6"))]
    file = io.BytesIO(data[: data.find(b"PK\1\2")])
    found = list(recovered_members(file, len(file.getvalue())))
    assert [member.name for member in found] == ["0", "1", "2", "3"]
    assert [member.size for member in found] == [len(content) for content in contents]
    assert [unpack(file, member, 4 << 20) for member in found] == contents


def test_a_bomb_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_recovery, "_LEAST_BOMB", 1 << 20)
    data = streamed(bytes(5 << 20))
    with pytest.raises(FormatError, match="far more than it takes"):
        list(recovered_members(io.BytesIO(data), len(data)))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 400), st.binary(max_size=4))
def test_any_bytes_end_in_members_or_an_error(data: bytes, at: int, change: bytes) -> None:
    made = bytearray(streamed(b"abc" * 50, data))
    made[at : at + len(change)] = change
    for tried in (data, bytes(made), b"PK\3\4" + data):
        try:
            for member in recovered_members(io.BytesIO(tried), len(tried)):
                assert member.header < len(tried)
        except FormatError:
            continue
