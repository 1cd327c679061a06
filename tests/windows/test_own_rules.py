"""The built exe, under Wine, running the operator's rules in processes of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import psutil
import pytest

from agent.model.report import Coverage, Report, State
from tests.windows.host import Host

pytestmark = [
    pytest.mark.wine,
    pytest.mark.skipif(sys.platform != "linux", reason="Wine's lab is for Linux"),
]

RULES = """
import "pe"
rule by_count { strings: $s = "EVILMARK" condition: #s > 16 }
rule by_name { condition: filename == "many.txt" and extension == ".txt" }
rule by_module { condition: pe.is_dll() and pe.exports("PointFunctionCall") }
rule unfit { condition: vt.metadata }
"""


def files(report: Report) -> Coverage:
    (found,) = [coverage for coverage in report.coverage if coverage.source == "files"]
    return found


@pytest.mark.parametrize("form", ["one-dir", "one-file"])
def test_own_rules_answer_and_the_unfit_one_is_named(host: Host, tmp_path: Path, form: str) -> None:
    host.clean()
    tree = host.local / "tree"
    tree.mkdir()
    for number in range(200):
        (tree / f"file{number}.txt").write_bytes(b"EVILMARK " * 10)
    (tree / "many.txt").write_bytes(b"EVILMARK " * 40)
    host.plant(tree / "other.bin")
    rules = tmp_path / "mine.yar"
    rules.write_text(RULES)
    code, report, _ = host.sweep(
        "offline", host.lab.to_windows(tree), "--only", "files",
        "--rules", host.lab.to_windows(rules),
        exe=host.exe if form == "one-dir" else host.one_file,
    )  # fmt: skip
    assert code == 1
    found = {c.id: c.matched for c in report.indicators if c.id.startswith("rules/")}
    assert found == {
        "rules/mine.yar:by_count": 1,
        "rules/mine.yar:by_name": 1,
        "rules/mine.yar:by_module": 1,
    }
    coverage = files(report)
    assert coverage.state is State.PARTIAL
    assert [reason.reason for reason in coverage.reasons] == ["own rule left out"]
    assert "rule unfit: " in coverage.reasons[0].samples[0]
    assert not [p for p in psutil.process_iter(["cmdline"]) if _is_worker(p)]


def _is_worker(process: psutil.Process) -> bool:
    """Wine's processes are Linux's too."""
    return "--rules-worker" in (process.info["cmdline"] or ())
