"""What a clean verdict is worth on ten hosts that remember differently, sentence by sentence."""

from __future__ import annotations

from pathlib import Path

from agent.model.report import Report
from agent.output.console import render
from agent.output.recollection import recollection
from tests.evidence.hives import dirty, log
from tests.evidence.hosts import disk
from tests.evidence.journals import change, with_journal
from tests.evidence.logged_events import engine_started, log_cleared
from tests.evidence.logs import event_log
from tests.evidence.memories import LOGS, SECURITY, SYSMON
from tests.evidence.remembering import (
    NOW,
    SYSTEM_LOG,
    asked,
    at,
    by_sysmon,
    clock_set,
    day,
    noise,
    ordinary,
    ran,
    software_hive,
    swept,
    system_hive,
    unanswered,
    without_prefetch,
)
from tests.evidence.windows_folder import CONFIG

ORDINARY = {
    "run": "in Prefetch since 2026-09-02 and in Security 4688 since 2026-11-20",
    "loaded DLL": "in Prefetch since 2026-09-02 (what a program loads in its first ten seconds)",
    "gone file": "nowhere for sure (no change journal was read; Sysmon has no log here)",
    "download": "in browser history of jo (Chrome) since 2026-08-28 (no private windows)",
    "look-up": "nowhere for sure (Sysmon has no log here; the DNS client's own log is not there);"
    " names that no server answered: in System 1014 since 2026-09-01",
    "connection": "not known whether in Security 5156 (none among 4 records since 2026-10-02)",
}


def told(report: Report) -> dict[str, str]:
    """Each sentence, by what was done."""
    return dict(recollection(report.remembered))


def test_an_ordinary_host_and_how_the_console_says_it(tmp_path: Path) -> None:
    report = swept(tmp_path, ordinary())
    assert told(report) == ORDINARY
    assert (
        "Remembered   where a deed would have left a trace, and since when; before that, none is"
        " sure\n"
        "  run        in Prefetch since 2026-09-02 and in Security 4688 since 2026-11-20\n"
        "  loaded DLL in Prefetch since 2026-09-02 (what a program loads in its first ten seconds)"
        "\n" in render(report, width=100)
    )


def test_1_prefetch_that_is_off(tmp_path: Path) -> None:
    files = ordinary() | {f"{CONFIG}\\SYSTEM": system_hive(0)}
    assert told(swept(tmp_path, files)) == ORDINARY | {
        "run": "in Prefetch from 2026-09-02 to 2026-11-25 (Prefetch is switched off by EnablePrefetcher 0)"
        " and in Security 4688 since 2026-11-20",
        "loaded DLL": "in Prefetch from 2026-09-02 to 2026-11-25 (what a program loads in its"
        " first ten seconds; Prefetch is switched off by EnablePrefetcher 0)",
    }


def test_2_a_log_that_was_cleared(tmp_path: Path) -> None:
    cleared = event_log([at(log_cleared(), day(21)), ran(day(22)), noise(NOW)])
    assert told(swept(tmp_path, ordinary() | {SECURITY: cleared})) == ORDINARY | {
        "run": "in Prefetch since 2026-09-02 and in Security 4688 since 2026-11-22"
        " (the log was cleared on 2026-11-21)",
        "connection": "not known whether in Security 5156 (none among 3 records since 2026-11-21)",
    }


def test_3_sysmon_since_yesterday(tmp_path: Path) -> None:
    few = event_log([by_sysmon(1, day(25)), by_sysmon(22, day(25)), by_sysmon(22, NOW)])
    none = "none among 3 records since 2026-11-25"
    assert told(swept(tmp_path, ordinary() | {SYSMON: few})) == {
        "run": "in Prefetch since 2026-09-02, in Security 4688 since 2026-11-20 and in Sysmon 1"
        " since 2026-11-25 (24 hours only; as far as its rules go)",
        "loaded DLL": f"{ORDINARY['loaded DLL']}; not known whether also in Sysmon 7 ({none})",
        "gone file": f"not known whether in Sysmon 11 ({none})",
        "download": f"{ORDINARY['download']}; not known whether also in Sysmon 15 ({none})",
        "look-up": "in Sysmon 22 since 2026-11-25 (24 hours only; as far as its rules go); names"
        " that no server answered also in System 1014 since 2026-09-01",
        "connection": f"not known whether in Sysmon 3 ({none}) or in Security 5156 (none among 4"
        " records since 2026-10-02)",
    }


def test_4_events_without_command_lines(tmp_path: Path) -> None:
    bare = event_log([ran(day(20), ""), ran(day(25), "-"), noise(NOW)])
    started = event_log(
        [at(engine_started("powershell -nop"), day(3, 5)), at(engine_started("powershell"), NOW)]
    )
    files = without_prefetch() | {SECURITY: bare, f"{LOGS}\\Windows PowerShell.evtx": started}
    assert told(swept(tmp_path, files)) == ORDINARY | {
        "run": "nowhere for sure (no prefetch file is there; Security 4688: its events have no"
        " command lines; Sysmon has no log here); commands that started PowerShell: in PowerShell"
        " 400 since 2026-05-03",
        "loaded DLL": "nowhere for sure (no prefetch file is there; Sysmon has no log here)",
        "connection": "not known whether in Security 5156 (none among 3 records since 2026-11-20)",
    }


def test_5_a_clock_that_was_set_back_within_a_chunk(tmp_path: Path) -> None:
    set_back = event_log(
        [
            unanswered(day(1, 9)), unanswered(day(25)), clock_set(day(25), day(23)),
            unanswered(day(23)), unanswered(day(24)), unanswered(NOW),
        ]
    )  # fmt: skip
    back = "the clock was set back between 2026-11-23 and 2026-11-25"
    assert told(swept(tmp_path, ordinary() | {SYSTEM_LOG: set_back})) == ORDINARY | {
        "run": f"in Prefetch since 2026-09-02 and in Security 4688 since 2026-11-20 ({back})",
        "look-up": f"{ORDINARY['look-up']} ({back})",
    }


def test_6_a_fresh_install(tmp_path: Path) -> None:
    files = ordinary() | {f"{CONFIG}\\SOFTWARE": software_hive(installed=day(19))}
    assert told(swept(tmp_path, files)) == ORDINARY | {
        "run": "in Prefetch since 2026-09-02 and in Security 4688 since 2026-11-20 (Windows was"
        " installed or upgraded on 2026-11-19)",
    }


def test_7_a_server_without_prefetch(tmp_path: Path) -> None:
    files = without_prefetch() | {f"{CONFIG}\\SYSTEM": system_hive(None, "ServerNT")}
    assert told(swept(tmp_path, files)) == ORDINARY | {
        "run": "in Security 4688 since 2026-11-20",
        "loaded DLL": "nowhere for sure (no prefetch on a server, unless it was switched on;"
        " Sysmon has no log here)",
    }


def test_8_a_dirty_hive_says_what_its_log_says(tmp_path: Path) -> None:
    before, after = system_hive(3), system_hive(0)
    files = without_prefetch() | {
        f"{CONFIG}\\SYSTEM": dirty(before, 1),
        f"{CONFIG}\\SYSTEM.LOG1": log(before, after, 1),
    }
    assert told(swept(tmp_path, files)) == ORDINARY | {
        "run": "in Security 4688 since 2026-11-20",
        "loaded DLL": "nowhere for sure (Prefetch is switched off by EnablePrefetcher 0; Sysmon has"
        " no log here)",
    }


def test_9_record_ids_that_are_missing(tmp_path: Path) -> None:
    torn = event_log([ran(day(20)), noise(day(21), record=100), ran(day(25))])
    assert told(swept(tmp_path, ordinary() | {SECURITY: torn})) == ORDINARY | {
        "run": "in Prefetch since 2026-09-02 and in Security 4688 since 2026-11-20 (98 records are"
        " missing between 2026-11-20 and 2026-11-25)",
        "connection": "not known whether in Security 5156 (none among 3 records since 2026-11-20)",
    }


def test_10_a_journal_of_two_hours(tmp_path: Path) -> None:
    records = change("a.txt", minutes=0) + change("b.txt", minutes=120)
    report = asked(disk(tmp_path, with_journal(records.ljust(4096, b"\0"))))
    assert told(report)["gone file"].replace("disk.img", "C") == (
        "in change journal of C: since 2018-11-14 (2 hours only)"
    )
