"""How much of a $MFT is read when its first record, its copy and the volume do not agree."""

from __future__ import annotations

import pytest

from agent.ntfs import Hit, MftScan, Unread, Volume, Wanted
from tests.evidence.images import (
    CLUSTER,
    MFT_CLUSTER,
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

SIZE = 1024
WANTED = Wanted(wants("cyzfc.dat"), frozenset({"CYZFC.DAT"}))
MIRROR_CLUSTER = 2
WHOLE = run(16, MFT_CLUSTER)
"""64 records."""
PART = run(12, MFT_CLUSTER)
"""48."""
DAMAGED = b"\x11\x0c\x04\xff\xff"
"""48, and what is no run."""


def own(records: int, runs: bytes, used: bytes | None = None) -> bytes:
    """The $MFT's record: so many records, in these runs, in use by such a bitmap."""
    attributes = [standard(), file_name("$MFT"), non_resident(0x80, records * SIZE, runs, last=15)]
    if used is not None:
        attributes.append(resident(0xB0, used))
    return record(*attributes)


def volume(first: bytes, copy: bytes, *, files: tuple[int, ...] = (60,)) -> bytearray:
    named = {number: record(standard(), file_name("cyzfc.dat")) for number in files}
    data = bytearray(image(named))
    for cluster, content in ((MFT_CLUSTER, first), (MIRROR_CLUSTER, copy)):
        data[cluster * CLUSTER : cluster * CLUSTER + SIZE] = content
    return data


def found(data: bytearray) -> tuple[list[int], Unread, Volume]:
    account = Unread()
    seen = opened(bytes(data), account)
    scan = MftScan(seen, WANTED)
    return [h.entry.number for h in scan.hits() if isinstance(h, Hit)], account, seen


@pytest.mark.parametrize(
    ("first", "copy"),
    [
        (own(50, WHOLE), own(64, WHOLE)),
        (own(50, WHOLE), own(50, WHOLE)),
        (own(48, PART), own(64, WHOLE)),
        (own(64, PART), own(64, WHOLE)),
        (own(64, DAMAGED), own(64, WHOLE)),
        (own(64, b"\x99"), own(64, WHOLE)),
        (bytes(SIZE), own(64, WHOLE)),
        (own(64, WHOLE), own(50, PART)),
        (own(64, WHOLE), bytes(SIZE)),
        (own(50, WHOLE, bytes(7) + b"\x10"), own(50, WHOLE)),
    ],
    ids=[
        "size cut", "size cut in both", "runs cut", "only the runs cut", "run list damaged",
        "no run at all", "lost", "copy older", "copy lost", "in use by its bitmap",
    ],
)  # fmt: skip
def test_the_larger_of_what_both_say_is_read_without_a_gap(first: bytes, copy: bytes) -> None:
    records, account, seen = found(volume(first, copy))
    assert records == [60]
    assert seen.records >= 61
    assert account.gaps == {}


def test_what_was_used_is_said() -> None:
    _, account, _ = found(volume(own(50, WHOLE), own(64, WHOLE)))
    reason = "$MFT: not as many records as its first record says, all of them read"
    assert (account.notes, account.samples[reason]) == ({reason: 1}, "64 in place of 50")
    _, account, _ = found(volume(own(64, DAMAGED), own(64, WHOLE)))
    assert account.notes == {"$MFT's first record damaged, its copy was used": 1}
    _, account, _ = found(volume(own(48, PART), own(64, WHOLE)))
    assert (
        "$MFT's first record names fewer places than its copy, its copy was used" in account.notes
    )


@pytest.mark.parametrize(
    ("first", "copy"),
    [
        (own(64, PART), own(48, PART)),
        (own(64, PART, b"\xff" * 6), own(64, PART)),
        (own(64, DAMAGED, b"\xff" * 6), own(64, PART)),
    ],
    ids=["by its copy", "by its bitmap", "by its bitmap, its run list damaged behind them"],
)
def test_records_that_there_never_were_are_no_gap(first: bytes, copy: bytes) -> None:
    records, account, seen = found(volume(first, copy, files=(40,)))
    assert (records, seen.records, account.gaps) == ([40], 48, {})


@pytest.mark.parametrize(
    ("first", "copy", "missing", "why"),
    [
        (own(64, PART), own(64, PART), 16, "$MFT: its runs end before it does"),
        (own(64, PART), bytes(SIZE), 16, "$MFT: its runs end before it does"),
        (own(64, DAMAGED), bytes(SIZE), 16, "$MFT: run list damaged"),
        (own(48, PART, bytes(7) + b"\x10"), own(48, PART), 13, "$MFT: its runs end before it does"),
    ],
)
def test_records_whose_place_is_lost_are_a_gap(
    first: bytes, copy: bytes, missing: int, why: str
) -> None:
    _, account, _ = found(volume(first, copy))
    assert account.gaps == {why: missing}


def test_a_copy_that_names_free_clusters_is_not_believed() -> None:
    free = bytearray(b"\xff" * 32)
    free[2] = 0xF0  # clusters 16 to 19
    bitmap = record(standard(), file_name("$Bitmap"), resident(0x80, bytes(free)))
    data = volume(own(48, PART), own(64, WHOLE))
    at = MFT_CLUSTER * CLUSTER + 6 * SIZE
    data[at : at + SIZE] = bitmap
    data[MFT_CLUSTER * CLUSTER : MFT_CLUSTER * CLUSTER + SIZE] = own(48, PART)
    _, account, seen = found(data)
    assert (seen.records, account.gaps) == (48, {})


@pytest.mark.parametrize("used", [None, b"\xff" * 8, b"\xff" * 7])
def test_a_record_that_was_marked_as_torn_and_holds_nothing_is_no_gap(used: bytes | None) -> None:
    data = volume(own(64, WHOLE, used), own(64, WHOLE))
    at = MFT_CLUSTER * CLUSTER + 63 * SIZE
    data[at : at + 4] = b"BAAD"
    records, account, _ = found(data)
    assert (records, account.gaps) == ([60], {})


@pytest.mark.parametrize(("used", "gap"), [(b"\xff" * 8, True), (b"\xff" * 4 + bytes(4), False)])
def test_a_damaged_record_is_a_gap_where_it_is_in_use(used: bytes, gap: bool) -> None:
    data = volume(own(64, WHOLE, used), own(64, WHOLE), files=(20,))
    at = MFT_CLUSTER * CLUSTER + 40 * SIZE
    data[at : at + SIZE] = b"BAAD" + record(standard(), file_name("other.dat"))[4:]
    _, account, _ = found(data)
    reason = "$MFT: record without a signature"
    assert (reason in account.gaps, reason in account.notes) == (gap, not gap)
