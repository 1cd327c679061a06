"""What an ended process took of the processors, by Windows' own numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agent.windows import dlls
from agent.windows.process_times import ProcessTimes


class Kernel:
    """What Windows would say of one process."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.known = True

    def function(self, library: str, name: str, *_: Any) -> Callable[..., int]:
        assert library == "kernel32"
        return getattr(self, name)  # type: ignore[no-any-return]

    def OpenProcess(self, access: int, inherits: int, pid: int) -> int:
        self.calls.append(("open", access, inherits, pid))
        return 77 if self.known else 0

    def GetProcessTimes(self, handle: int, *times: Any) -> int:
        self.calls.append(("ask", handle))
        for place, value in zip(times, (1, 2, 30_000_000, 4_000_000), strict=True):
            place._obj.value = value
        return int(self.known)

    def CloseHandle(self, handle: int) -> int:
        self.calls.append(("close", handle))
        return 1


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel()
    monkeypatch.setattr(dlls, "function", made.function)
    return made


def test_what_it_took_in_the_kernel_and_outside_of_it_are_one(kernel: Kernel) -> None:
    times = ProcessTimes(12)
    assert times.cpu_s() == 3.4
    times.close()
    times.close()
    assert kernel.calls == [("open", 0x1000, 0, 12), ("ask", 77), ("close", 77)]


def test_what_is_not_told_is_an_error(kernel: Kernel) -> None:
    times = ProcessTimes(12)
    kernel.known = False
    with pytest.raises(OSError, match="Windows error"):
        times.cpu_s()
    with pytest.raises(OSError, match="Windows error"):
        ProcessTimes(13)
