"""What is given is of one host; where it says itself that it is of several, each has a report."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main
from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.model.codec import decode
from agent.model.report import Report
from agent.targets.offline.at_rest import SeveralHosts
from agent.targets.offline.image import OF_ANOTHER, ImageTarget
from agent.targets.offline.recognise import offline_target
from tests.evidence.images import image
from tests.evidence.journals import FOLDERS
from tests.evidence.windows_folder import (
    CONFIG,
    Files,
    as_folder,
    as_image,
    software,
    system,
    volume_bytes,
    windows,
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


def other() -> Files:
    """Another host's Windows."""
    return {
        **windows(),
        f"{CONFIG}\\SYSTEM": system("DC-01"),
        f"{CONFIG}\\SOFTWARE": software(guid="f3d2a1b0-0000-4000-8000-000000000001"),
    }


def disk(*volumes: bytes) -> bytes:
    """With a master boot record, each volume at a mebibyte of its own."""
    table, data = b"", b""
    for volume in volumes:
        start = (1 << 20) + len(data)
        table += struct.pack("<B3xB3xII", 0, 7, start // 512, len(volume) // 512)
        data += volume + bytes(-len(volume) % (1 << 20))
    return (bytes(446) + table.ljust(64, b"\0") + b"\x55\xaa").ljust(1 << 20, b"\0") + data


def both(tmp_path: Path) -> Path:
    """Two Windows and a volume without one, on one disk."""
    path = tmp_path / "disk.dd"
    path.write_bytes(disk(volume_bytes(windows()), volume_bytes(other()), image(FOLDERS)))
    return path


def swept(out: Path, *arguments: str | Path) -> tuple[int, list[Report]]:
    code = main(["offline", *map(str, arguments), "--out", str(out), "--quiet"])
    return code, [decode(path.read_bytes()) for path in sorted(out.glob("*.json"))]


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_of_two_windows_on_one_disk_one_can_be_meant(tmp_path: Path) -> None:
    path = str(both(tmp_path))
    with pytest.raises(SeveralHosts, match="WS-0421 and DC-01 are different hosts"):
        offline_target(path, own=Own()).host()
    with pytest.raises(SeveralHosts):
        offline_target(path, own=Own(), installation="WS-9").host()
    one = ImageTarget(path, own=Own(), installation="ws-0421")
    two = ImageTarget(path, own=Own(), installation="DC-01")
    assert (one.host().name, two.host().name) == ("WS-0421", "DC-01")
    assert one.host().id != two.host().id
    for target, mine, not_mine in ((one, 1, 2), (two, 2, 1)):
        roots, skipped = target.roots()
        assert [root.path for root in roots] == [f"{path} (partition {n})" for n in (mine, 3)]
        assert [(one.path, one.reason, one.gap) for one in skipped] == [
            (f"disk.dd (partition {not_mine})", OF_ANOTHER, False)
        ]
        found = list(target.evidence([r"%SystemRoot%\Prefetch\*"], Ledger("t", required=True)))
        assert len(found) == 1


def test_two_hosts_on_one_disk_are_two_reports(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = both(tmp_path)
    _, reports = swept(tmp_path / "out", path)
    assert {one.host.name for one in reports} == {"WS-0421", "DC-01"}
    assert len({one.host.id for one in reports}) == 2
    assert {one.options["installation"] for one in reports} == {"WS-0421", "DC-01"}
    told = lines(capsys)
    assert [line.get("host") for line in told] == ["WS-0421", "DC-01", None]
    assert (told[-1]["targets"], told[-1]["failed"]) == (2, 0)
    swept(tmp_path / "out", path, "--resume")
    assert lines(capsys)[-1]["resumed"] == 2
    assert main(["offline", str(path), "--out", str(tmp_path / "one.json")]) == 2
    assert "name a folder" in capsys.readouterr().err


def test_images_of_different_hosts_are_reports_of_each(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = as_image(tmp_path / "a", windows()), as_image(tmp_path / "b", other())
    again = as_image(tmp_path / "c", {**windows()})
    data = tmp_path / "data.dd"
    data.write_bytes(image(FOLDERS))
    _, reports = swept(tmp_path / "out", ours, theirs, again, data)
    assert sorted(one.target.paths for one in reports) == sorted(
        [[str(ours), str(again)], [str(theirs)], [str(data)]]
    )
    said = capsys.readouterr().err
    assert "WS-0421 and DC-01 are different hosts: a report for each" in said
    assert f"{data}: no Windows that has a name; swept as a host of its own" in said


def test_a_folder_of_several_hosts_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours, theirs = as_folder(tmp_path / "a", windows()), as_folder(tmp_path / "b", other())
    _, reports = swept(tmp_path / "out", ours, theirs)
    assert {one.host.name for one in reports} == {"WS-0421", "DC-01"}
    assert lines(capsys)[-1]["targets"] == 2


def test_hosts_of_one_name_are_told_apart_by_their_ids(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clone = {**other(), f"{CONFIG}\\SYSTEM": system()}
    ours, theirs = as_image(tmp_path / "a", windows()), as_image(tmp_path / "b", clone)
    path = tmp_path / "disk.dd"
    path.write_bytes(disk(volume_bytes(windows()), volume_bytes(clone)))
    for number, given in enumerate(([ours, theirs], [path])):
        _, reports = swept(tmp_path / f"out{number}", *given)
        assert sorted(one.host.id for one in reports) == [
            "0b6c8f7e-5a1d-4c6b-9d0e-3f2a1b4c5d6e", "f3d2a1b0-0000-4000-8000-000000000001",
        ]  # fmt: skip
        assert {one.host.name for one in reports} == {"WS-0421"}
    said = capsys.readouterr().err
    assert "WS-0421 (0b6c8f7e) and WS-0421 (f3d2a1b0) are different hosts" in said


def test_a_host_without_a_name_is_not_taken_for_another_one(tmp_path: Path) -> None:
    nameless = {**other(), f"{CONFIG}\\SYSTEM": b"no hive"}
    ours, theirs = as_image(tmp_path / "a", windows()), as_image(tmp_path / "b", nameless)
    _, reports = swept(tmp_path / "out", ours, theirs)
    assert len({one.host.id for one in reports}) == len(reports) == 2
