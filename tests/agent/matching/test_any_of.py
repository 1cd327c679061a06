"""Whether anything occurs is answered as all that occurs is told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.indicators import CommandLine, Content, Domain, FileName, Indicator
from agent.matching.byte_rules import ByteRules
from agent.matching.record_rules import RecordRules
from tests.evidence.packs import stated

LONG = "a long text that the engine is not asked for as a whole, Item 7"
INDICATORS: list[Indicator] = [
    Content(id="long", value=LONG, **stated()),
    FileName(id="name", value="cyzfc.dat", **stated()),
    FileName(id="copy", value="cyzfc.data", **stated()),
    FileName(id="müll", value="müll.dat", **stated()),
    Domain(id="domain", value="pandorasong.com", **stated()),
    CommandLine(id="command", value="rundll32 PointFunctionCall,Go", **stated()),
]
NEAR = [
    LONG, LONG[1:], LONG[:-1], "item 7", "cyzfc.dat", "CYZFC.DATA", "xcyzfc.dat", "cyzfc.da",
    "MÜLL.dat", "müll.da", "xmüll.dat", "pandorasong.com", "xpandorasong.com",
    'rundll32 "PointFunctionCall" Go', "PointFunctionCall", "Go", "",
]  # fmt: skip
BYTE_RULES, RECORD_RULES = ByteRules(INDICATORS), RecordRules(INDICATORS)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from(NEAR), max_size=3),
    st.sampled_from(["utf-8", "utf-16-le"]),
    st.binary(max_size=3),
    st.booleans(),
)
def test_something_occurs_if_and_only_if_a_place_of_it_is_told(
    texts: list[str], encoding: str, beside: bytes, is_upper: bool
) -> None:
    text = " ".join(texts)
    data = beside + (text.upper() if is_upper else text).encode(encoding) + beside
    assert BYTE_RULES.occurs(data) == bool(BYTE_RULES.places(data))
    assert RECORD_RULES.occurs(data) == bool(RECORD_RULES.every_offset(data))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_what_stands_behind_many_that_only_look_like_it_occurs(encoding: str) -> None:
    # Of one pattern sixteen places are told at first; none of these is one.
    other = ("another" + LONG[7:] + " ") * 40
    assert not BYTE_RULES.occurs(other.encode(encoding))
    assert BYTE_RULES.occurs((other + LONG).encode(encoding))
