"""What a finding says at its head is right for all its sightings: title, times, the one event."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

from agent.findings.finding import MAX_DETAIL
from agent.model.objects import File, Registry
from agent.model.observation import Claim, Observation, Place, moments, telling_of
from agent.model.report import Finding, Strength
from agent.output.console import render
from tests.evidence.files import archive, dll
from tests.evidence.infected import ZIP, ZIP_SHA1
from tests.evidence.logged_events import (
    CYZFC,
    audited_process,
    dns_query,
    script_blocks,
    sysmon,
    sysmon_query,
)
from tests.evidence.logs import WHEN, event_log
from tests.evidence.memories import DNS_CLIENT, POWERSHELL, SECURITY, SYSMON, without_broken
from tests.evidence.reports import report
from tests.evidence.sweeping import commanded
from tests.evidence.windows_folder import as_folder

DEED = datetime(2018, 11, 14, 18, 4, tzinfo=timezone.utc)
LATER = DEED + timedelta(days=3000)


def found_on(files: dict[str, bytes], place: Path) -> list[Finding]:
    """Of a sweep of a folder, what makes a hit."""
    as_folder(place / "host", without_broken(files))
    _, made = commanded(place / "out", "offline", str(place / "host"), "--no-delivery")
    return [one for one in made.findings if one.strength.rank >= Strength.STRONG.rank]


def seen(registry: Registry | None = None, **times: datetime) -> Observation:
    return Observation(
        source="x", seen="y", claim=Claim.EXISTS, place=Place(text="z"), registry=registry,
        file=None if registry else File(path=CYZFC), moments=moments(**times),
    )  # fmt: skip


def test_a_process_and_the_file_that_it_named_are_both_in_the_title(tmp_path: Path) -> None:
    (one,) = found_on({CYZFC: dll(), SECURITY: event_log([audited_process()])}, tmp_path)
    assert one.title == (rf"rundll32.exe 4312 (CORP\jo): command line in event 4688, file {CYZFC}")


def test_a_script_is_not_called_a_command_line(tmp_path: Path) -> None:
    script = script_blocks("rundll32 cyzfc.dat, PointFunctionCall")
    (one,) = found_on({POWERSHELL: event_log(script)}, tmp_path)
    assert one.title == "process 4120: script in PowerShell event 4104"
    text = render(report(one))
    assert "script         rundll32 cyzfc.dat, PointFunctionCall\n" in text
    assert "command line" not in text


def test_what_is_shown_of_a_record_ends_with_its_value(tmp_path: Path) -> None:
    script = script_blocks("rundll32 cyzfc.dat, PointFunctionCall")
    (one,) = found_on({POWERSHELL: event_log(script)}, tmp_path)
    assert {evidence.detail for evidence in one.evidence} == {
        "rundll32 cyzfc.dat, PointFunctionCall"
    }


def test_the_write_of_a_copied_file_is_not_when_it_was_seen_last(tmp_path: Path) -> None:
    """The folder was written just now, the log tells of 2018."""
    (one,) = found_on({CYZFC: dll(), SECURITY: event_log([audited_process()])}, tmp_path)
    assert one.file is not None
    assert one.file.mtime is not None
    assert one.file.mtime.year > 2018
    assert one.first_seen == one.last_seen
    assert one.last_seen is not None
    assert abs(one.last_seen - WHEN) < timedelta(milliseconds=1)


def test_a_file_without_any_other_time_was_seen_when_it_was_written() -> None:
    assert telling_of([seen(modified=LATER), seen(accessed=LATER)]) == [LATER]


def test_a_file_that_was_created_here_was_there_when_it_was_written() -> None:
    sightings = [seen(ran=DEED), seen(created=DEED, modified=LATER)]
    assert telling_of(sightings) == [DEED, DEED, LATER]


def test_the_write_of_a_registry_key_is_when_it_was_seen() -> None:
    assert telling_of([seen(ran=DEED), seen(Registry(path="Run"), modified=LATER)]) == [DEED, LATER]


def test_of_several_events_none_is_the_findings(tmp_path: Path) -> None:
    logs = {SYSMON: event_log([sysmon_query()]), DNS_CLIENT: event_log([dns_query()])}
    (one,) = found_on(logs, tmp_path)
    assert one.event is None
    assert {e.event.id for e in one.evidence if e.event is not None} == {22, 3008}
    assert "             event  " not in render(report(one))


def test_one_event_is_the_findings(tmp_path: Path) -> None:
    (one,) = found_on({DNS_CLIENT: event_log([dns_query()])}, tmp_path)
    assert one.event is not None
    assert (one.event.id, one.event.record) == (3008, 1)


def test_of_several_answers_none_hides_the_others(tmp_path: Path) -> None:
    hosts = "C:\\Windows\\System32\\drivers\\etc\\hosts"
    files = {hosts: b"203.0.113.9 pandorasong.com\n", DNS_CLIENT: event_log([dns_query()])}
    (one,) = found_on(files, tmp_path)
    lines = [line.strip() for line in render(report(one)).splitlines()]
    at = next(n for n, line in enumerate(lines) if line.startswith("DNS  "))
    assert sorted(line.split()[-1] for line in lines[at : at + 2]) == [
        "203.0.113.9",
        "95.216.59.92",
    ]


def test_a_text_that_goes_on_beyond_what_is_kept_says_so(tmp_path: Path) -> None:
    script = script_blocks("rundll32 cyzfc.dat, PointFunctionCall; " + "A" * 2 * MAX_DETAIL)
    (one,) = found_on({POWERSHELL: event_log(script)}, tmp_path)
    details = [each.detail for each in one.evidence]
    assert max(map(len, details)) == MAX_DETAIL
    assert all(detail.endswith("…") for detail in details)


def test_a_file_of_which_a_log_has_the_hash_is_named_by_where_it_lies(tmp_path: Path) -> None:
    """And where it is gone, by its path before the record."""
    logged = {
        SYSMON: event_log([sysmon(15, ("TargetFilename", ZIP), ("Hash", f"SHA1={ZIP_SHA1}"))])
    }
    (there,) = found_on({ZIP: archive({"x.txt": b"x"}), **logged}, tmp_path / "there")
    assert there.title == str((tmp_path / "there" / "host").joinpath(*ZIP.split("\\")[1:]))
    (gone,) = found_on(logged, tmp_path / "gone")
    assert gone.title == f"{ZIP} in {SYSMON}, record 1"
