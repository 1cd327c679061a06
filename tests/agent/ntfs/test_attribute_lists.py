"""Attribute lists that name records of other files, shared by many: the work of a hit is bounded."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from agent.model.observation import Claim
from agent.ntfs import Hit, MftScan, Reference, ResolvedPath, Unread, Volume
from agent.ntfs.assembly import MAX_FOREIGN
from tests.agent.ntfs.properties import WANTED
from tests.evidence.hosts import disk
from tests.evidence.images import (
    file_name,
    image,
    non_resident,
    opened,
    record,
    resident,
    run,
    standard,
)
from tests.evidence.sweeping import swept


def listed(*numbers: int) -> bytes:
    """An attribute list that names these records."""
    return b"".join(
        struct.pack("<IHBBQQH6x", 0x80, 32, 0, 26, 0, number | 1 << 48, 0) for number in numbers
    )


def counted(volume: Volume, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the records that are asked for one by one."""
    asked: list[int] = []
    read = volume.record

    def record_of(number: int) -> object:
        asked.append(number)
        return read(number)

    monkeypatch.setattr(volume, "record", record_of)
    return asked


def test_a_list_of_foreign_records_is_followed_so_far_for_each_hit_and_is_a_gap(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    others = range(100, 2100)
    shared = listed(*others)
    clusters = -(-len(shared) // 4096)
    base = record(
        standard(), non_resident(0x20, len(shared), run(clusters, 700), last=clusters - 1),
        file_name("cyzfc.dat"),
    )  # fmt: skip
    account = Unread()
    data = image(
        dict.fromkeys(range(40, 60), base), count=2100, clusters=800, contents={700: shared}
    )
    volume = opened(data, account)
    asked = counted(volume, monkeypatch)
    hits = [hit for hit in MftScan(volume, WANTED).hits() if isinstance(hit, Hit)]
    assert [hit.wanted for hit in hits] == [("cyzfc.dat",)] * 20
    assert all(hit.entry.partial for hit in hits)
    assert len(asked) <= 20 * (MAX_FOREIGN + 1)
    assert sum(account.gaps.values()) == 20


def test_a_file_of_many_records_of_its_own_is_whole() -> None:
    own = range(100, 400)
    data = listed(*own)
    made = {
        n: record(non_resident(0x80, 9, run(1, 50), name=f"s{n}"), base=40 | 1 << 48) for n in own
    }
    made[40] = record(
        standard(), non_resident(0x20, len(data), run(3, 700), last=2), file_name("cyzfc.dat")
    )
    (hit,) = MftScan(
        opened(image(made, count=400, clusters=800, contents={700: data})), WANTED
    ).hits()
    assert isinstance(hit, Hit)
    assert len(hit.entry.streams) == len(own)
    assert not hit.entry.partial


def test_more_lists_than_one_are_not_read_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    base = record(
        standard(), *[resident(0x20, listed(100 + n)) for n in range(12)], file_name("cyzfc.dat")
    )
    volume = opened(image({40: base}, count=200))
    asked = counted(volume, monkeypatch)
    (hit,) = [hit for hit in MftScan(volume, WANTED).hits() if isinstance(hit, Hit)]
    assert "more than one attribute list" in hit.entry.notes
    assert len(asked) < 12


def test_mentions_in_many_records_of_one_file_ask_for_its_path_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = range(100, 300)
    data = listed(*own)
    link = resident(0xC0, bytes(8) + "cyzfc.dat".encode("utf-16-le"))
    made = {n: record(link, base=40 | 1 << 48) for n in own}
    made[40] = record(
        standard(), non_resident(0x20, len(data), run(2, 700), last=1), file_name("a.txt")
    )
    asked: list[Reference] = []
    path_of = Volume.path_of

    def counted_path(volume: Volume, reference: Reference) -> ResolvedPath:
        asked.append(reference)
        return path_of(volume, reference)

    monkeypatch.setattr(Volume, "path_of", counted_path)
    data = image(made, count=300, clusters=800, contents={700: data})
    found = [one for one in swept(disk(tmp_path, data)).seen if one.claim is Claim.MENTIONED]
    assert len(found) == len(own)
    assert {one.file.path for one in found if one.file} == {r"disk.img:\a.txt"}
    assert len(asked) == 1
