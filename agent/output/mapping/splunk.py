"""Splunk HTTP Event Collector: one finding is one event.

Envelope: Splunk Enterprise "Format events for HTTP Event Collector" (``time`` in epoch seconds with
three decimals, ``host``, ``source``, ``sourcetype``, ``event``, ``fields``: flat indexed strings).
The envelope's time is kept within what Splunk sorts (:data:`~.document.SANE`); the claimed one is
``time`` of the event. The event is the finding in the report's own names, with the fields of the
Common Information Model beside it ("Alerts" and "Malware" data models).
"""

from __future__ import annotations

from typing import Final

from ...model.report import Finding, Report
from ...spelling import base_name
from .document import (
    NOT_JUDGED,
    PRODUCT,
    SEVERITY,
    Document,
    Limits,
    Signed,
    best_hash,
    cuts_as_text,
    document_id,
    epoch,
    plain,
    pruned,
    sane,
    within,
)

SOURCETYPE: Final = "iocsweep:finding"
MAX_BYTES = 900_000
"""Of one event, so that it fits a request of 1 MB (Splunk Cloud's advice for HEC)."""
MAX_TEXT = 64_000


def event(
    report: Report, finding: Finding, *, limited: Limits = (), signed: Signed = NOT_JUDGED
) -> Document:
    """The envelope; ``index`` is left to the token or the output's settings.

    HEC does not recognise what it has already: ``event.id`` is the same on every resend.
    """
    whole = {**_body(report, finding, limited), **pruned(signed.fields())}
    body, cuts = within(whole, max_bytes=MAX_BYTES, max_text=MAX_TEXT)
    if cuts:
        body["truncated"] = cuts_as_text(cuts)
    outer, _ = within(
        pruned(
            {
                "host": report.host.name,
                "fields": {
                    "sweep_id": report.sweep_id,
                    "verdict": report.verdict.value,
                    "strength": finding.strength.value,
                    "indicator_id": finding.indicator.id,
                },
            }
        ),
        max_bytes=8_000,
        max_text=1_000,
    )
    return {
        "time": round(epoch(sane(finding.time)), 3),
        "host": outer.get("host", ""),
        "source": PRODUCT,
        "sourcetype": SOURCETYPE,
        "event": body,
        "fields": outer["fields"],
    }


def _body(report: Report, finding: Finding, limited: Limits) -> Document:
    file, dll, process = finding.file, finding.dll, finding.process
    path = file.path if file else dll.path if dll else process.executable if process else ""
    user = finding.user or (process.user if process else None)
    thing = file or dll or process
    found: Document = plain(finding)
    cim = {
        "id": document_id(report, finding),
        "finding_id": finding.id,
        "type": "alert",
        "app": PRODUCT,
        "vendor_product": PRODUCT,
        "signature": finding.title,
        "signature_id": finding.indicator.id,
        "category": finding.indicator.type,
        "description": "; ".join(finding.reasons),
        "severity": SEVERITY[finding.alarm],
        "severity_id": finding.score,
        "dest": report.host.fqdn or report.host.name,
        "dest_ip": report.host.ip,
        "user_name": user.name if user else "",
        "file_path": path,
        "file_name": base_name(path),
        "file_hash": best_hash(thing.hash) if thing else None,
        "report_id": report.report_id,
        "sweep_id": report.sweep_id,
        "scope": plain(report.scope),
        "limited": [*limited],
        "made_as": report.made_as,
        "verdict": report.verdict.value,
        "host_facts": plain(report.host),
        "agent": plain(report.agent),
        "target": report.target.kind.value,
        "drill": finding.is_drill or None,
    }
    found.pop("id", None)
    both: Document = pruned({**found, **cim})
    return both
