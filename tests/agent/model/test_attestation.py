"""A signed report is as it was written, or the line is named that is not."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.attestation import flaw_of_report, has_attestation
from agent.model.codec import decode, encode
from agent.model.differences import Difference, difference
from agent.signing.attesting import attested, is_as_attested
from tests.evidence.reports import finding, report
from tests.evidence.signing import KEY, KEYS, OTHER, signed_bytes, signed_report

DATA = signed_bytes()
LINES = DATA.splitlines(keepends=True)
LAST = len(LINES)


def flaw(data: bytes) -> str:
    return flaw_of_report(data, KEYS)


def test_a_signed_report_is_one_json_document_and_comes_back_the_same() -> None:
    assert flaw(DATA) == ""
    assert has_attestation(DATA)
    assert encode(decode(DATA)) == DATA
    plain = json.loads(DATA)
    assert plain.pop("attestation")["authority_uid"] == KEY.public.id
    unsigned = json.loads(encode(report(finding(), finding(title="another"), gap="locked")))
    del unsigned["attestation"]
    assert plain == unsigned


def test_the_same_report_is_signed_the_same() -> None:
    assert signed_bytes() == DATA
    assert is_as_attested(signed_report())
    assert not is_as_attested(report())


def test_an_unsigned_report_is_one_line_as_ever() -> None:
    data = encode(report(finding()))
    assert data.count(b"\n") == 1
    assert not has_attestation(data)


@given(at=st.integers(0, len(DATA) - 1), bit=st.integers(0, 7))
def test_any_changed_bit_is_told_with_its_line(at: int, bit: int) -> None:
    data = bytearray(DATA)
    data[at] ^= 1 << bit
    line = DATA[:at].count(b"\n") + 1
    found = flaw(bytes(data))
    assert found.startswith(("line ", "lines "))
    if DATA[at : at + 1] not in b",\n" and data[at] != 10 and line < LAST:
        assert found == f"line {line} was changed"
    elif line == LAST and data[at] != 10:
        assert found.startswith(f"line {LAST}: ")


@pytest.mark.parametrize("at", range(LAST - 1))
def test_any_removed_line_is_named(at: int) -> None:
    found = flaw(b"".join(LINES[:at] + LINES[at + 1 :]))
    assert found == f"line {at + 1} was removed"


def test_the_removed_last_line_leaves_a_report_that_is_not_signed() -> None:
    assert not has_attestation(b"".join(LINES[:-1]))


@pytest.mark.parametrize(("one", "other"), [(2, 3), (0, 20), (14, 15), (5, LAST - 2)])
def test_two_swapped_lines_are_named(one: int, other: int) -> None:
    lines = [*LINES]
    lines[one], lines[other] = lines[other], lines[one]
    assert flaw(b"".join(lines)) == f"lines {one + 1} and {other + 1} were swapped"


def test_swapped_findings_are_named_though_their_commas_were_put_right() -> None:
    lines = [*LINES]
    first = next(n for n, line in enumerate(lines) if line == b'"findings":[\n') + 1
    lines[first], lines[first + 1] = (
        lines[first + 1].removesuffix(b"\n") + b",\n",
        lines[first].removesuffix(b",\n") + b"\n",
    )
    assert decode(b"".join(lines)).findings[0].title == "another"
    assert flaw(b"".join(lines)) == f"lines {first + 1} and {first + 2} were swapped"


@pytest.mark.parametrize("at", [0, 10, LAST - 1, LAST])
def test_an_added_line_is_named(at: int) -> None:
    added = flaw(b"".join([*LINES[:at], b'"x":1,\n', *LINES[at:]]))
    behind = f"line {LAST + 1}: was added behind the attestation"
    assert added == (behind if at == LAST else f"line {at + 1} was added")


def test_another_sweep_s_key_is_named() -> None:
    assert flaw(signed_bytes(key=OTHER)) == f"line {LAST}: signed by another key, {OTHER.public.id}"


def test_who_has_no_key_cannot_sign_what_he_changed() -> None:
    """Even if he makes all digests anew and names the right key."""
    forged = encode(attested(report(finding()), OTHER))
    forged = forged.replace(OTHER.public.id.encode(), KEY.public.id.encode())
    last = forged.count(b"\n")
    assert flaw(forged) == f"line {last}: the attestation itself was changed"
    theirs = attested(report(finding()), OTHER)
    assert theirs.attestation is not None
    theirs.attestation.authority_uid = KEY.public.id
    of = attested(report(finding()), KEY).attestation
    assert of is not None
    theirs.attestation.fingerprint = of.fingerprint
    said = flaw(encode(theirs))
    why = "the signature is not one of this content by the key"
    assert said == f"line {last}: {why} {KEY.public.id}"


def test_the_same_report_written_by_another_program_is_not_as_it_was_signed() -> None:
    again = json.dumps(json.loads(DATA)).encode() + b"\n"
    assert flaw(again).startswith("line 1: the attestation is not where it was written")
    pretty = json.dumps(json.loads(DATA), indent=1).encode() + b"\n"
    assert "the attestation is not where it was written" in flaw(pretty)


@pytest.mark.parametrize(
    "more", [b',"findings":[]', b',"attestation":null', b" ", b',"verdict":"clean"']
)
def test_nothing_is_put_behind_what_is_signed(more: bytes) -> None:
    for end in (b"}}\n", b"}\n"):
        data = DATA.removesuffix(end) + more + end
        assert flaw(data) == f"line {LAST}: the attestation itself was changed"


@given(data=st.binary())
def test_any_bytes_have_an_answer(data: bytes) -> None:
    assert flaw(data).startswith("line ")
    assert flaw(DATA + data) == "" if not data else flaw(DATA + data) != ""


@pytest.mark.parametrize(
    ("was", "is_", "found"),
    [
        ("abcd", "abcd", None),
        ("abcd", "abxd", Difference("changed", 2, 2)),
        ("abcd", "abd", Difference("removed", 2, 2)),
        ("abcd", "a", Difference("removed", 1, 3)),
        ("abcd", "abxcd", Difference("added", 2, 2)),
        ("abcd", "dbca", Difference("swapped", 0, 3)),
        ("abcd", "acdb", Difference("reordered", 1, 3)),
        ("abcd", "axyz", Difference("replaced", 1, 3)),
        ("abcd", "axyzd", Difference("replaced", 1, 3)),
        ("aaaa", "aaa", Difference("removed", 3, 3)),
        ("", "a", Difference("added", 0, 0)),
    ],
)
def test_what_happened_to_a_sequence(was: str, is_: str, found: Difference | None) -> None:
    assert difference(was, is_) == found


@given(was=st.lists(st.integers(0, 3)), is_=st.lists(st.integers(0, 3)))
def test_a_difference_is_told_if_and_only_if_there_is_one(was: list[int], is_: list[int]) -> None:
    found = difference(was, is_)
    assert (found is None) == (was == is_)
    if found is not None:
        of = was if found.kind == "removed" else is_
        assert 0 <= found.first <= found.last < len(of)
