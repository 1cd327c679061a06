"""The operator's own rules in a whole sweep: what is left out is named, and no file ends it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent import cli
from agent.coverage import Ledger
from agent.engine import guard
from agent.matching.matcher import Matcher
from agent.matching.own_rules import OwnRules
from agent.matching.own_traces import Own
from agent.model.report import Report
from agent.sources.files.facts import Limits
from agent.sources.files.file_inspection import FileLook
from agent.targets.offline.folder import FolderTarget
from tests.agent.engine.left_running import processes, started_since
from tests.evidence.sweeping import commanded

BAD_ENGINES = Path(__file__).parents[1] / "engine" / "bad_engines.py"
FILES = 40
GOOD = 'rule a { strings: $s = "MARK" condition: $s }\n'


@pytest.fixture(autouse=True)
def nothing_is_left_running() -> Iterator[None]:
    before = processes()
    yield
    assert not started_since(before)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    folder = tmp_path / "tree"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"good{number:02}.txt").write_text(f"MARK {number}")
    return folder


def rules(tmp_path: Path, text: str, name: str = "x.yar") -> str:
    path = tmp_path / name
    path.write_text(text)
    return str(path)


def of_tree(tree: Path, *options: str) -> tuple[int, Report]:
    return commanded(tree.parent / "out", "offline", str(tree), "--only", "files", *options)


def gaps(report: Report) -> dict[str, list[str]]:
    (files,) = [c for c in report.coverage if c.source == "files"]
    return {reason.reason: list(reason.samples) for reason in files.reasons}


def test_a_rule_that_does_not_run_is_named_and_the_others_answer(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = rules(tmp_path, GOOD + "rule b {\n condition: nonsense }")
    code, report = of_tree(tree, "--rules", mine)
    assert code == 1
    assert len(report.findings) == FILES
    (places,) = [places for reason, places in gaps(report).items() if reason == "own rule left out"]
    assert places[0].startswith(f"{mine}:3:13: rule b: ")
    said = capsys.readouterr()
    assert f"own rule left out: {places[0]}" in said.err
    told = " ".join(said.out.split())
    assert "content: own rule rules/x.yar:a" in told, "which rule it was"


def test_nothing_found_by_rules_of_which_one_does_not_run_is_incomplete(
    tree: Path, tmp_path: Path
) -> None:
    mine = rules(tmp_path, GOOD.replace("MARK", "ELSE") + "rule b { condition: nonsense }")
    code, report = of_tree(tree, "--rules", mine)
    assert (code, report.verdict.value) == (3, "incomplete")


def test_strict_rules_refuse_a_rule_that_does_not_run(
    tree: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = rules(tmp_path, GOOD + "rule b { condition: nonsense }")
    assert cli.main(["offline", str(tree), "--strict-rules", "--rules", mine]) == 2
    assert f"{mine}:2:21: rule b: " in capsys.readouterr().err
    assert not (tmp_path / "home" / "reports").exists()


def test_a_folder_of_rules_and_what_they_know_of_a_file(tree: Path, tmp_path: Path) -> None:
    folder = tmp_path / "rules" / "deeper"
    folder.mkdir(parents=True)
    (folder / "more.yara").write_text(
        'rule named { condition: filename == "good07.txt" and extension == ".txt"'
        f' and filepath == "{tree}" }}'
    )
    code, report = of_tree(tree, "--rules", str(tmp_path / "rules"))
    assert code == 1
    (finding,) = report.findings
    assert finding.indicator.id == "rules/more.yara:named"
    assert finding.file is not None
    assert finding.file.path == str(tree / "good07.txt")


@pytest.mark.parametrize(
    ("way", "why"),
    [
        ("never_returns", "own rules: no answer within 1 s (rule rules/x.yar:slow)"),
        ("leaves", "own rules: their process died (rule rules/x.yar:slow; "),
        ("eats_memory", "own rules: more than 1,024 MB of memory"),
    ],
)
def test_an_engine_that_goes_wrong_with_a_file_is_a_gap_and_the_others_are_answered(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, why: str
) -> None:
    (tree / "good07.txt").write_text("bad MARK")
    command = [sys.executable, "-P", str(BAD_ENGINES), way]
    monkeypatch.setattr(guard, "worker_command", lambda: command)
    limit = "60s" if way == "eats_memory" else "1s"
    code, report = of_tree(
        tree, "--rules", rules(tmp_path, "rule a { condition: true }"), "--rules-timeout", limit
    )
    assert code == 1
    assert len(report.findings) == FILES - 1
    assert [places for reason, places in gaps(report).items() if reason.startswith(why)] == [
        [str(tree / "good07.txt")]
    ]


def test_the_time_limit_holds_while_an_engine_never_returns(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in tree.iterdir():
        path.write_text("bad")
    command = [sys.executable, "-P", str(BAD_ENGINES), "never_returns"]
    monkeypatch.setattr(guard, "worker_command", lambda: command)
    code, report = of_tree(
        tree, "--rules", rules(tmp_path, "rule a { condition: true }"),
        "--rules-timeout", "1s", "--max-runtime", "3s",
    )  # fmt: skip
    assert (code, report.verdict.value) == (3, "incomplete")
    told = gaps(report)
    assert any("--max-runtime was over" in reason for reason in told)
    assert len(told.get("own rules: no answer within 1 s (rule rules/x.yar:slow)", [])) < 5


def test_counts_say_what_each_rule_was_asked_about(tree: Path, tmp_path: Path) -> None:
    _, report = of_tree(tree, "--rules", rules(tmp_path, GOOD + "rule b { condition: false }"))
    counts = {c.id: (c.tested, c.matched) for c in report.indicators}
    assert counts["rules/x.yar:a"] == (FILES, FILES)
    assert counts["rules/x.yar:b"] == (FILES, 0)
    assert json.loads(json.dumps(report.options["rules"])) == [str(tmp_path / "x.yar")]


PACK = """
pack: iocsweep.pack/1
id: mine
version: "1"
title: expressions of one's own
references: {r: "https://example.org/"}
indicators:
  - {id: slow, type: content, match: regex, value: 'MARK.*seven.*MARK', strength: strong, status: SRC, reference: [r], gate: {extensions: [.txt]}}
  - {id: tame, type: content, match: regex, value: '[a-z]+MARK 0', strength: strong, status: SRC, reference: [r], gate: {extensions: [.txt]}}
"""


def test_an_expression_of_a_pack_that_bytes_can_make_slow_runs_behind_the_guard(
    tree: Path, tmp_path: Path
) -> None:
    (tree / "good07.txt").write_text("xMARK 0 of seven and so on MARK")
    (tree / "good08.bin").write_text("xMARK 0 of seven and so on MARK")
    code, report = of_tree(tree, "--only-pack", rules(tmp_path, PACK, "mine.yaml"))
    assert code == 1
    (finding,) = report.findings
    assert finding.file is not None
    assert finding.file.path == str(tree / "good07.txt"), "the gate holds: the other is not opened"
    counts = {c.id: (c.tested > 0, c.matched) for c in report.indicators}
    assert counts == {"slow": (True, 1), "tame": (True, 1)}
    assert not gaps(report)


def test_a_file_that_makes_an_expression_of_a_pack_slow_is_a_gap(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tree / "good07.txt").write_text("bad xMARK 0")
    command = [sys.executable, "-P", str(BAD_ENGINES), "never_returns"]
    monkeypatch.setattr(guard, "worker_command", lambda: command)
    code, report = of_tree(
        tree, "--only-pack", rules(tmp_path, PACK, "mine.yaml"), "--rules-timeout", "1s"
    )
    assert code == 1, "what is tame is found all the same"
    late = [p for reason, p in gaps(report).items() if "no answer within 1 s" in reason]
    assert late == [[str(tree / "good07.txt")]]


def test_own_rules_are_still_asked_after_a_volume_that_breaks_off(tmp_path: Path) -> None:
    with closing(OwnRules([Path(rules(tmp_path, GOOD))], timeout_s=10)) as own_rules:
        matcher = Matcher([], own_rules=own_rules)
        look = FileLook(
            target=FolderTarget(str(tmp_path), own=Own()),
            matcher=matcher,
            ledger=Ledger("files", required=True),
            limits=Limits(1 << 20),
            progress=lambda _: None,
            everything=True,
        )
        with pytest.raises(OSError, match="bad sector"), look.reading():
            raise OSError("bad sector")
        assert [hit.indicator for hit in own_rules.scan(b"MARK", "").hits] == ["rules/x.yar:a"]
        with pytest.raises(KeyboardInterrupt), look.reading():
            raise KeyboardInterrupt
        assert own_rules.scan(b"MARK", "").gaps == (
            "own rules: not asked any more, the sweep was ended early",
        )
