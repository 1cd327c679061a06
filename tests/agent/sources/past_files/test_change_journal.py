"""The change journal of an image: what came and went."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

from agent.coverage import Ledger
from agent.findings.finding import evidence_of
from agent.matching.own_traces import Own
from agent.model.report import State, Strength
from agent.sources.past_files.change_journal import NONE, UsnJournalSource
from agent.targets.offline.folder import FolderTarget
from agent.targets.offline.image import ImageTarget
from tests.agent.ntfs.synthetic import (
    file_name,
    image,
    non_resident,
    record,
    resident,
    run,
    standard,
)
from tests.agent.sources.files.test_by_records import Swept
from tests.sweeping import campaign

NOON = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)
_EPOCH = datetime(1601, 1, 1, tzinfo=timezone.utc)
FOLDERS = {
    at: record(standard(), file_name(name, parent, 5), sequence=5, flags=3)
    for at, name, parent in (
        (40, "Users", 5),
        (41, "jo", 40),
        (42, "AppData", 41),
        (43, "Local", 42),
    )
}


def change(name: str, reason: int, hour: int, parent: int = 43, sequence: int = 5) -> bytes:
    """A record of version 2 ([MS-FSCC] 2.7.2)."""
    text = name.encode("utf-16-le")
    length = 60 + len(text) + 7 & ~7
    ticks = (NOON - _EPOCH) // (NOON.resolution) * 10 + hour * 36_000_000_000
    head = struct.pack(
        "<IHHQQQQIIIIHH",
        length,
        2,
        0,
        50 | 7 << 48,
        parent | sequence << 48,
        0,
        ticks,
        reason,
        0,
        0,
        0x20,
        len(text),
        60,
    )
    return (head + text).ljust(length, b"\0")


def volume(journal: bytes, more: Mapping[int, bytes] | None = None) -> bytes:
    name = "$UsnJrnl".encode("utf-16-le")
    entry = struct.pack("<QHHHHQ", 45 | 1 << 48, 0x68, 0x54, 0, 0, 11 | 11 << 48).ljust(0x50, b"\0")
    index = bytes(0x20) + entry + bytes([len(name) // 2, 3]) + name
    records = {
        11: record(standard(), file_name("$Extend"), resident(0x90, index, "$I30"), flags=3),
        45: record(
            standard(),
            file_name("$UsnJrnl", 11, 11),
            non_resident(0x80, len(journal), run(1, 100), name="$J"),
        ),
    }
    return image({**FOLDERS, **(more or {}), **records}, contents={100: journal})


def swept(folder: Path, data: bytes) -> Swept:
    path = folder / "disk.img"
    path.write_bytes(data)
    target, ledger, matcher = (
        ImageTarget(str(path), own=Own()),
        Ledger("usn_journal", required=True),
        campaign(),
    )
    source = UsnJournalSource()
    assert source.required(target)
    return Swept(matcher, list(source.observe(target, matcher, ledger)), ledger.close())


PLACE = "disk.img:\\Users\\jo\\AppData\\Local\\cyzfc.dat"


def test_a_file_that_came_and_went_is_told_with_its_times(tmp_path: Path) -> None:
    journal = (
        change("other.txt", 0x100, 0)
        + change("cyzfc.dat", 0x100, 1)
        + change("cyzfc.dat", 0x80000102, 1)
        + change("cyzfc.dat", 0x80000200, 5)
        + change("other.txt", 0x80000200, 9)
    )
    sweep = swept(tmp_path, volume(journal.ljust(4096, b"\0")))
    assert [found.place for found in sweep.seen] == [PLACE, PLACE]
    assert [found.time for found in sweep.seen] == [NOON.replace(hour=13), NOON.replace(hour=17)]
    match = next(m for m in sweep.matches(PLACE) if m.reason == "journalled file path")
    assert match.strength is Strength.STRONG
    told = evidence_of(match).detail
    assert "change journal: data extended, created, deleted" in told
    assert "created 2018-11-14 13:00:00 UTC; deleted 2018-11-14 17:00:00 UTC" in told
    coverage = sweep.coverage
    assert coverage.state is State.COMPLETE
    assert coverage.examined == 5
    assert coverage.reach is not None
    assert coverage.reach.oldest == NOON
    assert coverage.reach.newest == NOON.replace(hour=21)


def test_a_file_that_is_still_there_is_only_mentioned(tmp_path: Path) -> None:
    journal = change("cyzfc.dat", 0x100, 1).ljust(4096, b"\0")
    file = record(standard(), file_name("cyzfc.dat", 43, 5), resident(0x80, b"x"), sequence=7)
    sweep = swept(tmp_path, volume(journal, {50: file}))
    (found,) = sweep.seen
    assert found.place == PLACE
    assert found.mention
    assert found.remarks[-1] == "the file is still there"
    assert {match.strength for match in sweep.matcher.match(found)} == {Strength.WEAK}
    again = record(standard(), file_name("cyzfc.dat", 43, 5), resident(0x80, b"x"), sequence=8)
    (other,) = swept(tmp_path, volume(journal, {50: again})).seen
    assert not other.mention


def test_a_folder_that_is_gone_leaves_the_name(tmp_path: Path) -> None:
    journal = change("cyzfc.dat", 0x100, 1, sequence=3).ljust(4096, b"\0")
    sweep = swept(tmp_path, volume(journal))
    (found,) = sweep.seen
    assert found.place == "disk.img:?\\cyzfc.dat"
    assert any("used again" in remark for remark in found.remarks)
    assert {match.strength for match in sweep.matches(found.place)} == {Strength.WEAK}


def test_a_damaged_journal_is_a_gap_and_still_searched(tmp_path: Path) -> None:
    bad = bytearray(change("cyzfc.dat", 0x100, 1))
    bad[0:4] = struct.pack("<I", 1 << 30)
    sweep = swept(tmp_path, volume(bytes(bad).ljust(4096, b"\0")))
    assert sweep.coverage.state is State.PARTIAL
    (found,) = sweep.seen
    assert found.mention
    assert sweep.matcher.match(found)


def test_a_volume_without_a_journal_says_so(tmp_path: Path) -> None:
    extend = record(standard(), file_name("$Extend"), flags=3)
    sweep = swept(tmp_path, image({11: extend}))
    assert sweep.seen == []
    assert list(sweep.notes) == [NONE]
    assert sweep.coverage.state is State.COMPLETE


def test_a_journal_that_may_have_been_there_is_a_gap(tmp_path: Path) -> None:
    assert swept(tmp_path, image({})).coverage.state is State.PARTIAL
    extend = record(standard(), file_name("$Extend"), flags=3)
    cut = swept(tmp_path, image({11: extend})[: 200 << 10])
    assert cut.coverage.state is State.PARTIAL


def test_an_image_whose_mft_is_gone_is_a_gap(tmp_path: Path) -> None:
    sweep = swept(tmp_path, volume(bytes(4096))[:4096])
    assert sweep.coverage.state is State.PARTIAL


def test_a_folder_has_none(tmp_path: Path) -> None:
    source, ledger = UsnJournalSource(), Ledger("usn_journal", required=False)
    target = FolderTarget(str(tmp_path), own=Own())
    assert not source.required(target)
    assert list(source.observe(target, campaign(), ledger)) == []
    assert ledger.close().state is State.UNAVAILABLE
