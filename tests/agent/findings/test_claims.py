"""What a sighting proves goes by what it says of its object, never by who saw it."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from agent.findings import chains
from agent.indicators import ChainRule, Clause, CommandLine, Domain, FileName
from agent.model.objects import Destination, Dns, File, Process
from agent.model.observation import Claim, Observation, Place
from agent.model.report import Strength
from agent.sources.catalog import NAMES
from tests.evidence.packs import campaign, chains_of, found, matcher_of, stated

LINE = r"rundll32.exe C:\Users\jo\AppData\Local\cyzfc.dat, PointFunctionCall"
NOW = datetime(2026, 11, 24, 14, 2, tzinfo=timezone.utc)
ANY = (*NAMES, "event_logs", "prefetch", "a source to come")


def indicators(seen: Observation) -> set[str]:
    return {match.indicator.id for match in campaign().match(seen)}


@pytest.mark.parametrize("claim", [Claim.RUNNING, Claim.RAN])
@pytest.mark.parametrize("source", ANY)
def test_a_command_line_matches_whoever_tells_it(source: str, claim: Claim) -> None:
    process = Process(pid=4312, name="rundll32.exe", command_line=LINE)
    seen = Observation(
        source=source, claim=claim, seen="event", place=Place(text="x"), process=process
    )
    told = {match.indicator.id: match.strength for match in campaign().match(seen)}
    assert told == {
        "cmd-cyzfc-pointfunctioncall": Strength.STRONG,
        "cmd-pointfunctioncall": Strength.WEAK,
        "name-cyzfc-dat": Strength.WEAK,
    }


@pytest.mark.parametrize("source", ANY)
def test_the_process_of_a_connection_is_not_compared_again(source: str) -> None:
    process = Process(pid=4312, name="rundll32.exe", command_line=LINE)
    far = Destination(ip="95.216.59.92", port=443)
    seen = Observation(
        source=source, claim=Claim.CONNECTED, seen="tcp connection", place=Place(text="x"),
        process=process, destination=far,
    )  # fmt: skip
    assert indicators(seen) == {"c2-address"}


def test_the_address_of_a_hosts_file_line_is_nobody_that_was_spoken_to() -> None:
    seen = Observation(
        source="hosts_file", claim=Claim.RESOLVED, seen="hosts file", place=Place(text="hosts, line 1"),
        dns=Dns(question="other.example"), destination=Destination(ip="95.216.59.92"),
    )  # fmt: skip
    assert indicators(seen) == set()


@pytest.mark.parametrize("source", ANY)
def test_where_a_name_was_resolved_is_told_by_the_source(source: str) -> None:
    seen = Observation(
        source=source, claim=Claim.RESOLVED, seen="DNS client's log, event 3008", place=Place(text="x"),
        dns=Dns(question="pandorasong.com"),
    )  # fmt: skip
    (match,) = campaign().match(seen)
    assert (match.strength, match.reason) == (Strength.STRONG, "in the DNS client's log")


@pytest.mark.parametrize("source", ANY)
def test_a_process_that_ran_is_the_head_of_its_finding(source: str) -> None:
    process = Process(pid=4312, name="rundll32.exe", command_line=LINE)
    seen = Observation(
        source=source, claim=Claim.RAN, seen="event", place=Place(text="x"), process=process
    )
    (chain,) = chains_of(campaign().match(seen))
    assert found(chain, NOW)[0].title == "rundll32.exe 4312: command line in event"


RAN = Observation(
    source="event_logs", claim=Claim.RAN, seen="event", place=Place(text="x"),
    process=Process(pid=1, command_line="evil.exe -go"),
)  # fmt: skip
COMMON = stated(Strength.WEAK)
GO = CommandLine(id="go", value="-go", **COMMON)


@pytest.mark.parametrize(
    ("sources", "claims", "holds"),
    [
        ([], [], True),
        ([], [Claim.RAN], True),
        ([], [Claim.RUNNING, Claim.RAN], True),
        ([], [Claim.RUNNING], False),
        (["event_logs"], [Claim.RAN], True),
        (["processes"], [Claim.RAN], False),
        (["event_logs"], [Claim.RUNNING], False),
    ],
)
def test_a_clause_may_ask_for_claims(sources: list[str], claims: list[Claim], holds: bool) -> None:
    clause = Clause(any=["go"], sources=sources, claims=claims)
    rule = ChainRule(id="r", title="t", strength=Strength.STRONG, all=[clause])
    (chain,) = chains.build(matcher_of(GO).match(RAN), [rule])
    assert chain.rules == ([rule] if holds else [])


def test_a_mere_mention_fulfils_a_clause_that_asks_for_it() -> None:
    name = FileName(id="name", value="evil.dat", **COMMON)
    domain = Domain(id="domain", value="evil.example", **COMMON)
    matcher = matcher_of(name, domain)
    seen = Observation(
        source="files", claim=Claim.MENTIONED, seen="content", place=Place(text="x"),
        file=File(path="C:\\x.txt"), hits=tuple(matcher.scan(b"evil.dat")),
    )  # fmt: skip
    for claims, holds in (([], False), ([Claim.MENTIONED], True), ([Claim.EXISTS], False)):
        clause = Clause(any=["name"], claims=claims)
        rule = ChainRule(id="r", title="t", strength=Strength.STRONG, all=[clause])
        (chain,) = chains.build(matcher.match(seen), [rule])
        assert bool(chain.rules) is holds
