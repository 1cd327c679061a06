"""What is looked for in records, in whose bytes values lie side by side."""

from __future__ import annotations

import pytest

from agent.indicators import Address, Domain, FileHash, FileName
from agent.matching.record_rules import RecordRules, marker
from agent.model.report import Strength

COMMON = {"strength": Strength.WEAK, "reference": ["x"], "status": "SRC"}
RULES = RecordRules(
    [
        FileName(id="name", value="cyzfc.dat", **COMMON),  # type: ignore[arg-type]
        Domain(id="domain", value="pandorasong.com", **COMMON),  # type: ignore[arg-type]
        Address(id="address", value="95.216.59.92", **COMMON),  # type: ignore[arg-type]
        FileHash(id="hash", value="ab" * 20, **COMMON),  # type: ignore[arg-type]
    ],
    markers=[marker('"hidden"', 6)],
)
VALUES = {"name": "cyzfc.dat", "domain": "pandorasong.com", "address": "95.216.59.92",
          "hash": "AB" * 20}  # fmt: skip


def ids(data: bytes, *, whole_words: bool) -> set[str]:
    return {hit.indicator for hit in RULES.mentions(data, whole_words=whole_words)}


@pytest.mark.parametrize("indicator", VALUES)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_value_beside_another_is_worth_a_look_and_no_mention_by_itself(
    indicator: str, encoding: str
) -> None:
    """As an address and its port in event 5156 of the Security log."""
    beside = f"S{VALUES[indicator]}443".encode(encoding)

    assert RULES.occurs(beside)
    assert RULES.every_offset(beside) == [len("S".encode(encoding))]
    assert ids(beside, whole_words=True) == set()
    assert ids(beside, whole_words=False) == {indicator}
    assert ids(f"S\n{VALUES[indicator]}\n443".encode(encoding), whole_words=True) == {indicator}


def test_a_marker_is_worth_a_look_and_mentions_nothing() -> None:
    assert RULES.occurs(b"x hidden x")
    assert ids(b"x hidden x", whole_words=False) == set()
