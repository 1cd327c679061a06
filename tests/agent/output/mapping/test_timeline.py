"""One line per moment of a thing: for people, for Timesketch, for spreadsheets."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from msgspec import structs

from agent.model.objects import Dll, Dns, File, Process, User
from agent.model.observation import Claim, Moment, MomentOf, Place, moments
from agent.model.report import (
    DRILL,
    Coverage,
    Evidence,
    Finding,
    Reason,
    Report,
    State,
    Strength,
    Verdict,
)
from agent.output.console import render
from agent.output.exports.timesketch import is_timeline, timesketch
from agent.output.mapping.table import COLUMNS, cell, is_table, table
from agent.output.mapping.timeline import rows
from tests.evidence.reports import finding, report

DLL = "C:\\Users\\jo\\AppData\\Local\\cyzfc.dat"
CALL = f"rundll32.exe {DLL}, PointFunctionCall"
DAY = datetime(2018, 11, 14, 15, tzinfo=timezone.utc)


def at(minute: int) -> datetime:
    return DAY + timedelta(minutes=minute)


def sighting(source: str, claim: Claim, seen: str, *times: Moment, **parts: Any) -> Evidence:
    place = parts.pop("place", Place(text=f"{source}'s place"))
    return Evidence(
        source=source, seen=seen, claim=claim, indicator=parts.pop("indicator", "i"),
        strength=Strength.STRONG, place=place, moments=[*times], **parts,
    )  # fmt: skip


RUNDLL32 = Process(pid=4312, name="rundll32.exe", command_line=CALL, user=User(name="CORP\\jo"))


def story() -> Finding:
    """What a host remembers of the campaign, in any order."""
    base = finding(Strength.CONFIRMED, title=f"rundll32.exe has {DLL} loaded")
    return structs.replace(
        base,
        process=RUNDLL32,
        file=None,
        first_seen=at(2),
        last_seen=at(5),
        evidence=[
            sighting("event_logs", Claim.RAN, "event 4688", *moments(ran=at(4))),
            sighting("event_logs", Claim.RAN, "event 4688", *moments(ran=at(4)), indicator="j"),
            sighting("prefetch", Claim.RAN, "prefetch file", *moments(ran=at(5)), dll=Dll(path=DLL)),
            sighting(
                "event_logs", Claim.RESOLVED, "DNS client event 1014", *moments(happened=at(5)),
                dns=Dns(question="pandorasong.com"), place=Place(text="log", path="System.evtx"),
            ),
            sighting(
                "browsers", Claim.DOWNLOADED, "download", *moments(downloaded=at(2)),
                file=File(path="C:\\Users\\jo\\Downloads\\ds7002.zip"),
                place=Place(text="History", owner="jo"),
            ),
            sighting("files", Claim.EXISTS, "file name", file=File(path=DLL)),
        ],
    )  # fmt: skip


def told() -> Report:
    return report(story())


def test_the_timeline_is_in_order_with_source_user_and_claim() -> None:
    seen = [(f"{r.time:%H:%M}", r.words, r.thing, r.by, r.user, r.source) for r in rows(told())]
    assert seen == [
        ("15:02", "downloaded", "C:\\Users\\jo\\Downloads\\ds7002.zip", "", "jo", "browsers"),
        ("15:04", "ran", CALL, "", "CORP\\jo", "event_logs"),
        ("15:05", "resolved", "pandorasong.com", "", "", "event_logs"),
        ("15:05", "loaded", DLL, "rundll32.exe", "CORP\\jo", "prefetch"),
    ]


def test_a_module_that_was_loaded_is_the_thing_and_its_program_who_did_it() -> None:
    """The report has the module once, at the finding; the sighting has a program of its own."""
    own = Process(pid=4312, name="RUNDLL32.EXE", executable="C:\\rundll32.exe")
    seen = sighting("event_logs", Claim.LOADED, "Sysmon event 7", *moments(ran=at(1)), process=own)
    (row,) = rows(report(structs.replace(story(), evidence=[seen], dll=Dll(path=DLL))))
    assert (row.words, row.thing, row.by) == ("loaded", DLL, "RUNDLL32.EXE")


def test_a_program_that_ran_is_told_by_its_command_line_though_it_had_a_module() -> None:
    seen = sighting("event_logs", Claim.RAN, "event 4688", *moments(ran=at(1)))
    (row,) = rows(report(structs.replace(story(), evidence=[seen], dll=Dll(path=DLL))))
    assert (row.words, row.thing, row.by) == ("ran", CALL, "")


def test_a_sighting_of_a_name_does_not_get_the_program_of_another_sighting() -> None:
    (asked,) = [row for row in rows(told()) if row.claim == "resolved"]
    assert (asked.by, asked.user) == ("", "")


def test_who_is_known_by_a_number_alone_is_told_by_the_name_that_another_record_has() -> None:
    sid = "S-1-5-21-7-1104"
    number = sighting(
        "event_logs", Claim.RESOLVED, "DNS client event 3008", *moments(happened=at(6)),
        dns=Dns(question="pandorasong.com"), user=User(id=sid),
    )  # fmt: skip
    plain, whole = (
        sighting("s", Claim.WAS_THERE, "seen", file=File(path=DLL), user=User(name=name, id=sid))
        for name in ("jo", "CORP\\jo")
    )
    for known in ([plain, whole], [whole, plain], [whole]):
        found = structs.replace(story(), evidence=[number, *known], process=None)
        assert [row.user for row in rows(report(found))] == ["CORP\\jo"]
    (row,) = rows(report(structs.replace(story(), evidence=[number], process=None)))
    assert row.user == sid


def test_two_records_of_one_moment_of_which_one_names_the_program_are_two() -> None:
    when = moments(happened=at(5))
    asked = Dns(question="pandorasong.com")
    seen = [
        sighting("event_logs", Claim.RESOLVED, "DNS client event 1014", *when, dns=asked),
        sighting("event_logs", Claim.RESOLVED, "Sysmon event 22", *when, dns=asked, process=RUNDLL32),
    ]  # fmt: skip
    found = structs.replace(story(), evidence=seen, process=None)
    assert [(row.by, row.seen) for row in rows(report(found))] == [
        ("", "DNS client event 1014"), ("rundll32.exe", "Sysmon event 22")
    ]  # fmt: skip


def test_what_two_indicators_matched_at_one_moment_is_one_line() -> None:
    (ran,) = [row for row in rows(told()) if row.seen == "event 4688"]
    assert ran.indicators == ("i", "j")


def test_a_user_whom_another_sighting_names_is_told_by_that_name() -> None:
    sid, other = "S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002"
    made = structs.replace(
        story(),
        process=None,
        evidence=[
            sighting("srum", Claim.RAN, "SRUM", *moments(ran=at(1)), process=Process(
                name="a.exe", user=User(id=sid))),
            sighting("hives", Claim.RAN, "BAM", *moments(ran=at(2)), process=Process(
                name="a.exe", user=User(id=other))),
            sighting("event_logs", Claim.RAN, "event 4688", *moments(ran=at(3)), process=Process(
                name="a.exe", user=User(name="CORP\\jo", id=sid))),
            sighting("browsers", Claim.VISITED, "visit", *moments(visited=at(4)),
                     user=User(name="jo", id=sid)),
        ],
    )  # fmt: skip
    assert [row.user for row in rows(report(made))] == ["CORP\\jo", other, "CORP\\jo", "jo"]


def test_all_eight_runs_of_a_prefetch_file_are_lines() -> None:
    runs = [Moment(time=at(n), of=MomentOf.RAN) for n in range(8)]
    seen = sighting("prefetch", Claim.RAN, "prefetch file", *runs)
    assert len(rows(report(structs.replace(story(), evidence=[seen])))) == 8


def test_times_without_a_zone_are_in_utc() -> None:
    naive = Moment(time=datetime(2018, 11, 14, 15, 3))  # noqa: DTZ001 - the point
    seen = sighting("s", Claim.LOGGED, "x", naive, Moment(time=at(1)))
    found = rows(report(structs.replace(story(), evidence=[seen])))
    assert [row.time for row in found] == [at(1), at(3)]


def lines_of(of: Report) -> list[dict[str, Any]]:
    return [json.loads(line) for line in timesketch(of).splitlines()]


def test_timesketch_gets_what_it_asks_for() -> None:
    lines = lines_of(told())
    assert [line["data_type"] for line in lines] == [*["iocsweep:sighting"] * 4, "iocsweep:sweep"]
    for line in lines:
        when = datetime.fromisoformat(line["datetime"])
        assert when.utcoffset() == timedelta(0)
        assert line["message"]
        assert line["timestamp_desc"]
    first = lines[0]
    assert first["timestamp_desc"] == "Download Time"
    assert first["username"] == "jo"
    assert first["message"] == (
        "C:\\Users\\jo\\Downloads\\ds7002.zip downloaded (jo): download"
    )  # fmt: skip
    assert first["tag"] == ["confirmed"]


def test_a_moment_that_is_older_than_the_window_says_so() -> None:
    old = structs.replace(story(), in_window=False)
    since = structs.replace(report(), since=DAY + timedelta(days=9), findings=[old])
    assert json.loads(timesketch(since).splitlines()[0])["tag"] == ["confirmed", "older"]
    assert json.loads(timesketch(told()).splitlines()[0])["tag"] == ["confirmed"]


def test_a_finding_without_a_time_is_told_at_that_of_the_sweep_and_says_so() -> None:
    seen = sighting("files", Claim.EXISTS, "file name", file=File(path=DLL))
    dateless = structs.replace(story(), id="of its own", evidence=[seen], first_seen=None)
    of = report(story(), dateless)
    (line,) = (line for line in lines_of(of) if line["timestamp_desc"] == "Time of the Sweep")
    assert datetime.fromisoformat(line["datetime"]) == dateless.time
    assert line["message"] == f"{dateless.title}: seen by the sweep, no time of it is known"
    assert (line["finding_id"], line["strength"]) == ("of its own", "confirmed")
    assert (line["source_name"], line["indicators"]) == ("files", ["i"])
    assert {one["finding_id"] for one in lines_of(of)[:-1]} == {story().id, "of its own"}


def test_the_last_line_is_what_the_sweep_answered() -> None:
    gap = Coverage(
        source="files", required=True, state=State.PARTIAL, unread=3,
        reasons=[Reason(reason="access denied", count=3)],
    )  # fmt: skip
    none = structs.replace(report(), findings=[], coverage=[gap], verdict=Verdict.INCOMPLETE)
    (line,) = lines_of(none)
    assert (line["data_type"], line["verdict"]) == ("iocsweep:sweep", "incomplete")
    assert line["tag"] == ["incomplete"]
    assert line["message"].startswith("WS-0421: INCOMPLETE")
    assert "Not covered: files partial (access denied (3 times))" in line["detail"]
    assert datetime.fromisoformat(line["datetime"]) == none.finished
    assert is_timeline(timesketch(none))


def test_a_canary_is_tagged_as_a_drill() -> None:
    canary = structs.replace(story().indicator, pack=DRILL)
    drill = structs.replace(story(), strength=Strength.WEAK, indicator=canary)
    assert [line["tag"] for line in lines_of(report(drill))[:-1]] == [["weak", "drill"]] * 4
    assert "drill" not in timesketch(told()).decode()


def test_a_hostile_name_stays_one_line_of_valid_json() -> None:
    bad = sighting(
        "files", Claim.EXISTS, "file name", Moment(time=at(1)), file=File(path="C:\\a\n\udc80\0=")
    )
    data = timesketch(report(structs.replace(story(), evidence=[bad])))
    line, _ = data.splitlines()
    assert "\\udc80" in json.loads(line.decode("utf-8"))["thing"]


def read(data: bytes) -> list[dict[str, str]]:
    return [*csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))]


def test_the_table_has_findings_and_then_their_moments() -> None:
    lines = read(table(told()))
    assert [line["row"] for line in lines] == ["finding", *["moment"] * 4]
    assert lines[0]["strength"] == "confirmed"
    assert lines[0]["first_seen"] == "2018-11-14T15:02:00Z"
    assert [line["time_utc"][11:16] for line in lines[1:]] == ["15:02", "15:04", "15:05", "15:05"]
    assert {line["finding_id"] for line in lines} == {story().id}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_no_cell_is_a_formula(start: str) -> None:
    hostile = structs.replace(
        story(),
        title=f"{start}HYPERLINK(0)",
        evidence=[
            sighting(
                f"{start}s", Claim.EXISTS, f"{start}x", Moment(time=at(1)),
                file=File(path=f"{start}cmd|' /C calc'!A0"), detail=f"{start}1",
            )
        ],
    )  # fmt: skip
    for line in read(table(report(hostile))):
        for name, value in line.items():
            assert not value.startswith(start), name
    assert str(cell(f"{start}1")).startswith("'")


def test_numbers_and_plain_texts_are_as_they_are() -> None:
    assert (cell(-3), cell("a=b"), cell(None), cell(value=True)) == (-3, "a=b", "", "yes")


@pytest.mark.parametrize("character", ["ü", "\u202e", "\U000e0041"])
def test_excel_knows_it_for_utf_8_and_no_cell_is_too_long_for_it(character: str) -> None:
    """What is invisible takes more room written out; what has none goes into the next row."""
    long = structs.replace(story(), title=character * 40_000)
    data = table(report(long))
    assert data.startswith(b"\xef\xbb\xbf")
    assert max(len(value) for line in read(data) for value in line.values()) <= 32_767
    assert is_table(data)


def test_an_export_is_known_again_and_nothing_else_is_taken_for_one() -> None:
    assert is_timeline(timesketch(told()))
    assert is_table(table(told()))
    assert not is_timeline(timesketch(told()) + b'{"message": "x"}\n')
    assert not is_timeline(b"")
    assert not is_timeline(table(told()))
    assert not is_table(table(told()) + b"iex(1)\r\n")
    assert not is_table(b"a,b\r\n")
    assert len(COLUMNS) == len(set(COLUMNS))


def test_the_console_tells_the_story_in_a_few_lines() -> None:
    text = render(told())
    part = text.split("\nTimeline\n")[1].split("\n\n")[0].split("\n")
    assert part[0] == (
        "  2018-11-14 15:02:00 UTC  downloaded C:\\Users\\jo\\Downloads\\ds7002.zip (jo)   download"
    )
    assert part[1].endswith("(CORP\\jo)   event 4688")
    assert len(part) == 4


def test_who_did_it_is_told_with_what_others_know_of_the_deed() -> None:
    def asked(second: int, name: str, **by: Process) -> Evidence:
        when = DAY + timedelta(seconds=second)
        seen = sighting("event_logs", Claim.RESOLVED, f"event {second}", *moments(happened=when))
        return structs.replace(seen, dns=Dns(question=name), **by)

    other = Process(name="chrome.exe")
    seen = [
        asked(1, "pandorasong.com"),
        asked(2, "PANDORASONG.COM", process=RUNDLL32),
        asked(3, "pandorasong.com", process=other),
        asked(4, "pandorasong.com"),
    ]
    found = structs.replace(story(), evidence=seen, process=None)
    text = render(report(found)).split("\nTimeline\n")[1].split("\n\n")[0]
    assert [line.partition("resolved   ")[2] for line in text.splitlines()] == [
        "pandorasong.com by rundll32.exe (CORP\\jo)   event 1, event 2, event 4",
        "pandorasong.com by chrome.exe   event 3",
    ]


def test_of_a_long_story_what_was_done_stays_before_what_was_written() -> None:
    def seen(minute: int, claim: Claim, **of: datetime) -> Evidence:
        name = f"C:\\{minute}.dat"
        return sighting("files", claim, "file name", *moments(**of), file=File(path=name))

    written = [seen(n, Claim.EXISTS, modified=at(n)) for n in range(30)]
    made = [seen(n, Claim.WAS_THERE, created=at(n)) for n in range(30, 40)]
    done = [seen(n, Claim.DOWNLOADED, downloaded=at(n)) for n in range(40, 50)]
    many = structs.replace(story(), evidence=[*written, *made, *done])
    text = render(report(many)).split("\nTimeline\n")[1].split("\n\n")[0]
    told = [(line.split()[1], line.split()[3]) for line in text.splitlines()[:-1]]
    assert told == [
        *((f"15:{n}:00", "created") for n in (30, 31, 38, 39)),
        *((f"15:{n}:00", "downloaded") for n in range(40, 50)),
    ]
    assert text.splitlines()[-1].startswith("  … 36 more;")


def test_a_long_story_is_cut_in_the_middle_and_says_where_all_of_it_is() -> None:
    runs = [Moment(time=at(n), of=MomentOf.RAN) for n in range(40)]
    many = structs.replace(
        story(), evidence=[sighting("prefetch", Claim.RAN, "prefetch file", *runs)]
    )
    text = render(report(many)).split("\nTimeline\n")[1].split("\n\n")[0]
    assert "… 26 more; --timeline FILE and --csv FILE have all of them" in text
    assert "15:00:00" in text
    assert "15:39:00" in text


def test_one_time_is_no_story_and_weak_findings_tell_none() -> None:
    assert "Timeline" not in render(report(finding()))
    weak = structs.replace(story(), strength=Strength.WEAK)
    assert "Timeline" not in render(report(weak))
