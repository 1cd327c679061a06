"""What the store promises, of both engines."""

from __future__ import annotations

import asyncio
import unicodedata

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec import structs

from collector.records import Counts, FindingRow, HostRow, NewReport, Sweep
from collector.store.database import StoreError, Unstorable
from collector.store.store import HostFilter, Store
from tests.collector.store.conftest import Open
from tests.collector.store.reporting import a_finding, a_hit, a_report

pytestmark = pytest.mark.anyio


async def the_host(store: Store, name: str = "PC-1") -> HostRow:
    (row,) = await store.hosts("s1", HostFilter(text=name))
    return row


async def index(store: Store, report: NewReport, *findings: FindingRow) -> None:
    await store.index(report.report_id, report.sweep_id, report.host_key, findings)


async def every_host(store: Store, chosen: HostFilter) -> list[HostRow]:
    """All pages."""
    rows: list[HostRow] = []
    while page := await store.hosts(
        "s1", chosen, after=(rows[-1].name, rows[-1].host_key) if rows else ("", "")
    ):
        rows += page
    return rows


class TestPutting:
    async def test_a_report_is_kept_as_it_came(self, store: Store) -> None:
        report = a_report("Büro-1", body=b"\x1f\x8b\x00\xff", fqdn="büro-1.corp.example")
        assert await store.put(report) == "new"
        kept = await store.report(report.report_id)
        assert kept is not None
        assert (kept.name, kept.state, kept.received) == ("Büro-1", "clean", 3000)
        assert await store.body(report.report_id) == report.body
        assert [row.report_id for row in await store.reports_of_host("s1", report.host_key)] == [
            report.report_id
        ]

    async def test_the_same_report_again_is_known_and_counted_once(self, store: Store) -> None:
        report = a_report()
        assert [await store.put(report) for _ in range(3)] == ["new", "known", "known"]
        assert (await the_host(store)).reports == 1

    async def test_another_report_of_the_same_id_is_refused(self, store: Store) -> None:
        report = a_report()
        await store.put(report)
        other = structs.replace(report, digest=b"other", body=b"other", name="PC-2")
        assert await store.put(other) == "conflict"
        assert await store.body(report.report_id) == report.body
        assert (await store.counts("s1")).reported == 1

    async def test_twice_in_one_batch_one_is_new(self, store: Store) -> None:
        report = a_report()
        other = structs.replace(report, digest=b"other")
        answers = await asyncio.gather(*map(store.put, [report, report, other, report]))
        assert sorted(answers) == ["conflict", "known", "known", "new"]
        assert answers[0] == "new"

    async def test_many_of_one_host_at_once(self, store: Store) -> None:
        reports = [a_report(finished=n) for n in range(300)]
        assert set(await asyncio.gather(*map(store.put, reports))) == {"new"}
        host = await the_host(store)
        assert (host.reports, host.finished) == (300, 299)

    async def test_reports_are_there_after_opening_again(
        self, store: Store, open_store: Open
    ) -> None:
        reports = [a_report(f"PC-{n}") for n in range(40)]
        await asyncio.gather(*map(store.put, reports))
        await store.database.close()
        again = await open_store()
        assert (await again.counts("s1")).clean == 40
        assert set(await asyncio.gather(*map(again.put, reports))) == {"known"}
        await again.database.close()

    async def test_what_waits_is_kept_before_closing(self, store: Store, open_store: Open) -> None:
        waiting = [asyncio.ensure_future(store.put(a_report(f"PC-{n}"))) for n in range(700)]
        await asyncio.sleep(0)
        await store.database.close()
        assert {await one for one in waiting} == {"new"}

    @pytest.mark.parametrize("name", ["PC\0", "PC\ud800"])
    async def test_a_name_no_engine_keeps_fails_alone(self, store: Store, name: str) -> None:
        hostile = structs.replace(a_report(), name=name)
        results = await asyncio.gather(
            *map(store.put, [a_report("PC-1"), hostile, a_report("PC-2")]), return_exceptions=True
        )
        assert isinstance(results[1], Unstorable)
        assert (results[0], results[2]) == ("new", "new")
        found = await store.hosts("s1", HostFilter(text=name))
        assert [host.name for host in found] == ["PC-1", "PC-2"]
        with pytest.raises(StoreError):
            await store.suppress("s1", name, None, reason="", who="test")

    @pytest.mark.parametrize("number", [1 << 63, -(1 << 63) - 1, 1 << 5000])
    async def test_a_number_no_engine_keeps_fails_alone(self, store: Store, number: int) -> None:
        with pytest.raises(Unstorable):
            await store.put(a_report(finished=number))
        assert await store.put(a_report(finished=(1 << 63) - 1)) == "new"


class TestHostState:
    async def test_a_later_clean_report_never_overwrites_a_hit(self, store: Store) -> None:
        await store.put(a_hit(finished=10))
        await store.put(a_report(finished=20))
        host = await the_host(store)
        assert (host.state, host.hit, host.strong, host.reports) == ("hit", True, 1, 2)

    async def test_an_older_late_report_changes_nothing(self, store: Store) -> None:
        await store.put(a_report(finished=20, os="Windows 11"))
        await store.put(
            a_report(finished=10, base="incomplete", reasons="access denied", os="Windows 10")
        )
        host = await the_host(store)
        assert (host.state, host.reasons, host.os, host.reports) == ("clean", "", "Windows 11", 2)

    async def test_but_an_older_hit_counts(self, store: Store) -> None:
        await store.put(a_report(finished=20))
        await store.put(a_hit(finished=10))
        assert (await the_host(store)).state == "hit"

    async def test_a_complete_report_closes_the_gaps_of_an_incomplete_one(
        self, store: Store
    ) -> None:
        await store.put(a_report(finished=10, base="incomplete", reasons="time ran out"))
        assert (await the_host(store)).reasons == "time ran out"
        await store.put(a_report(finished=20))
        host = await the_host(store)
        assert (host.state, host.reasons) == ("clean", "")

    async def test_a_part_found_clean_closes_no_gap_of_the_whole(self, store: Store) -> None:
        await store.put(a_report(finished=10, base="incomplete", reasons="rights"))
        await store.put(a_report(finished=20, whole_host=False))
        host = await the_host(store)
        assert (host.state, host.reasons, host.limited) == ("incomplete", "rights", False)
        assert (await store.counts("s1")).limited == 0

    async def test_a_hit_in_a_part_is_a_hit(self, store: Store) -> None:
        await store.put(a_report(finished=10))
        await store.put(a_hit(finished=20, whole_host=False))
        assert (await the_host(store)).state == "hit"

    async def test_a_host_that_was_asked_in_part_alone_is_told_apart(self, store: Store) -> None:
        await store.put(a_report("PART", whole_host=False))
        await store.put(a_report("GAP", base="incomplete", whole_host=False))
        await store.put(a_report("WHOLE"))
        counts = await store.counts("s1")
        assert (counts.clean, counts.limited, counts.incomplete) == (1, 1, 1)
        names = [row.name for row in await store.hosts("s1", HostFilter(limited=True))]
        assert names == ["GAP", "PART"]
        await store.put(a_report("PART", host_id="guid-of-PART", finished=1))
        assert (await store.counts("s1")).limited == 0, "an earlier report asked about all of it"

    async def test_order_of_arrival_does_not_matter(self, store: Store) -> None:
        reports = [
            a_report(finished=30),
            a_report(finished=20, base="failed", reasons="killed"),
            a_report(finished=40, whole_host=False, os="Windows 10"),
            a_hit(finished=10),
        ]
        for order in (reports, reports[::-1]):
            for report in order:
                name = f"PC-{order is reports}"
                await store.put(
                    structs.replace(
                        report, report_id=report.report_id + name, name=name, host_key=name
                    )
                )
        rows = await store.hosts("s1")
        assert [(row.state, row.strong, row.finished) for row in rows] == [("hit", 1, 30)] * 2

    async def test_two_senders_of_one_host_are_flagged(self, store: Store) -> None:
        await store.put(a_report(source="10.0.0.1"))
        await store.put(a_report(source="10.0.0.1"))
        assert not (await the_host(store)).flagged
        await store.put(a_report(source="10.0.0.11"))
        host = await the_host(store)
        assert host.flagged
        assert host.sources == "10.0.0.1 10.0.0.11"
        assert (await store.counts("s1")).flagged == 1
        assert len(await store.hosts("s1", HostFilter(flagged=True))) == 1

    async def test_two_names_of_one_id_are_flagged(self, store: Store) -> None:
        for name in ("PC-1", "PC-2"):
            await store.put(a_report(name, host_id="same"))
        await store.put(a_report("PC-3"))
        await store.flag_shared_ids("s1")
        assert [row.flagged for row in await store.hosts("s1")] == [True, True, False]


class TestExpectedHosts:
    @pytest.mark.parametrize("imported", ["before", "after", "in between"])
    async def test_hosts_tick_off_by_short_name_and_by_whole_name(
        self, store: Store, imported: str
    ) -> None:
        names = ["PC-1", "pc-2.corp.example", "PC-3.CORP.example.", "pc-4.other.example", "pc-5"]
        reports = [
            a_report("PC-1", fqdn="pc-1.corp.example"),
            a_report("PC-2", domain="corp.example"),
            a_report("pc-3"),  # knows no domain: the short name decides
            a_report("PC-4", fqdn="pc-4.corp.example"),  # another machine than the expected one
        ]
        if imported == "before":
            assert (await store.expect("s1", names, who="test")).new == 5
        for report in reports[:2]:
            await store.put(report)
        if imported == "in between":
            assert (await store.expect("s1", names, who="test")).new == 5
        for report in reports[2:]:
            await store.put(report)
        if imported == "after":
            assert (await store.expect("s1", names, who="test")).new == 5
        assert await store.missing("s1") == ["pc-4.other.example", "pc-5"]
        counts = await store.counts("s1")
        assert (counts.expected, counts.not_reported, counts.unexpected) == (5, 2, 1)
        assert [host.name for host in await store.hosts("s1", HostFilter(unexpected=True))] == [
            "PC-4"
        ]

    async def test_a_list_imported_twice_adds_nothing(self, store: Store) -> None:
        names = [f"pc-{n}" for n in range(12_345)]
        assert (
            await store.expect("s1", [*names, "PC-1", "", " .".strip()], who="test")
        ).new == 12_345
        assert (await store.expect("s1", names, who="test")).new == 0
        assert [one async for one in store.all_missing("s1")] == [(n, False) for n in sorted(names)]

    async def test_missing_names_are_read_to_the_end_page_by_page(self, store: Store) -> None:
        names = [f"{word}-{n}." for n in range(60) for word in ("pc", "Ärzte", "日本", "pc-1.x")]
        await store.expect("s1", names, who="test")
        read: list[str] = []
        while page := await store.missing("s1", after=read[-1] if read else ""):
            read += page
        assert read == sorted(names, key=lambda name: name.casefold().rstrip("."))
        assert len(await store.missing("s1", text="日")) == 60

    async def test_a_list_imported_while_reports_come_misses_none(self, store: Store) -> None:
        names = [f"pc-{n}" for n in range(1500)]
        await asyncio.gather(
            *(store.put(a_report(name)) for name in names),
            *(store.expect("s1", names[n::3], who="test") for n in range(3)),
        )
        assert await store.missing("s1") == []


class TestCountsAndLists:
    async def test_each_state_is_counted(self, store: Store) -> None:
        await store.expect("s1", ["A", "B", "Z"], who="test")
        await store.put(a_report("A", received=5))
        await store.put(a_hit("B", received=9))
        await store.put(a_hit("B", received=7))
        await store.put(a_report("C", base="incomplete"))
        await store.put(a_report("D", base="failed"))
        assert await store.counts("s1") == Counts(
            clean=1, hit=1, incomplete=1, failed=1, not_reported=1, expected=3, unexpected=2,
            beside={"incomplete": 1, "failed": 1}, suppressed=0, flagged=0, reports=5,
            last_received=3000,
        )  # fmt: skip
        assert await store.counts("other") == Counts()

    async def test_hosts_are_read_to_the_end_page_by_page(self, store: Store) -> None:
        names = [
            f"{word}{n}" for n in range(90) for word in ("PC-", "pc_", "Ärzte", "日本", "straße")
        ]
        reports = [a_report(name, host_id=f"{n}") for n, name in enumerate(names)]
        reports += [a_report("same", host_id=str(n)) for n in range(250)]
        await asyncio.gather(*map(store.put, reports))
        expected = sorted(reports, key=lambda one: (one.name.casefold(), one.host_key))
        rows = await every_host(store, HostFilter())
        assert [row.host_key for row in rows] == [one.host_key for one in expected]
        assert [row.name async for row in store.all_hosts("s1")] == [one.name for one in expected]

    async def test_a_prefix_finds_names_in_any_case(self, store: Store) -> None:
        for name in (
            "STRASSE-1",
            "straße-2",
            "Strand",
            "pc%",
            "PC_1",
            "\U0010ffffx",
            "\ud7ffx",
            "\ue000",
        ):
            await store.put(a_report(name))

        async def found(text: str) -> list[str]:
            return [row.name for row in await store.hosts("s1", HostFilter(text=text))]

        assert await found("Strass") == ["STRASSE-1", "straße-2"]
        assert await found("strAß") == ["STRASSE-1", "straße-2"]
        assert await found("pc%") == ["pc%"]
        assert await found("pc_") == ["PC_1"]
        assert await found("\ud7ff") == ["\ud7ffx"]
        assert await found("\U0010ffff") == ["\U0010ffffx"]
        assert len(await found("")) == 8

    async def test_hosts_can_be_chosen_by_state(self, store: Store) -> None:
        await store.put(a_report("A"))
        await store.put(a_hit("B"))
        assert [row.name for row in await store.hosts("s1", HostFilter(state="hit"))] == ["B"]

    async def test_arrivals_are_counted_per_bucket(self, store: Store) -> None:
        for received in (0, 999, 1000, 5999):
            await store.put(a_report(received=received))
        assert await store.arrivals("s1", 1000) == [(0, 2), (1000, 1), (5000, 1)]
        assert await store.arrival_span("s1") == (0, 5999)
        assert await store.arrived_since("s1", 1000) == 2


class TestFindings:
    async def test_indexing_is_repeatable(self, store: Store) -> None:
        report = a_hit()
        await store.put(report)
        ((report_id, sweep_id, key, body),) = await store.unindexed(10)
        assert (report_id, sweep_id, key, body) == (
            report.report_id, "s1", report.host_key, report.body,
        )  # fmt: skip
        for _ in range(2):
            await index(store, report, a_finding(report), a_finding(report, "i2", strength="weak"))
        assert await store.unindexed(10) == []
        assert [row.indicator_id for row in await store.findings("s1")] == ["i1", "i2"]
        assert [row.strength async for row in store.all_findings("s1")] == ["strong", "weak"]
        assert (await the_host(store)).state == "hit"

    async def test_indicators_are_grouped_strongest_first(self, store: Store) -> None:
        for n in range(3):
            report = a_hit(f"PC-{n}")
            await store.put(report)
            strong = [a_finding(report, "rare", strength="confirmed")] if n == 0 else []
            await index(store, report, a_finding(report, "common", strength="weak"), *strong)
        rows = await store.indicators("s1")
        assert [(row.indicator_id, row.strength, row.hosts) for row in rows] == [
            ("rare", "confirmed", 1), ("common", "weak", 3),
        ]  # fmt: skip
        assert all(type(value) in (int, str) for row in rows for value in structs.astuple(row))

    async def test_suppressing_and_lifting_change_state_and_counts(self, store: Store) -> None:
        report = a_hit(base="incomplete")
        await store.put(report)
        await index(store, report, a_finding(report), a_finding(report, "i2"))
        first = await store.suppress("s1", "i1", None, reason="our own tool", who="ana")
        assert (await the_host(store)).state == "hit"  # i2 is open
        await store.suppress("s1", "i2", report.host_key, reason="known", who="ana")
        host = await the_host(store)
        assert (host.state, host.hit, host.suppressed) == ("incomplete", True, True)
        counts = await store.counts("s1")
        assert (counts.hit, counts.incomplete, counts.suppressed) == (0, 1, 1)
        assert await store.lift(first, who="ana")
        assert not await store.lift(first, who="ana")
        host = await the_host(store)
        assert (host.state, host.suppressed) == ("hit", False)
        assert [bool(one.lifted) for one in await store.suppressions("s1")].count(True) == 1
        actions = [(row.who, row.action) for row in await store.audit_log()]
        assert actions.count(("ana", "suppress")) == 2
        assert ("ana", "lift suppression") in actions

    async def test_new_findings_of_a_suppressed_indicator_stay_suppressed(
        self, store: Store
    ) -> None:
        await store.suppress("s1", "i1", None, reason="known", who="ana")
        report = a_hit()
        await store.put(report)
        assert (await the_host(store)).state == "hit"  # until its findings are known
        await index(store, report, a_finding(report))
        assert (await the_host(store)).state == "clean"
        again = a_hit(finished=9000)
        await store.put(again)
        assert (await the_host(store)).state == "hit"
        await index(store, again, a_finding(again), a_finding(again, "new"))
        assert (await the_host(store)).state == "hit"

    async def test_suppressing_while_findings_are_indexed_misses_none(self, store: Store) -> None:
        reports = [a_hit(f"PC-{n}") for n in range(60)]
        await asyncio.gather(*map(store.put, reports))

        async def index_all() -> None:
            for report in reports:
                await index(store, report, a_finding(report))

        await asyncio.gather(
            index_all(), store.suppress("s1", "i1", None, reason="known", who="ana")
        )
        assert [row.suppression_id for row in await store.findings("s1")].count(None) == 0
        counts = await store.counts("s1")
        assert (counts.hit, counts.suppressed) == (0, 60)

    async def test_many_findings_of_one_report(self, store: Store) -> None:
        report = a_hit()
        await store.put(report)
        await index(store, report, *(a_finding(report, f"i{n:03}") for n in range(250)))
        read = [row async for row in store.all_findings("s1")]
        assert len(read) == 250
        page = await store.findings("s1", after=(read[99].report_id, read[99].finding_id))
        assert page == read[100:200]

    async def test_what_several_reports_tell_alike_is_listed_once_as_the_latest_tells_it(
        self, store: Store
    ) -> None:
        reports = [a_hit(finished=1000 * n) for n in range(1, 5)]
        for n, report in enumerate(reports):
            await store.put(report)
            rows = [a_finding(report, f"i{k:03}", time=5000 + n) for k in range(120)]
            await index(store, report, *rows)
        host = reports[0].host_key
        pages = [await store.findings("s1", host_key=host)]
        while pages[-1]:
            last = pages[-1][-1]
            place = (last.report_id, last.finding_id)
            pages.append(await store.findings("s1", host_key=host, after=place))
        listed = [row for page in pages for row in page]
        assert [len(page) for page in pages] == [100, 20, 0]
        assert len({row.finding_id for row in listed}) == 120
        assert {row.time for row in listed} == {5003}
        (one,) = await store.findings("s1", indicator_id="i007")
        assert (one.time, one.report_id) == (5003, reports[3].report_id)
        assert await store.worst_told("s1", host, one.finding_id) == one


class TestReadingByNumber:
    async def test_readers_see_each_report_once_in_an_order_that_stays(self, store: Store) -> None:
        reports = [a_report(f"PC-{n}", received=1000 - n) for n in range(50)]
        for report in reports[:30]:
            await store.put(report)
        first = await store.reports_after(0, 20)
        for report in reports[30:]:
            await store.put(report)
        rest = await store.reports_after(first[-1][0], 1000)
        while more := await store.reports_after(rest[-1][0], 1000):
            rest += more
        ids = [report_id for _, report_id, _ in first + rest]
        assert sorted(ids) == sorted(report.report_id for report in reports)
        assert await store.reports_after(0, 20) == first
        assert await store.last_seq() == rest[-1][0]

    async def test_nothing_is_missed_while_many_write(
        self, store: Store, engine: str, open_store: Open
    ) -> None:
        fronts = [store] if engine == "sqlite" else [store, await open_store(), await open_store()]
        reports = [a_report(f"PC-{n}") for n in range(1200)]
        writing = True

        async def write(n: int) -> None:
            for report in reports[n::24]:
                await fronts[n % len(fronts)].put(report)

        async def read(front: Store) -> list[str]:
            seen: list[str] = []
            place = 0
            while True:
                done = not writing
                page = await front.reports_after(place, 37)
                seen += [report_id for _, report_id, _ in page]
                place = page[-1][0] if page else place
                if done and not page:
                    return seen

        readers = [asyncio.ensure_future(read(front)) for front in fronts for _ in range(2)]
        await asyncio.gather(*map(write, range(24)))
        writing = False
        for seen in await asyncio.gather(*readers):
            assert len(seen) == len(set(seen)) == 1200
        for front in fronts[1:]:
            await front.database.close()

    async def test_a_cursor_is_remembered(self, store: Store) -> None:
        assert await store.cursor("splunk") == 0
        await store.move_cursor("splunk", 7)
        await store.move_cursor("splunk", 9, "refused")
        assert await store.cursor("splunk") == 9
        assert [(name, seq, error) for name, seq, _, error in await store.sinks()] == [
            ("splunk", 9, "refused")
        ]


class TestTheRest:
    async def test_retention_removes_a_sweep_with_all_of_its_own(self, store: Store) -> None:
        await store.create_sweep(
            Sweep(sweep_id="s2", title="", pack="", created=9000, deadline=None), who="test"
        )
        await store.expect("s1", ["pc-1"], who="test")
        secret = await store.create_token("sweep", sweep_id="s1", who="test")
        report = a_hit()
        await store.put(report)
        await index(store, report, a_finding(report))
        await store.put(a_report(sweep_id="s2"))
        (old,) = await store.old_sweeps(5000)
        assert (old.sweep_id, old.reports, old.hosts) == ("s1", 1, 1)
        assert old.last_received == report.received
        await store.remove_sweep("s1", who="test", why="retention")
        assert [sweep.sweep_id for sweep in await store.sweeps()] == ["s2"]
        assert await store.counts("s1") == Counts()
        assert await store.findings("s1") == []
        assert await store.token(secret) is None
        assert await store.body(report.report_id) is None
        assert (await store.counts("s2")).clean == 1

    async def test_tokens_are_made_found_and_revoked(self, store: Store) -> None:
        secret = await store.create_token("sweep", sweep_id="s1", expires=2**50, who="test")
        token = await store.token(secret)
        assert token is not None
        assert token.valid(0)
        assert await store.revoke(token.digest, who="test")
        assert not await store.revoke(token.digest, who="test")
        assert await store.token("another") is None
        (token,) = await store.tokens()
        assert not token.valid(0)

    async def test_a_token_of_no_sweep_is_refused(self, store: Store) -> None:
        with pytest.raises(StoreError):
            await store.create_token("sweep", sweep_id="unknown", who="test")

    async def test_a_transaction_takes_effect_whole_or_not_at_all(self, store: Store) -> None:
        with pytest.raises(StoreError):
            await store.create_sweep(
                Sweep(sweep_id="s1", title="", pack="", created=0, deadline=None), who="eve"
            )
        assert all(row.who != "eve" for row in await store.audit_log())

    async def test_a_setting_is_made_once(self, store: Store) -> None:
        made = await asyncio.gather(*(store.setting("key", bytes([n])) for n in range(8)))
        assert len(set(made)) == 1
        assert await store.setting("key", b"later") == made[0]


text = st.text(max_size=40)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(names=st.lists(text, min_size=1, max_size=8), prefix=text)
@example(names=["", "a"], prefix="\0")
@example(names=["a"], prefix="a\ud800")
async def test_any_names_are_kept_and_found_again(
    store: Store, names: list[str], prefix: str
) -> None:
    for old in await store.old_sweeps(2**62):
        await store.remove_sweep(old.sweep_id, who="test", why="the next example")
    await store.create_sweep(
        Sweep(sweep_id="s1", title="", pack="", created=0, deadline=None), who="test"
    )
    kept = set()
    for n, name in enumerate(names):
        report = a_report(name, host_id=str(n), fqdn=name, domain=name, os=name)
        storable = not any(unicodedata.category(char) == "Cs" or char == "\0" for char in name)
        if storable:
            assert await store.put(report) == "new"
            kept.add((name, report.host_key))
        else:
            with pytest.raises(Unstorable):
                await store.put(report)
    rows = await every_host(store, HostFilter())
    assert [(row.name, row.host_key) for row in rows] == sorted(
        kept, key=lambda one: (one[0].casefold(), one[1])
    )
    for start in (prefix, *(name[: len(name) // 2 + 1] for name in names)):
        found = await every_host(store, HostFilter(text=start))
        kept_of_it = "".join(c for c in start if unicodedata.category(c) != "Cs" and c != "\0")
        assert [row.name for row in found] == [
            row.name for row in rows if row.name.casefold().startswith(kept_of_it.casefold())
        ]
