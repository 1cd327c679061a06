"""Reports and journals that were made before the model's second version are read as today's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from agent.model.codec import ReportError, decode, encode
from agent.model.observation import Moment, MomentOf, Place
from agent.model.report import SCHEMA, Scope, Strength, Verdict
from agent.model.version_1 import SCHEMA_1
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
