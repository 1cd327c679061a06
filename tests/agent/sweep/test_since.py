"""``--since`` limits what the verdict is about, never what is searched."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path

import jsonschema
import pytest
from msgspec import structs

from agent import cli
from agent.model.codec import ReportError, decode, encode
from agent.model.objects import Process
from agent.model.observation import Claim, Moment, MomentOf, Place, moments, telling
from agent.model.report import Evidence, Finding, Report, Strength, Verdict
from agent.model.window import is_before
from agent.output.console import render
from agent.output.schema import report_schema
from agent.output.summary import summary_line
from agent.sources.artefact_source import ArtefactSource
from agent.sources.logs.event_logs import EventLogs
from agent.sweep.journal import Journal
from agent.sweep.recovery import recover
from tests.evidence.hives import hive
from tests.evidence.logged_events import audited_process
from tests.evidence.logs import event_log
from tests.evidence.memories import SECURITY
from tests.evidence.reports import NOW, finding, report
from tests.evidence.sweeping import commanded, reported
from tests.evidence.windows_folder import as_folder, every_windows, windows

SINCE = NOW - timedelta(days=10)
LONG_AGO = NOW - timedelta(days=40)


def seen_last(time: datetime | None, strength: Strength = Strength.STRONG) -> Finding:
    found = structs.replace(finding(strength), last_seen=time)
    found.evidence[0].moments = [*moments(happened=time)]
    return found


def outside() -> Finding:
    return structs.replace(seen_last(LONG_AGO), in_window=False)


def limited(*findings: Finding, gap: str = "") -> Report:
    made = report(gap=gap)
    return structs.replace(made, since=SINCE, findings=list(findings))


def test_the_last_time_of_a_finding_decides() -> None:
    assert is_before(seen_last(LONG_AGO), SINCE)
    assert not is_before(seen_last(SINCE), SINCE)
    assert not is_before(seen_last(None), SINCE)
    assert not is_before(seen_last(LONG_AGO), None)


@pytest.mark.parametrize("of", MomentOf)
def test_any_time_within_but_a_last_access_counts(of: MomentOf) -> None:
    """A copy keeps no time of creation: when it was written is all there is."""
    old = structs.replace(seen_last(LONG_AGO), evidence=finding().evidence)
    old.evidence[0].moments = [Moment(time=LONG_AGO), Moment(time=NOW, of=of)]
    assert is_before(old, SINCE) is (of is MomentOf.ACCESSED)


@pytest.mark.parametrize("year", [1601, 1970, 1980])
def test_a_time_that_was_never_set_is_none(year: int) -> None:
    """Members of archives have 1980 for none, zeros are 1601 or 1970."""
    never = datetime(year, 1, 1, 0, 0, 1, tzinfo=timezone.utc)
    assert not is_before(structs.replace(seen_last(never), last_seen=None), SINCE)
    both = seen_last(LONG_AGO)
    both.evidence[0].moments += [*moments(modified=never)]
    assert is_before(both, SINCE)
    assert telling(moments(created=never, ran=LONG_AGO)) == [LONG_AGO]
    assert telling(moments(created=never, modified=LONG_AGO)) == [LONG_AGO]


def test_a_sighting_that_the_report_has_no_room_for_counts_too() -> None:
    old = structs.replace(seen_last(LONG_AGO), evidence=[])
    assert is_before(old, SINCE)
    assert not is_before(old, SINCE, finding().evidence)


@pytest.mark.parametrize(
    ("claim", "place", "goes_on"),
    [
        (Claim.RUNNING, Place(text="rundll32.exe 4312"), True),
        (Claim.LOADED, Place(text="C:\\x.dat", path="C:\\x.dat"), True),
        (Claim.CONNECTED, Place(text="95.216.59.92:443"), True),
        (Claim.RESOLVED, Place(text="DNS cache"), True),
        (Claim.RESOLVED, Place(text="hosts", path="C:\\hosts"), False),
        (Claim.LOADED, Place(text="log, record 4", path="log", record="4"), False),
        (Claim.RAN, Place(text="a prefetch file"), False),
        (Claim.EXISTS, Place(text="C:\\x.dat"), False),
    ],
)
def test_what_goes_on_as_the_sweep_looks_is_never_older(
    claim: Claim, place: Place, goes_on: bool
) -> None:
    seen = Evidence(
        source="s", seen="x", claim=claim, indicator="i", strength=Strength.STRONG, place=place,
        moments=[*moments(ran=LONG_AGO)], process=Process(pid=4312),
    )  # fmt: skip
    old = structs.replace(seen_last(LONG_AGO), evidence=[seen])
    assert is_before(old, SINCE) is not goes_on


def test_a_strong_trace_outside_the_window_is_no_hit_and_never_plain_clean() -> None:
    told = limited(outside())
    assert told.verdict is Verdict.CLEAN
    first, last = (render(told).split("\n")[n] for n in (4, -1))
    assert "CLEAN since 2026-11-14, nothing left unlooked at; 1 STRONG TRACE IS OLDER" in first
    assert first == last
    assert "older than what the verdict is about" in render(told)
    assert "judge the older traces above" in render(told)
    line = json.loads(summary_line(told))
    assert (line["verdict"], line["older"], line["since"][:10]) == ("clean", 1, "2026-11-14")


def test_a_gap_stays_a_gap_and_says_what_is_older() -> None:
    told = render(limited(outside(), outside(), gap="locked"))
    assert "INCOMPLETE, no trace since 2026-11-14 found in what could be seen" in told
    assert "2 STRONG TRACES ARE OLDER" in told


def test_a_trace_inside_the_window_is_a_hit() -> None:
    made = report(seen_last(NOW))
    assert structs.replace(made, since=SINCE).verdict is Verdict.HIT


def test_no_decoder_takes_a_finding_that_is_left_out_without_a_reason() -> None:
    good = limited(outside())
    assert decode(encode(good)) == good
    for wrong in (
        {"since": None},
        {"findings": [structs.replace(outside(), last_seen=None, evidence=[])]},
        {"findings": [structs.replace(outside(), last_seen=NOW)]},
    ):
        data = json.loads(encode(good))
        data.update(json.loads(json.dumps(_plain(wrong))))
        with pytest.raises(ReportError, match="left out of the verdict"):
            decode(json.dumps(data).encode())


def _plain(value: object) -> object:
    import msgspec

    return msgspec.to_builtins(value)


def test_the_schema_knows_the_window_too() -> None:
    check = jsonschema.Draft202012Validator(report_schema())
    data = json.loads(encode(limited(outside())))
    assert not [*check.iter_errors(data)]
    data["findings"][0].pop("in_window")
    assert [*check.iter_errors(data)]


def host(tmp_path: Path, *times: datetime) -> Path:
    log = event_log([audited_process(time=time) for time in times])
    whole = {path: data for path, data in windows({SECURITY: log}).items() if data[:3] != b"MAM"}
    files = {path: data if data[:3] != b"of " else hive({}) for path, data in whole.items()}
    files = {**every_windows(), **files}
    return as_folder(tmp_path / "c", files)


def test_the_window_limits_the_verdict_and_not_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    now = datetime.now(timezone.utc)
    folder = host(tmp_path, now - timedelta(days=30))
    code, told = commanded(tmp_path, "offline", str(folder), "--since", "10d", "--quiet")
    assert (code, told.verdict) == (0, Verdict.CLEAN)
    assert [one.in_window for one in told.older] == [False]
    assert told.since is not None
    assert abs(told.started - told.since - timedelta(days=10)) < timedelta(seconds=1)


def test_the_report_of_a_killed_sweep_keeps_its_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    folder = host(tmp_path, datetime.now(timezone.utc) - timedelta(days=30))
    out = tmp_path / "out"
    out.mkdir()
    with monkeypatch.context() as context:

        def end(journal: Journal, *_: object) -> Path:
            journal.close()
            raise OSError("killed")

        context.setattr(Journal, "finish", end)
        cli.main(["offline", str(folder), "--since", "10d", "--quiet", "--out", str(out)])
    (journal,) = out.glob("*.partial.jsonl")
    told = recover(journal)
    assert told.since is not None
    assert told.verdict is Verdict.INCOMPLETE
    assert told.older


def test_a_time_longer_than_there_is_a_calendar_limits_nothing(tmp_path: Path) -> None:
    folder = host(tmp_path, datetime.now(timezone.utc) - timedelta(days=30))
    told = reported(folder, ArtefactSource(EventLogs()), since_s=1e15)
    assert told.since is None
    assert told.verdict is Verdict.HIT
