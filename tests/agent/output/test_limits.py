"""What an answer is worth is said where it is read: notes, gaps, and how far back each log goes."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

import agent
from agent.coverage import Ledger
from agent.model.report import MAX_PARTS, Coverage, CoveragePart, Reach, Reason, Report, State
from agent.output.console import render
from agent.output.limits import MOST_NOTES, ROUTINE
from tests.evidence.logged_events import sysmon_process
from tests.evidence.logs import event_log
from tests.evidence.memories import SYSMON, without_broken
from tests.evidence.reports import report
from tests.evidence.sweeping import commanded
from tests.evidence.windows_folder import as_folder

LOGS = "C:\\Windows\\System32\\winevt\\Logs"
BY_RECORD = "refused by its path, read by its record: what was written last may be missing"
OLD = datetime(2019, 3, 1, 8, 30, 5, tzinfo=timezone.utc)
YOUNG = datetime(2026, 11, 23, 17, 0, 9, tzinfo=timezone.utc)


def clean(**changed: Any) -> Report:
    """A clean host, with this in the account of its event logs."""
    made = report()
    logs = Coverage(source="event_logs", required=True, state=State.COMPLETE, examined=9)
    made.coverage.append(structs.replace(logs, **changed))
    return made


def notes_of(made: Report, width: int = 200) -> list[str]:
    block = render(made, width=width).partition("\nNotes\n")[2].partition("\n\n")[0]
    return [line.strip() for line in block.splitlines()]


def part(name: str, oldest: datetime | None) -> CoveragePart:
    return CoveragePart(name=f"{LOGS}\\{name}", reach=Reach(oldest=oldest))


def test_a_clean_answer_says_what_may_be_missing_all_the_same() -> None:
    made = clean(notes=[Reason(reason=BY_RECORD, count=3)])
    made.coverage.append(
        Coverage(
            source="memory", required=True, state=State.COMPLETE,
            notes=[Reason(reason="not a likely host: memory not read", count=143)],
        )
    )  # fmt: skip
    assert notes_of(made) == [
        f"event_logs   3 {BY_RECORD}",
        "memory       143 not a likely host: memory not read",
    ]


def test_a_note_on_one_thing_names_it() -> None:
    why = "no registry hive; its bytes were searched"
    made = clean(notes=[Reason(reason=why, samples=["C:\\Users\\jo\\NTUSER.DAT"])])
    assert notes_of(made) == [f"event_logs   {why} (C:\\Users\\jo\\NTUSER.DAT)"]


def test_of_many_notes_the_rarest_are_told_and_the_others_counted() -> None:
    many = [Reason(reason=f"note {n}", count=n) for n in range(9, 1, -1)]
    (line,) = notes_of(clean(notes=many))
    assert (
        line
        == f"event_logs   2 note 2; 3 note 3; 4 note 4; … and {8 - MOST_NOTES} more in the report"
    )


def test_what_several_sources_say_alike_is_one_line() -> None:
    none = [Reason(reason="none on this host")]
    made = clean(notes=none)
    made.coverage.append(
        Coverage(source="prefetch", required=True, state=State.COMPLETE, notes=none)
    )
    assert notes_of(made) == ["event_logs, prefetch none on this host"]


def test_many_sources_that_say_the_same_stand_behind_it() -> None:
    made = clean()
    note = [Reason(reason="none on this host", count=1)]
    made.coverage += [
        Coverage(source=f"a_long_name_{n}", required=True, state=State.COMPLETE, notes=note)
        for n in range(9)
    ]
    first, *_ = notes_of(made, width=80)
    assert first.startswith("9 sources    none on this host: a_long_name_0, a_long_name_1,")


def test_what_several_sources_lack_alike_is_one_line() -> None:
    made = report(gap="no such folder")
    gap = Coverage(
        source="browsers", required=True, state=State.PARTIAL, unread=1,
        reasons=[Reason(reason="disk failed", count=1, samples=["C:"])],
    )  # fmt: skip
    made.coverage += [gap, structs.replace(gap, source="srum")]
    text = render(made, width=120)
    assert "  2 sources    partial: disk failed   e.g. C:   in browsers, srum\n" in text
    assert text.count("disk failed") == 1


def test_there_are_no_notes_where_nothing_can_be_missing() -> None:
    made = clean(notes=[Reason(reason=words) for words in ROUTINE])
    assert "Notes" not in render(made)


def test_what_is_routine_is_still_said_by_some_source() -> None:
    """Another wording would be a note again, on every host."""
    code = "".join(
        path.read_text(encoding="utf-8")
        for room in ("sources", "reading")
        for path in (Path(agent.__file__).parent / room).rglob("*.py")
    )
    assert {words for words in ROUTINE if f'"{words}"' not in code} == set()


def test_a_note_cannot_act_on_the_terminal() -> None:
    made = clean(notes=[Reason(reason="odd", samples=["a\x1b[2J\u202e"])])
    assert notes_of(made) == ["event_logs   odd (a\\x1b[2J\\u202e)"]


def test_each_log_that_would_hold_the_deed_says_how_far_back_it_goes_the_shortest_first() -> None:
    made = clean(
        reach=Reach(oldest=OLD),
        parts=[
            part("Security.evtx", OLD),
            part("Microsoft-Windows-Sysmon%4Operational.evtx", YOUNG),
            part("Application.evtx", YOUNG + timedelta(days=1)),
        ],
    )
    assert (
        "reach: Sysmon log back to 2026-11-23 17:00:09 UTC"
        "   Security log back to 2019-03-01 08:30:05 UTC\n"
    ) in render(made)
    assert "event_logs back to" not in render(made)


def test_of_two_logs_of_one_name_the_shorter_reach_is_told() -> None:
    parts = [part("Security.evtx", OLD), part("old\\Security.evtx", YOUNG)]
    text = render(clean(reach=Reach(oldest=OLD), parts=parts))
    assert "reach: Security log back to 2026-11-23 17:00:09 UTC\n" in text


def test_a_source_without_such_parts_tells_its_own_reach() -> None:
    text = render(clean(reach=Reach(oldest=OLD), parts=[part("Application.evtx", OLD)]))
    assert "reach: event_logs back to 2019-03-01 08:30:05 UTC\n" in text


def test_what_is_emptied_has_no_reach_that_a_reader_could_rest_on() -> None:
    made = clean(reach=Reach(oldest=OLD))
    for name in ("recycle_bin", "error_reports"):
        made.coverage[-1].source = name
        assert "reach:" not in render(made)


def test_a_part_that_tells_is_in_the_account_however_little_it_holds() -> None:
    ledger = Ledger("event_logs", required=True)
    little = ledger.part("Sysmon")
    little.tells = True
    little.examined()
    for number in range(MAX_PARTS + 6):
        ledger.part(f"log {number}").examined(100 + number)
    parts = ledger.close().parts
    assert len(parts) == MAX_PARTS
    assert [one.name for one in parts[-2:]] == ["Sysmon", "8 more"]


def test_a_young_log_is_told_of_a_host_with_many(tmp_path: Path) -> None:
    logs = {f"{LOGS}\\{n:03}.evtx": event_log([sysmon_process()] * 2) for n in range(MAX_PARTS + 6)}
    host = without_broken({SYSMON: event_log([sysmon_process()]), **logs})
    as_folder(tmp_path / "host", host)
    _, made = commanded(tmp_path / "report", "offline", str(tmp_path / "host"), "--no-delivery")
    assert "reach: Sysmon log back to 2018-11-14 18:03" in render(made)


@pytest.mark.parametrize(("unread", "said"), [(1, "(1 gap)"), (2, "(2 gaps)")])
def test_a_log_that_was_not_read_is_not_counted_among_records(unread: int, said: str) -> None:
    made = clean(examined=3, unread=unread)
    assert f"event_logs 3 {said}\n" in render(made)


def test_a_source_is_not_named_twice() -> None:
    made = report(gap="files: Windows error 66")
    made.coverage[1].reasons = [Reason(reason="pipes: not here")]
    made.coverage[0].notes = [Reason(reason="files: odd"), Reason(reason="processes: odd")]
    text = render(made)
    assert "files        partial: 3 Windows error 66 " in text
    assert "pipes (not here)" in text
    assert notes_of(made) == ["files        odd; processes: odd"]
