"""The JSON that a webhook gets when a host reports its first hit, and when else somebody is called.

Our own form: a line of text (which Slack, Mattermost and Teams show as it is, from ``text``), the
host, and the strongest findings. Everything in it comes from the host: show it escaped.
"""

from __future__ import annotations

from typing import Final

from ...model.report import Finding, Report, Strength
from ..escape import shown
from .document import (
    NOT_JUDGED,
    Document,
    Limits,
    Signed,
    cuts_as_text,
    document_id,
    plain,
    pruned,
    stamp,
    within,
)

SCHEMA: Final = "iocsweep.webhook/1"
MAX_FINDINGS = 20
_DOUBTFUL = {
    "altered": "the report is not as it was signed",
    "unknown_key": "the report is signed by a key that is none of this sweep's",
    "revoked_key": "the report is signed by a key that was revoked",
}
"""Said to people as well."""
MAX_BYTES = 256_000
MAX_TEXT = 4_000


def finding(report: Report, found: Finding) -> Document:
    """One finding, short: the whole one is in the report."""
    short: Document = pruned(
        {
            "document_id": document_id(report, found),
            **{
                key: value
                for key, value in plain(found).items()
                if key not in ("evidence", "file", "process", "dll")
            },
            "evidence_count": len(found.evidence),
            "place": next((plain(s.place) for s in found.evidence), None),
            "claims": list(dict.fromkeys(s.claim.value for s in found.evidence if s.claim)),
            "path": found.file.path if found.file else found.dll.path if found.dll else None,
            "process": {
                "pid": found.process.pid,
                "name": found.process.name,
                "command_line": found.process.command_line,
            }
            if found.process
            else None,
        }
    )
    return short


def payload(
    report: Report, *, link: str = "", limited: Limits = (), signed: Signed = NOT_JUDGED
) -> Document:
    """Of a report that is a hit: its strongest findings, and how many there are.

    ``link``: where the collector shows it.
    """
    hits = [one for one in report.findings if one.strength.rank >= Strength.STRONG.rank]
    hits.sort(key=lambda one: -one.score)
    title = hits[0].title if hits else ""
    more = f" (and {len(hits) - 1} more)" if len(hits) > 1 else ""
    if signed.status in _DOUBTFUL:
        more += f"; {_DOUBTFUL[signed.status]}"
    whole = pruned(
        {
            "schema": SCHEMA,
            "event": "first_hit",
            "text": shown(f"iocsweep: {report.host.name}: {title[:500]}{more}"),
            "link": link,
            "report_id": report.report_id,
            "sweep_id": report.sweep_id,
            "scope": plain(report.scope),
            "limited": [*limited],
            **signed.fields(),
            "made_as": report.made_as,
            "verdict": report.verdict.value,
            "finished": stamp(report.finished),
            "host": plain(report.host),
            "packs": [{"id": pack.id, "version": pack.version} for pack in report.packs],
            "hits": len(hits),
            "findings": [finding(report, one) for one in hits[:MAX_FINDINGS]],
        }
    )
    return _bounded(whole)


def alert(event: str, text: str, *, sweep_id: str, link: str, facts: Document) -> Document:
    """Of anything else: a line for a person, and the facts."""
    more = {"link": link, "sweep_id": sweep_id, "facts": facts}
    return _bounded(
        pruned(
            {"schema": SCHEMA, "event": event, "text": shown(f"iocsweep: {text[:1000]}"), **more}
        )
    )


def _bounded(whole: Document) -> Document:
    result, cuts = within(whole, max_bytes=MAX_BYTES, max_text=MAX_TEXT)
    if cuts:
        result["truncated"] = cuts_as_text(cuts)
    assert isinstance(result, dict)
    return result
