"""Whatever a report says, each format gives bytes that every reader takes, the same each time."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from msgspec import structs

from agent.model.report import Coverage, PackRef, Reason, Report, State, Strength, verdict_of
from agent.output.exports import FORMATS
from agent.output.exports.formats import BY_NAME
from tests.agent.output.exports.ocsf_schema import flaws
from tests.agent.output.mapping.rich import report_of
from tests.agent.output.mapping.test_hostile_strings import ANY_TEXT, NASTY, nasty


def hostile(text: str) -> Report:
    """Every string that comes from the host, or from whoever sent the report."""
    found = structs.replace(nasty(text), strength=Strength.CONFIRMED)
    base = report_of(found)
    gap = Coverage(
        source=text, required=True, state=State.PARTIAL, reasons=[Reason(reason=text, samples=[text])]
    )  # fmt: skip
    return structs.replace(
        base,
        report_id=text,
        sweep_id=text,
        host=structs.replace(base.host, id=text, name=text, fqdn=text, domain=text, ip=[text]),
        packs=[PackRef(id=text, version=text, sha256=text, indicators=1)],
        coverage=[gap],
        verdict=verdict_of([found], [gap]),
    )


@settings(max_examples=60, deadline=None)
@given(ANY_TEXT)
@example(NASTY)
@example("")
def test_any_string_gives_json_that_every_reader_takes(text: str) -> None:
    told = hostile(text)
    for name in FORMATS:
        made = BY_NAME[name].make([told])
        lines = made.decode("utf-8").split("\n")
        assert lines.pop() == ""
        assert b"\\u0000" not in made
        for line in lines:
            assert json.loads(line)


@settings(max_examples=40, deadline=None)
@given(ANY_TEXT.filter(bool))
@example(NASTY)
def test_any_string_gives_events_of_ocsf(text: str) -> None:
    for line in BY_NAME["ocsf"].make([hostile(text)]).splitlines():
        assert flaws(json.loads(line)) == []


@pytest.mark.parametrize("name", FORMATS)
def test_two_reports_are_the_same_file_in_either_order(name: str) -> None:
    one, other = hostile("one"), hostile("other")
    assert BY_NAME[name].make([one, other]) == BY_NAME[name].make([other, one])
