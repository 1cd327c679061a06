"""A live volume's change journal, with the system's functions replaced by made-up ones."""

from __future__ import annotations

import ctypes
import errno
import struct
from collections.abc import Callable
from typing import Any

import pytest

from agent.ntfs.usn import records_in
from agent.windows import dlls, text
from agent.windows.change_journal import ChangeJournal, JournalState
from agent.windows.files import CloudPlaceholder
from tests.evidence.journals import change

DEVICE, ROOT, FOLDER = 4, 8, 12


class Kernel:
    """What the binding calls. An answer that is a number is the error that the call ends with."""

    def __init__(self) -> None:
        self.state: bytes | int = struct.pack("<Qqqqqqq", 7, 4096, 9000, 1024, 0, 0, 0)
        self.records: bytes | int = struct.pack("<q", 9000) + change("cyzfc.dat", 0x100, usn=8000)
        self.folder: int = 0
        self.attributes, self.tag = 0x10, 0
        self.paths: list[str | int] = ["\\Users\\jo"]
        self.forms: list[int] = []
        self.opened: list[tuple[str, int, int]] = []
        self.closed: list[int] = []
        self.error = 0

    def function(self, _: str, name: str, *__: Any) -> Callable[..., Any]:
        found: Callable[..., Any] = getattr(self, name)
        return found

    def failure(self, place: str, code: int | None = None) -> OSError:
        error = OSError(errno.EIO, "made up", place)
        error.winerror = self.error  # type: ignore[attr-defined]
        return error

    def CreateFileW(
        self, path: Any, access: int, share: int, _: Any, how: int, flags: int, __: Any
    ) -> int:
        assert (share, how) == (7, 3)
        self.opened.append((text.narrow(path), access, flags))
        return DEVICE if access == 0x80000000 else ROOT

    def DeviceIoControl(
        self, handle: int, code: int, given: Any, size: int, out: int, room: int, count: Any, _: Any
    ) -> int:
        assert handle == DEVICE
        asked = ctypes.string_at(given, size) if given else b""
        if code == 0x000900F4:
            assert asked == b""
            answer = self.state
        else:
            assert code == 0x000900BB
            # READ_USN_JOURNAL_DATA_V0: all reasons, not only on close, nothing to wait for.
            assert asked == struct.pack("<qIIQQQ", 8000, 0xFFFFFFFF, 0, 0, 0, 7)
            answer = self.records
        if isinstance(answer, int):
            self.error = answer
            return 0
        assert len(answer) <= room
        ctypes.memmove(out, answer, len(answer))
        count._obj.value = len(answer)
        return 1

    def OpenFileById(
        self, hint: int, which: int, access: int, share: int, _: Any, flags: int
    ) -> int:
        assert hint == ROOT
        size, kind, file = struct.unpack("<IiQ", ctypes.string_at(which, 16))
        assert (size, kind, file) == (24, 0, 43 | 5 << 48)
        assert (access, share, flags) == (0x80, 7, 0x02300000)
        if self.folder:
            self.error = self.folder
            return dlls.INVALID_HANDLE or 0
        return FOLDER

    def GetFileInformationByHandleEx(self, handle: int, kind: int, out: int, size: int) -> int:
        assert (handle, kind, size) == (FOLDER, 9, 8)
        ctypes.memmove(out, struct.pack("<II", self.attributes, self.tag), 8)
        return 1

    def GetFinalPathNameByHandleW(self, handle: int, out: Any, room: int, flags: int) -> int:
        assert handle == FOLDER
        self.forms.append(flags)
        answer = self.paths.pop(0)
        if isinstance(answer, int):
            self.error = answer
            return 0
        data = text.wide(answer)
        ctypes.memmove(out, data, ctypes.sizeof(data))
        return len(data) - 1


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel()
    monkeypatch.setattr(dlls, "function", made.function)
    monkeypatch.setattr(dlls, "failure", made.failure)
    monkeypatch.setattr(dlls, "close", made.closed.append)
    return made


def journal() -> ChangeJournal:
    return ChangeJournal("C:\\", "C:\\")


def test_the_volume_is_opened_to_be_read_and_closed_again(kernel: Kernel) -> None:
    one = journal()
    assert kernel.opened == [("\\\\.\\C:", 0x80000000, 0)]
    one.folder(43 | 5 << 48)
    # The root as it stands, through the folder that a volume may be mounted in.
    assert kernel.opened[1:] == [("\\\\?\\C:\\", 0x80, 0x02100000)]
    one.close()
    one.close()
    assert kernel.closed == [FOLDER, DEVICE, ROOT]
    with pytest.raises(OSError) as closed:
        one.state()
    assert closed.value.errno == errno.EBADF


def test_the_state_is_that_of_the_journal(kernel: Kernel) -> None:
    assert journal().state() == JournalState(journal=7, first=4096, next=9000, lowest=1024)


def test_records_are_read_from_one_on(kernel: Kernel) -> None:
    following, data = journal().read(7, 8000)
    assert following == 9000
    (record,) = records_in(data)
    assert (record.name, record.usn, record.reason) == ("cyzfc.dat", 8000, 0x100)


@pytest.mark.parametrize("answer", [b"", bytes(31)])
def test_a_short_answer_is_an_error(kernel: Kernel, answer: bytes) -> None:
    kernel.state = answer
    kernel.records = answer[:7]
    with pytest.raises(OSError, match="too short"):
        journal().state()
    with pytest.raises(OSError, match="too short"):
        journal().read(7, 8000)


@pytest.mark.parametrize("code", [1, 5, 1179])
def test_what_the_system_does_not_tell_is_an_error_with_its_number(
    kernel: Kernel, code: int
) -> None:
    kernel.state = kernel.records = kernel.folder = code
    asked: tuple[Callable[[ChangeJournal], object], ...] = (
        lambda j: j.state(),
        lambda j: j.read(7, 8000),
        lambda j: j.folder(43 | 5 << 48),
    )
    for ask in asked:
        with pytest.raises(OSError) as refused:
            ask(journal())
        assert dlls.code_of(refused.value) == code


def test_a_folder_is_known_by_its_record(kernel: Kernel) -> None:
    assert journal().folder(43 | 5 << 48) == "\\Users\\jo"
    assert kernel.forms == [4]
    assert kernel.closed == [FOLDER]


def test_a_path_that_cannot_be_written_out_is_told_as_it_was_opened(kernel: Kernel) -> None:
    kernel.paths = [5, "\\USERS~1\\jo"]
    assert journal().folder(43 | 5 << 48) == "\\USERS~1\\jo"
    assert kernel.forms == [4, 4 | 8]
    kernel.paths = [5, 5]
    with pytest.raises(OSError):
        journal().folder(43 | 5 << 48)
    assert kernel.closed == [FOLDER, FOLDER]


@pytest.mark.parametrize(
    ("attributes", "tag", "error"),
    [
        (0x20, 0, NotADirectoryError),
        (0x410, 0xA0000003, NotADirectoryError),
        (0x40010, 0, CloudPlaceholder),
    ],
    ids=["a file", "a junction", "kept in a cloud"],
)
def test_what_must_not_be_listed_is_refused_and_closed(
    kernel: Kernel, attributes: int, tag: int, error: type[OSError]
) -> None:
    kernel.attributes, kernel.tag = attributes, tag
    with pytest.raises(error):
        journal().folder(43 | 5 << 48)
    assert kernel.closed == [FOLDER]


def test_a_folder_of_a_cloud_that_is_here_is_a_folder(kernel: Kernel) -> None:
    kernel.attributes, kernel.tag = 0x410, 0x9000601A
    assert journal().folder(43 | 5 << 48) == "\\Users\\jo"
