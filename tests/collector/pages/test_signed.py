"""A report's page and its summary tell what its signature is worth."""

from __future__ import annotations

import gzip
import hashlib

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
    """The address of its page. ``keys``: that the sweep has, from now on at least."""
    there = {one.public_key for one in pages.run(pages.store.sweep_keys, SWEEP)}
    for key in keys:
        if key not in there:
            pages.run(pages.store.add_sweep_key, SWEEP, key, who="test")
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


def test_what_is_kept_is_verified_anew_when_it_is_shown(pages: Pages) -> None:
    """Somebody changed a byte of it in the database, and knew of the digest beside it."""
    report = attested(a_report("WS-0042"), KEY)
    place = put(pages, report, KEY.public.raw)
    assert "What is kept of this report" not in pages.text(place)
    assert pages.get(f"{place}/summary.json").json()["changed"] == ""
    changed = encode(report).replace(b"WS-0042", b"WS-0043")
    lay = "UPDATE report SET body = ?, digest = ? WHERE report_id = ?"
    values = (gzip.compress(changed), hashlib.sha256(changed).digest(), report.report_id)
    pages.run(pages.store.database.transact, [(lay, values)])
    page, summary = text_of(pages.text(place)), pages.get(f"{place}/summary.json").json()
    assert "Signature verified" not in page
    was = f"its signature was kept as: as it was signed by this sweep's key {KEY.public.id}"
    assert f"What is kept of this report is not what came: {was}." in page
    assert "Signature wrong: not as this sweep's key signed it: line 6 was changed" in page
    assert summary["changed"] == was
    assert (summary["signature"], summary["signature_status"]) == ("wrong", "altered")
    assert summary["signature_detail"] == "line 6 was changed"


def test_bytes_that_were_not_acknowledged_are_told_of_what_nobody_signed_too(pages: Pages) -> None:
    report = a_report("WS-0042")
    place = put(pages, report)
    changed = gzip.compress(encode(report).replace(b"WS-0042", b"WS-0043"))
    lay = "UPDATE report SET body = ? WHERE report_id = ?"
    pages.run(pages.store.database.transact, [(lay, (changed, report.report_id))])
    told = pages.get(f"{place}/summary.json").json()
    assert told["changed"] == "its bytes are not those that were acknowledged when it came"
    assert told["signature_status"] == "unsigned"
    assert told["changed"] in text_of(pages.text(place))


def test_two_reports_of_a_host_are_compared_by_their_signatures_too(pages: Pages) -> None:
    first, second = attested(a_report("WS-0042"), KEY), a_report("WS-0042")
    put(pages, first, KEY.public.raw)
    put(pages, second)
    path = f"/reports/{first.report_id}/against/{second.report_id}"
    told = pages.get(f"{path}.json").json()["circumstances"]
    (one,) = [one for one in told if one["what"] == "signature"]
    words = f"as it was signed by this sweep's key {KEY.public.id}"
    assert {one["before"], one["after"]} == {words, "not signed"}
    assert words in text_of(pages.text(path))
