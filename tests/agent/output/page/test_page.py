"""The page of one report: what it says, that its numbers are the report's, and that it is bounded."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec import structs

from agent.model.codec import decode, encode
from agent.model.objects import Dns
from agent.model.observation import Claim, Place, moments
from agent.model.remembered import Behaviour, Recorded, Remembered
from agent.model.report import (
    OFFLINE,
    Coverage,
    Evidence,
    IndicatorCount,
    Reason,
    Report,
    Scope,
    State,
    Strength,
    Verdict,
)
from agent.output.page import is_made_here, is_page, page, page_of
from agent.output.page.findings import MAX_LINES, MAX_SIGHTINGS, MAX_WHOLE
from agent.output.page.told import MAX_DATA, Told, reports_in
from agent.output.page.words import CLAIMS, DEEDS, MOMENTS, SOURCES, STATES, STRENGTHS
from agent.sources.catalog import NAMES
from tests.evidence.reports import NOW, finding, report

from .reading import Read


def of(told: Report) -> Read:
    return Read(page(told))


def full() -> Report:
    """A hit with a gap, counts of indicators, and one finding of each strength."""
    found = [
        structs.replace(
            finding(strength, title=f"{strength.value} thing"), id=f"id-{strength.value}"
        )
        for strength in Strength
    ]
    whole = report(*found, gap="access denied")
    return structs.replace(
        whole,
        indicators=[
            IndicatorCount(id="i", tested=1_204_331, matched=7),
            IndicatorCount(id="never-met", tested=0, matched=0),
        ],
    )


def test_its_numbers_are_the_reports() -> None:
    told = full()
    read = of(told)
    for strength in Strength:
        count = sum(one.strength is strength for one in told.findings)
        assert read.by_id[f"n-{strength.value}"] == str(count) == "1"
    assert read.by_id["n-sources"] == "0 of 1"
    assert read.by_id["n-indicators"] == "1 of 2"
    rows = {row[0]: row[1:3] for row in read.rows["indicator-counts"][1:]}
    assert rows == {one.id: [f"{one.tested:,}", f"{one.matched:,}"] for one in told.indicators}
    assert "1,204,331 times" in read.by_id["indicators"]
    assert "1 met nothing" in read.by_id["indicators"]


def test_the_report_lies_inside_as_data() -> None:
    told = full()
    read = of(told)
    (inside,) = read.scripts
    assert json.loads(inside) == json.loads(encode(told))
    (again,) = reports_in(page(told))
    assert again.report == told
    assert again.data == encode(told)


def test_its_fingerprint_is_that_of_the_file() -> None:
    told = Told(full(), encode(full()), "WS-0421.json")
    custody = Read(page_of([told])).by_id["custody"]
    assert told.sha256 in custody
    assert "WS-0421.json" in custody


def test_nothing_comes_from_elsewhere_and_nothing_runs() -> None:
    read = of(full())
    kinds = {tag for tag, _ in read.elements}
    assert not kinds & {"link", "img", "iframe", "object", "embed", "form", "base", "a:href"}
    scripts = [given for tag, given in read.elements if tag == "script"]
    assert [given["type"] for given in scripts] == ["application/json"]
    for _, given in read.elements:
        assert not any(name.startswith("on") or name in ("style", "src") for name in given)
        assert given.get("href", "#").startswith("#")
    policy = next(given["content"] for _, given in read.elements if "http-equiv" in given)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script-src" not in policy
    assert "unsafe" not in policy


def test_links_lead_to_parts_that_are_there_each_once() -> None:
    read = of(full())
    assert len(set(read.ids)) == len(read.ids)
    wanted = {given["href"][1:] for _, given in read.elements if "href" in given}
    wanted |= {given["aria-labelledby"] for _, given in read.elements if "aria-labelledby" in given}
    assert wanted
    assert wanted <= set(read.ids)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (report(finding()), "Traces of the campaign were found on WS-0421"),
        (report(), "No trace of the campaign was found on WS-0421"),
        (report(finding(Strength.WEAK)), "No strong trace of the campaign was found on WS-0421"),
        (
            report(gap="access denied"),
            "No trace of the campaign was found on WS-0421, but not all could be looked at",
        ),
        (
            structs.replace(report(), scope=Scope(whole_host=False, limited_to=["C:\\t"])),
            "No trace of the campaign was found on WS-0421 in what was asked about",
        ),
        (
            structs.replace(report(), since=NOW),
            "No trace of the campaign was found on WS-0421 since 2026-11-24",
        ),
    ],
)
def test_the_verdict_in_a_sentence(told: Report, says: str) -> None:
    text = page(told).decode()
    assert f"<h1>{says}</h1>" in text
    assert f"<title>{says}</title>" in text


def test_incomplete_is_never_told_as_clean() -> None:
    read = of(report(gap="access denied"))
    assert "This is not a clean result. 1 of 1 required sources" in read.by_id["worth"]
    gaps = read.by_id["gaps"]
    assert "access denied" in gaps
    assert "give an image of the disk" in gaps
    assert "CLEAN" not in read.text


def test_a_part_of_a_host_says_which() -> None:
    told = structs.replace(report(), scope=Scope(whole_host=False, limited_to=["C:\\t"]))
    assert "a part of the computer alone:C:\\t" in of(told).by_id["worth"]


def test_older_strong_traces_are_told_though_they_do_not_count() -> None:
    old = NOW - timedelta(days=300)
    one = finding()
    one.in_window = False
    one.evidence[0].moments = [*moments(happened=old)]
    told = structs.replace(report(), findings=[one], since=NOW)
    assert told.verdict is Verdict.CLEAN
    read = of(told)
    assert "1 strong or confirmed findings are older" in read.by_id["worth"]
    assert "Judge the older traces" in read.by_id["next"]
    assert "No strong trace" in read.text
    assert "no: older than" in read.by_id["finding-1"]


def test_a_finding_has_its_chain_and_whom_it_talked_to() -> None:
    one = finding()
    one.evidence.append(
        Evidence(
            source="dns_cache", seen="name in cache", claim=Claim.RESOLVED, indicator="i",
            strength=Strength.STRONG, place=Place(text="cache"), dns=Dns(question="pandorasong.com"),
        )
    )  # fmt: skip
    card = of(report(one)).by_id["finding-1"]
    chain = card[card.index("The chain") : card.index("Sightings")]
    parts = ["powershell.exe 4120", "rundll32.exe 4312", "cyzfc.dat", "pandorasong.com"]
    places = [chain.index(part) for part in parts]
    assert places == sorted(places)
    assert "rundll32 x,y" in chain
    assert "Names just looked up" in card


def test_excluded_findings_stand_apart_with_their_rule() -> None:
    read = of(report(finding(Strength.EXCLUDED)))
    assert "Known to be harmless" in read.by_id["findings"]
    assert "a-rule" in read.by_id["findings"]
    assert "finding-1" not in read.ids


def test_how_far_back_the_host_remembers() -> None:
    memory = Remembered(
        behaviour=Behaviour.RAN,
        state=Recorded.RECORDED,
        since=NOW,
        source="prefetch",
        part="Prefetch",
    )
    read = of(structs.replace(report(), remembered=[memory]))
    assert "A program that ranin Prefetch since 2026-11-24" in read.by_id["worth"]


def test_of_more_than_there_is_room_for_the_number_is_told() -> None:
    many = [
        structs.replace(finding(evidence=40), id=f"id-{at}", title=f"thing {at}")
        for at in range(1500)
    ]
    few = page(report(*many[: MAX_WHOLE + MAX_LINES]))
    more = page(report(*many))
    bare = len(more) - sum(map(len, Read(more).scripts))
    assert f"… and {1500 - MAX_WHOLE - MAX_LINES} more findings in the data." in Read(more).text
    assert bare < len(few) - sum(map(len, Read(few).scripts)) + 1000
    assert f"and {40 - MAX_SIGHTINGS} more sightings in the data." in Read(more).by_id["finding-1"]


def test_a_report_too_large_to_lie_inside_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.output.page.MAX_DATA", 100)
    data = page(report())
    assert Read(data).scripts == []
    assert "too large to be in this page" in Read(data).by_id["custody"]
    assert MAX_DATA > 10 << 20


def test_pages_are_known_again_and_others_are_not() -> None:
    made = page(full())
    assert is_page(made)
    assert is_made_here(made)
    for other in (
        made.replace(b"CORP", b"EVIL", 1),
        made.replace(b"</main>", b"<script>alert(1)</script></main>"),
        made.replace(b"</style>", b"</style><!-- more -->"),
    ):
        assert other != made
        assert not is_made_here(other)
    assert not is_page(b"<!DOCTYPE html>\n<html></html>\n")
    assert not is_page(made.replace(b'"verdict"', b'"verdikt"'))


def test_the_same_report_gives_the_same_page() -> None:
    assert page(full()) == page(decode(encode(full())))


def test_every_word_of_the_model_has_one_for_people() -> None:
    from agent.model.observation import MomentOf

    assert set(NAMES) == set(SOURCES)
    assert max(len(one.title) for one in SOURCES.values()) <= 27
    for words, kinds in (
        (STRENGTHS, Strength), (STATES, State), (CLAIMS, Claim), (MOMENTS, MomentOf), (DEEDS, Behaviour),
    ):  # fmt: skip
        assert set(words) == set(kinds)


def test_a_source_that_nobody_knows_is_told_by_its_name() -> None:
    told = report()
    told.coverage.append(
        Coverage(
            source="from_the_future",
            required=False,
            state=State.PARTIAL,
            reasons=[Reason(reason="why")],
        )
    )
    assert "from_the_future" in of(told).by_id["gaps"]


def test_times_without_a_calendar_and_without_a_zone_are_no_end_of_it() -> None:
    times: list[Any] = [
        datetime(1, 1, 1, tzinfo=timezone.utc),
        datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(timedelta(hours=-14))),
        datetime(2026, 11, 24),  # noqa: DTZ001 - that is what it is about
    ]
    one = finding(evidence=3)
    for seen, time in zip(one.evidence, times, strict=True):
        seen.moments = [*moments(happened=time, created=time)]
    assert "finding-1" in of(report(one)).ids


def test_what_only_a_running_computer_tells_is_not_said_to_be_left_out() -> None:
    told = report()
    for name, why in (("processes", OFFLINE), ("browsers", "left out by the operator")):
        skipped = Coverage(
            source=name, required=False, state=State.SKIPPED, reasons=[Reason(reason=why)]
        )
        told.coverage.append(skipped)
    text = " ".join(of(told).text.split())
    by_itself = "Not to be had from such evidence: Running programs"
    assert f"{by_itself} (offline)." in text
    assert (
        f"Left out by whoever started the check: {SOURCES['browsers'].title} (left out by the operator)."
        in text
    )
    assert text.count("nothing runs in evidence at rest") == 1
    assert text.count(STATES[State.SKIPPED]) == 2  # Of the browsers, and what the words mean.
