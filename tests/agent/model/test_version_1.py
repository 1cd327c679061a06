"""Reports and journals that were made before the model's second version are read as today's."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.codec import ReportError, decode, encode
from agent.model.observation import Moment, MomentOf, Place
from agent.model.report import SCHEMA, Report, Scope, Strength, Verdict
from agent.model.version_1 import SCHEMA_1, WithoutFindings, begins_as_version_1, straight, upgraded
from agent.sweep.recovery import recover, settle

DATA = Path(__file__).parents[2] / "data" / "report-1"


def as_made(**changes: Any) -> bytes:
    return json.dumps({**json.loads((DATA / "report.json").read_bytes()), **changes}).encode()


def test_a_report_of_version_1_is_read_as_one_of_today() -> None:
    data = (DATA / "report.json").read_bytes()
    report = decode(data)
    assert (report.made_as, report.verdict) == (SCHEMA_1, Verdict.HIT)
    (finding,) = report.findings
    made = json.loads(data)["findings"][0]
    assert finding.id == made["id"], "an analyst's note hangs on it"
    for sighting, old in zip(finding.evidence, made["evidence"], strict=True):
        assert sighting.place == Place(text=old["place"])
        assert sighting.time is not None
        assert sighting.moments == [Moment(time=sighting.time, of=MomentOf.HAPPENED)]
        assert sighting.time.isoformat().startswith(old["time"][:19])
        assert sighting.claim is None


def test_what_was_upgraded_is_written_in_todays_schema() -> None:
    report = decode((DATA / "report.json").read_bytes())
    again = decode(encode(report))
    assert again == report
    assert (again.schema, again.made_as) == (SCHEMA, SCHEMA_1)


@pytest.mark.parametrize(
    ("changes", "scope"),
    [
        ({}, Scope(whole_host=True)),
        ({"options": {"skip": ["memory"]}}, Scope(whole_host=False, limited_to=["without memory"])),
        (
            {"target": {"kind": "live", "paths": ["C:\\t"]}, "options": {"only": ["files"]}},
            Scope(whole_host=False, limited_to=["paths C:\\t", "only files"]),
        ),
        ({"target": {"kind": "folder", "paths": ["/mnt"]}}, Scope(whole_host=True)),
    ],
)
def test_how_far_the_question_went_is_told_by_what_was_asked(
    changes: dict[str, Any], scope: Scope
) -> None:
    assert decode(as_made(**changes)).scope == scope


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"verdict": "clean"}, "verdict clean does not follow"),
        ({"findings": [{"evidence": "x"}]}, "findings"),
        ({"findings": 3}, "findings"),
        ({"target": []}, "target"),
        ({"schema": "iocsweep.report/0"}, "schema"),
    ],
)
def test_what_is_wrong_in_version_1_is_refused(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(ReportError, match=why):
        decode(as_made(**changes))


def test_a_sweep_that_the_earlier_version_was_killed_in_is_recovered(tmp_path: Path) -> None:
    journal = tmp_path / "killed.json.partial.jsonl"
    shutil.copy(DATA / "killed.json.partial.jsonl", journal)
    report = recover(journal)
    assert (report.verdict, report.made_as) == (Verdict.HIT, SCHEMA_1)
    places = {sighting.place.text for finding in report.findings for sighting in finding.evidence}
    assert {"C:\\x", "C:\\y"} <= places
    assert Strength.STRONG in {finding.strength for finding in report.findings}
    assert not report.truncated, "no line was given up"
    final = settle(journal, report)
    assert decode(final.read_bytes()) == report


def both_ways(data: bytes) -> tuple[Report | str, Report | str]:
    """As it is decoded, and by way of plain JSON; or that it is refused."""

    def by_json(data: bytes) -> Report:
        return msgspec.convert(upgraded(json.loads(data)), Report)

    def of(way: Callable[[bytes], Report]) -> Report | str:
        try:
            return way(data)
        except (ReportError, ValueError):
            return "refused"

    return of(decode), of(by_json)


CLEAN: dict[str, Any] = {
    "findings": [],
    "verdict": "clean",
    "coverage": [{"source": "files", "required": True, "state": "complete"}],
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"options": {"only": ["files"], "skip": []}},
        {"options": {"only": "files", "skip": [["a"], 3, None]}},
        {"target": {"kind": "live", "paths": ["C:\\t", "\udc80"]}},
        {"target": {"kind": "folder", "paths": ["/mnt"]}},
        {"scope": {"whole_host": False}, "made_as": 3, "remembered": [], "later": {"a": [1]}},
        {"since": "2026-01-01T00:00:00Z"},
        {"sweep_id": None, "exclusions": None},
        {"indicators": [{"id": "a", "tested": 1, "matched": 2}]},
        {"verdict": "hit"},
        {"options": [1]},
        {"finished": "yesterday"},
    ],
)
def test_a_report_without_findings_is_the_same_without_the_detour(changes: dict[str, Any]) -> None:
    data = json.dumps(json.loads(as_made(**{**CLEAN, **changes}))).encode()
    assert begins_as_version_1(data)
    straight_on, by_json = both_ways(data)
    assert straight_on == by_json
    assert straight(data, msgspec.json.Decoder(WithoutFindings)) in (straight_on, None)
    wrong = changes.keys() & {"indicators", "verdict", "finished"} or changes.get("options") == [1]
    assert (straight_on == "refused") == bool(wrong)


def test_that_it_needs_no_detour_at_all() -> None:
    data = as_made(**CLEAN)
    assert straight(data, msgspec.json.Decoder(WithoutFindings)) == decode(data)
    assert straight(as_made(), msgspec.json.Decoder(WithoutFindings)) is None, (
        "findings are as they were"
    )


def test_that_no_key_that_comes_twice_makes_another_report_of_it() -> None:
    data = json.dumps(json.loads(as_made(**CLEAN)))
    for twice in (
        '"schema":"iocsweep.report/2"', '"verdict":"hit"', '"findings":[]', '"scope":{}',
        '"target":{"kind":"folder"}', '"options":{"only":["files"]}',
    ):  # fmt: skip
        straight_on, by_json = both_ways(f"{data[:-1]}, {twice}}}".encode())
        assert straight_on == by_json, twice


ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=4,
)
FIELDS = st.sampled_from(
    (*Report.__struct_fields__, "only", "skip", "kind", "paths", "whole_host", "required", "state")
)


@given(
    changes=st.dictionaries(FIELDS, ANY_JSON, max_size=2),
    inside=st.sampled_from(["", "target", "options", "host"]),
)
def test_whatever_a_field_holds_both_ways_agree(changes: dict[str, Any], inside: str) -> None:
    made = {**json.loads(as_made(**CLEAN))}
    if inside:
        made[inside] = {**made[inside], **changes}
    else:
        made |= changes
    data = json.dumps(made).encode()
    straight_on, by_json = both_ways(data)
    assert straight_on == by_json
