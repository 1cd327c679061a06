"""``--timeline``, ``--csv``, ``--defender``, ``--html``: what was found, in files that take no other's place."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent import cli
from agent.commands import exports
from agent.model.report import Strength, Verdict
from agent.output.mapping import table as tables
from agent.output.page.told import reports_in
from tests.evidence.memories import evidence
from tests.evidence.sweeping import commanded, swept
from tests.evidence.windows_folder import as_folder

OPTIONS = ("--timeline", "--csv", "--defender", "--html")


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return as_folder(tmp_path_factory.mktemp("host") / "c", evidence())


@pytest.fixture
def note(tmp_path: Path) -> Path:
    folder = tmp_path / "clean"
    folder.mkdir()
    (folder / "note.txt").write_text("nothing")
    return folder


def exported(folder: Path, tmp_path: Path, *more: str) -> tuple[int, dict[str, Path]]:
    files = {name: tmp_path / f"x{name}.jsonl" for name in OPTIONS}
    files["--csv"] = tmp_path / "x.csv"
    files["--html"] = tmp_path / "x.html"
    asked = [text for name, path in files.items() for text in (name, str(path))]
    return cli.main(["offline", str(folder), "--quiet", *asked, *more]), files


def test_a_sweep_writes_what_was_asked_for(host: Path, tmp_path: Path) -> None:
    code, files = exported(host, tmp_path)
    assert code == 1
    timeline = [json.loads(line) for line in files["--timeline"].read_text("utf-8").splitlines()]
    assert {"ran", "resolved", "loaded"} <= {line.get("claim") for line in timeline}
    assert timeline[-1]["verdict"] == "hit"
    assert [line["datetime"] for line in timeline] == sorted(line["datetime"] for line in timeline)
    table = files["--csv"].read_text("utf-8-sig")
    kinds = [line["row"] for line in csv.DictReader(io.StringIO(table, newline=""))]
    undated = [line for line in timeline if line["timestamp_desc"] == "Time of the Sweep"]
    assert kinds.count("moment") == len(timeline[:-1]) - len(undated)
    rows = [json.loads(line) for line in files["--defender"].read_text("utf-8").splitlines()]
    assert {"DeviceProcessEvents", "DeviceImageLoadEvents", "DeviceNetworkEvents"} <= {
        row["Type"] for row in rows
    }
    (told,) = reports_in(files["--html"].read_bytes())
    assert told.report.verdict is Verdict.HIT


@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("what", [b"mine", b'{"a": 1}\n', b"a,b\n"])
def test_another_file_is_never_replaced(
    note: Path, tmp_path: Path, option: str, force: list[str], what: bytes
) -> None:
    path = tmp_path / "there"
    path.write_bytes(what)
    assert cli.main(["offline", str(note), option, str(path), *force]) == 2
    assert path.read_bytes() == what


def test_an_export_is_replaced_with_force_alone(host: Path, note: Path, tmp_path: Path) -> None:
    _, files = exported(host, tmp_path)
    before = {name: path.read_bytes() for name, path in files.items()}
    code, _ = exported(note, tmp_path)
    assert code == 2
    assert {name: path.read_bytes() for name, path in files.items()} == before
    code, _ = exported(note, tmp_path, "--force")
    assert code == 0
    assert all(path.read_bytes() != before[name] for name, path in files.items())
    assert exported(host, tmp_path, "--force")[0] == 1
    assert files["--timeline"].read_bytes().count(b"\n") == before["--timeline"].count(b"\n")


def test_two_options_do_not_share_a_file(
    note: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, out = str(tmp_path / "x.jsonl"), str(tmp_path / "x.json")
    assert cli.main(["offline", str(note), "--timeline", path, "--csv", path]) == 2
    assert "--csv and --timeline: both are" in capsys.readouterr().err
    assert cli.main(["offline", str(note), "--out", out, "--defender", out]) == 2


def test_a_folder_is_no_file(note: Path, tmp_path: Path) -> None:
    assert cli.main(["offline", str(note), "--csv", str(tmp_path)]) == 2


def test_what_came_meanwhile_is_not_replaced_and_told(
    note: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.csv"
    made = tables.table

    def come_between(report: object) -> bytes:
        path.write_bytes(b"another's")
        return made(report)  # type: ignore[arg-type]

    monkeypatch.setattr(exports, "table", come_between)
    cli.main(["offline", str(note), "--quiet", "--csv", str(path)])
    assert path.read_bytes() == b"another's"
    assert "could not be written" in capsys.readouterr().err


@pytest.mark.skipif(os.name == "nt", reason="modes are of POSIX")
def test_nobody_else_may_read_an_export(host: Path, tmp_path: Path) -> None:
    _, files = exported(host, tmp_path)
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o600}


def test_the_next_sweep_does_not_find_the_export(host: Path, tmp_path: Path) -> None:
    place = tmp_path / "exports"
    place.mkdir()
    exported(host, place)
    found = swept(place).matches()
    assert [match for match in found if match.strength.rank >= Strength.STRONG.rank] == []
    assert found == []
    assert swept(place).coverage.examined == 4
    thorough = swept(place, thorough=True)
    assert thorough.matches() == []
    assert thorough.coverage.own > 0


def test_the_report_is_there_as_ever(host: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    code, report = commanded(out, "offline", str(host), "--csv", str(tmp_path / "a" / "x.csv"))
    assert code == 1
    assert report.options["csv"].endswith("x.csv")
    assert (tmp_path / "a" / "x.csv").stat().st_size > 1000


def test_a_page_that_somebody_has_put_something_into_is_no_document_of_ours(
    host: Path, tmp_path: Path
) -> None:
    place = tmp_path / "exports"
    place.mkdir()
    page = exported(host, place)[1]["--html"]
    page.write_bytes(page.read_bytes().replace(b"<main>", b"<main>pandorasong.com ", 1))
    found = {match.indicator.id for match in swept(place, thorough=True).matches()}
    assert "c2-domain" in found


def test_pages_are_loaded_only_when_they_are_asked_for() -> None:
    code = (
        "import sys\n"
        "from agent.commands import exports, render, sweep\n"
        "print(*(m for m in sys.modules if m.startswith('agent.output.page')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
