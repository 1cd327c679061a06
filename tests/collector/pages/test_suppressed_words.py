"""What a sweep's first line says while anything is suppressed, and what each suppression covers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.pages.describe import answer, covering_words, states
from collector.records import Counts
from collector.suppression import Suppression

_SINCE = "reports received until 1970-01-01 00:00:00 UTC"
_EARLIER = " made by an earlier collector, which asked for no limit"
_FEW = st.integers(0, 2)


@given(
    st.fixed_dictionaries(
        dict.fromkeys(
            ("clean", "hit", "incomplete", "failed", "limited", "not_reported", "expected",
             "suppressed"),
            _FEW,
        )
    ),
    st.integers(1, 9),
)  # fmt: skip
def test_it_is_never_clean_and_says_how_many(counts: dict[str, Any], findings: int) -> None:
    """A host whose hits are suppressed has suppressed findings: those are counted alone, too."""
    sweep = Counts(**counts, suppressed_findings=findings)
    said, rest = answer(sweep)
    assert "clean" not in said.casefold()
    assert f"{findings} finding" in rest
    if not sweep.hit and sweep.reported:
        assert f"{findings} finding" in said
    assert f"suppressed {findings} findings, all hits of {sweep.suppressed} hosts" in states(sweep)


def test_it_is_clean_without() -> None:
    assert answer(Counts(clean=1))[0].startswith("Clean: 1 host")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"finding_id": "f", "until": 0, "confirmed_until": 0}, "this finding alone"),
        ({}, "weak and strong findings, those to come included"),
        (
            {"until": 0, "path": "p", "hash": "aa"},
            f"weak and strong findings with the path p and with the hash aa of {_SINCE}",
        ),
        (
            {"confirmed_until": 0},
            f"weak and strong findings, those to come included, and confirmed ones of {_SINCE}:"
            + _EARLIER,
        ),
    ],
)
def test_it_is_said_what_a_suppression_covers(fields: dict[str, object], words: str) -> None:
    one = Suppression(
        suppression_id="s", sweep_id="s1", indicator_id="i", host_key=None, reason="", who="",
        created=0, lifted=None, **fields,  # type: ignore[arg-type]
    )  # fmt: skip
    assert covering_words(one) == words
