"""The lists of tests name tests that there are, and what shares a Wine or a server runs in turn."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lanes import HERE, PLACES, slow_ones, ungrouped


def functions_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name


def test_every_slow_test_is_one() -> None:
    known = {
        f"{path.relative_to(HERE).as_posix()}::{name}"
        for path in HERE.rglob("test_*.py")
        for name in functions_of(path)
    }
    assert slow_ones() - known == frozenset()
    assert len(slow_ones()) > 100


def test_every_place_is_one() -> None:
    assert [place for place in PLACES if not (HERE / place).exists()] == []


def test_only_the_folder_of_the_group_starts_wine() -> None:
    """Another test would end the programs of the group's: they share a prefix."""
    lab = re.compile(r"^\s*(from lab|import lab|from build_exe|import build_exe)\b", re.MULTILINE)
    using = {
        path.relative_to(HERE).parts[0]
        for path in HERE.rglob("*.py")
        if lab.search(path.read_text(encoding="utf-8"))
    }
    assert using == {"windows", "bench"}


GROUPED = """
import os, pathlib, pytest

@pytest.mark.xdist_group("wine")
@pytest.mark.parametrize("number", range(6))
def test_it(number):
    with pathlib.Path("workers").open("a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
"""


def test_a_group_runs_in_one_of_two_workers(tmp_path: Path) -> None:
    (tmp_path / "test_grouped.py").write_text(GROUPED)
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    workers = (tmp_path / "workers").read_text().split()
    assert len(workers) == 6
    assert len(set(workers)) == 1


def test_a_test_whose_group_the_workers_do_not_see_is_named(
    request: pytest.FixtureRequest,
) -> None:
    assert ungrouped([request.node]) == []
    request.node.add_marker(pytest.mark.xdist_group("wine"))
    assert ungrouped([request.node]) == [request.node.nodeid]
