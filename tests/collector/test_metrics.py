"""What Prometheus reads."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from collector.app import Collector
from collector.metrics import Metrics
from collector.records import Counts, Sweep
from collector.store.sqlite import SqliteDatabase
from collector.store.store import Store


def samples(metrics: Metrics) -> dict[str, float]:
    """By name and labels, as Prometheus' own parser reads them."""
    return {
        f"{sample.name}{sorted(sample.labels.items()) or ''}": sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def test_every_result_is_there_from_the_start() -> None:
    # a counter that only appears with its first event hides that event from rate()
    found = samples(Metrics())
    for result in ("new", "known", "conflict", "refused"):
        assert found[f"iocsweep_collector_reports_total[('result', '{result}')]"] == 0


def test_what_is_counted_is_told() -> None:
    metrics = Metrics()
    metrics.results["new"].inc()
    metrics.results["refused"].inc(2)
    metrics.bytes.inc(300)
    metrics.acknowledged.observe(0.003)
    metrics.waiting.set(7)
    found = samples(metrics)
    assert found["iocsweep_collector_reports_total[('result', 'new')]"] == 1
    assert found["iocsweep_collector_reports_total[('result', 'refused')]"] == 2
    assert found["iocsweep_collector_report_bytes_total"] == 300
    assert found["iocsweep_collector_acknowledge_seconds_count"] == 1
    assert found["iocsweep_collector_waiting_reports"] == 7


def test_each_output_tells_how_far_it_is() -> None:
    metrics = Metrics()
    metrics.watch(lambda: [("splunk", 10, 1, 3, 2, 1.5), ('odd "name"\n', 0, 0, 0, 0, 0)])
    found = samples(metrics)
    assert found["iocsweep_collector_output_sent[('output', 'splunk')]"] == 10
    assert found["iocsweep_collector_output_failures[('output', 'splunk')]"] == 1
    assert found["iocsweep_collector_output_behind[('output', 'splunk')]"] == 3
    assert found["iocsweep_collector_output_dead_letters[('output', 'splunk')]"] == 2
    assert found["iocsweep_collector_output_last_success_seconds[('output', 'splunk')]"] == 1.5
    assert len([name for name in found if "odd" in name]) == 5


def test_outputs_are_asked_anew_each_time() -> None:
    metrics, sent = Metrics(), [5]
    metrics.watch(lambda: [("splunk", sent[0], 0, 0, 0, 0)])
    name = "iocsweep_collector_output_sent[('output', 'splunk')]"
    assert samples(metrics)[name] == 5
    sent[0] = 6
    assert samples(metrics)[name] == 6


def test_two_collectors_in_a_process_share_nothing() -> None:
    one, other = Metrics(), Metrics()
    one.results["new"].inc()
    assert samples(other)["iocsweep_collector_reports_total[('result', 'new')]"] == 0


def test_hosts_are_told_by_state_and_sweep_and_no_sweep_that_is_gone() -> None:
    metrics = Metrics()
    metrics.tell_hosts([("gone", Counts(hit=1, suppressed_findings=1))])
    metrics.tell_hosts(
        [("s1", Counts(clean=5, hit=4, failed=3, incomplete=2, limited=1, not_reported=6,
                       suppressed=7, flagged=8, turned=9, owing=10, unexpected=11, expected=20,
                       suppressed_findings=12))]
    )  # fmt: skip
    told = samples(metrics)
    for state, count in (("clean", 5), ("hit", 4), ("failed", 3), ("incomplete", 2),
                         ("limited", 1), ("not_reported", 6)):  # fmt: skip
        assert told[f"iocsweep_collector_hosts[('state', '{state}'), ('sweep', 's1')]"] == count
    for mark, count in (("suppressed", 7), ("flagged", 8), ("turned", 9), ("owing", 10),
                        ("unexpected", 11), ("expected", 20)):  # fmt: skip
        assert (
            told[f"iocsweep_collector_marked_hosts[('mark', '{mark}'), ('sweep', 's1')]"] == count
        )
    assert told["iocsweep_collector_suppressed_findings[('sweep', 's1')]"] == 12
    assert not any("gone" in name for name in told)


@pytest.mark.anyio
async def test_who_reads_one_sweep_is_told_of_the_hosts_of_that_one(tmp_path: Path) -> None:
    store = Store(await SqliteDatabase.open(tmp_path / "collector.db"))
    for name in ("one", "other"):
        sweep = Sweep(sweep_id=name, title="", pack="", created=1, deadline=None)
        await store.create_sweep(sweep, who="test")
    app = Collector(store, key=b"k" * 32, secure=True)
    told = {}
    for sweep_id in (None, "one"):
        secret = await store.create_token("reader", sweep_id=sweep_id, who="test")
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="https://c.example",
            headers={"authorization": f"Bearer {secret}"},
        ) as asks:  # fmt: skip
            text = (await asks.get("/metrics")).text
        told[sweep_id] = set(re.findall(r'suppressed_findings{sweep="([^"]+)"}', text))
    await store.database.close()
    assert told == {None: {"one", "other"}, "one": {"one"}}
