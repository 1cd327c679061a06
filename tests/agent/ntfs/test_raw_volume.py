"""A live raw volume, with the system's functions replaced by ones over an image in memory."""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Callable
from typing import Any

import pytest

from agent.ntfs import Hit, MftScan, Volume, Wanted
from agent.windows import dlls, text
from agent.windows.raw_volume import RawVolume, device_path
from tests.evidence.images import file_name, image, record, standard, wants


class Kernel:
    """What the binding calls, over some bytes."""

    def __init__(self, data: bytes, *, tells_length: bool = True) -> None:
        self.data, self.tells_length = data, tells_length
        self.opened: list[str] = []
        self.closed = 0
        self.unaligned = 0

    def function(self, _: str, name: str, *__: Any) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(self, name)
        return found

    def CreateFileW(self, path: Any, access: int, share: int, *_: Any) -> int:
        assert (access, share) == (0x80000000, 7)
        self.opened.append(text.narrow(path))
        return 4

    def ReadFile(self, _: int, space: int, size: int, count: Any, where: int) -> int:
        head = (ctypes.c_uint64 * 3).from_address(where)
        self.unaligned += bool(head[2] % 512 or size % 512)
        data = self.data[head[2] : head[2] + size]
        ctypes.memmove(space, data, len(data))
        count._obj.value = len(data)
        return 1

    def DeviceIoControl(
        self, _: int, code: int, a: Any, b: int, out: int, size: int, count: Any, c: Any
    ) -> int:
        assert code == 0x0007405C
        if not self.tells_length:
            return 0
        ctypes.c_int64.from_address(out).value = len(self.data)
        count._obj.value = 8
        return 1


@pytest.fixture(params=[True, False], ids=["length told", "length by the boot sector"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel(
        image({30: record(standard(), file_name("cyzfc.dat"))}), tells_length=request.param
    )
    monkeypatch.setattr(dlls, "function", made.function)
    monkeypatch.setattr(dlls, "close", lambda _: setattr(made, "closed", made.closed + 1))
    return made


def test_a_live_volume_is_scanned_with_aligned_reads(kernel: Kernel) -> None:
    raw = RawVolume("C:\\")
    assert kernel.opened == ["\\\\.\\C:"]
    assert raw.size == len(kernel.data)
    (hit,) = MftScan(Volume(raw), Wanted(wants("cyzfc.dat"), frozenset({"CYZFC.DAT"}))).hits()
    assert isinstance(hit, Hit)
    assert raw.read_at(4094, 5) == kernel.data[4094:4099]
    assert raw.read_at(raw.size - 3, 10) == kernel.data[-3:]
    assert raw.read_at(raw.size, 10) == b""
    assert not kernel.unaligned
    raw.close()
    raw.close()
    assert kernel.closed == 1
    with pytest.raises(OSError) as closed:
        raw.read_at(0, 1)
    assert closed.value.errno == errno.EBADF


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ("c:\\", "\\\\.\\c:"),
        (
            "\\\\?\\Volume{12345678-0000-0000-0000-000000000000}\\",
            "\\\\?\\Volume{12345678-0000-0000-0000-000000000000}",
        ),
        (
            "\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy3",
            "\\\\?\\GLOBALROOT\\Device\\HarddiskVolumeShadowCopy3",
        ),
    ],
)
def test_volumes_are_opened_as_devices(root: str, path: str) -> None:
    assert device_path(root) == path


@pytest.mark.parametrize("root", ["C:\\folder", "\\\\server\\share", "", "C"])
def test_what_is_no_volume_is_refused(root: str) -> None:
    with pytest.raises(OSError):
        device_path(root)
