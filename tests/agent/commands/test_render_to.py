"""``iocsweep render --to``: reports for other systems, from folders and shares."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pytest
from msgspec import structs

from agent import cli
from agent.model.codec import encode
from agent.output.exports import FORMATS
from agent.output.exports.formats import BY_NAME
from tests.agent.output.mapping.rich import excluded_finding, report_of, rich_finding
from tests.evidence.reports import finding, report
from tests.evidence.sweeping import swept

RICH = report_of(rich_finding(), excluded_finding())
GAP = report(gap="access denied", host="WS-3")


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """As a sweep wrote one, and as one lies on a share."""
    folder = tmp_path / "reports"
    folder.mkdir()
    (folder / "a.json").write_bytes(encode(RICH))
    (folder / f"{GAP.report_id}.json.gz").write_bytes(gzip.compress(encode(GAP)))
    return folder


def test_every_format_has_a_name_and_a_maker() -> None:
    assert tuple(BY_NAME) == FORMATS


@pytest.mark.parametrize("name", FORMATS)
def test_a_folder_of_reports_becomes_one_file(reports: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / "deep" / f"x.{name}"
    assert cli.main(["render", str(reports), "--to", name, "--out", str(out)]) == 1
    data = out.read_bytes()
    assert data == BY_NAME[name].make([GAP, RICH])
    assert [one for one in FORMATS if BY_NAME[one].is_one(data)] == [name]


@pytest.mark.parametrize("name", FORMATS)
def test_stdout_has_the_same_in_ascii(
    reports: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    odd = structs.replace(RICH, host=structs.replace(RICH.host, name="WS-Ü😀"))
    (reports / "a.json").write_bytes(encode(odd))
    assert cli.main(["render", str(reports), "--to", name, "--exit-zero"]) == 0
    told = capsys.readouterr().out
    assert told.isascii()
    assert "\\ud83d\\ude00" in told
    expected = BY_NAME[name].make([odd, GAP]).decode("utf-8")
    assert [*map(json.loads, told.splitlines())] == [*map(json.loads, expected.splitlines())]


def test_a_gap_is_told_by_the_exit_code_and_in_the_file(tmp_path: Path) -> None:
    path, out = tmp_path / "gap.json", tmp_path / "x.jsonl"
    path.write_bytes(encode(GAP))
    assert cli.main(["render", str(path), "--to", "ocsf", "--out", str(out)]) == 3
    (event,) = map(json.loads, out.read_text("utf-8").splitlines())
    assert event["status"] == "Incomplete"


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-9],
        lambda data: data[:20] + b"\0" + data[21:],
        lambda data: data + b"x",
    ],
)
def test_a_damaged_one_is_named_and_the_others_are_exported(
    reports: Path, capsys: pytest.CaptureFixture[str], damage: object
) -> None:
    path = reports / f"{GAP.report_id}.json.gz"
    path.write_bytes(damage(path.read_bytes()))  # type: ignore[operator]
    assert cli.main(["render", str(reports), "--to", "ocsf", "--exit-zero"]) == 2
    told = capsys.readouterr()
    assert f"{path}: is no report that can be read: broken gzip: " in told.err
    assert "WS-0421" in told.out


def test_one_that_unpacks_to_more_than_a_report_has_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.commands.render.MAX_BYTES", 1000)
    path = tmp_path / "x.json.gz"
    path.write_bytes(gzip.compress(b" " * 100_000))
    assert cli.main(["render", str(path)]) == 2
    assert "larger than 1,000 bytes" in capsys.readouterr().err


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_takes_the_place_of_its_own_kind_alone_and_when_told(
    reports: Path, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "x"
    asked = ["render", str(reports), "--to", name, "--out", str(out), "--exit-zero"]
    out.write_text('{"mine": 1}\n')
    assert cli.main([*asked, "--force"]) == 2
    assert out.read_text() == '{"mine": 1}\n'
    out.unlink()
    assert cli.main(asked) == 0
    assert cli.main(asked) == 2
    assert cli.main([*asked, "--force"]) == 0


@pytest.mark.parametrize(
    "wrong", [["--out", "x"], ["--to", "ocsf", "--html", "x"], ["--to", "xml"]]
)
def test_what_makes_no_sense_is_refused(reports: Path, tmp_path: Path, wrong: list[str]) -> None:
    before = os.getcwd()
    os.chdir(tmp_path)
    try:
        assert cli.main(["render", str(reports), *wrong]) == 2
        assert not (tmp_path / "x").exists()
    finally:
        os.chdir(before)


def test_the_next_sweep_does_not_find_an_export(reports: Path, tmp_path: Path) -> None:
    place = tmp_path / "exports"
    place.mkdir()
    (reports / "b.json").write_bytes(
        encode(structs.replace(report(finding()), report_id="018f-other"))
    )
    for name in FORMATS:
        ending = "json" if name in ("stix", "misp") else "ndjson" if name == "ecs" else "jsonl"
        out = place / f"{name}.{ending}"
        cli.main(["render", str(reports), "--to", name, "--out", str(out)])
        assert b"cyzfc" in out.read_bytes() or name == "misp-sightings"
    thorough = swept(place, thorough=True)
    assert thorough.matches() == []
    assert thorough.coverage.own > 0


def test_a_file_that_only_looks_like_an_export_is_found(reports: Path, tmp_path: Path) -> None:
    place = tmp_path / "exports"
    place.mkdir()
    out = place / "x.jsonl"
    cli.main(["render", str(reports), "--to", "ocsf", "--out", str(out)])
    assert swept(place, thorough=True).matches() == []
    out.write_bytes(out.read_bytes() + b"something else\n")
    assert swept(place, thorough=True).matches() != []
