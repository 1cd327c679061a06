"""Each output says of a report in what it is not what its sweep asks for."""

from __future__ import annotations

import json

import pytest

from agent.output.mapping import cef, defender, ecs, sentinel, splunk, webhook
from collector.outputs.index_template import properties
from collector.outputs.output import Item
from collector.records import Demand, Limit, Sweep
from collector.store.store import Store
from tests.collector.outputs.recording import Recorder, quick, until
from tests.collector.outputs.reporting import items, put, report

ONE = items(1)[0]
LIMITED = Item(
    1, ONE.report, ONE.finding,
    (Limit("pack", "other 1", "cyzfc"), Limit("scope", 'only "a"]; b=c', "the whole host")),
)  # fmt: skip
SAID = [
    {"what": "pack", "seen": "other 1", "asked": "cyzfc"},
    {"what": "scope", "seen": 'only "a"]; b=c', "asked": "the whole host"},
]


@pytest.mark.anyio
async def test_the_runner_tells_what_the_store_says_now(store: Store) -> None:
    await tells_limits(store)


async def tells_limits(store: Store) -> None:
    """On any store."""
    asked = Demand(pack="another", any_pack=False)
    await store.create_sweep(
        Sweep(sweep_id="s9", title="", pack="", created=1, deadline=None, demand=asked), who="test"
    )
    await put(store, report("r1"), sweep_id="s9")
    await put(store, report("r2"))
    output = Recorder()
    runner = quick(store, output)
    runner.start()
    await until(lambda: len(output.taken) == 2)
    await runner.stop()
    limited, plain = output.taken
    row = await store.report("r1")
    assert row is not None
    assert row.limits
    assert [one["what"] for one in limited.limits] == [one.what for one in row.limits]
    assert "another" in {one["asked"] for one in limited.limits}
    assert plain.limits == []


def test_documents_have_each_value_seen_and_asked() -> None:
    whole = (LIMITED.report, LIMITED.finding)
    limits = LIMITED.limits
    assert ecs.document(*whole, limited=limits)["iocsweep"]["limited"] == SAID
    assert splunk.event(*whole, limited=limits)["event"]["limited"] == SAID
    assert sentinel.finding_row(*whole, limited=limits)["Limited"] == SAID
    assert sentinel.asim_alert_row(*whole, limited=limits)["AdditionalFields"]["Limited"] == SAID
    first = json.loads(defender.lines(*whole, limited=limits).splitlines()[0])
    assert first["AdditionalFields"]["Limited"] == SAID
    assert webhook.payload(LIMITED.report, limited=limits)["limited"] == SAID


def test_a_line_of_syslog_has_them_in_its_structured_data_and_in_words() -> None:
    line = cef.syslog_message(LIMITED.report, LIMITED.finding, limited=LIMITED.limits)
    assert ' limited="pack, scope"' in line.partition("CEF:0|")[0]
    assert (
        "iocsweepLimited=pack: other 1 (asked for: cyzfc); scope: only"
        ' "a"]; b\\=c (asked for: the whole host)'
    ) in line


def test_one_that_is_what_was_asked_for_has_none() -> None:
    assert "limited" not in ecs.document(ONE.report, ONE.finding)["iocsweep"]
    assert "imited=" not in cef.syslog_message(ONE.report, ONE.finding)
    assert "limited" not in webhook.payload(ONE.report)


def test_the_index_template_knows_them() -> None:
    known = properties()["iocsweep"]["properties"]["limited"]["properties"]
    assert {name: field["type"] for name, field in known.items()} == dict.fromkeys(
        ("what", "seen", "asked"), "keyword"
    )
