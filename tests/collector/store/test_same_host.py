"""One host that has several names is expected once, whatever it is called: of both engines."""

from __future__ import annotations

import unicodedata

import pytest

from collector.commands.names import same_words
from collector.records import Sweep
from collector.store import filling
from collector.store.database import Statement, Value
from collector.store.expecting import Expected
from collector.store.migrations import Engine, migrations
from collector.store.same_host import SameHost, told_apart
from collector.store.store import HostFilter, Store
from collector.verifying import verify
from tests.collector.store.reporting import a_report

pytestmark = pytest.mark.anyio
WHOLE = "PC-1.corp.example"
NFC = unicodedata.normalize("NFC", "CAFÉ-1")
NFD = unicodedata.normalize("NFD", NFC)


async def told(store: Store) -> tuple[int, list[str], list[str]]:
    """Expected, silent and unexpected ones, as every question of them says."""
    counts = await store.counts("s1")
    silent = await store.missing("s1")
    beside = [row.name for row in await store.hosts("s1", HostFilter(unexpected=True))]
    assert counts.whole == counts.expected
    assert (len(silent), len(beside)) == (counts.not_reported, counts.unexpected)
    assert [name async for name, _ in store.all_missing("s1")] == silent
    for column in await store.columns("s1"):
        groups = await store.groups("s1", column)
        assert sum(one.clean for one in groups) == counts.clean
        assert sum(one.not_reported for one in groups) == counts.not_reported
    wrong = [line async for line, problem in verify(store) if problem and "expected" in line]
    assert wrong == []
    return counts.expected, silent, beside


async def said(store: Store) -> dict[str, str]:
    (host,) = await store.hosts("s1")
    return dict((await store.columns_of_hosts("s1", [host])).get(host.host_key, ()))


@pytest.mark.parametrize("imported", ["before", "after", "one by one", "the other way round"])
async def test_a_short_name_and_a_whole_one_are_one_host(store: Store, imported: str) -> None:
    names = [WHOLE, "PC-1"] if imported == "the other way round" else ["PC-1", WHOLE]
    if imported == "after":
        await store.put(a_report("PC-1", fqdn=WHOLE))
    if imported in ("before", "after"):
        listed = await store.expect("s1", names, who="test")
        assert (listed.new, listed.same) == (1, (SameHost("PC-1", WHOLE),))
    else:
        assert [(await store.expect("s1", [one], who="test")).new for one in names] == [1, 0]
    if imported != "after":
        assert await told(store) == (1, [WHOLE], [])
        await store.put(a_report("PC-1", fqdn=WHOLE))
    assert await told(store) == (1, [], [])
    assert (await store.expect("s1", names, who="test")).new == 0


async def test_one_that_knows_no_domain_is_it_and_one_of_another_domain_is_not(
    store: Store,
) -> None:
    await store.expect("s1", ["PC-1", WHOLE], who="test")
    await store.put(a_report("pc-1", fqdn="pc-1.other.example", host_id="other"))
    assert await told(store) == (1, [WHOLE], ["pc-1"])
    await store.put(a_report("pc-1"))
    assert await told(store) == (1, [], ["pc-1"])


async def test_of_two_whole_ones_none_is_the_short_one(store: Store) -> None:
    await store.expect("s1", ["PC-1", WHOLE], who="test")
    listed = await store.expect("s1", ["PC-1.other.example"], who="test")
    assert (listed.new, listed.same) == (2, ())
    assert len((await told(store))[1]) == 3
    assert await store.expect_no_more("s1", ["PC-1.other.example"], who="test") == 1
    assert await told(store) == (1, [WHOLE], [])


async def test_a_list_that_is_taken_off_again_leaves_the_other(store: Store) -> None:
    await store.put(a_report("PC-1"))
    await store.expect("s1", [Expected("PC-1", (("Site", "Rome"),))], who="test")
    await store.expect("s1", [WHOLE, "PC-2.corp.example"], who="test")
    assert await store.expect_no_more("s1", [WHOLE, "PC-2.corp.example"], who="test") == 2
    assert await told(store) == (1, [], [])
    assert await said(store) == {"Site": "Rome"}
    await store.expect("s1", [WHOLE], who="test")
    assert await store.expect_no_more("s1", ["pc-1"], who="test") == 1
    assert await told(store) == (1, [], []), "the whole name is on the list still"
    assert await said(store) == {"Site": "Rome"}


async def test_what_is_said_of_either_name_is_said_of_the_host(store: Store) -> None:
    await store.put(a_report("PC-1", fqdn=WHOLE))
    await store.expect("s1", [Expected(WHOLE, (("Owner", "Jo"),))], who="test")
    await store.expect("s1", [Expected("PC-1", (("Site", "Rome"),))], who="test")
    assert await said(store) == {"Owner": "Jo", "Site": "Rome"}
    await store.expect("s1", [Expected("PC-1", (("Site", "Oslo"),))], who="test")
    assert await said(store) == {"Owner": "Jo", "Site": "Oslo"}
    await told(store)


@pytest.mark.parametrize(("listed", "reported"), [(NFC, NFD), (NFD, NFC), (NFD, NFD.lower())])
async def test_letters_are_the_same_however_they_are_composed(
    store: Store, listed: str, reported: str
) -> None:
    await store.expect("s1", [listed, f"{listed}2.corp.example"], who="test")
    assert (await store.expect("s1", [reported], who="test")).new == 0
    assert await store.missing("s1", text=reported) == await store.missing("s1")
    found, _ = await store.names_to_report(reported, None)
    assert len(found) == 2
    await store.put(a_report(reported))
    await store.put(a_report(f"{reported}2", fqdn=f"{reported}2.corp.example."))
    assert await told(store) == (2, [], [])
    assert len(await store.hosts("s1", HostFilter(text=listed))) == 2
    assert len(await store.ordered_hosts("s1", HostFilter(text=listed), order="name")) == 2
    assert await store.expect_no_more("s1", [reported], who="test") == 1


@pytest.mark.parametrize(
    "whole", [{"fqdn": f"{WHOLE}."}, {"domain": "corp.example."}, {"domain": "CORP.example"}]
)
async def test_the_dot_at_the_end_of_a_whole_name_is_none_of_it(
    store: Store, whole: dict[str, str]
) -> None:
    await store.expect("s1", [WHOLE], who="test")
    await store.put(a_report("PC-1", **whole))
    assert await told(store) == (1, [], [])


async def test_which_names_are_one_is_said_in_words(store: Store) -> None:
    names = ["PC-1", WHOLE, NFC, NFD, "PC-2", "PC-2.", "pc-2"]
    listed = await store.expect("s1", names, who="test")
    assert listed.new == 3
    assert same_words(listed) == (
        f"3 names are the same host as others: {NFD} is {NFC}, PC-2. is PC-2, PC-1 is {WHOLE}"
    )
    assert (await store.audit_log(sweep_id="s1"))[0].detail == (
        "3 new, 3 names are the same host as others"
    )
    many = await store.expect("s1", [f"{n}{end}" for n in range(12) for end in ("", ".")], who="t")
    assert same_words(many).endswith("9. is 9, and 2 more")
    assert same_words(await store.expect("s1", ["PC-9"], who="test")) == ""


async def test_an_older_list_is_put_in_order_and_loses_no_host(
    store: Store, engine: Engine
) -> None:
    await store.create_sweep(
        Sweep(sweep_id="s2", title="", pack="", created=1, deadline=None), who="test"
    )
    old = {"s1": ["PC-1", WHOLE, NFC, NFD, "PC-3"], "s2": [NFD, "PC-1"]}
    for sweep_id, names in old.items():
        for name in names:
            key = name.casefold()
            values: list[Value] = [sweep_id, key, key.partition(".")[0], name]
            sql = "INSERT INTO expected (sweep_id, name_key, short_key, name, seen)"
            column = "INSERT INTO expected_column (sweep_id, name, name_key, place, value)"
            await store.database.transact(
                [
                    (f"{sql} VALUES (?, ?, ?, ?, 0)", values),
                    (f"{column} VALUES (?, 'Of', ?, 0, ?)", [sweep_id, key, name]),
                ]
            )
    await store.put(a_report("PC-1", fqdn=f"{WHOLE}."))
    await store.put(a_report(NFD))
    await store.database.transact(
        [
            ("UPDATE host SET fqdn_key = fqdn_key || '.' WHERE name = 'PC-1'", []),
            ("UPDATE host SET name_key = ? WHERE name = ?", [NFD.casefold(), NFD]),
        ]
    )
    assert (await store.counts("s1")).expected == 5
    (statements,) = [sql for number, _, sql in migrations(engine) if number == 11]
    kept: list[Statement] = [(one, []) for one in statements if " name_key = ch" in one]
    await store.database.transact(kept)
    names_of = filling.FILLINGS[11]
    while rows := await store.database.fetch(names_of.older, ""):
        for sql, many in filling.filled(names_of, rows):
            await store.database.transact([(sql, one) for one in many])
    await store.database.transact([(sql, []) for sql in names_of.last])
    store = Store(store.database)  # this is done before anybody asks
    assert await told(store) == (3, ["PC-3"], [])
    assert len(await store.missing("s2")) == 2
    hosts = await store.hosts("s1")
    columns = await store.columns_of_hosts("s1", hosts)
    assert {host.name: columns[host.host_key][0][1] for host in hosts} == {
        NFD: NFC, "PC-1": WHOLE,
    }  # fmt: skip


async def test_a_new_list_is_not_joined_with_itself(store: Store, engine: Engine) -> None:
    """PostgreSQL knows nothing yet of how many names it has: 20,000 took a minute."""
    if engine != "postgresql":
        return
    await store.expect("s1", [f"PC-{n}.corp.example" for n in range(500)], who="test")
    for sql, values in told_apart("s1")[:2]:
        rows = await store.database.fetch(f"EXPLAIN {sql}", *values)
        plan = "\n".join(str(row[0]) for row in rows)
        assert "Nested Loop" not in plan
        assert "expected_short" in plan
