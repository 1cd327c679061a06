"""``selftest --canary``: a drill is found by any live sweep, is shown as one, and counts as
nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent import cli
from agent.model.codec import decode
from agent.model.report import Finding, Report, Strength, Verdict
from agent.packs.built_in import load_packs
from agent.packs.document import PackError
from agent.packs.drill import CANARY, drill_pack
from tests.evidence.files import dll


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other test's lock is in the way."""
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))


def live(out: Path, folder: Path, *more: str) -> tuple[int, Report]:
    code = cli.main(["live", str(folder), "--only", "files", "--out", str(out), *more])
    (path,) = out.glob("*.json")
    return code, decode(path.read_bytes())


def only_finding(report: Report) -> Finding:
    (finding,) = report.findings
    return finding


def test_a_canary_is_found_as_a_drill_and_leaves_the_verdict_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    assert cli.main(["selftest", "--canary", str(folder)]) == 0
    assert f"canary: {folder / CANARY}" in capsys.readouterr().out
    code, report = live(tmp_path / "out", folder)
    assert (code, report.verdict) == (0, Verdict.CLEAN)
    finding = only_finding(report)
    assert finding.is_drill
    assert (finding.strength, finding.title) == (Strength.WEAK, f"drill: {folder / CANARY}")
    assert [pack.id for pack in report.packs][-1] == "drill"
    shown = capsys.readouterr().out
    assert f"weak       drill: {folder / CANARY}" in shown
    assert json.loads(shown.splitlines()[-1])["top"] == [f"drill: {folder / CANARY}"]
    assert cli.main(["selftest", "--remove-canary", str(folder)]) == 0
    assert list(folder.iterdir()) == []
    assert live(tmp_path / "after", folder)[1].findings == []


def test_with_the_campaign_in_its_name_it_is_no_drill(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    (folder / CANARY).write_bytes(dll())
    code, report = live(tmp_path / "out", folder, "--thorough")
    assert (code, report.verdict) == (1, Verdict.HIT)
    finding = only_finding(report)
    assert not finding.is_drill
    assert not finding.title.startswith("drill")
    assert {one.indicator for one in finding.evidence} >= {"drill/canary"}


def test_packs_of_ones_own_do_not_hide_the_canary(tmp_path: Path) -> None:
    pack = Path(__file__).parents[3] / "iocs" / "cyzfc.yaml"
    (tmp_path / "desk").mkdir()
    assert cli.main(["selftest", "--canary", str(tmp_path / "desk")]) == 0
    _, report = live(tmp_path / "out", tmp_path / "desk", "--only-pack", str(pack))
    assert only_finding(report).is_drill


def test_a_mention_of_the_canary_in_a_text_is_no_more_than_a_drill(tmp_path: Path) -> None:
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk" / "notes.ps1").write_text(f"Get-Item {CANARY}\n")
    code, report = live(tmp_path / "out", tmp_path / "desk", "--thorough")
    assert code == 0
    assert all(finding.is_drill for finding in report.findings)


def test_its_home_is_the_home_folder(tmp_path: Path) -> None:
    assert cli.main(["selftest", "--canary"]) == 0
    assert [path.name for path in (tmp_path / "home").iterdir()] == [CANARY]
    assert cli.main(["selftest", "--canary"]) == 2, "it is there already"
    assert cli.main(["selftest", "--remove-canary"]) == 0
    assert cli.main(["selftest", "--remove-canary"]) == 2, "there is none"


def test_a_file_of_its_name_that_is_none_is_never_removed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / CANARY).write_text("evidence")
    assert cli.main(["selftest", "--remove-canary", str(tmp_path)]) == 2
    assert "is no canary, and stays" in capsys.readouterr().err
    assert (tmp_path / CANARY).read_text() == "evidence"


def test_no_other_pack_has_the_id_of_drills(tmp_path: Path) -> None:
    text = (Path(__file__).parents[3] / "iocs" / "cyzfc.yaml").read_text("utf-8")
    path = tmp_path / "mine.yaml"
    path.write_text(text.replace("id: cyzfc-2018-11\n", "id: drill\n", 1), "utf-8")
    with pytest.raises(PackError, match="the id drill is that of drills"):
        load_packs([], [path])


def test_what_a_drill_is_found_by_is_weak() -> None:
    file = drill_pack().file
    assert [one.strength for one in file.indicators] == [Strength.WEAK]
    assert file.chains == []
