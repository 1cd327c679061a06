"""What builds and publishes a release on GitHub runs nothing that may change under it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
WORKFLOW: dict[str, Any] = yaml.safe_load(TEXT)
JOBS = WORKFLOW["jobs"]


def commands(job: str) -> str:
    return "\n".join(step.get("run", "") for step in JOBS[job]["steps"])


def test_every_action_is_pinned_by_its_commit_and_says_its_version() -> None:
    used = re.findall(r"(?m)^\s+- uses: (.+)$", TEXT)
    assert len(used) == 6
    pinned = re.compile(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
    assert [line for line in used if not pinned.fullmatch(line)] == []


def test_only_what_publishes_may_write() -> None:
    assert WORKFLOW["permissions"] == {}
    assert JOBS["build"]["permissions"] == {"contents": "read"}
    assert JOBS["publish"]["permissions"] == {
        "contents": "write",
        "id-token": "write",
        "attestations": "write",
    }
    assert JOBS["publish"]["if"] == "github.ref_type == 'tag'"
    assert JOBS["publish"]["needs"] == "build"
    assert "checkout" not in str(JOBS["publish"]), "what publishes runs none of our code"


def test_nothing_from_outside_is_put_into_a_script() -> None:
    assert [job for job in JOBS if "${{" in commands(job)] == []


def test_it_is_built_twice_on_windows_from_what_is_pinned() -> None:
    build = JOBS["build"]
    assert build["runs-on"] == "windows-latest"
    assert len(set(build["strategy"]["matrix"]["folder"])) == 2
    said = commands("build")
    assert "--require-hashes -r requirements/exe.lock" in said
    assert re.fullmatch(r"3\.1[1-4]\.\d+", WORKFLOW["env"]["PYTHON"])
    assert "diff --recursive built/first built/second-and-elsewhere" in commands("publish")


def test_every_path_that_is_run_is_there() -> None:
    named = re.findall(r"(?:build|tests|requirements)/[\w./-]+", commands("build"))
    assert len(named) >= 4
    assert [path for path in named if not (ROOT / path).exists()] == []


def test_a_step_whose_programs_may_end_with_more_than_0_says_how_it_ends() -> None:
    """GitHub ends a step of PowerShell with the code of the last program that it ran."""
    steps = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]
    judging = [run for run in steps if "LASTEXITCODE" in run]
    assert len(judging) == 1
    assert [run for run in judging if not re.search(r"\nexit 0\b.*\n\Z", run)] == []
