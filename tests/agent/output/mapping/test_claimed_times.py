"""A host's clock may say anything: receivers get a time that they can sort, and the claim beside it."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

import pytest
from msgspec import structs

from agent.model.report import Finding
from agent.output.mapping import cef, splunk
from agent.output.mapping.document import SANE, epoch_ms, stamp
from tests.agent.output.mapping.rich import report_of, rich_finding

YEARS = {1: "1980-01-01T00:00:00Z", 1601: "1980-01-01T00:00:00Z"}
YEARS |= dict.fromkeys((2100, 9999), "2037-12-31T23:59:59Z")


def found_in(year: int) -> tuple[Finding, datetime]:
    time = datetime(year, 7, 1, 12, 30, 0, 250_000, tzinfo=timezone.utc)
    return structs.replace(rich_finding(), time=time, first_seen=time, last_seen=time), time


@pytest.mark.parametrize("year", sorted(YEARS))
def test_the_header_of_syslog_has_a_sane_time_and_says_what_was_claimed(year: int) -> None:
    finding, time = found_in(year)
    message = cef.syslog_message(report_of(finding), finding)
    assert message.split(" ")[1] == YEARS[year]
    assert f' claimedTime="{stamp(time)}"]' in message


@pytest.mark.parametrize("year", sorted(YEARS))
@pytest.mark.parametrize("key", ["rt", "start", "end"])
def test_so_has_each_time_of_cef(key: str, year: int) -> None:
    finding, time = found_in(year)
    line = cef.cef(report_of(finding), finding)
    bound = SANE[year > 2000]
    claimed = {"rt": "Time", "start": "Start", "end": "End"}[key]
    assert re.search(rf" {key}=(\S+)", line)[1] == str(epoch_ms(bound))  # type: ignore[index]
    assert f" iocsweepClaimed{claimed}={stamp(time)} " in line


@pytest.mark.parametrize("year", sorted(YEARS))
def test_so_has_splunk_s_envelope_and_the_event_says_what_was_claimed(year: int) -> None:
    finding, time = found_in(year)
    event = splunk.event(report_of(finding), finding)
    assert event["time"] == SANE[year > 2000].timestamp()
    assert event["event"]["time"] == stamp(time)


def test_a_time_that_any_receiver_takes_is_sent_as_it_is_and_claims_nothing_beside() -> None:
    for time in (*SANE, SANE[0] + timedelta(microseconds=1)):
        finding = structs.replace(rich_finding(), time=time, first_seen=time, last_seen=time)
        message = cef.syslog_message(report_of(finding), finding)
        assert message.split(" ")[1] == stamp(time)
        assert "laimed" not in message
