"""What becomes of a file whose record is used again once its folder was listed."""

from __future__ import annotations

import pytest

from agent.ntfs import NtfsError
from agent.targets.record_tree import record_tree
from agent.targets.shared_volume import SharedVolume
from agent.targets.tree import Kind
from tests.evidence.windows_folder import volume_bytes

NAME = "a file of users.dat"


def _read(*, at_rest: bool) -> bytes:
    data = bytearray(volume_bytes({f"C:\\{NAME}": b"its content"}))
    record = data.rindex(b"FILE", 0, data.index(b"its content"))
    volume = SharedVolume(lambda: _Changing(data), at_rest=at_rest)
    found = record_tree(volume, "C:").find(NAME)
    assert found is not None
    assert found.kind() is Kind.FILE
    data[record + 0x10 : record + 0x12] = b"\x63\0"  # How often it was used.
    file, how = found.open()
    assert how == "by record"
    with file:
        return file.read()


class _Changing:
    """A volume's bytes, as they are when they are asked for."""

    def __init__(self, data: bytearray) -> None:
        self._data = data

    @property
    def size(self) -> int:
        return len(self._data)

    def read_at(self, offset: int, size: int) -> bytes:
        return bytes(self._data[offset : offset + size])

    def read_into(self, offset: int, view: memoryview) -> int:
        data = self.read_at(offset, len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None: ...


def test_on_a_volume_in_use_it_is_asked_again_and_refused() -> None:
    with pytest.raises(NtfsError, match="used again since its folder was listed"):
        _read(at_rest=False)


def test_at_rest_what_was_read_is_not_read_again() -> None:
    assert _read(at_rest=True) == b"its content"
