"""The change journal."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from datetime import datetime, timezone

import pytest

from agent.ntfs import NtfsError, Unread, UsnMention, UsnRecord, UsnScan, Wanted
from agent.ntfs.byte_source import FileSource
from agent.ntfs.content import ClusterContent, Layout
from agent.ntfs.run_list import Run
from tests.evidence.images import (
    file_name,
    image,
    non_resident,
    opened,
    record,
    resident,
    run,
    standard,
    wants,
)
from tests.evidence.samples import sample

from .properties import change

WANTED = Wanted(wants("cyzfc.dat"), frozenset({"CYZFC.DAT"}))


def scan(
    data: bytes, wanted: Wanted = WANTED, account: Unread | None = None
) -> tuple[list[UsnRecord | UsnMention], UsnScan]:
    search = UsnScan(io.BytesIO(data), wanted, account or Unread())
    return list(search.hits()), search


def records(found: Sequence[UsnRecord | UsnMention]) -> list[UsnRecord]:
    """What was found, all of it whole records."""
    assert all(isinstance(one, UsnRecord) for one in found)
    return [one for one in found if isinstance(one, UsnRecord)]


def test_a_real_journal_tells_what_happened_to_a_file() -> None:
    data = sample("usn/UsnJrnl.raw")
    found, search = scan(data, Wanted(wants("first.txt"), frozenset({"FIRST.TXT"})))
    assert next(record.reasons for record in found if isinstance(record, UsnRecord)) == (
        "renamed to this",
    )
    assert search.records == 19
    assert search.damaged == 0
    assert search.oldest == datetime(2015, 11, 30, 21, 15, 27, 203125, tzinfo=timezone.utc)
    everything, _ = scan(data, Wanted(list, pieces=("",)))
    assert len(everything) == 19
    assert records(everything)[0].name == "Nieuw - Tekstdocument.txt"


@pytest.mark.parametrize("version", [2, 3])
def test_both_versions_are_read_after_zeros_and_over_pages(version: int) -> None:
    pages = b"".join(
        (change("other.txt", version) * 30 + change("CYZFC (1).dat", version)).ljust(4096, b"\0")
        for _ in range(3)
    )
    found, search = scan(bytes(5 << 20) + pages)
    assert [(r.name, r.version, r.file.number, r.parent.number) for r in records(found)] == [
        ("CYZFC (1).dat", version, 30, 5)
    ] * 3
    assert search.records == 93
    assert search.read < 2 << 20
    assert records(found)[0].reasons == ("created",)


def test_ranges_are_counted_and_skipped() -> None:
    ranges = struct.pack("<IHH", 0x50, 4, 0).ljust(0x50, b"\1")
    found, search = scan(ranges + change() + ranges)
    assert len(found) == 1
    assert (search.records, search.ranges) == (1, 2)


def test_a_lying_length_costs_one_page_and_is_told() -> None:
    bad = bytearray(change())
    bad[0:4] = struct.pack("<I", 1 << 30)
    account = Unread()
    found, search = scan((bytes(bad) + change()).ljust(4096, b"\0") + change(), account=account)
    assert account.gaps == {"change journal: page damaged": 1}
    assert search.damaged == 1
    assert [type(hit).__name__ for hit in found] == ["UsnMention", "UsnRecord", "UsnRecord"]


def test_sparse_runs_are_jumped_over() -> None:
    data = change().ljust(4096, b"\0")
    layout = Layout(
        [Run(0, None, 1 << 40), Run(1 << 40, 0, 1)], (1 << 52) + len(change()), 1 << 60, 4096
    )
    search = UsnScan(ClusterContent(FileSource(io.BytesIO(data)), layout), WANTED)  # type: ignore[arg-type]
    assert len(list(search.hits())) == 1
    assert search.newest is not None


def test_what_cannot_be_read_is_a_gap() -> None:
    layout = Layout([Run(0, 9, 300), Run(300, 0, 1)], 301 * 4096, 1 << 60, 4096)
    account = Unread()
    data = change().ljust(4096, b"\0")
    search = UsnScan(ClusterContent(FileSource(io.BytesIO(data)), layout), WANTED, account)  # type: ignore[arg-type]
    list(search.hits())
    assert account.gaps == {"change journal: beyond the end of the image": 1}


def journal_of(data: bytes, runs: list[Run], size: int) -> tuple[UsnScan, Unread, list[None]]:
    """A scan of what these runs tell, its account, and how often it asked the clock."""
    account, asked = Unread(), list[None]()
    content = ClusterContent(FileSource(io.BytesIO(data)), Layout(runs, size, 1 << 60, 4096))
    search = UsnScan(content, WANTED, account, lambda: asked.append(None))  # type: ignore[arg-type]
    return search, account, asked


@pytest.mark.parametrize(
    ("runs", "size", "why", "records"),
    [
        ([Run(0, 0, 1 << 28)], 1 << 40, "beyond the end of the image", 2),
        (
            [Run(0, 1 << 20, 1 << 28), Run(1 << 28, 0, 2)],
            (1 << 40) + 8192,
            "beyond the end of the image",
            2,
        ),
        ([Run(0, 0, 2)], 1 << 42, "runs of the file incomplete", 2),
        ([Run(0, None, 1 << 28), Run(1 << 28, 1, 1)], 1 << 42, "runs of the file incomplete", 1),
    ],
)
def test_a_journal_that_claims_more_than_there_is_ends_where_the_volume_does(
    runs: list[Run], size: int, why: str, records: int
) -> None:
    data = change().ljust(4096, b"\0") + change().ljust(4096, b"\0")
    search, account, asked = journal_of(data, runs, size)
    assert len(list(search.hits())) == records
    assert account.gaps == {f"change journal: {why}": 1}
    assert len(asked) < 9


def test_clusters_told_again_and_again_are_not_read_for_ever() -> None:
    data = change().ljust(4096, b"\0") * 256
    search, account, _ = journal_of(data, [Run(256 * n, 0, 256) for n in range(4096)], 1 << 32)
    assert len(list(search.hits())) < 256 * 70
    assert account.gaps == {"change journal: larger than its volume": 1}


class FailingOften(io.BytesIO):
    """A journal of which no read of its first bytes succeeds."""

    reads = 0
    bad = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.tell() < self.bad:
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_after_reads_that_failed_larger_pieces_are_read_again() -> None:
    page = change().ljust(4096, b"\0")
    journal = FailingOften(page * 1024 * 4)  # 16 MiB
    journal.bad = 1 << 20
    account, asked = Unread(), list[None]()
    search = UsnScan(journal, WANTED, account, lambda: asked.append(None))
    found = sum(1 for _ in search.hits())
    assert found == 15 * 256
    assert sum(account.gaps.values()) == 16
    assert 16 < len(asked) <= journal.reads < 16 + 16 + 9


def test_the_clock_may_end_the_scan_of_a_journal_without_a_hit() -> None:
    class TimeIsUp(Exception):
        pass

    def asked() -> None:
        raise TimeIsUp

    search = UsnScan(io.BytesIO(bytes(4096)), WANTED, Unread(), asked)
    with pytest.raises(TimeIsUp):
        list(search.hits())


def test_the_journal_is_found_by_its_folder() -> None:
    name = "$UsnJrnl".encode("utf-16-le")
    entry = struct.pack("<QHHHHQ", 40 | 1 << 48, 0x68, 0x54, 0, 0, 11 | 11 << 48).ljust(0x50, b"\0")
    index = bytes(0x20) + entry + bytes([len(name) // 2, 3]) + name
    journal = change().ljust(4096, b"\0")
    volume = opened(
        image(
            {
                11: record(
                    standard(), file_name("$Extend"), resident(0x90, index, "$I30"), flags=3
                ),
                40: record(
                    standard(),
                    file_name("$UsnJrnl", 11, 11),
                    non_resident(0x80, 4096, run(1, 100), name="$J"),
                ),
            },
            contents={100: journal},
        )
    )
    (found,) = UsnScan(volume.change_journal(), WANTED).hits()
    assert isinstance(found, UsnRecord)
    assert volume.path_in(found.parent, found.name).text == "\\cyzfc.dat"


def test_a_volume_without_a_journal_says_so() -> None:
    volume = opened(image({11: record(standard(), file_name("$Extend"), flags=3)}))
    with pytest.raises(NtfsError, match="no change journal"):
        volume.change_journal()
