"""Who had which bytes swept: in the report, in a journal, on the console."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from msgspec import structs

from agent.cli import main
from agent.model.codec import decode, encode
from agent.model.custody import MAX_NOTES, Checked, Custody, Exhibit
from agent.model.objects import Hash
from agent.model.report import Report
from agent.output.console import render
from agent.sweep.journal import Journal
from agent.sweep.recovery import recover
from tests.evidence import reports
from tests.evidence.containers import acquired
from tests.evidence.images import image
from tests.evidence.journals import FOLDERS
from tests.evidence.sweeping import commanded


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    path = tmp_path / "disk.dd"
    path.write_bytes(image(FOLDERS))
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def swept(path: Path, out: Path, *options: str) -> Report:
    return commanded(out, "offline", str(path), "--quiet", "--only", "files", *options)[1]


def exhibit(report: Report) -> Exhibit:
    assert report.custody is not None
    (one,) = report.custody.exhibits
    return one


def test_the_report_says_who_had_which_bytes_swept(disk: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("\ufefffrom the safe\nsealed \u2713", encoding="utf-8")
    options = ("--examiner", "Jo Doe", "--case", "2026-17", "--notes", str(tmp_path / "notes.txt"))
    custody = swept(disk, tmp_path / "out", *options).custody
    assert custody is not None
    assert (custody.examiner, custody.case) == ("Jo Doe", "2026-17")
    assert custody.notes == "from the safe\nsealed \u2713"
    assert custody.workstation
    (one,) = custody.exhibits
    assert (one.path, one.kind, one.size) == (str(disk), "raw image", disk.stat().st_size)
    (file,) = one.files
    assert (file.path, file.size) == (str(disk), disk.stat().st_size)
    assert file.mtime.isoformat() == "2023-11-14T22:13:20+00:00"
    assert one.checked is None
    assert one.read is None


def test_every_file_of_a_set_is_named_and_so_is_its_stored_hash(disk: Path, tmp_path: Path) -> None:
    one = exhibit(swept(acquired(disk, "best.E01", tmp_path), tmp_path / "out"))
    assert [file.path for file in one.files] == [str(tmp_path / "best.E01")]
    assert one.kind == "EnCase image (E01)"
    assert one.size == disk.stat().st_size
    assert one.stored is not None
    pieces = tmp_path / "pieces"
    pieces.mkdir()
    data = disk.read_bytes()
    for number in range(2):
        half = len(data) // 2
        (pieces / f"d.00{number + 1}").write_bytes(data[number * half : (number + 1) * half])
    one = exhibit(swept(pieces / "d.001", tmp_path / "out2"))
    assert [file.path for file in one.files] == [str(pieces / "d.001"), str(pieces / "d.002")]


def test_the_same_image_in_another_folder_is_the_same_exhibit(disk: Path, tmp_path: Path) -> None:
    here = exhibit(swept(disk, tmp_path / "a"))
    (tmp_path / "else").mkdir()
    moved = disk.rename(tmp_path / "else/disk.dd")
    there = exhibit(swept(moved, tmp_path / "b"))
    assert here.identity == there.identity
    with moved.open("ab") as file:
        file.write(bytes(512))
    assert exhibit(swept(moved, tmp_path / "c")).identity != here.identity


def test_a_folder_is_an_exhibit_too_and_a_host_in_use_is_none(tmp_path: Path) -> None:
    (tmp_path / "copy/inner").mkdir(parents=True)
    (tmp_path / "copy/a.txt").write_text("x")
    one = exhibit(swept(tmp_path / "copy", tmp_path / "out"))
    assert (one.path, one.kind, one.files) == (str(tmp_path / "copy"), "folder", [])
    one = exhibit(swept(tmp_path / "copy/a.txt", tmp_path / "out2"))
    assert (one.kind, len(one.files)) == ("file", 1)
    inner = str(tmp_path / "copy/inner")
    _, live = commanded(tmp_path / "out3", "live", inner, "--quiet", "--only", "files")
    assert live.custody is None


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"x" * (MAX_NOTES + 1), "longer than"),
        ("\u20ac".encode() * (2 * MAX_NOTES), "longer than"),
        (b"\xff\xfe", "not UTF-8"),
        (None, "No such file"),
    ],
)
def test_notes_that_cannot_be_kept_start_nothing(
    disk: Path, tmp_path: Path, data: bytes | None, why: str, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = tmp_path / "notes.txt"
    if data is not None:
        notes.write_bytes(data)
    code = main(["offline", str(disk), "--notes", str(notes), "--out", str(tmp_path / "out")])
    assert code == 2
    assert why in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["two\nlines", "x" * 1001])
def test_who_it_was_is_one_line(disk: Path, name: str) -> None:
    assert main(["offline", str(disk), "--examiner", name]) == 2


def test_a_killed_sweep_had_its_custody(disk: Path, tmp_path: Path) -> None:
    journals: list[Path] = []
    create = Journal.create.__func__  # type: ignore[attr-defined]

    def kept(cls: type[Journal], /, *given: object, **options: object) -> Journal:
        made: Journal = create(cls, *given, **options)
        copy = made.path.with_name("kept.jsonl")
        copy.write_bytes(made.path.read_bytes())
        journals.append(copy)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Journal, "create", classmethod(kept))
        report = swept(disk, tmp_path / "out", "--case", "2026-17")
    (path,) = journals
    assert recover(path).custody == report.custody


def told(custody: Custody) -> str:
    return render(structs.replace(reports.report(), custody=custody))


def test_people_are_told_what_became_of_the_hash() -> None:
    one = Exhibit(
        path="/e/a.E01", kind="EnCase image (E01)", size=512, stored=Hash(md5="aa"),
        read=Hash(md5="bb", sha256="cc"), checked=Checked.DIFFERENT,
    )  # fmt: skip
    text = told(Custody(workstation="ws", account="jo", exhibits=[one], notes="a\x1b[2J\nb"))
    assert "/e/a.E01: EnCase image (E01), disk of 512 bytes" in text
    assert "the STORED HASH DOES NOT MATCH" in text
    assert "MD5 read bb" in text
    assert "MD5 stored aa" in text
    assert "a\\x1b[2J\n" in text
    equal = structs.replace(one, read=Hash(md5="aa"), checked=Checked.EQUAL)
    assert "the stored hash matches" in told(Custody(exhibits=[equal]))
    plain = structs.replace(one, checked=None, read=None)
    assert "Custody" not in told(Custody(workstation="ws", exhibits=[plain]))
    assert "/e/a.E01" in told(Custody(case="c", exhibits=[plain]))


def test_a_report_without_one_is_read_and_one_from_later_too() -> None:
    made = json.loads(encode(reports.report()))
    del made["custody"]
    assert decode(json.dumps(made).encode()).custody is None
    made["custody"] = {"case": "c", "seal": "7", "exhibits": [{"path": "p", "kind": "k", "x": 1}]}
    custody = decode(json.dumps(made).encode()).custody
    assert custody is not None
    assert custody.exhibits[0].path == "p"
