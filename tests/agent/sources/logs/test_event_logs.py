"""The campaign is found in the logs of a host, with the claim, the user and the time they tell."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from agent.coverage import Part
from agent.matching.hidden_commands import DECODED, IN_BASE64
from agent.matching.matcher import Match
from agent.matching.own_traces import Own
from agent.model.observation import Claim
from agent.model.report import Finding, State, Strength
from agent.sources.artefact import Reader
from agent.sources.artefact_source import ArtefactSource
from agent.sources.logs.event_logs import LEFT_OVER, EventLogs
from agent.targets.evidence import EvidenceFile
from agent.targets.offline.folder import FolderTarget
from tests.evidence.files import STAGE_0
from tests.evidence.logged_events import (
    CALL,
    CYZFC,
    RUNDLL32,
    USER,
    audited_process,
    dns_query,
    engine_started,
    log_cleared,
    script_blocks,
    sysmon,
    sysmon_module,
    sysmon_process,
    sysmon_query,
)
from tests.evidence.logs import (
    CHUNK,
    FILE_HEADER,
    JO,
    SECURITY,
    WHEN,
    LoggedEvent,
    event_chunks,
    event_log,
    file_header,
    record_offsets,
    sealed,
)
from tests.evidence.packs import chains_of, found
from tests.evidence.samples import sample, samples
from tests.evidence.sweeping import Swept, swept
from tests.evidence.windows_folder import FORMS, as_folder, windows

LOGS = r"C:\Windows\System32\winevt\Logs"
LOG = rf"{LOGS}\Security.evtx"
POWERSHELL_LOG = rf"{LOGS}\Microsoft-Windows-PowerShell%4Operational.evtx"
NOW = datetime(2026, 11, 24, 14, 2, tzinfo=timezone.utc)
OTHER = LoggedEvent(source=SECURITY, id=4624, data=[("TargetUserName", "ann")])


def of_log(place: Path, log: bytes, path: str = LOG) -> Swept:
    folder = as_folder(place / "c", windows({path: log}))
    return swept(FolderTarget(str(folder), own=Own()), ArtefactSource(EventLogs()))


def of(place: Path, *events: LoggedEvent, path: str = LOG) -> Swept:
    return of_log(place, event_log(events), path)


def strongest(sweep: Swept) -> dict[str, Match]:
    """The strongest match of each indicator."""
    best: dict[str, Match] = {}
    for match in sweep.matches():
        known = best.get(match.indicator.id)
        if known is None or match.strength.rank > known.strength.rank:
            best[match.indicator.id] = match
    return best


def findings(sweep: Swept) -> list[Finding]:
    return [found(chain, NOW)[0] for chain in chains_of(sweep.matches())]


def notes(sweep: Swept) -> dict[str, list[str]]:
    return {note.reason: list(note.samples) for note in sweep.coverage.notes}


# ---- What the campaign leaves in each log -------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_a_host_is_looked_at_in_whatever_form_it_comes(form: str, tmp_path: Path) -> None:
    files = windows({LOG: event_log([OTHER, audited_process()]), rf"{LOGS}\a.txt": b"x"})
    (tmp_path / "host").mkdir()

    sweep = swept(FORMS[form](tmp_path / "host", files), ArtefactSource(EventLogs()))

    match = strongest(sweep)["cmd-cyzfc-pointfunctioncall"]
    assert match.observation.place.path == LOG
    assert match.observation.place.record == "2"
    assert sweep.coverage.required
    assert (sweep.coverage.state, sweep.coverage.examined) == (State.COMPLETE, 2)


@pytest.mark.parametrize(
    ("event", "seen"),
    [(audited_process(), "event 4688"), (sysmon_process(), "Sysmon event 1")],
)
def test_the_campaigns_command_line_ran(event: LoggedEvent, seen: str, tmp_path: Path) -> None:
    sweep = of(tmp_path, OTHER, event, OTHER)

    (finding,) = findings(sweep)
    assert finding.strength is Strength.STRONG
    assert finding.indicator.id == "cmd-cyzfc-pointfunctioncall"
    assert f"command line in {seen}" in finding.reasons
    assert finding.process is not None
    assert (finding.process.executable, finding.process.command_line) == (RUNDLL32, CALL)
    assert finding.process.user is not None
    assert finding.process.user.name == USER
    assert finding.first_seen is not None
    assert abs(finding.first_seen - WHEN) < timedelta(milliseconds=1)


def test_rundll32_with_the_campaigns_dll_is_confirmed_by_its_hash(tmp_path: Path) -> None:
    (finding,) = findings(of(tmp_path, sysmon_process(), sysmon_module()))

    assert finding.strength is Strength.CONFIRMED
    assert finding.dll is not None
    assert finding.dll.path == CYZFC
    assert "module in Sysmon event 7 hash" in finding.reasons


@pytest.mark.parametrize("event", [sysmon_query(), *(dns_query(n) for n in (3006, 3008, 3020))])
def test_the_campaigns_name_was_asked_for(event: LoggedEvent, tmp_path: Path) -> None:
    match = strongest(of(tmp_path, OTHER, event))["c2-domain"]

    assert match.strength is Strength.STRONG
    assert match.observation.claim is Claim.RESOLVED
    assert match.observation.dns is not None
    assert match.observation.dns.answers == ["95.216.59.92"]
    assert match.reason == f"asked for, says {match.observation.seen}"
    assert match.observation.place.text == f"{LOG}, record 2"


def test_the_campaigns_file_was_there(tmp_path: Path) -> None:
    written = sysmon(11, ("TargetFilename", CYZFC), ("CreationUtcTime", "2018-11-14 18:03:49.000"))
    match = strongest(of(tmp_path, written))["path-localappdata-cyzfc-dat"]

    assert match.strength is Strength.STRONG
    assert match.observation.claim is Claim.WAS_THERE
    assert match.reason == "file in Sysmon event 11 path"


def test_stage_0_is_in_the_classic_log_of_powershell(tmp_path: Path) -> None:
    log = rf"{LOGS}\Windows PowerShell.evtx"
    found = strongest(of(tmp_path, engine_started(f"powershell.exe {STAGE_0}"), path=log))

    assert found["cmd-stage0-long"].strength is Strength.STRONG
    assert found["cmd-stage0-long"].observation.claim is Claim.RAN


def test_stage_0_is_in_a_script_block(tmp_path: Path) -> None:
    sweep = of(tmp_path, *script_blocks(STAGE_0), path=POWERSHELL_LOG)

    match = strongest(sweep)["cmd-stage0-decoder"]
    assert match.strength is Strength.STRONG
    assert match.observation.claim is Claim.RAN
    assert match.observation.user is not None
    assert match.observation.user.id == JO


def test_any_other_event_that_mentions_it_is_weak(tmp_path: Path) -> None:
    event = replace(
        OTHER, id=5152, data=[("DestAddress", "95.216.59.92"), ("x", "pandorasong.com")]
    )
    sweep = of(tmp_path, event)

    assert {match.strength for match in sweep.matches()} == {Strength.WEAK}
    seen = sweep.only()
    assert seen.claim is Claim.LOGGED
    assert seen.seen == f"event 5152 of {SECURITY[0]}"
    assert seen.event is not None
    assert seen.event.record == 1


def test_every_event_of_a_chunk_is_told_and_not_only_the_first(tmp_path: Path) -> None:
    times = [WHEN + timedelta(days=day) for day in range(5)]
    sweep = of(tmp_path, *(audited_process(time=time) for time in times))

    ran = [seen.moments[0].time for seen in sweep.seen if seen.claim is Claim.RAN]
    assert ran == times


def test_a_log_without_the_campaign_is_not_parsed_and_tells_nothing(tmp_path: Path) -> None:
    sweep = of(tmp_path, *[OTHER] * 500)

    assert sweep.seen == []
    assert (sweep.coverage.state, sweep.coverage.examined) == (State.COMPLETE, 500)


# ---- What is hidden -----------------------------------------------------------------------------


def encoded(command: str) -> str:
    return base64.b64encode(command.encode("utf-16-le")).decode()


def test_an_encoded_command_is_told_in_the_clear(tmp_path: Path) -> None:
    hidden = f"powershell -NoP -enc {encoded(f'rundll32.exe {CYZFC}, PointFunctionCall')}"
    match = strongest(of(tmp_path, OTHER, audited_process(hidden)))["cmd-cyzfc-pointfunctioncall"]

    assert match.strength is Strength.STRONG
    assert DECODED in match.observation.remarks
    assert match.observation.process is not None
    line = match.observation.process.command_line
    assert line == f"{hidden}\nrundll32.exe {CYZFC}, PointFunctionCall"


def test_the_base64_of_a_script_is_searched(tmp_path: Path) -> None:
    payload = base64.b64encode(b"function lylyvve( $x ) { 'https://pandorasong.com' }").decode()
    script = f"iex ([Text.Encoding]::ASCII.GetString([Convert]::FromBase64String('{payload}')))"
    found = strongest(of(tmp_path, *script_blocks(script), path=POWERSHELL_LOG))

    assert {"content-stage1-lylyvve", "c2-domain"} <= set(found)
    assert IN_BASE64 in found["c2-domain"].observation.remarks


def test_what_is_cut_between_two_parts_of_a_script_is_found(tmp_path: Path) -> None:
    script = "#" * (10_745 - 20) + STAGE_0 + "#" * 25_000
    log = event_log([OTHER, *script_blocks(script), OTHER])

    sweep = of_log(tmp_path, log, POWERSHELL_LOG)

    match = strongest(sweep)["cmd-stage0-long"]
    assert match.strength is Strength.STRONG
    assert match.observation.remarks[0] == "across the end of record 2 and record 3"
    assert match.observation.seen == "PowerShell event 4104"
    assert match.observation.user is not None
    assert match.observation.user.id == JO


def test_scripts_in_one_part_have_no_seams(tmp_path: Path) -> None:
    assert of(tmp_path, *script_blocks("x" * 9000), path=POWERSHELL_LOG).seen == []


# ---- What is damaged, left over, or gone --------------------------------------------------------


def shortened(events: Iterable[LoggedEvent], count: int) -> bytes:
    """A chunk whose header counts only the first records."""
    (chunk,) = event_chunks(events)
    offsets = record_offsets(chunk)
    data = bytearray(chunk)
    struct.pack_into("<Q", data, 16, count)
    struct.pack_into("<Q", data, 32, count)
    struct.pack_into("<II", data, 44, offsets[count - 1], offsets[count])
    return sealed(bytes(data))


def test_a_record_that_the_log_no_longer_counts_is_told_with_that_remark(tmp_path: Path) -> None:
    old = replace(audited_process(), record=77)
    sweep = of_log(tmp_path, file_header(1) + shortened([OTHER, old], 1))

    match = strongest(sweep)["cmd-cyzfc-pointfunctioncall"]
    assert match.strength is Strength.STRONG
    assert LEFT_OVER in match.observation.remarks
    assert match.observation.place.record == "77"


def test_bytes_that_no_record_claims_are_mentioned(tmp_path: Path) -> None:
    (chunk,) = event_chunks([OTHER])
    at = 40_000
    hidden = "pandorasong.com".encode("utf-16-le")
    sweep = of_log(tmp_path, file_header(1) + chunk[:at] + hidden + chunk[at + len(hidden) :])

    seen = sweep.only()
    assert seen.claim is Claim.MENTIONED
    assert seen.place.text == f"{LOG} (byte {FILE_HEADER + at:,})"
    assert [match.indicator.id for match in sweep.matches()] == ["c2-domain"]


def test_a_record_that_cannot_be_parsed_is_a_mention_and_no_gap(tmp_path: Path) -> None:
    (chunk,) = event_chunks([OTHER, dns_query()])
    _, second = record_offsets(chunk)
    data = bytearray(chunk)
    data[second + 24 : second + 34] = b"\xee" * 10

    sweep = of_log(tmp_path, file_header(1) + sealed(bytes(data)))

    seen = sweep.only()
    assert seen.claim is Claim.MENTIONED
    assert any("not readable to its end" in remark for remark in seen.remarks)
    assert {match.indicator.id for match in sweep.matches()} >= {"c2-domain"}
    assert sweep.coverage.state is State.COMPLETE


def test_a_chunk_without_its_header_is_searched_and_noted(tmp_path: Path) -> None:
    (chunk,) = event_chunks([OTHER, audited_process()])
    sweep = of_log(tmp_path, file_header(1) + bytes(512) + chunk[512:])

    assert "cmd-cyzfc-pointfunctioncall" in strongest(sweep)
    assert "records in a chunk without its header; its bytes were searched" in notes(sweep)


def test_a_log_that_is_none_is_searched_and_a_gap(tmp_path: Path) -> None:
    sweep = of_log(tmp_path, bytes(FILE_HEADER) + b"pandorasong.com".ljust(CHUNK, b"\0"))

    assert [match.indicator.id for match in sweep.matches()] == ["c2-domain"]
    assert sweep.reasons == {"event log: none, by its bytes; its bytes were searched": 1}


# ---- What the coverage says ---------------------------------------------------------------------


def test_the_coverage_says_how_far_back_each_log_goes(tmp_path: Path) -> None:
    old, new = WHEN - timedelta(days=400), WHEN + timedelta(days=3)
    files = windows(
        {
            LOG: event_log([replace(OTHER, time=old), replace(OTHER, time=WHEN)]),
            rf"{LOGS}\System.evtx": event_log([replace(OTHER, time=new)]),
            rf"{LOGS}\Empty.evtx": event_log([]),
        }
    )
    folder = as_folder(tmp_path / "c", files)
    sweep = swept(FolderTarget(str(folder), own=Own()), ArtefactSource(EventLogs()))

    parts = {part.name: part for part in sweep.coverage.parts}
    assert set(parts) == {LOG, rf"{LOGS}\System.evtx"}
    assert parts[LOG].examined == 2
    reaches = [parts[LOG].reach, sweep.coverage.reach]
    spans = [(reach.oldest, reach.newest) for reach in reaches if reach is not None]
    assert spans == [(old, WHEN), (old, new)]


def test_a_cleared_log_is_noted_though_nothing_of_the_campaign_occurs(tmp_path: Path) -> None:
    sweep = of(tmp_path, *[OTHER] * 20, log_cleared(), OTHER, log_cleared())

    assert sweep.matches() == []
    cleared = notes(sweep)["a log was cleared"]
    assert len(cleared) == 2
    assert cleared[0].startswith("Security, 2018-11-14 18:03:49")


def test_records_that_are_missing_within_a_log_are_noted(tmp_path: Path) -> None:
    sweep = of(tmp_path, OTHER, replace(OTHER, record=12))

    (note,) = [n for n in sweep.coverage.notes if n.reason == "records are missing in a log"]
    assert note.count == 10
    assert "1 to 12" in note.samples[0]


CUT = {"evtx/System2.evtx", "evtx/sample_with_a_bad_chunk_magic.evtx"}
"""Of 96 chunks there are two; of 16 some have neither header nor records."""


@pytest.mark.parametrize("name", samples("evtx/*.evtx"))
def test_a_real_log_holds_nothing_of_the_campaign(name: str, tmp_path: Path) -> None:
    sweep = of_log(tmp_path, sample(name))

    assert sweep.matches() == []
    missing = {"event log: chunks that it counts are not there": 1} if name in CUT else {}
    assert sweep.reasons == missing
    assert sweep.coverage.examined > 0


def test_a_real_log_that_was_cleared_says_so(tmp_path: Path) -> None:
    sweep = of_log(tmp_path, sample("evtx/system.evtx"))

    assert any(
        place.startswith("Microsoft-Windows-Sysmon/Operational, ")
        for place in notes(sweep)["a log was cleared"]
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
@pytest.mark.parametrize("place", [0.1, 0.45, 0.5, 0.55, 0.9])
def test_base64_that_goes_over_parts_of_a_script_is_decoded(
    place: float, encoding: str, tmp_path: Path
) -> None:
    lines = ["# filler"] * 4_000
    lines[int(place * len(lines))] = "ping pandorasong.com"
    hidden = base64.b64encode("\n".join(lines).encode(encoding)).decode()
    log = event_log(
        [OTHER, *script_blocks(f"iex $u.GetString([Convert]::FromBase64String('{hidden}'))")]
    )

    sweep = of_log(tmp_path, log, POWERSHELL_LOG)

    assert IN_BASE64 in strongest(sweep)["c2-domain"].observation.remarks
    assert sweep.coverage.state is State.COMPLETE


def test_base64_that_another_part_of_a_script_decodes_is_decoded(tmp_path: Path) -> None:
    hidden = base64.b64encode(b"ping pandorasong.com; Get-Date").decode()
    script = f"{'#' * 12_000}\n$a='{hidden}'\n{'#' * 12_000}\n[Convert]::FromBase64String($a)"

    sweep = of_log(tmp_path, event_log([*script_blocks(script)]), POWERSHELL_LOG)

    assert IN_BASE64 in strongest(sweep)["c2-domain"].observation.remarks


@pytest.mark.parametrize("content", [b"", bytes(4096), bytes(70_000)])
def test_a_log_that_was_copied_without_its_content_is_a_gap(tmp_path: Path, content: bytes) -> None:
    for name in ("C:\\Windows\\System32\\winevt\\Logs\\Security.evtx", "C:\\copied\\Security.evtx"):
        place = tmp_path / name[3]
        as_folder(place, {name: content})
        sweep = swept(place, ArtefactSource(EventLogs()))
        assert sweep.reasons == {"event log: blank, nothing of it is there": 1}


@pytest.mark.parametrize("listed", [0, 4096, 70_000, 1 << 30])
def test_a_log_that_grew_since_its_folder_was_written_is_read_in_whole_chunks(
    listed: int, tmp_path: Path
) -> None:
    """What a folder says of the size of a file in use may be old."""

    class Grown(EventLogs):
        def reader(self, file: EvidenceFile, part: Part) -> Reader:
            file.size = listed
            return super().reader(file, part)

    log = event_log([OTHER] * 900 + [audited_process()])
    assert len(log) > 4 * 65_536
    target = FolderTarget(str(as_folder(tmp_path / "c", windows({LOG: log}))), own=Own())
    sweep = swept(target, ArtefactSource(Grown()))
    assert sweep.reasons == {}
    assert sweep.coverage.bytes == len(log)
    assert strongest(sweep)
