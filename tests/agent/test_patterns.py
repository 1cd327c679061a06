"""One text in many spellings."""

from __future__ import annotations

import time

import pytest

from agent.patterns import original_of_copy


@pytest.mark.parametrize(
    ("copy", "original"),
    [
        ("DS7002 (1).ZIP", "DS7002.ZIP"),
        ("DS7002 - COPY.ZIP", "DS7002.ZIP"),
        ("DS7002 - COPY (2).ZIP", "DS7002.ZIP"),
        ("DS7002 (1) (12).ZIP", "DS7002.ZIP"),
        ("DS7002 (1)", "DS7002"),
        ("A.B (1)", "A.B"),
        ("DS7002.ZIP", "DS7002.ZIP"),
        ("DS7002(1).ZIP", "DS7002(1).ZIP"),
        ("DS7002 (1234).ZIP", "DS7002 (1234).ZIP"),
        ("", ""),
        (" (1)", " (1)"),
    ],
)
def test_a_copy_is_told_by_its_name(copy: str, original: str) -> None:
    assert original_of_copy(copy) == original


def test_a_name_as_long_as_an_archive_allows_costs_no_time() -> None:
    started = time.perf_counter()
    for length in (60, 16_000):
        name = "A" + " (1)" * length + " (X"
        assert original_of_copy(name) == name
    assert time.perf_counter() - started < 0.5
