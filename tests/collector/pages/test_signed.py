"""A report's page and its summary tell what its signature is worth."""

from __future__ import annotations

import gzip

import pytest

from agent.model.codec import encode
from agent.model.report import Report
from agent.signing.attesting import attested
from collector.intake import Arrival, check
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import NOW, SWEEP, a_report
from tests.collector.pages.test_report import text_of
from tests.evidence.signing import KEY, OTHER


def put(pages: Pages, report: Report, *keys: bytes) -> str:
    """The address of its page."""
    made = check(
        Arrival(
            report_id=report.report_id, sweep_id=SWEEP, body=gzip.compress(encode(report)),
            encoding="gzip", content_type="application/json", source="10.4.1.21", received=NOW,
            keys=keys,
        )
    )  # fmt: skip
    assert pages.run(pages.store.put, made) == "new"
    return f"/reports/{report.report_id}"


@pytest.mark.parametrize(
    ("key", "state", "notice"),
    [
        (
            KEY,
            "signed",
            f"Signature verified: as it was signed by this sweep's key {KEY.public.id}.",
        ),
        (OTHER, "wrong", "Signature wrong: not as this sweep's key signed it: line "),
        (None, "unsigned", "Not signed: nothing tells whether it is as the agent made it."),
    ],
)
def test_a_report_tells_of_its_signature(
    pages: Pages, key: object, state: str, notice: str
) -> None:
    report = a_report("WS-SIGN")
    if key is not None:
        report = attested(report, key)  # type: ignore[arg-type]
    place = put(pages, report, KEY.public.raw)
    page = text_of(pages.text(place))
    assert notice in page
    summary = pages.get(f"{place}/summary.json").json()
    assert summary["signature"] == state
    assert summary["signature_words"] in page
    if state == "wrong":
        assert f"signed by another key, {OTHER.public.id}" in summary["signature_words"]
        assert summary["gist"]["state"] == "incomplete"


def test_of_what_came_to_an_earlier_collector_nothing_is_said(pages: Pages) -> None:
    report = attested(a_report("WS-OLD"), OTHER)
    place = put(pages, report, KEY.public.raw)
    forget = [("UPDATE report SET signature = '' WHERE report_id = ?", (report.report_id,))]
    pages.run(pages.store.database.transact, forget)
    page = text_of(pages.text(place))
    assert "Signature" not in page
    assert "Not signed" not in page
