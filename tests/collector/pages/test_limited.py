"""What made a host clean that was never swept as asked: by reports of the real agent, on the pages.

Each of them was made by the agent's own command line; where time or another's hand is needed, only
that is changed in it.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from agent import cli
from agent.model.codec import decode, encode
from agent.model.report import Coverage, Report, State, Verdict
from collector.intake import Arrival, check
from collector.judging import usual_demand
from collector.records import HostRow, Sweep
from collector.store.store import HostFilter, now_ms
from collector.verifying import verify
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import a_report
from tests.collector.pages.shown import heading
from tests.collector.pages.test_report import text_of

SWEEP = "asked"
SWEPT = f"/sweeps/{SWEEP}"
PACK = "cyzfc-2018-11"
Agent = Callable[..., Report]


@pytest.fixture
def started() -> int:
    """When the sweep was made, in milliseconds."""
    return now_ms()


@pytest.fixture
def asking(empty: Pages, started: int) -> Pages:
    """A sweep that asks for the built-in pack on whole running hosts, from now on."""
    demand = structs.replace(usual_demand(SWEEP, started), pack=PACK, pack_version="2026.11.24")
    sweep = Sweep(sweep_id=SWEEP, title="", pack="", created=started, deadline=None, demand=demand)
    empty.run(empty.store.create_sweep, sweep, who="test")
    empty.log_in(empty.run(empty.store.create_token, "reader", who="test"))
    return empty


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    """Runs it on a folder, which is evidence at rest or what limits a live sweep."""

    def run(kind: str, *options: str, folder: str = "WS-0007") -> Report:
        evidence = tmp_path / folder
        (evidence / "Users" / "jo").mkdir(parents=True, exist_ok=True)
        (evidence / "Users" / "jo" / "notes.txt").write_text("nothing")
        out = tmp_path / "report.json"
        code = cli.main(
            [
                kind,
                *options,
                str(evidence),
                "--out",
                str(out),
                "--force",
                "--no-delivery",
                "--quiet",
            ]
        )
        assert code == 0
        report = decode(out.read_bytes())
        assert report.verdict is Verdict.CLEAN
        return report

    return run


def send(pages: Pages, report: Report, source: str = "10.4.1.21") -> HostRow:
    """Through the intake; gives the host as it is listed then."""
    made = check(
        Arrival(
            report_id=report.report_id, sweep_id=SWEEP, body=gzip.compress(encode(report)),
            encoding="gzip", content_type="application/json", source=source, received=now_ms(),
        )
    )  # fmt: skip
    assert pages.run(pages.store.put, made) == "new"
    pages.later(3000)  # counters are two seconds old at most
    host = pages.run(pages.store.host, SWEEP, made.host_key)
    assert host is not None
    return host


def as_asked(report: Report, name: str = "WS-0007", **changed: Any) -> Report:
    """The seed's whole running host, with this report's agent, packs and times."""
    made = a_report(name, gap=changed.pop("gap", ""))
    for field in ("agent", "packs", "started", "finished"):
        setattr(made, field, getattr(report, field))
    made.sweep_id = None
    made.coverage += [
        Coverage(source=one, required=True, state=State.COMPLETE, examined=1)
        for one in ("modules", "connections")
    ]
    for field, value in changed.items():
        setattr(made, field, value)
    return made


def is_limited(pages: Pages, host: HostRow, *why: str) -> None:
    """In every list and on its page, which say in what."""
    assert host.state == "limited"
    (listed,) = pages.run(pages.store.hosts, SWEEP, HostFilter(state="limited"))
    assert listed == host
    overview, hosts = pages.text(SWEPT), text_of(pages.text(f"{SWEPT}/hosts?state=limited"))
    assert heading(overview) == "No hit so far"
    counters = pages.counters(SWEEP)
    assert (counters["limited"], counters["clean"]) == ("1", "0")
    for words in why:
        assert words in text_of(overview)
        assert words in hosts
        assert words in text_of(pages.text(f"/reports/{host.report_id}"))
    assert pages.run(_flaws, pages) == []


async def _flaws(pages: Pages) -> list[str]:
    return [line async for line, problem in verify(pages.store) if problem]


def test_what_was_asked_for_is_clean(asking: Pages, agent: Agent) -> None:
    host = send(asking, as_asked(agent("offline")))
    assert (host.state, host.limits) == ("clean", ())
    assert heading(asking.text(SWEPT)) == "Clean: 1 host reported, no gap"
    asked = text_of(asking.text(SWEPT))
    assert f"Pack {PACK}, 2026.11.24 or later" in asked
    assert "Sources processes, modules, connections, files" in asked


def test_a_folder_closes_no_gap_of_an_incomplete_sweep(asking: Pages, agent: Agent) -> None:
    part = agent("live", "--only", "files")
    before = part.finished - timedelta(milliseconds=1)
    gap = as_asked(part, gap="protected by Windows (PPL)", finished=before)
    first = send(asking, gap)
    assert first.state == "incomplete"
    part.host = gap.host
    host = send(asking, part)
    assert (host.state, host.limits, host.reports) == ("incomplete", (), 2)
    shown = text_of(asking.text(f"{SWEPT}/hosts/id-ws-0007%7Cws-0007"))
    assert "not what was asked for: scope: paths" in shown
    assert "only files (asked for: the whole host)" in shown
    assert (
        "A report that is clean came after one with a hit or a gap, from the same address" in shown
    )


def test_a_part_of_a_host_alone_is_limited(asking: Pages, agent: Agent) -> None:
    host = send(asking, agent("live", "--only", "files"))
    is_limited(asking, host, "only files (asked for: the whole host)", "sources: only files")


def test_a_report_of_another_sweep_two_months_ago_is_limited(asking: Pages, agent: Agent) -> None:
    old = as_asked(agent("offline", "--sweep-id", "september"))
    old.sweep_id = "september"
    old.started -= timedelta(days=60)
    old.finished -= timedelta(days=60)
    is_limited(
        asking, send(asking, old),
        f"age: {old.started:%Y-%m-%d %H:%M} UTC", "sweep id: september (asked for: asked or none)",
    )  # fmt: skip


def test_another_campaign_s_pack_is_limited(asking: Pages, agent: Agent, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text(
        "pack: iocsweep.pack/1\nid: other-2026\nversion: '3'\ntitle: Other\n"
        "references: {S1: x}\nindicators:\n"
        "  - {id: a, type: file_name, value: other.dat, strength: strong, reference: [S1], status: SRC}\n"
    )
    host = send(asking, as_asked(agent("offline", "--only-pack", str(other))))
    is_limited(asking, host, f"pack: other-2026 3 (asked for: {PACK})")


@pytest.mark.parametrize("count", [None, 0])
def test_no_pack_or_one_of_no_indicators_is_limited(
    asking: Pages, agent: Agent, count: int | None
) -> None:
    report = as_asked(agent("offline"))
    if count is None:
        report.packs = []
        why = f"pack: none (asked for: {PACK})"
    else:
        report.packs[0].indicators = 0
        why = f"(0 indicators) (asked for: {PACK})"
    is_limited(asking, send(asking, report), why)


def test_a_folder_named_like_an_expected_host_does_not_stand_for_it(
    asking: Pages, agent: Agent
) -> None:
    asking.run(asking.store.expect, SWEEP, ["WS-0007"], who="test")
    host = send(asking, agent("offline"))
    assert host.name == "WS-0007"
    is_limited(asking, host, "kind: folder (asked for: live)")
    owing = asking.text(f"{SWEPT}/missing?owing=1")
    assert heading(owing) == "1 expected host has sent something else than was asked for"
    assert "<li>WS-0007</li>" in owing
    assert "limited reports" in asking.text(f"{SWEPT}/export/missing.csv")
    send(asking, as_asked(agent("offline")))
    assert asking.counters(SWEEP)["clean"] == "1", "the host itself"
    assert "<li>WS-0007</li>" not in asking.text(f"{SWEPT}/missing?owing=1")


def test_one_invented_source_is_limited(asking: Pages, agent: Agent) -> None:
    report = as_asked(agent("offline"))
    report.coverage = [
        Coverage(source="crystal_ball", required=True, state=State.COMPLETE, examined=1)
    ]
    is_limited(
        asking, send(asking, report),
        "sources: only crystal_ball (asked for: processes, modules, connections, files)",
    )  # fmt: skip


def test_a_hit_of_a_report_that_was_not_asked_for_counts_at_once(
    asking: Pages, agent: Agent, tmp_path: Path
) -> None:
    place = tmp_path / "WS-0007" / "Users" / "jo" / "AppData" / "Local"
    place.mkdir(parents=True)
    (place / "cyzfc.dat").write_bytes(b"x")
    out = tmp_path / "hit.json"
    assert cli.main(["offline", str(tmp_path / "WS-0007"), "--out", str(out), "--no-delivery"]) == 1
    host = send(asking, decode(out.read_bytes()))
    assert host.state == "hit"
    assert heading(asking.text(SWEPT)) == "Hit on 1 host, new and owned by nobody"
    shown = text_of(asking.text(f"{SWEPT}/hosts?state=hit"))
    assert "by a report that was not asked for: sources: only files" in shown


def test_a_first_sender_for_a_silent_host_shows_for_whom_else_it_sends(
    asking: Pages, agent: Agent
) -> None:
    asking.run(asking.store.expect, SWEEP, ["PC-1", "PC-2", "PC-3"], who="test")
    report = agent("offline")
    for name, source in (("PC-1", "10.9.9.9"), ("PC-2", "10.9.9.9"), ("PC-3", "10.1.1.1")):
        made = as_asked(report, name)
        made.report_id = made.report_id[:-1] + name[-1]
        assert send(asking, made, source).state == "clean"
    overview, hosts = text_of(asking.text(SWEPT)), asking.text(f"{SWEPT}/hosts")
    assert "10.9.9.9 for 2 hosts" in overview
    assert hosts.count("for 2 hosts") == 2
    assert f'href="{SWEPT}/hosts?sender=10.9.9.9"' in hosts
    one = text_of(asking.text(f"{SWEPT}/hosts/id-pc-1%7Cpc-1"))
    assert "from 10.9.9.9, which is the only sender of 1 other host too" in one
    assert "from 10.1.1.1, of no other host" in text_of(
        asking.text(f"{SWEPT}/hosts/id-pc-3%7Cpc-3")
    )
    listed = text_of(asking.text(f"{SWEPT}/hosts?sender=10.9.9.9"))
    assert "PC-2" in listed
    assert "PC-3" not in listed
    assert asking.counters(SWEEP)["clean"] == "3", "an office with one address is normal"


def test_a_false_clean_hides_no_hit_and_is_told(asking: Pages, agent: Agent) -> None:
    report = agent("offline")
    send(asking, as_asked(report, gap="rights"))
    host = send(asking, as_asked(report, finished=report.finished + timedelta(milliseconds=1)))
    assert host.state == "clean"
    assert "1 host after a hit or a gap" in text_of(asking.text(SWEPT))
    listed = text_of(asking.text(f"{SWEPT}/hosts?turned=1"))
    assert "clean after a hit or gap" in listed


def test_a_sweep_without_a_pack_has_no_clean_host_and_proposes_one(
    empty: Pages, agent: Agent, started: int
) -> None:
    sweep = Sweep(
        sweep_id=SWEEP, title="", pack="", created=started, deadline=None,
        demand=usual_demand(SWEEP, started),
    )  # fmt: skip
    empty.run(empty.store.create_sweep, sweep, who="test")
    empty.log_in(empty.run(empty.store.create_token, "reader", who="test"))
    report = as_asked(agent("offline"))
    is_limited(empty, send(empty, report), "(asked for: no pack was asked for)")
    shown = text_of(empty.text(SWEPT))
    assert "Pack none is pinned, so no host counts as clean" in shown
    version = report.packs[0].version
    assert f"Proposed, by the first report: {PACK}, {version} or later" in shown
    assert f"sweep edit {SWEEP} --accept-pack" in shown
    empty.run(empty.store.accept_proposal, SWEEP, who="ann")
    assert "not all reports are judged by it yet" in text_of(empty.text(SWEPT))


def test_an_older_collector_s_sweep_says_that_nothing_was_pinned(pages: Pages) -> None:
    shown = text_of(pages.text("/sweeps/cyzfc-2026"))
    assert "Clean is by whatever pack each report names" in shown
    assert pages.counters()["clean"] == "5"
