"""`verify` trusts no verdict of a signature that is kept: it is made again of the bytes that are."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec import structs

from agent.model.codec import encode
from agent.model.report import Report
from agent.signing.attesting import attested
from collector.intake import Arrival, check
from collector.records import Demand, NewReport, Sweep
from collector.serving import open_store as open_at
from collector.store.backup import BackupPlan
from collector.store.signing import SweepKey
from collector.store.store import Store, now_ms
from collector.sweep_keys import Keys, keys_then, sorted_out
from collector.verifying import verify
from tests.collector.pages.seed import a_finding, a_report
from tests.collector.store.conftest import Open
from tests.evidence.signing import KEY, OTHER

pytestmark = pytest.mark.anyio
SWEEP = Sweep(
    sweep_id="s", title="", pack="", created=1, deadline=None,
    demand=Demand(any_pack=True, indicators=0),
)  # fmt: skip
ID = KEY.public.id


@pytest.fixture
async def store(open_store: Open) -> AsyncIterator[Store]:
    """With a sweep that issued a key."""
    made = await open_store()
    await made.create_sweep(SWEEP, who="test")
    await made.add_sweep_key("s", KEY.public.raw, who="test")
    yield made
    await made.database.close()


async def arrived(store: Store, report: Report) -> NewReport:
    keys = sorted_out(await store.sweep_keys("s"))
    return check(
        Arrival(
            report_id=report.report_id, sweep_id="s", body=gzip.compress(encode(report), mtime=0),
            encoding="gzip", content_type="application/json", source="10.4.1.21",
            received=now_ms(), keys=keys.valid, revoked=keys.revoked,
        )
    )  # fmt: skip


async def keep(store: Store, report: Report) -> str:
    assert await store.put(await arrived(store, report)) == "new"
    return report.report_id


async def lay(store: Store, report_id: str, column: str, value: str | bytes) -> None:
    """Over what is kept, as nobody should."""
    sql = f"UPDATE report SET {column} = ? WHERE report_id = ?"
    await store.database.transact([(sql, (value, report_id))])


async def flaws(store: Store) -> list[str]:
    return [line async for line, problem in verify(store) if problem]


async def states(store: Store) -> dict[str, str]:
    return {row.name: row.state for row in await store.hosts("s")}


async def test_what_is_as_it_came_is_told_by_its_signatures(store: Store) -> None:
    for report in (
        attested(a_report("A"), KEY), attested(a_report("B"), OTHER), a_report("C"),
    ):  # fmt: skip
        await keep(store, report)
    lines = [line async for line, _ in verify(store)]
    assert "signatures verified again: unknown_key 1, unsigned 1, verified 1" in lines
    assert await flaws(store) == []


@pytest.mark.parametrize("known", [False, True], ids=["the bytes", "and their digest"])
async def test_one_byte_of_a_kept_report_is_named_with_its_line(store: Store, known: bool) -> None:
    """Also where whoever changed it knew of the digest beside it."""
    report = attested(a_report("WS-0007", gap="rights"), KEY)
    report_id = await keep(store, report)
    await keep(store, attested(a_report("WS-0008"), KEY))
    data = encode(report)
    at = data.index(b'"rights"') + 1
    changed = data[:at] + b"n" + data[at + 1 :]
    await lay(store, report_id, "body", gzip.compress(changed, mtime=0))
    if known:
        await lay(store, report_id, "digest", hashlib.sha256(changed).digest())
    found = await flaws(store)
    number = data[:at].count(b"\n") + 1
    assert (
        f"report {report_id}: signature: recorded as verified ({ID}), and is altered"
        f" (line {number} was changed)"
    ) in found
    assert (f"report {report_id}: is not what was acknowledged" in found) == (not known)
    assert all(report_id in line for line in found if line.startswith("report "))


async def test_one_byte_of_what_is_kept_compressed_is_named(store: Store) -> None:
    report_id = await keep(store, attested(a_report("A"), KEY))
    body = await store.body(report_id)
    assert body is not None
    middle = len(body) // 2
    flipped = body[:middle] + bytes([body[middle] ^ 1]) + body[middle + 1 :]
    await lay(store, report_id, "body", flipped)
    assert [line for line in await flaws(store) if line.startswith(f"report {report_id}: ")]


@pytest.mark.parametrize(
    ("key", "recorded", "told"),
    [
        (OTHER, f"signed {ID}", f"recorded as verified ({ID}), and is unknown_key (line "),
        (None, f"signed {ID}", f"recorded as verified ({ID}), and is unsigned"),
        (KEY, "unsigned", f"recorded as unsigned, and is verified ({ID})"),
        (KEY, "wrong line 1 was changed", f"(line 1 was changed), and is verified ({ID})"),
        (KEY, "signed 0123456789abcdef", f"(0123456789abcdef), and is verified ({ID})"),
        (OTHER, "", "recorded as unchecked, and is unknown_key (line "),
    ],
)
async def test_a_verdict_that_the_bytes_do_not_bear_out_is_named(
    store: Store, key: object, recorded: str, told: str
) -> None:
    report = a_report("A")
    if key is not None:
        report = attested(report, key)  # type: ignore[arg-type]
    report_id = await keep(store, report)
    await lay(store, report_id, "signature", recorded)
    lines = [one for one in await flaws(store) if one.startswith(f"report {report_id}: signature")]
    assert len(lines) == 1
    assert told in lines[0]


@pytest.mark.parametrize("signed", [True, False])
async def test_what_came_before_anybody_asked_is_no_flaw(store: Store, signed: bool) -> None:
    report_id = await keep(store, attested(a_report("A"), KEY) if signed else a_report("A"))
    await lay(store, report_id, "signature", "")
    await store.database.transact([("UPDATE host SET signature = ''", ())])
    assert await flaws(store) == []


async def test_a_key_of_the_sweep_that_was_exchanged_is_noticed(store: Store) -> None:
    report_id = await keep(store, attested(a_report("A"), KEY))
    sql = "UPDATE sweep_key SET public_key = ?"
    await store.database.transact([(sql, (OTHER.public.raw,))])
    (line,) = await flaws(store)
    assert line.startswith(f"report {report_id}: signature: recorded as verified ({ID}), and is")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("signature = 'unsigned'", "its signature is not that of the report that counts"),
        ("hit_signature = ''", "the signature of its hit is not that of the report that has it"),
    ],
)
async def test_a_host_whose_signature_is_not_its_report_s_is_named(
    store: Store, change: str, told: str
) -> None:
    await keep(store, attested(a_report("A", a_finding("A")), KEY))
    assert await flaws(store) == []
    await store.database.transact([(f"UPDATE host SET {change}", ())])
    assert f"host A (s): {told}" in await flaws(store)


class TestRevoked:
    """A key that was revoked signs nothing any more, whether there is another or none."""

    @pytest.mark.parametrize("another", [True, False])
    async def test_what_it_signs_after_that_is_wrong(self, store: Store, another: bool) -> None:
        before = await keep(store, attested(a_report("BEFORE"), KEY))
        await store.revoke_sweep_key("s", KEY.public.raw, who="test")
        if another:
            await store.add_sweep_key("s", OTHER.public.raw, who="test")
        after = await keep(store, attested(a_report("AFTER"), KEY))
        assert await states(store) == {"BEFORE": "clean", "AFTER": "incomplete"}
        row = await store.report(after)
        assert row is not None
        assert row.signature.startswith("wrong line ")
        assert row.signature.endswith(f": signed by the revoked key {ID}")
        was = await store.report(before)
        assert was is not None
        assert was.signature == f"signed {ID}"
        assert await flaws(store) == []

    def test_what_came_about_that_moment_may_be_judged_either_way(self) -> None:
        key = SweepKey(public_key=b"k", created=100_000, revoked=200_000)
        valid, ended, none = Keys((b"k",), ()), Keys((), (b"k",)), Keys((), ())
        assert keys_then([key], 150_000) == [valid]
        assert keys_then([key], 199_000) == [valid, ended]
        assert keys_then([key], 201_000) == [ended, valid]
        assert keys_then([key], 300_000) == [ended]
        assert keys_then([key], 50_000) == [none, valid]


class TestUnsigned:
    """One that nobody signed counts where there is no other, and says so."""

    @pytest.mark.parametrize("first", ["signed", "plain"])
    async def test_it_closes_no_gap_of_one_that_is_signed_whichever_comes_first(
        self, store: Store, first: str
    ) -> None:
        gap = attested(a_report("A", gap="rights"), KEY)
        clean = structs.replace(a_report("A"), finished=gap.finished + timedelta(minutes=9))
        for report in (gap, clean) if first == "signed" else (clean, gap):
            await keep(store, report)
        (row,) = await store.hosts("s")
        assert (row.state, row.report_id) == ("incomplete", gap.report_id)
        assert row.signature == f"signed {ID}"
        assert await flaws(store) == []

    async def test_one_that_is_signed_takes_its_place(self, store: Store) -> None:
        await keep(store, a_report("A"))
        assert await states(store) == {"A": "clean"}
        (row,) = await store.hosts("s")
        assert row.signature == "unsigned"
        whole = attested(a_report("A"), KEY)
        await keep(store, whole)
        (row,) = await store.hosts("s")
        assert (row.state, row.report_id) == ("clean", whole.report_id)
        assert await flaws(store) == []

    async def test_what_it_found_counts_and_of_two_hits_the_signed_one_is_told(
        self, store: Store
    ) -> None:
        await keep(store, attested(a_report("A"), KEY))
        await keep(store, a_report("A", a_finding("A")))
        (row,) = await store.hosts("s")
        assert (row.state, row.said_signature) == ("hit", "unsigned")
        signed = attested(a_report("A", a_finding("A")), KEY)
        await keep(store, signed)
        later = structs.replace(
            a_report("A", a_finding("A")), finished=signed.finished + timedelta(minutes=9)
        )
        await keep(store, later)
        (row,) = await store.hosts("s")
        assert (row.report_id, row.said_signature) == (signed.report_id, f"signed {ID}")
        assert await flaws(store) == []


class TestAltered:
    """One that is not as it was signed is no answer."""

    async def test_its_host_still_owes_one(self, store: Store) -> None:
        await store.expect("s", ["GOOD", "BAD"], who="test")
        await keep(store, attested(a_report("GOOD"), KEY))
        await keep(store, attested(a_report("BAD"), OTHER))
        counts = await store.counts("s")
        assert (counts.clean, counts.incomplete, counts.owing) == (1, 1, 1)
        assert [name async for name in store.all_missing("s")] == [("BAD", True)]
        (row,) = [one for one in await store.hosts("s") if one.name == "BAD"]
        assert [limit.what for limit in row.limits] == ["signature"]
        assert row.limited

    async def test_it_takes_the_place_of_none_that_can_be_believed(self, store: Store) -> None:
        whole = attested(a_report("A"), KEY)
        await keep(store, whole)
        later = structs.replace(a_report("A", gap="rights"), started=whole.finished)
        await keep(store, attested(later, OTHER))
        (row,) = await store.hosts("s")
        assert (row.state, row.report_id) == ("clean", whole.report_id)
        assert row.signature == row.said_signature == f"signed {ID}"
        assert await flaws(store) == []

    async def test_what_it_found_is_told_as_its_own(self, store: Store) -> None:
        await keep(store, attested(a_report("A"), KEY))
        await keep(store, attested(a_report("A", a_finding("A")), OTHER))
        (row,) = await store.hosts("s")
        assert row.state == "hit"
        assert row.signature == f"signed {ID}"
        assert row.said_signature.startswith("wrong ")
        assert [limit.what for limit in row.hit_limits] == ["signature"]
        assert await flaws(store) == []


async def test_an_older_database_learns_which_hosts_signatures_and_judges_altered_ones_again(
    store: Store, engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    await store.expect("s", ["A", "B"], who="test")
    await keep(store, attested(a_report("A", a_finding("A")), KEY))
    await keep(store, attested(a_report("B"), OTHER))
    older = [
        "ALTER TABLE host DROP COLUMN signature", "ALTER TABLE host DROP COLUMN hit_signature",
        "UPDATE host SET limited = 0, limits = ''", "UPDATE report SET limits = ''",
        "UPDATE expected SET seen = 1",
        "PRAGMA user_version = 13" if engine == "sqlite" else "UPDATE schema_version SET version = 13",
    ]  # fmt: skip
    await store.database.transact([(sql, ()) for sql in older])
    await store.database.close()
    place = str(tmp_path / "reports.sqlite")
    if engine == "postgresql":
        place = request.getfixturevalue("postgres_url")
    again = await open_at(tmp_path, place, plan=BackupPlan(wanted=False))
    assert await again.to_judge() == ["s"]
    async for _ in again.judge_again("s"):
        pass
    rows = {row.name: row for row in await again.hosts("s")}
    assert rows["A"].signature == rows["A"].hit_signature == f"signed {ID}"
    assert rows["B"].signature.startswith("wrong ")
    assert rows["B"].limited
    assert (await again.counts("s")).owing == 1
    assert await flaws(again) == []
    await again.database.close()
