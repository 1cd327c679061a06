"""Reports as intake would hand them to the store."""

from __future__ import annotations

import hashlib
import uuid
from typing import Any

from msgspec import structs

from collector.records import FindingRow, NewReport, host_key


def a_report(name: str = "PC-1", **fields: Any) -> NewReport:
    host_id = fields.pop("host_id", f"guid-of-{name}")
    report_id = fields.pop("report_id", str(uuid.uuid4()))
    body = fields.pop("body", report_id.encode("utf-8", "replace"))
    made = NewReport(
        report_id=report_id, sweep_id="s1", host_key=host_key(host_id, name), host_id=host_id,
        name=name, fqdn="", domain="", os="Windows 11", ip="10.0.0.1", agent="1.0 exe", hit=False,
        base="clean", reasons="", strong=0, weak=0, excluded=0, started=1000, finished=2000,
        received=3000, source="10.0.0.1", digest=hashlib.sha256(body).digest(), size=len(body),
        body=body, schema="iocsweep.report/2", whole_host=True,
    )  # fmt: skip
    return structs.replace(made, **fields)


def a_hit(name: str = "PC-1", **fields: Any) -> NewReport:
    return a_report(name, **{"hit": True, "strong": 1, **fields})


def a_finding(report: NewReport, indicator: str = "i1", **fields: Any) -> FindingRow:
    made = FindingRow(
        finding_id=f"f-{indicator}-{report.host_key}"[:80], report_id=report.report_id,
        sweep_id=report.sweep_id, host_key=report.host_key, name=report.name,
        indicator_id=indicator, indicator_type="sha256", indicator_value="aa", pack="cyzfc",
        strength="strong", score=80, title="File", time=1500, suppression_id=None,
        first_seen=1400, last_seen=None, claims="exists", place="C:\\t\\x", path="", record="",
        view="", owner="",
    )  # fmt: skip
    return structs.replace(made, **fields)
