"""One fleet of six states: whoever tells how many hosts there are of each tells the same."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path

import pytest
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from agent.model.report import INTERRUPTED, Coverage, Finding, Report, Scope, State, Strength
from collector.records import EVERY_LIVE
from collector.serving import open_store
from collector.store.store import Store
from collector.store.suppressing import Part
from tests.collector.pages.seed import a_finding, a_report
from tests.collector.server import CollectorServer, _serving, wait_for

HOSTS = int(os.environ.get("IOCSWEEP_FLEET", "500"))
"""10,000 for the figures of a release."""
SWEEP = "whole-fleet"
STATES = ("hit", "failed", "incomplete", "limited", "clean")
HUNT = r"C:\Hunts\export.dat"
"""What the analysts suppress."""
KINDS = (
    "hit", "strong", "failed", "incomplete", "incomplete", "limited", "clean", "weak", "clean",
    "silent",
)  # fmt: skip


class Fleet(Struct):
    """A server that knows of all hosts, and what is true of them."""

    server: CollectorServer
    reader: str
    states: Counter[str]
    silent: int
    unexpected: int
    weak: set[str]
    """Hosts that are clean, with weak traces."""
    suppressed: int

    def get(self, path: str) -> str:
        answer = self.server.get(path, token=self.reader)
        assert answer.status_code == 200, answer.text
        return str(answer.text)


def _state(n: int) -> str:
    kind = KINDS[n % 10]
    if kind == "strong":
        return "clean" if n % 20 == 1 else "hit"  # the first of two is suppressed
    return {"weak": "clean", "silent": ""}.get(kind, kind)


def _report(n: int, name: str) -> Report:
    kind = KINDS[n % 10]
    found: dict[str, Callable[[], list[Finding]]] = {
        "hit": lambda: [a_finding(name)],
        "strong": lambda: [
            a_finding(
                name, strength=Strength.STRONG, indicator="dll-export",
                path=HUNT if n % 20 == 1 else r"C:\Users\jo\export.dat",
            )
        ],
        "weak": lambda: [a_finding(name, strength=Strength.WEAK, indicator="ip")],
    }  # fmt: skip
    gap = {"failed": INTERRUPTED, "incomplete": "access denied"}.get(kind, "")
    report = a_report(name, *found.get(kind, list)(), gap=gap)
    there = {one.source for one in report.coverage}
    report.coverage += [
        Coverage(source=source, required=True, state=State.COMPLETE, examined=1)
        for source in EVERY_LIVE
        if source not in there
    ]
    report.sweep_id = SWEEP
    report.started = report.finished = datetime.now(timezone.utc)
    if kind == "limited":
        report.scope = Scope(whole_host=False, limited_to=["only files"])
    return report


def _name(n: int) -> str:
    return f"{'GUEST' if n % 50 == 6 else 'WS'}-{n:05}"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    folder = tmp_path_factory.mktemp("fleet")
    expected = [name for name in map(_name, range(HOSTS)) if name.startswith("WS")]
    (folder / "names.txt").write_text("\n".join(expected))
    for serve in _serving(folder):
        server = serve()
        made = server.run(
            "sweep", "create", "Whole fleet", "--pack", "cyzfc-2018-11",
            "--expect", str(folder / "names.txt"),
        ).stdout  # fmt: skip
        told = re.search(r"token (\S+)", made)
        assert told is not None

        def send(n: int, token: str = told[1], server: CollectorServer = server) -> None:
            assert server.send(_report(n, _name(n)), token=token).status_code == 201

        reporting = [n for n in range(HOSTS) if KINDS[n % 10] != "silent"]
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(send, reporting))
        _in_store(server.home, _listed)
        _in_store(server.home, _suppress)
        yield Fleet(
            server,
            server.reader_token,
            Counter(_state(n) for n in reporting),
            sum(1 for n in range(HOSTS) if KINDS[n % 10] == "silent" and _name(n) in expected),
            sum(1 for n in reporting if not _name(n).startswith("WS")),
            {_name(n) for n in reporting if KINDS[n % 10] == "weak"},
            sum(1 for n in reporting if n % 20 == 1),
        )


def _in_store(home: Path, work: Callable[[Store], Awaitable[None]]) -> None:
    """Beside the server, as commands do it."""

    async def run() -> None:
        store = await open_store(home, "", join=True)
        try:
            await work(store)
        finally:
            await store.database.close()

    asyncio.run(run())


async def _listed(store: Store) -> None:
    for _ in range(600):
        if not await store.unindexed(1):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the reports were never listed")


async def _suppress(store: Store) -> None:
    await store.suppress(
        SWEEP, "dll-export", None, reason="our own hunt", who="test", part=Part(path=HUNT),
        until=None,
    )  # fmt: skip


def test_the_page_says_how_many_there_are_of_each(fleet: Fleet) -> None:
    page = fleet.get(f"/sweeps/{SWEEP}")
    for state in STATES:
        assert _counter(page, state) == fleet.states[state]
    assert _counter(page, "missing") == fleet.silent
    headline = re.search(r'<h1 class="answer[^>]*>(.*?)</h1>', page, re.DOTALL)
    assert headline is not None
    assert f"Hit on {fleet.states['hit']:,} hosts" in headline[1]
    assert f"{fleet.suppressed:,} findings in all" in page


def _counter(page: str, name: str) -> int:
    found = re.search(rf'id="count-{name}".*?<span class="number">([\d,]+)</span>', page, re.DOTALL)
    assert found is not None, name
    return int(found[1].replace(",", ""))


def test_the_command_says_the_same(fleet: Fleet) -> None:
    listed = fleet.server.run("sweep", "list").stdout
    (line,) = [line for line in listed.splitlines() if line.startswith(SWEEP)]
    told = {
        name: int(count.replace(",", "")) for name, count in re.findall(r"(\w+) ([\d,]+)", line)
    }
    assert {state: told[state] for state in STATES} == {s: fleet.states[s] for s in STATES}
    assert f"not reported {fleet.silent} of " in line
    assert f"suppressed {fleet.suppressed} findings" in line


def test_so_does_what_prometheus_reads(fleet: Fleet) -> None:
    def told() -> dict[tuple[str, str], int]:
        return {
            (sample.name, sample.labels.get("state") or sample.labels.get("mark") or ""): int(
                sample.value
            )
            for family in text_string_to_metric_families(fleet.get("/metrics"))
            for sample in family.samples
            if sample.labels.get("sweep") == SWEEP
        }

    wait_for(lambda: told()["iocsweep_collector_suppressed_findings", ""] == fleet.suppressed)
    now = told()
    for state in STATES:
        assert now["iocsweep_collector_hosts", state] == fleet.states[state]
    assert now["iocsweep_collector_hosts", "not_reported"] == fleet.silent
    assert now["iocsweep_collector_marked_hosts", "unexpected"] == fleet.unexpected


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_so_do_the_exports_host_by_host(fleet: Fleet, form: str) -> None:
    hosts = _rows(fleet, "hosts", form)
    truth = {_name(n): _state(n) for n in range(HOSTS) if KINDS[n % 10] != "silent"}
    assert {str(row["name"]): str(row["state"]) for row in hosts} == truth
    assert {
        str(row["name"]) for row in hosts if row["state"] == "clean" and int(str(row["weak"]))
    } == fleet.weak
    assert Counter(row["sent"] for row in _rows(fleet, "missing", form)) == {
        "nothing": fleet.silent, "limited reports": fleet.states["limited"],
    }  # fmt: skip
    findings = _rows(fleet, "findings", form)
    assert sum(1 for row in findings if row["suppression_id"]) == fleet.suppressed


def _rows(fleet: Fleet, what: str, form: str) -> list[dict[str, object]]:
    text = fleet.get(f"/sweeps/{SWEEP}/export/{what}.{form}")
    if form == "ndjson":
        return [json.loads(line) for line in text.splitlines()]
    return [
        dict(row)
        for row in csv.DictReader(
            line for line in io.StringIO(text.lstrip("\ufeff")) if not line.startswith("#")
        )
    ]
