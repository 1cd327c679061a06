"""A canary of a drill alarms no other system, however it is told; with a trace of a campaign it
does."""

from __future__ import annotations

from typing import Any

from msgspec import structs

from agent.model.report import DRILL, Finding, IndicatorRef, Report, Strength
from agent.output.exports.ocsf import detection
from agent.output.mapping import ecs, splunk
from agent.output.mapping.cef import cef
from agent.output.mapping.sentinel import asim_alert_row, finding_row
from tests.evidence.reports import finding, report

CANARY = IndicatorRef(
    id="drill/canary", type="file_name", value="iocsweep-drill-canary.txt", pack=DRILL,
    reference=[],
)  # fmt: skip


def told(found: Finding) -> dict[str, Any]:
    of: Report = report(found)
    alert = asim_alert_row(of, found)
    return {
        "ecs": ecs.document(of, found)["event"]["kind"],
        "sentinel": finding_row(of, found)["Severity"],
        "asim": (alert["AlertStatus"], alert["AlertVerdict"], alert["EventSeverity"]),
        "cef": cef(of, found).split("|")[6],
        "splunk": splunk.event(of, found)["event"]["severity"],
        "ocsf": (detection(of, found)["severity"], detection(of, found)["status"]),
    }


def test_a_drill_alarms_nobody() -> None:
    canary = structs.replace(finding(Strength.WEAK, "drill: canary"), indicator=CANARY)
    assert told(canary) == {
        "ecs": "event",
        "sentinel": "Informational",
        "asim": ("Closed", "Benign Positive", "Informational"),
        "cef": "0",
        "splunk": "informational",
        "ocsf": ("Informational", "Suppressed"),
    }


def test_what_is_more_than_a_drill_alarms_as_it_is() -> None:
    more = structs.replace(finding(Strength.STRONG), indicator=CANARY)
    assert told(more) == told(finding(Strength.STRONG))
    assert told(more)["ecs"] == "alert"
    assert told(finding(Strength.WEAK))["asim"] == ("Active", "Unknown", "Low")
