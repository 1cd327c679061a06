"""The file: whole lines, on the disk, none twice."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from collector.outputs import ndjson_file
from collector.outputs.ndjson_file import NdjsonFile
from collector.outputs.output import TryAgain
from tests.collector.outputs.reporting import items

pytestmark = pytest.mark.anyio


def rows(*paths: Path) -> list[Any]:
    return [json.loads(line) for path in paths for line in path.read_bytes().splitlines()]


def identities(*paths: Path) -> list[str]:
    found = [row["AdditionalFields"]["DocumentId"] for row in rows(*paths)]
    return list(dict.fromkeys(found))


def distinct_rows(*paths: Path) -> bool:
    numbers = [row["ReportId"] for row in rows(*paths)]
    return len(numbers) == len(set(numbers))


async def write(path: Path, sent: Any, **settings: Any) -> None:
    output = NdjsonFile("file", path, **settings)
    await output.send(sent)
    await output.close()


async def test_each_finding_is_whole_rows_of_the_tables_it_speaks_of(tmp_path: Path) -> None:
    path = tmp_path / "out" / "defender.ndjson"
    sent = items(2)
    await write(path, sent)
    assert identities(path) == [item.id for item in sent]
    assert {row["Type"] for row in rows(path)} == {
        "DeviceProcessEvents", "DeviceFileEvents", "DeviceImageLoadEvents", "DeviceNetworkEvents",
        "DeviceRegistryEvents",
    }  # fmt: skip
    assert path.stat().st_mode & 0o077 == 0


async def test_a_batch_that_is_there_already_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "f.ndjson"
    await write(path, items(3))
    await write(path, items(5))  # killed before the cursor moved, and two more since
    assert identities(path) == [item.id for item in items(5)]
    assert distinct_rows(path)


async def test_a_torn_last_line_is_cut_off_and_its_finding_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "f.ndjson"
    await write(path, items(2))
    path.write_bytes(path.read_bytes()[:-40])
    await write(path, items(2))
    last = [row for row in rows(path) if row["AdditionalFields"]["DocumentId"] == items(2)[1].id]
    assert {row["Type"] for row in last} >= {"DeviceFileEvents", "DeviceRegistryEvents"}
    assert identities(path) == [item.id for item in items(2)]


async def test_a_file_of_one_torn_line_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "f.ndjson"
    path.write_bytes(b'{"Type": "Dev')
    await write(path, items(1))
    assert identities(path) == [items(1)[0].id]


async def test_a_full_file_makes_room_for_the_next_and_nothing_doubles(tmp_path: Path) -> None:
    path = tmp_path / "f.ndjson"
    for n in range(0, 12, 2):
        await write(path, items(12)[n : n + 2], max_bytes=60_000)
    older = sorted(tmp_path.glob("f.ndjson.*Z"))
    assert older
    assert all(file.stat().st_size <= 60_000 for file in (path, *older))
    assert identities(*older, path) == [item.id for item in items(12)]
    await write(path, items(12)[10:], max_bytes=60_000)
    assert distinct_rows(*older, path)


async def test_a_batch_just_before_the_rotation_is_recognised_after_it(tmp_path: Path) -> None:
    path = tmp_path / "f.ndjson"
    await write(path, items(2), max_bytes=1_000_000)
    path.rename(tmp_path / "f.ndjson.20261124T140500.000000Z")
    await write(path, items(3), max_bytes=1_000_000)
    assert identities(path) == [items(3)[2].id]


async def test_only_so_many_rotated_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "f.ndjson"
    output = NdjsonFile("file", path, max_bytes=1, keep=2)
    for item in items(6):
        await output.send([item])
    await output.close()
    assert len(list(tmp_path.glob("f.ndjson.*Z"))) == 2


async def test_a_full_disk_leaves_no_half_batch_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "f.ndjson"
    output = NdjsonFile("file", path)
    await output.send(items(1))
    before = path.read_bytes()
    whole = ndjson_file._write_all

    def half(file: Any, data: bytes) -> None:
        whole(file, data[:100])
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(ndjson_file, "_write_all", half)
    with pytest.raises(TryAgain, match="No space left") as caught:
        await output.send(items(2))
    assert path.read_bytes() == before
    monkeypatch.setattr(ndjson_file, "_write_all", whole)
    await output.send(caught.value.left)
    await output.close()
    assert identities(path) == [item.id for item in items(2)]


async def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    output = NdjsonFile("file", tmp_path / "file" / "f.ndjson")
    with pytest.raises(TryAgain, match=r"f\.ndjson"):
        await output.send(items(1))


async def test_lines_of_others_in_the_file_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "f.ndjson"
    path.write_bytes(b'not json\n{"other": 1}\n\xff\xfe\n')
    await write(path, items(1))
    assert path.read_bytes().count(b"\n") > 3
