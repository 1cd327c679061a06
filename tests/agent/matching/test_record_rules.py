"""What is looked for in records, in whose bytes values lie side by side."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.indicators import Address, CommandLine, Domain, FileHash, FileName
from agent.matching.record_rules import RecordRules, marker
from agent.model.report import Strength
from tests.evidence.packs import stated

COMMON = stated(Strength.WEAK)
RULES = RecordRules(
    [
        FileName(id="name", value="cyzfc.dat", **COMMON),
        Domain(id="domain", value="pandorasong.com", **COMMON),
        Address(id="address", value="95.216.59.92", **COMMON),
        FileHash(id="hash", value="ab" * 20, **COMMON),
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


TEXTS = ["ds7002.zip", "Temp1_ds7002.zip", "DS7002.zip", "pandorasong.com", "cyzfc.dat"]
MANY = RecordRules(
    [
        *(FileName(id=f"{n}", value=text, **COMMON) for n, text in enumerate(TEXTS)),
        CommandLine(id="line", value="cyzfc.dat, PointFunctionCall", **COMMON),
    ],
    markers=[marker('"song"', 4)],
)
"""Some hold another one."""


@pytest.mark.parametrize("text", [*TEXTS, "song", "cyzfc.dat  PointFunctionCall"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_whatever_has_a_place_occurs_though_another_one_is_in_it(text: str, encoding: str) -> None:
    data = f"xx{text.swapcase()}xx".encode(encoding)

    assert bool(MANY.every_offset(data)) == MANY.occurs(data)
    assert MANY.occurs(data) or text == "song"


@given(st.lists(st.sampled_from([*TEXTS, "ds7002", "Temp1_", ".zip", "pandora", " "]), max_size=6))
@settings(max_examples=40, deadline=None)
def test_nothing_that_is_mentioned_does_not_occur(pieces: list[str]) -> None:
    for encoding in ("utf-8", "utf-16-le"):
        data = "".join(pieces).encode(encoding)
        assert MANY.occurs(data) == bool(MANY.mentions(data, whole_words=False))


def test_markers_are_told_with_their_places_where_nothing_else_occurs() -> None:
    rules = RecordRules(
        [FileName(id="name", value="cyzfc.dat", **COMMON)],
        markers=[marker("/db/", 2), marker("/hid[a-z]en/", 6)],
        turned=True,
    )
    assert rules.marked(b"") == {}
    assert rules.marked(b"hidden, hiding, dbdb") == {0: [(16, 2), (18, 2)], 1: [(0, 6)]}
    for text in ("hidden cyzfc.dat", "db xcyzfc.datx", "plmsp.qng", "cyzfc (1).dat"):
        assert rules.marked(text.encode()) is None
    assert rules.marked(b"db" * 4096) == {0: [(at, 2) for at in range(0, 8192, 2)]}
    assert rules.marked(b"db" * 4097) is None


def test_so_is_what_is_looked_up_of_many() -> None:
    many = [FileName(id=f"n{n}", value=f"name {n} of many.dat", **COMMON) for n in range(1100)]
    rules = RecordRules(many, markers=[marker("/db/", 2)])

    assert rules.marked(b"db") == {0: [(0, 2)]}
    assert rules.marked(b"db NAME 777 OF MANY.DAT") is None


WITH_OTHERS = RecordRules(
    [FileName(id=f"{n}", value=text, **COMMON) for n, text in enumerate(TEXTS)],
    markers=[marker("/db/", 2)],
    turned=True,
)


@given(
    st.lists(
        st.sampled_from([*TEXTS, "cyzf", "plmsp.qng", "plmsp", ".com", "db", "d b", " "]),
        max_size=6,
    ),
    st.sampled_from(["utf-8", "utf-16-le"]),
)
@settings(max_examples=60, deadline=None)
def test_markers_stand_alone_exactly_where_nothing_else_occurs(
    pieces: list[str], encoding: str
) -> None:
    data = "".join(pieces).encode(encoding)
    alone = RecordRules([], markers=[marker("/db/", 2)])
    without = data.replace(b"db", b"--").replace(b"DB", b"--")
    marks = WITH_OTHERS.marked(data)
    assert (marks is None) == WITH_OTHERS.occurs(without)
    if marks is not None:
        assert [at for at, _ in marks.get(0, [])] == (alone.every_offset(data) or [])
