"""How many files each gate of a pack opens (``packs check --against``), and that no others are."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import cli
from agent.ntfs import MftEntry, Volume
from agent.ntfs.assembly import Parts
from tests.evidence.hosts import disk
from tests.evidence.images import file_name, image, non_resident, record, resident, run, standard
from tests.evidence.sweeping import swept
from tests.evidence.tiny_volumes import tiny_fat

ZIP, LINK = b"PK\3\4" + bytes(200), b"L\0\0\0" + bytes(200)


def file(name: str, data: bytes, *more: bytes) -> bytes:
    return record(standard(), file_name(name), data, *more)


def volume() -> bytes:
    on_disk = non_resident(0x80, 500_000, run(123, 100), last=122)
    files = {
        24: file("one.dat", resident(0x80, b"x")),
        25: file("none", resident(0x80, bytes(300))),
        26: file("archive.dat", resident(0x80, ZIP)),
        27: file("link.lnk", resident(0x80, LINK)),
        28: file("no link.lnk", resident(0x80, b"MZ" + bytes(99))),
        29: file("script.ps1", resident(0x80, b"'x'")),
        30: file("large.dll", on_disk),
        31: file("x.zip", resident(0x80, b"no archive, whatever its name is")),
        32: record(standard(), file_name("gone.ps1"), resident(0x80, b"x"), flags=0),
    }
    files |= {40 + n: file(f"{n}.dat", resident(0x80, b"x")) for n in range(200)}
    return image(files, count=240)


def test_each_gate_is_told_with_what_it_allows_and_what_it_opens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(volume())
    assert cli.main(["packs", "check", "--against", str(path)]) == 0
    head, _, *lines = capsys.readouterr().out.splitlines()
    assert "240 records; 7 files are of a size and name that a gate allows, 5 of them" in head
    told = {(line.split()[2].rstrip(",:")): line.split()[:2] for line in lines}
    assert told["content-stage0-query3"] == ["3", "3"]
    assert told["lnk-machine-id"] == ["2", "1"]
    assert told["zip-sha1"] == ["2", "1"]
    assert told["lnk-md5"] == ["1", "0"]
    assert told["archives"] == ["1", "1"]


def test_programs_where_users_can_write_are_told_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = non_resident(0x80, 20_000, run(5, 100))
    files = {
        30: record(standard(), file_name("Users", 5), flags=3),
        31: record(standard(), file_name("a.jpg", 30, 1), content),
        32: record(standard(), file_name("b.jpg", 30, 1), non_resident(0x80, 20_000, run(5, 120))),
        33: record(standard(), file_name("c.jpg", 5), content),
    }
    path = tmp_path / "disk.img"
    path.write_bytes(image(files, contents={100: b"MZ" + bytes(20_000)}))
    assert cli.main(["packs", "check", "--against", str(path)]) == 0
    head, _, *lines = capsys.readouterr().out.splitlines()
    assert "1 files are of a size and name that a gate allows, 1 of them" in head
    (line,) = [line for line in lines if "programs where users can write" in line]
    assert line.split()[:3] == ["1", "1", "dll-export:"]


def test_it_is_said_of_which_volumes_nothing_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(tiny_fat())
    assert cli.main(["packs", "check", "--against", str(path)]) == 0
    told = capsys.readouterr().out
    assert f"{path}: FAT volume: gates are counted of volumes of NTFS alone" in told


def test_what_is_no_image_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "text"
    path.write_text("no volume")
    for place in (path, tmp_path, tmp_path / "nothing"):
        assert cli.main(["packs", "check", "--against", str(place)]) == 2
        assert str(place) in capsys.readouterr().err
    assert cli.main(["packs", "check"]) == 2


def test_a_sweep_parses_no_more_files_than_its_gates_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[int] = []
    assembled = Volume.assembled

    def counted(volume: Volume, parts: Parts) -> MftEntry:
        parsed.append(parts.record.number)
        return assembled(volume, parts)

    monkeypatch.setattr(Volume, "assembled", counted)
    swept(disk(tmp_path, volume()))
    users = sorted(number for number in parsed if number >= 24)
    assert users == [26, 27, 28, 29, 31]
