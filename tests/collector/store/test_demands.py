"""What a sweep asks for, as the store holds it against reports: of both engines."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec import structs

from agent.model.codec import encode
from agent.model.report import Report, Scope, Strength
from collector.indexing import Indexer
from collector.intake import Arrival, check
from collector.judging import packed_question, usual_demand
from collector.records import (
    NOTHING_ASKED,
    Demand,
    HostRow,
    Limit,
    NewReport,
    Question,
    Sweep,
)
from collector.store.database import StoreError
from collector.store.store import HostFilter, Store
from collector.verifying import verify
from tests.collector.pages.seed import a_finding, a_report
from tests.collector.store.conftest import Open
from tests.collector.store.reporting import a_report as a_row

pytestmark = pytest.mark.anyio

START = datetime(2026, 11, 24, 14, 0, tzinfo=timezone.utc)
STARTED = int(START.timestamp() * 1000)
SWEEP = "cyzfc-2026"
PINNED = structs.replace(
    usual_demand(SWEEP, STARTED),
    pack="cyzfc-2018-11", pack_version="2026.11.24", sources=("files", "processes"),
)  # fmt: skip


@pytest.fixture
async def asking(open_store: Open) -> AsyncIterator[Store]:
    """With a sweep that asks for the pack of the reports."""
    made = await open_store()
    sweep = Sweep(sweep_id=SWEEP, title="", pack="", created=STARTED, deadline=None, demand=PINNED)
    await made.create_sweep(sweep, who="test")
    yield made
    await made.database.close()


def checked(report: Report, source: str = "10.4.1.21", received: int | None = None) -> NewReport:
    """As the intake hands it on."""
    return check(
        Arrival(
            report_id=report.report_id, sweep_id=SWEEP, body=gzip.compress(encode(report), mtime=0),
            encoding="gzip", content_type="application/json", source=source,
            received=STARTED + 86_400_000 if received is None else received,
        )
    )  # fmt: skip


def swept(name: str = "WS-1", *findings: Any, minutes: int = 5, **fields: Any) -> Report:
    """By an agent, so long after the start of the sweep."""
    gap = fields.pop("gap", "")
    made = a_report(name, *findings, gap=gap, finished=START + timedelta(minutes=minutes))
    fields = {"started": made.finished, **fields}
    for field, value in fields.items():
        setattr(made, field, value)
    return made


def a_part(name: str = "WS-1", *findings: Any, **fields: Any) -> Report:
    only = Scope(whole_host=False, limited_to=[r"paths C:\t", "only files"])
    return swept(name, *findings, scope=only, **fields)


async def keep(store: Store, *reports: Report, source: str = "10.4.1.21") -> None:
    for report in reports:
        assert await store.put(checked(report, source)) == "new"
    indexer = Indexer(store)
    while await indexer.once():
        pass


async def host(store: Store, name: str = "WS-1") -> HostRow:
    (row,) = await store.hosts(SWEEP, HostFilter(text=name))
    return row


async def flaws(store: Store) -> list[str]:
    return [line async for line, problem in verify(store) if problem]


class TestKeeping:
    async def test_a_report_that_is_less_makes_a_host_limited_and_says_in_what(
        self, asking: Store
    ) -> None:
        await keep(asking, a_part())
        row = await host(asking)
        assert (row.state, row.limited) == ("limited", True)
        assert row.limits == (Limit("scope", r"paths C:\t; only files", "the whole host"),)
        assert row.hit_limits == (), "of a hit, which it is not"
        (report,) = await asking.reports_of_host(SWEEP, row.host_key)
        assert (report.state, report.counted_as, report.limits) == ("clean", "limited", row.limits)
        assert await asking.limits(SWEEP, 5) == [(row.limits, 1)]

    async def test_it_never_replaces_a_fuller_one_whichever_comes_first(
        self, asking: Store
    ) -> None:
        later = {"minutes": 50}
        await keep(asking, swept("A", gap="rights"), a_part("A", **later))
        await keep(asking, a_part("B", **later), swept("B", gap="rights"))
        await keep(asking, a_part("C", **later), swept("C"))
        rows = [await host(asking, name) for name in "ABC"]
        assert [row.state for row in rows] == ["incomplete", "incomplete", "clean"]
        assert [row.limits for row in rows] == [()] * 3

    async def test_what_it_found_counts_at_once(self, asking: Store) -> None:
        await keep(asking, swept(), a_part("WS-1", a_finding("WS-1"), minutes=6))
        row = await host(asking)
        assert row.state == "hit"
        assert [one.what for one in row.hit_limits] == ["scope"]
        assert row.limits == ()

    async def test_a_suppressed_hit_leaves_what_the_rest_is_worth(self, asking: Store) -> None:
        await keep(asking, a_part("WS-1", a_finding("WS-1", strength=Strength.STRONG)))
        await asking.suppress(SWEEP, "dll-name", None, reason="ours", who="test")
        assert (await host(asking)).state == "limited"
        assert (await asking.counts(SWEEP)).limited == 1

    async def test_it_takes_no_name_off_the_list_of_those_who_have_not_answered(
        self, asking: Store
    ) -> None:
        await asking.expect(SWEEP, ["WS-1", "ws-2.corp.example", "WS-3", "WS-4"], who="test")
        await keep(asking, a_part("WS-1"), a_part("WS-2"), swept("WS-3"), a_part("WS-3"))
        counts = await asking.counts(SWEEP)
        assert (counts.not_reported, counts.owing, counts.limited, counts.clean) == (1, 2, 2, 1)
        assert await asking.missing(SWEEP) == ["WS-4"]
        assert await asking.missing(SWEEP, owing=True) == ["WS-1", "ws-2.corp.example"]
        assert [one async for one in asking.all_missing(SWEEP)] == [
            ("WS-1", True), ("ws-2.corp.example", True), ("WS-4", False),
        ]  # fmt: skip
        await keep(asking, swept("WS-1"))
        assert await asking.missing(SWEEP, owing=True) == ["ws-2.corp.example"]

    async def test_a_list_that_comes_later_finds_the_same(self, asking: Store) -> None:
        await keep(asking, a_part("WS-1"), swept("WS-3"))
        await asking.expect(SWEEP, ["WS-1", "WS-3", "WS-4"], who="test")
        counts = await asking.counts(SWEEP)
        assert (counts.not_reported, counts.owing) == (1, 1)

    async def test_the_six_counters_add_up(self, asking: Store) -> None:
        names = [f"{state}-{n}" for state in ("h", "i", "f", "l", "c", "n") for n in range(3)]
        await asking.expect(SWEEP, names, who="test")
        for n in range(3):
            await keep(asking, swept(f"h-{n}", a_finding(f"h-{n}")), swept(f"i-{n}", gap="rights"))
            cut = swept(f"f-{n}", gap="sweep was interrupted")
            await keep(asking, cut, a_part(f"l-{n}"), swept(f"c-{n}"))
        counts = await asking.counts(SWEEP)
        six = (
            counts.hit, counts.failed, counts.incomplete, counts.limited, counts.clean,
            counts.not_reported,
        )  # fmt: skip
        assert six == (3,) * 6
        assert sum(six) == counts.reported + counts.not_reported == counts.expected == 18

    async def test_clean_after_a_gap_is_told_and_so_is_who_sends_for_many(
        self, asking: Store
    ) -> None:
        await keep(asking, swept("A", gap="rights"), swept("A", minutes=9))
        await keep(asking, swept("B", minutes=9), swept("B", gap="rights"))
        await keep(asking, swept("C"), swept("C", a_finding("C"), minutes=9))
        await keep(asking, swept("D", a_finding("D")), swept("D", minutes=9))
        await keep(asking, swept("E"), source="10.9.9.9")
        turned = await asking.hosts(SWEEP, HostFilter(turned=True))
        assert {row.name for row in turned if row.turned} == {"A", "B", "D"}
        assert (await asking.counts(SWEEP)).turned == 3
        (sender,) = await asking.senders(SWEEP, 5)
        assert (sender.source, sender.hosts) == ("10.4.1.21", 4)
        assert await asking.hosts_by(SWEEP, ["10.9.9.9", "10.4.1.21", "x"]) == {
            "10.9.9.9": 1, "10.4.1.21": 4,
        }  # fmt: skip
        (row,) = await asking.hosts(SWEEP, HostFilter(sender="10.9.9.9"))
        assert row.name == "E"


class TestEditing:
    async def test_all_reports_are_held_against_what_is_asked_now(self, asking: Store) -> None:
        await asking.expect(SWEEP, ["PART", "WHOLE", "BOTH"], who="test")
        await keep(asking, a_part("PART"), swept("WHOLE"), a_part("HIT", a_finding("HIT")))
        await keep(asking, swept("BOTH", gap="rights"), a_part("BOTH", minutes=50))
        await asking.edit_sweep(SWEEP, structs.replace(PINNED, whole_host=False), who="ann")
        assert [one async for one in asking.judge_again(SWEEP)] == [4]
        states = {row.name: (row.state, row.limits) for row in await asking.hosts(SWEEP)}
        assert states == {
            "PART": ("clean", ()), "WHOLE": ("clean", ()), "BOTH": ("clean", ()), "HIT": ("hit", ()),
        }  # fmt: skip
        assert (await host(asking, "BOTH")).finished == STARTED + 50 * 60_000
        assert await asking.missing(SWEEP, owing=True) == []
        assert await flaws(asking) == []
        await asking.edit_sweep(SWEEP, structs.replace(PINNED, pack="another"), who="ann")
        assert await asking.to_judge() == [SWEEP]
        async for _ in asking.judge_again(SWEEP):
            pass
        assert await asking.to_judge() == []
        rows = {row.name: row.state for row in await asking.hosts(SWEEP)}
        assert rows == {"PART": "limited", "WHOLE": "limited", "BOTH": "incomplete", "HIT": "hit"}
        assert (await host(asking, "BOTH")).limited, "it has only limited reports now"
        assert await asking.missing(SWEEP, owing=True) == ["BOTH", "PART", "WHOLE"]
        assert await flaws(asking) == []

    async def test_a_suppression_stays(self, asking: Store) -> None:
        await keep(asking, swept("WS-1", a_finding("WS-1", strength=Strength.STRONG)))
        await asking.suppress(SWEEP, "dll-name", None, reason="ours", who="test")
        await asking.edit_sweep(SWEEP, structs.replace(PINNED, pack="another"), who="ann")
        async for _ in asking.judge_again(SWEEP):
            pass
        row = await host(asking)
        assert (row.state, row.suppressed) == ("limited", True)
        assert await flaws(asking) == []

    async def test_a_running_server_does_it_by_itself(self, asking: Store) -> None:
        await keep(asking, *(swept(f"WS-{n:03}") for n in range(60)))
        await asking.edit_sweep(SWEEP, structs.replace(PINNED, pack="another"), who="ann")
        indexer, rounds = Indexer(asking), 0
        while await indexer.once():
            rounds += 1
        assert rounds > 2, "in pieces, so that findings are listed meanwhile"
        assert (await asking.counts(SWEEP)).limited == 60
        sweep = await asking.sweep(SWEEP)
        assert sweep is not None
        assert (sweep.demanded, sweep.judged) == (1, 1)

    async def test_reports_that_come_meanwhile_are_judged_by_the_new_demand(
        self, asking: Store
    ) -> None:
        reports = [swept(f"WS-{n % 40:03}", minutes=5 + n) for n in range(120)]
        for report in reports[:40]:
            await asking.put(checked(report))

        async def judge() -> None:
            await asking.edit_sweep(SWEEP, structs.replace(PINNED, pack="another"), who="ann")
            async for _ in asking.judge_again(SWEEP):
                pass

        await asyncio.gather(judge(), *(asking.put(checked(one)) for one in reports[40:]))
        counts = await asking.counts(SWEEP)
        assert (counts.limited, counts.clean, counts.reports) == (40, 0, 120)
        assert await flaws(asking) == []

    async def test_the_same_again_changes_nothing_and_no_sweep_is_an_error(
        self, asking: Store
    ) -> None:
        assert not await asking.edit_sweep(SWEEP, PINNED, who="ann")
        assert await asking.to_judge() == []
        with pytest.raises(StoreError, match="no sweep 'x'"):
            await asking.edit_sweep("x", PINNED, who="ann")

    async def test_who_asked_for_what_is_in_the_audit(self, asking: Store) -> None:
        await asking.edit_sweep(SWEEP, Demand(pack="another"), who="ann")
        entry = (await asking.audit_log(sweep_id=SWEEP))[0]
        assert (entry.who, entry.action, entry.detail) == ("ann", "ask for", '{"pack":"another"}')


class TestProposal:
    async def test_the_first_report_s_pack_is_proposed_and_counts_once_accepted(
        self, asking: Store
    ) -> None:
        await asking.edit_sweep(SWEEP, structs.replace(PINNED, pack="", pack_version=""), who="t")
        assert await asking.proposal(SWEEP) is None
        assert await asking.accept_proposal(SWEEP, who="ann") is None
        none = swept("EMPTY", packs=[])
        await keep(asking, none, swept("WS-1"))
        assert (await asking.counts(SWEEP)).limited == 2
        proposed = await asking.proposal(SWEEP)
        assert proposed == Demand(pack="cyzfc-2018-11", pack_version="2026.11.24")
        assert await asking.accept_proposal(SWEEP, who="ann") == PINNED
        async for _ in asking.judge_again(SWEEP):
            pass
        assert {row.name: row.state for row in await asking.hosts(SWEEP)} == {
            "EMPTY": "limited", "WS-1": "clean",
        }  # fmt: skip
        entry = (await asking.audit_log(sweep_id=SWEEP))[0]
        assert entry.who == "ann"
        assert "cyzfc-2018-11" in entry.detail
        assert await asking.accept_proposal(SWEEP, who="ann") is None, "one is pinned"

    async def test_no_report_of_another_s_pack_is_clean_before(self, asking: Store) -> None:
        await asking.edit_sweep(SWEEP, structs.replace(PINNED, pack="", pack_version=""), who="t")
        await keep(asking, swept())
        row = await host(asking)
        assert row.state == "limited"
        assert row.limits == (Limit("pack", "cyzfc-2018-11 2026.11.24", "no pack was asked for"),)


class TestAnUnknownSweep:
    async def test_reports_of_a_sweep_that_asks_nothing_are_clean_as_before(
        self, store: Store
    ) -> None:
        sweep = await store.sweep("s1")
        assert sweep is not None
        assert sweep.demand == NOTHING_ASKED
        await store.put(a_row(question=packed_question(Question(kind="folder"))))
        assert (await store.counts("s1")).clean == 1

    async def test_a_demand_that_cannot_be_read_makes_nothing_clean(self, store: Store) -> None:
        await store.database.transact([("UPDATE sweep SET demand = 'x'", ())])
        await store.put(a_row())
        assert (await store.counts("s1")).clean == 0
