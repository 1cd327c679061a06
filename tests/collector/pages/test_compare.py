"""Two reports of one host beside each other."""

from __future__ import annotations

from datetime import timedelta

from msgspec import structs

from agent.model.report import (
    Coverage,
    PackRef,
    Reach,
    Reason,
    Report,
    Scope,
    State,
    Strength,
    Truncation,
)
from collector.pages.comparing import MAX_FINDINGS, comparison_of
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import NOW, SWEEP, a_finding, a_report, new_sweep, put
from tests.collector.pages.shown import heading
from tests.collector.pages.test_report import DAY, EVIL, text_of

LATER = DAY + timedelta(days=1)


def two() -> tuple[Report, Report]:
    """One finding stays, one gets stronger, one goes, one comes; processes had a gap."""
    stays, goes = a_finding(), a_finding(path="gone", title="what went")
    grows = a_finding(path="grows", title="what grew", strength=Strength.WEAK)
    grown = structs.replace(grows, strength=Strength.STRONG, last_seen=LATER)
    comes = a_finding(path="new", title="what came")
    before = a_report("PAIR", stays, grows, goes, gap="access denied")
    return before, a_report("PAIR", stays, grown, comes, finished=LATER)


class TestComparison:
    def test_what_is_new_gone_changed_and_the_same(self) -> None:
        told = comparison_of(*two())
        assert [one.title for one in told.new] == ["what came"]
        assert [one.title for one in told.gone] == ["what went"]
        (changed,) = told.changed
        assert changed.title == "what grew"
        assert [(one.what, one.before, one.after) for one in changed.changes] == [
            ("strength", "weak", "strong"),
            ("last seen", "2026-11-24 14:02:00 UTC", "2026-11-25 14:02:00 UTC"),
        ]
        assert told.same == 1

    def test_coverage_that_differs_and_why(self) -> None:
        (processes,) = comparison_of(*two()).coverage
        assert processes.source == "processes"
        assert processes.required
        assert [(one.what, one.before, one.after) for one in processes.changes] == [
            ("state", "partial", "complete"),
            ("why", "access denied", ""),
        ]

    def test_a_source_that_one_report_lacks_and_a_log_that_was_cleared(self) -> None:
        before, after = two()
        after.coverage = [one for one in after.coverage if one.source != "dns_cache"]
        after.coverage[2].reach = Reach(oldest=LATER)
        told = {one.source: one.changes for one in comparison_of(before, after).coverage}
        assert told["dns_cache"][0].after == "not asked"
        assert (told["event_logs"][0].before, told["event_logs"][0].after) == (
            "2026-10-02", "2026-11-25",
        )  # fmt: skip

    def test_gone_is_doubted_where_the_later_report_did_not_look(self) -> None:
        before, after = two()
        assert comparison_of(before, after).gone[0].not_looked == [
            "connections", "modules", "prefetch",
        ]  # fmt: skip
        after.coverage += [
            Coverage(source=source, required=True, state=State.COMPLETE)
            for source in ("connections", "modules", "prefetch")
        ]
        assert comparison_of(before, after).gone[0].not_looked == []
        after.coverage[0] = structs.replace(
            after.coverage[0], state=State.PARTIAL, reasons=[Reason(reason="x")]
        )
        assert comparison_of(before, after).gone[0].not_looked == ["files"]

    def test_two_of_the_same_differ_in_nothing(self) -> None:
        before, _ = two()
        told = comparison_of(before, before)
        assert (told.new, told.gone, told.changed, told.same) == ([], [], [], 3)
        assert (told.coverage, told.circumstances, told.doubts) == ([], [], [])

    def test_what_makes_new_and_gone_doubtful_is_said(self) -> None:
        before, after = two()
        before.made_as = "iocsweep.report/1"
        after.packs = [PackRef(id="other", version="1", sha256="2" * 64, indicators=1)]
        after.truncated = [Truncation(what="findings, for the collector", kept=3, total=9)]
        after.scope = Scope(whole_host=False, limited_to=["only files"])
        told = comparison_of(before, after)
        assert len(told.doubts) == 4
        assert {one.what for one in told.circumstances} == {
            "verdict", "asked about", "packs", "rights", "schema",
        } - {"verdict"}  # fmt: skip

    def test_findings_without_end_are_shown_up_to_a_bound(self) -> None:
        many = [a_finding(path=f"p{n}") for n in range(MAX_FINDINGS + 5)]
        told = comparison_of(a_report("BIG"), a_report("BIG", *many))
        assert (len(told.new), told.more_new) == (MAX_FINDINGS, 5)


class TestPage:
    def test_in_the_order_of_the_sweeps_whichever_is_named_first(self, pages: Pages) -> None:
        before, after = two()
        for report in (after, before):
            pages.run(put, pages.store, report)
        page = pages.text(f"/reports/{before.report_id}/against/{after.report_id}")
        assert heading(page) == "1 finding new, 1 gone, 1 changed"
        assert page == pages.text(f"/reports/{after.report_id}/against/{before.report_id}")
        told = text_of(page)
        assert "1 finding is the same in both" in told
        assert "New confirmed what came" in told
        assert (
            "It may be there still: it was seen by connections, modules, prefetch, and not all"
            in told
        )
        assert f"#f-{before.findings[2].id}" in page

    def test_the_hosts_page_links_each_report_with_the_one_before(self, pages: Pages) -> None:
        before, after = two()
        key = pages.run(put, pages.store, before)
        pages.run(put, pages.store, after)
        page = pages.text(f"/sweeps/{SWEEP}/hosts/{key.replace('|', '%7C')}")
        assert page.count("/against/") == 1
        assert f"/reports/{before.report_id}/against/{after.report_id}" in page

    def test_what_cannot_be_compared(self, pages: Pages) -> None:
        one, other = a_report("ONE"), a_report("OTHER")
        for report in (one, other):
            pages.run(put, pages.store, report)
        for suffix in ("", ".json"):
            path = f"/reports/{one.report_id}/against"
            assert pages.get(f"{path}/{other.report_id}{suffix}").status_code == 400
            assert pages.get(f"{path}/{one.report_id}{suffix}").status_code == 400
            assert pages.get(f"{path}/no-such{suffix}").status_code == 404

    def test_one_of_another_sweep_is_compared_only_for_who_may_read_both(
        self, pages: Pages
    ) -> None:
        pages.run(new_sweep, pages.store, "other")
        before, after = two()
        pages.run(put, pages.store, before, sweep_id="other")
        pages.run(put, pages.store, after)
        path = f"/reports/{before.report_id}/against/{after.report_id}"
        assert pages.get(path).status_code == 200
        secret = pages.run(pages.store.create_token, "reader", sweep_id=SWEEP, who="t")
        bearer = {"Authorization": f"Bearer {secret}"}
        assert pages.get(path, headers=bearer).status_code == 404
        assert pages.get(f"{path}.json", headers=bearer).status_code == 404

    def test_what_a_host_writes_cannot_act(self, pages: Pages) -> None:
        before = a_report("EVIL", a_finding(title=EVIL, path=EVIL, indicator=EVIL))
        after = a_report("EVIL", finished=LATER)
        after.packs[0] = PackRef(id=EVIL, version=EVIL, sha256="2" * 64, indicators=1)
        after.coverage[0].reasons = [Reason(reason=EVIL)]
        for report in (before, after):
            pages.run(put, pages.store, report, at=NOW)
        page = pages.text(f"/reports/{before.report_id}/against/{after.report_id}")
        assert "&lt;script&gt;alert" in page
        assert "<script>alert" not in page
        assert "\u202e" not in page
