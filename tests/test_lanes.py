"""The list of slow tests names tests that there are."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.lanes import HERE, PLACES, slow_ones


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
