"""Suppression cannot hide: what was not seen stays open, whoever suppresses what."""

from __future__ import annotations

from typing import Any

import pytest

from collector.records import HostRow, NewReport
from collector.store.store import Store
from collector.store.suppressing import Part
from collector.verifying import verify
from tests.collector.store.reporting import a_finding, a_hit, a_report

pytestmark = pytest.mark.anyio
NOW = 5000


async def told(store: Store, report: NewReport, *findings: Any) -> NewReport:
    """Keep it, and list its findings."""
    await store.put(report)
    await store.index(report.report_id, report.sweep_id, report.host_key, findings)
    return report


async def hit(
    store: Store, name: str, indicator: str = "i1", *, received: int = 3000, **fields: Any
) -> NewReport:
    """A report of one finding."""
    is_hit = fields.get("strength", "strong") in ("strong", "confirmed")
    report = a_report(
        name, received=received, finished=received - 1000, hit=is_hit, strong=int(is_hit)
    )
    return await told(store, report, a_finding(report, indicator, **fields))


async def state(store: Store, name: str) -> str:
    host = await store.host("s1", f"guid-of-{name.lower()}|{name.lower()}")
    assert host is not None
    return host.state


async def open_findings(store: Store) -> int:
    return [row.suppression_id async for row in store.all_findings("s1")].count(None)


class TestConfirmed:
    async def test_is_not_covered_by_its_indicator_on_any_host(self, store: Store) -> None:
        for name in ("PC-1", "PC-2"):
            await hit(store, name, strength="confirmed")
        await store.suppress("s1", "i1", None, reason="noise", who="ana")
        await store.suppress("s1", "i1", None, reason="noise", who="ana", until=NOW)
        host: HostRow = (await store.hosts("s1"))[0]
        await store.suppress("s1", "i1", host.host_key, reason="noise", who="ana")
        assert [await state(store, name) for name in ("PC-1", "PC-2")] == ["hit", "hit"]
        assert await open_findings(store) == 2

    async def test_of_a_host_that_reports_later_is_open_whatever_was_suppressed(
        self, store: Store
    ) -> None:
        await store.suppress("s1", "i1", None, reason="noise", who="ana")
        await hit(store, "PC-9", strength="confirmed", received=9000)
        assert await state(store, "PC-9") == "hit"

    async def test_is_suppressed_by_itself_on_its_host_and_stays_so_when_it_is_told_again(
        self, store: Store
    ) -> None:
        first = await hit(store, "PC-1", strength="confirmed", finding_id="f")
        await hit(store, "PC-2", strength="confirmed", finding_id="f")
        part = Part(finding_id="f")
        await store.suppress("s1", "i1", first.host_key, reason="a lab", who="ana", part=part)
        assert [await state(store, name) for name in ("PC-1", "PC-2")] == ["clean", "hit"]
        counts = await store.counts("s1")
        assert (counts.suppressed, counts.suppressed_findings) == (1, 1)
        await hit(store, "PC-1", strength="confirmed", finding_id="f", received=9_000_000_000_000)
        assert await state(store, "PC-1") == "clean"
        await hit(store, "PC-1", strength="confirmed", finding_id="other", received=9500)
        assert await state(store, "PC-1") == "hit"
        await hit(store, "PC-3", strength="confirmed", finding_id="f", received=9500)
        assert await state(store, "PC-3") == "hit"


class TestWhatBecomesMore:
    @pytest.mark.parametrize("more", ["strong", "confirmed"])
    async def test_counts_again(self, store: Store, more: str) -> None:
        first = await hit(store, "PC-1", "i2", finding_id="x")  # its hit, which stays open
        weak = a_finding(first, strength="weak", finding_id="f")
        await store.index(first.report_id, "s1", first.host_key, [weak])
        part = Part(finding_id="f")
        await store.suppress("s1", "i1", first.host_key, reason="old", who="ana", part=part)
        await store.suppress(
            "s1", "i2", first.host_key, reason="old", who="ana", part=Part(finding_id="x")
        )
        assert await state(store, "PC-1") == "clean"
        await hit(store, "PC-1", "i1", strength=more, finding_id="f", received=9000)
        assert await state(store, "PC-1") == "hit"

    async def test_is_open_also_when_it_had_come_before_and_was_not_listed_yet(
        self, store: Store
    ) -> None:
        """Nobody had seen it."""
        first = await hit(store, "PC-1", strength="weak", finding_id="f")
        late = a_hit("PC-1", received=4000, finished=3500)
        await store.put(late)
        await store.suppress("s1", "i1", None, reason="old", who="ana", until=NOW)
        await store.suppress(
            "s1", "i1", first.host_key, reason="old", who="ana", part=Part(finding_id="f")
        )
        assert await state(store, "PC-1") == "hit"
        strong = a_finding(late, finding_id="f")
        await store.index(late.report_id, "s1", late.host_key, [strong])
        assert await state(store, "PC-1") == "hit"

    async def test_of_all_its_hosts_counts_again_as_well(self, store: Store) -> None:
        await hit(store, "PC-1", finding_id="strong one")
        await hit(store, "PC-2", strength="weak", finding_id="f")
        await store.suppress("s1", "i1", None, reason="old", who="ana", until=NOW)
        assert await open_findings(store) == 0
        await hit(store, "PC-2", strength="strong", finding_id="f", received=9000)
        assert await state(store, "PC-2") == "hit"


class TestUntil:
    async def test_now_covers_these_hosts_and_none_that_reports_later(self, store: Store) -> None:
        await hit(store, "PC-1", finding_id="f")
        await store.suppress("s1", "i1", None, reason="ours", who="ana", until=NOW)
        assert await state(store, "PC-1") == "clean"
        await hit(store, "PC-2", received=NOW + 1)
        assert await state(store, "PC-2") == "hit"
        await hit(store, "PC-1", finding_id="f", received=NOW + 2)  # the same thing again
        assert await state(store, "PC-1") == "clean"
        await hit(store, "PC-1", finding_id="g", received=NOW + 3)
        assert await state(store, "PC-1") == "hit"

    async def test_covers_what_had_come_and_is_listed_only_now(self, store: Store) -> None:
        await hit(store, "PC-1")
        late = a_hit("PC-2", received=NOW)
        await store.put(late)
        await store.suppress("s1", "i1", None, reason="ours", who="ana", until=NOW)
        await store.index(late.report_id, "s1", late.host_key, [a_finding(late)])
        assert await state(store, "PC-2") == "clean"

    async def test_without_end_covers_weak_and_strong_ones_to_come(self, store: Store) -> None:
        await store.suppress("s1", "i1", None, reason="ours", who="ana")
        await hit(store, "PC-1", received=9000)
        await hit(store, "PC-2", received=9000, strength="weak")
        assert await open_findings(store) == 0
        assert await state(store, "PC-1") == "clean"


class TestParts:
    @pytest.mark.parametrize(
        ("part", "covers"),
        [
            (Part(path=r"C:\a"), {"PC-1", "PC-2"}),
            (Part(path=r"C:\A"), set[str]()),
            (Part(hash="aa"), {"PC-1", "PC-3"}),
            (Part(path=r"C:\a", hash="aa"), {"PC-1"}),
        ],
    )
    async def test_a_path_and_a_hash_are_of_the_thing_to_the_letter(
        self, store: Store, part: Part, covers: set[str]
    ) -> None:
        for name, path, digest in (
            ("PC-1", r"C:\a", "aa"), ("PC-2", r"C:\a", "bb"), ("PC-3", r"C:\c", "aa"),
        ):  # fmt: skip
            await hit(store, name, object_path=path, object_hash=digest, path=r"C:\x.evtx")
        await store.suppress("s1", "i1", None, reason="ours", who="ana", part=part)
        every = [row async for row in store.all_findings("s1")]
        assert {row.name for row in every if row.suppression_id} == covers
        assert sum((await store.coverable("s1", "i1", None, part)).values()) == len(covers)

    async def test_one_of_a_host_leaves_the_others(self, store: Store) -> None:
        first = await hit(store, "PC-1", object_path="p")
        await hit(store, "PC-2", object_path="p")
        made = await store.suppress(
            "s1", "i1", first.host_key, reason="ours", who="ana", part=Part(path="p")
        )
        assert [await state(store, name) for name in ("PC-1", "PC-2")] == ["clean", "hit"]
        assert {
            one: (c.findings, c.hosts) for one, c in (await store.covered("s1", "i1")).items()
        } == {made: (1, 1)}

    async def test_what_can_be_chosen_are_those_of_weak_and_strong_ones(self, store: Store) -> None:
        await hit(store, "PC-1", object_path="p", object_hash="aa")
        await hit(store, "PC-2", object_path="p", strength="weak")
        await hit(store, "PC-3", object_path="q")
        await hit(store, "PC-4", object_path="r", object_hash="cc", strength="confirmed")
        assert await store.objects_of("s1", "i1") == (["p", "q"], ["aa"])


class TestWhatIsNotListed:
    async def test_stays_open_beyond_the_listed_ones(self, store: Store) -> None:
        report = a_hit(strong=2)
        await told(store, report, a_finding(report))
        await store.suppress("s1", "i1", None, reason="ours", who="ana")
        assert await open_findings(store) == 0
        assert await state(store, "PC-1") == "hit"

    async def test_stays_open_in_a_body_that_cannot_be_read_again(self, store: Store) -> None:
        await told(store, a_hit())
        assert await state(store, "PC-1") == "hit"


class TestCounting:
    async def test_a_thing_that_two_reports_tell_of_is_one(self, store: Store) -> None:
        for received in (3000, 4000):
            await hit(store, "PC-1", finding_id="f", received=received)
        first = await hit(store, "PC-1", finding_id="weak", strength="weak", received=3500)
        await hit(store, "PC-2", finding_id="excluded", strength="excluded")
        await store.suppress("s1", "i1", None, reason="ours", who="ana")
        counts = await store.counts("s1")
        assert (counts.suppressed, counts.suppressed_findings) == (1, 2)
        keys = [row.host_key for row in await store.hosts("s1")]
        assert await store.suppressed_on("s1", keys) == {first.host_key: 2}

    async def test_lifting_asks_the_others_again(self, store: Store) -> None:
        await hit(store, "PC-1", finding_id="f")
        await store.suppress("s1", "i1", None, reason="1", who="ana", until=NOW)
        (first,) = [row.suppression_id async for row in store.all_findings("s1")]
        second = await store.suppress("s1", "i1", None, reason="2", who="ana", part=Part(path="no"))
        third = await store.suppress("s1", "i1", None, reason="3", who="ana")
        assert first is not None
        await store.lift(first, who="ana")
        assert [row.suppression_id async for row in store.all_findings("s1")] == [third]
        await store.lift(third, who="ana")
        assert await open_findings(store) == 1
        assert await state(store, "PC-1") == "hit"
        assert not (await store.suppressions("s1"))[1].earlier
        assert second


async def test_verifying_finds_what_was_set_aside_by_hand(store: Store) -> None:
    await hit(store, "PC-1", strength="confirmed")
    made = await store.suppress("s1", "i1", None, reason="noise", who="ana")
    await store.database.transact([("UPDATE finding SET suppression_id = ?", (made,))])
    wrong = [line async for line, problem in verify(store) if problem]
    assert any("set aside by no suppression in force" in line for line in wrong)


async def test_what_was_suppressed_and_why_is_in_the_audit_log(store: Store) -> None:
    first = await hit(store, "PC-1", finding_id="f", strength="confirmed")
    await store.suppress(
        "s1", "i1", first.host_key, reason="a lab", who="ana", part=Part(finding_id="f")
    )
    row = next(row for row in await store.audit_log() if row.action == "suppress")
    assert row.subject == f"s1 i1 {first.host_key}"
    assert row.detail.startswith("a lab (finding f, what came until ")
