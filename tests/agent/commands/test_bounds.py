"""What a sweep may take of its host."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent.commands import bounds
from agent.exit_codes import UsageError
from agent.options import Options, parse

REPOSITORY = Path(__file__).parents[3]
HUNGRY = """
import sys
from agent import cli
from agent.sources.files.source import FilesSource

def observe(self, target, matcher, ledger):
    hoard = []
    for _ in range(64):
        hoard.append(b"x" * (16 << 20))
        yield from ()

FilesSource.observe = observe
sys.exit(cli.main())
"""


def swept(tmp_path: Path, *more: str) -> tuple[int, dict[str, Any], dict[str, Any]]:
    """Exit code, summary and coverage of a source that takes 1 GiB."""
    (tmp_path / "tree").mkdir(exist_ok=True)
    (tmp_path / "tree" / "note.txt").write_text("nothing")
    out = tmp_path / "out.json"
    words = ["live", str(tmp_path / "tree"), "--only", "files", "--quiet", "--out", str(out)]
    done = subprocess.run(
        [sys.executable, "-c", HUNGRY, *words, "--force", *more],
        cwd=REPOSITORY, env={**os.environ, "IOCSWEEP_HOME": str(tmp_path / "home")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    report = json.loads(out.read_bytes())
    (files,) = [one for one in report["coverage"] if one["source"] == "files"]
    return done.returncode, report, files


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other bounds")
def test_a_source_that_needs_more_memory_than_it_may_have_is_a_gap(tmp_path: Path) -> None:
    code, report, files = swept(tmp_path, "--max-memory", "512M")
    assert code == 3
    assert report["verdict"] == "incomplete"
    assert "the source failed: MemoryError" in [one["reason"] for one in files["reasons"]]
    assert report["resources"]["peak_rss_bytes"] <= 600 << 20
    _, free, _ = swept(tmp_path)
    assert free["resources"]["peak_rss_bytes"] > 1 << 30


def test_a_bound_that_cannot_be_set_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(_: int) -> None:
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(bounds, "_bound_memory", refused)
    bounds.take_bounds(Options(command="live", max_memory=1 << 30))
    assert "--max-memory: the bound could not be set: Access is denied" in capsys.readouterr().err


def test_less_than_the_program_itself_needs_is_refused() -> None:
    assert parse(["--max-memory", "256M"]).max_memory == 256 << 20
    with pytest.raises(UsageError, match="argument --max-memory: at least 256M"):
        parse(["--max-memory", "64M"])


@pytest.mark.parametrize("option", ["--max-memory", "--max-file-size"])
def test_a_bound_that_no_system_takes_is_refused(option: str) -> None:
    assert parse([option, "8589934591G"])
    with pytest.raises(UsageError, match=f"argument {option}: '8589934592G' is more than any"):
        parse([option, "8589934592G"])
