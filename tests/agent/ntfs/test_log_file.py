"""The log of NTFS as bytes: names wherever they lie in it."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.ntfs import Reference, Unread, Wanted
from agent.ntfs.log_file import LogChange, LogMention, LogName, LogScan
from tests.evidence.images import wants
from tests.evidence.journals import change
from tests.evidence.ntfs_logs import DATA, PAGE, WRITE, Logged, added, created, log, removed

NAME = "cyzfc.dat"
WANTED = Wanted(wants(NAME), frozenset({NAME.upper()}))
BODY = PAGE - DATA


def found(data: bytes, account: Unread | None = None) -> list[LogName | LogChange | LogMention]:
    return list(LogScan(io.BytesIO(data), WANTED, account or Unread()).hits())


def names(data: bytes) -> list[tuple[str, str, Reference | None, str]]:
    told = []
    for hit in found(data):
        assert isinstance(hit, LogName), hit
        left = hit.left
        told.append((left.name.text, str(left.name.parent.number), left.file, hit.operation))
    return told


@pytest.mark.parametrize(
    ("make", "operation"),
    [
        (created, "file created"),
        (added, "put into a folder"),
        (removed, "removed from a folder"),
    ],
)
def test_a_name_is_told_with_its_file_its_folder_and_what_was_done(
    make: Callable[..., Logged], operation: str
) -> None:
    for version in (1, 2):
        data = log([added("other"), make(NAME), added("other")], version=version, pages=48)
        assert names(data) == [(NAME, "43", Reference(50, 1), operation)]


def test_a_name_that_a_page_or_a_stride_cuts_is_found_whole() -> None:
    """The record goes on behind the header of the next page; the two bytes at the end of a stride
    are kept elsewhere."""
    for place in (*range(0x80, 0x200, 8), *range(BODY - 0x110, BODY + 8, 8)):
        data = log([added(NAME)], before=place)
        assert names(data) == [(NAME, "43", Reference(50, 1), "put into a folder")], place


@pytest.mark.parametrize(("version", "first"), [(1, 4), (2, 34)])
def test_a_record_that_goes_on_at_the_ring_s_beginning_is_found(version: int, first: int) -> None:
    whole = log([added(NAME)], before=12 * BODY - 0x80, pages=first + 13, version=version)
    beginning, last = whole[(first + 12) * PAGE :], (first + 12) * PAGE
    # The newest pages have copies before the ring.
    copies = log([added("other")] * 20)[4 * PAGE : 5 * PAGE] * (first - 2)
    turned = whole[: 2 * PAGE] + copies + beginning + whole[(first + 1) * PAGE : last]
    # Its end alone looks like nothing that is known.
    end, hit = found(turned)
    assert isinstance(end, LogMention)
    assert isinstance(hit, LogName)
    assert hit.left.file == Reference(50, 1)
    assert last - 2 * PAGE < hit.place < last


@pytest.mark.parametrize(
    ("redo", "is_redo", "operation"),
    [
        (0x05, True, "name given"),
        (0x0C, True, "put into a folder"),
        (0x10, True, "moved within a folder's index"),
        (0x06, False, "name taken away"),
        (0x0D, False, "removed from a folder"),
        (0x10, False, "moved within a folder's index"),
        (0x0D, True, "operation 0x0D, undone by 0x77"),
        (0x0C, False, "operation 0x0C, undone by 0x77"),
    ],
)
def test_each_operation_has_its_words(redo: int, is_redo: bool, operation: str) -> None:
    data, other = added(NAME).redo_data, bytes(0x28)
    one = Logged(redo, 0x77, data, other) if is_redo else Logged(redo, 0x77, other, data)
    assert names(log([one]))[0][3] == operation


def test_without_a_restart_page_what_windows_makes_is_taken() -> None:
    data = log([created("other"), added(NAME)])
    told = [(NAME, "43", Reference(50, 1), "put into a folder")]
    assert names(bytes(2 * PAGE) + data[2 * PAGE :]) == told
    assert names(bytes(PAGE) + data[PAGE:]) == told
    nonsense = bytearray(data)
    for page in (0, PAGE):
        nonsense[page + 0x30 + 0x10] = 99  # Bits of a sequence number.
        nonsense[page + 0x30 + 0x26] = 0x43  # Where the data of a page begin.
    assert names(bytes(nonsense)) == told


def test_pages_of_another_size_are_a_gap() -> None:
    data = bytearray(log([added(NAME)]))
    data[0x14:0x18] = (8192).to_bytes(4, "little")
    account = Unread()
    assert len(found(bytes(data), account)) == 1
    assert account.gaps == {"$LogFile: pages of another size": 1}
    assert account.samples == {"$LogFile: pages of another size": "8192 bytes"}


def test_a_name_far_behind_the_first_window_is_found_once() -> None:
    for pages in (300, 517, 1030):
        data = log([added(NAME)], before=(pages - 6) * BODY + 0x200, pages=pages)
        assert names(data) == [(NAME, "43", Reference(50, 1), "put into a folder")]


def test_what_an_older_round_left_has_no_operation() -> None:
    stale = added(NAME).redo_data
    assert names(log([added("other")], stale=bytes(64) + stale)) == [
        (NAME, "43", Reference(50, 1), "")
    ]


def test_an_operation_of_another_kind_is_told_by_its_number() -> None:
    other = added(NAME)._replace(redo=0x21, undo=0x22)
    assert names(log([other]))[0][3] == "operation 0x21, undone by 0x22"


def test_a_change_that_the_journal_was_told_is_one() -> None:
    data = log([Logged(WRITE, WRITE, redo_data=change(NAME, 0x200, minutes=5, folder=(43, 5)))])
    (hit,) = found(data)
    assert isinstance(hit, LogChange)
    assert (hit.record.name, hit.record.reason, hit.record.parent) == (NAME, 0x200, (43, 5))


def test_a_name_that_belongs_to_nothing_is_a_mention() -> None:
    text = "see C:\\temp\\cyzfc.dat there".encode("utf-16-le")
    (hit,) = found(log([Logged(WRITE, WRITE, redo_data=text)]))
    assert isinstance(hit, LogMention)
    assert hit.text.startswith("cyzfc.dat there")


def test_another_name_with_the_same_stem_is_nothing() -> None:
    assert found(log([added("cyzfc.txt"), created("cyzfc.dat.bak")])) == []


def test_pages_without_a_header_are_searched_as_they_stand() -> None:
    data = bytearray(log([added(NAME)]))
    data[4 * PAGE : 4 * PAGE + 4] = b"BAAD"
    assert len(found(bytes(data))) == 1
    data[: 2 * PAGE] = bytes(2 * PAGE)
    assert len(found(bytes(data))) == 1


def test_a_torn_page_is_a_gap_and_searched_all_the_same() -> None:
    data = bytearray(log([added(NAME)]))
    data[4 * PAGE + 7 * 512 + 510] ^= 0xFF
    account = Unread()
    assert len(found(bytes(data), account)) == 1
    assert account.gaps == {"$LogFile: page written in part": 1}
    assert account.samples == {"$LogFile: page written in part": "byte 16,384"}


def test_a_blank_log_holds_nothing() -> None:
    scan = LogScan(io.BytesIO(b"\xff" * (1 << 20)), WANTED)
    assert list(scan.hits()) == []
    assert scan.pages == 0


class Failing(io.BytesIO):
    """Its second mebibyte cannot be read."""

    def readinto(self, buffer: object) -> int:
        if (1 << 20) <= self.tell() < (2 << 20):
            raise OSError(5, "Input/output error")
        return super().readinto(buffer)  # type: ignore[arg-type]

    def read(self, size: int | None = -1, /) -> bytes:
        if (1 << 20) <= self.tell() < (2 << 20):
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_what_cannot_be_read_is_a_gap_and_the_rest_is_searched() -> None:
    data = log([added(NAME)], before=600 * BODY, pages=700)
    account = Unread()
    scan = LogScan(Failing(data), WANTED, account)
    assert len(list(scan.hits())) == 1
    assert list(account.gaps) == ["$LogFile: [Errno 5] Input/output error"]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 8 * PAGE - 1), st.binary(min_size=1, max_size=64)), max_size=8
    ),
    st.integers(0, 8 * PAGE),
)
def test_any_log_ends_in_names(noise: list[tuple[int, bytes]], size: int) -> None:
    data = bytearray(log([added(NAME), created(NAME)], pages=8))
    for at, piece in noise:
        data[at : at + len(piece)] = piece
    for hit in found(bytes(data[:size])):
        assert 0 <= hit.place < size
