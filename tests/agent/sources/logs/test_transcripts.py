"""Transcripts of PowerShell tell what ran, for whom."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from agent.model.observation import Claim
from agent.model.report import State, Strength
from agent.sources.artefact_source import ArtefactSource
from agent.sources.logs.transcripts import Transcripts
from tests.evidence.sweeping import Swept, reported, swept
from tests.evidence.windows_folder import FORMS, as_folder, windows

DOCUMENTS = "C:\\Users\\jo\\Documents"
NAME = "PowerShell_transcript.WS-0421.AbCdEfGh.20181114130002.txt"
CALL = "rundll32.exe C:\\Users\\jo\\AppData\\Local\\cyzfc.dat, PointFunctionCall"
RULE = "**********************"


def transcript(host: str, *lines: str) -> bytes:
    head = (
        RULE, "Windows PowerShell transcript start", "Start time: 20181114130002",
        "Username: CORP\\jo", f"Host Application: {host}", "Process ID: 4120", RULE,
    )  # fmt: skip
    return b"\xef\xbb\xbf" + "\r\n".join((*head, *lines)).encode()


def sweep(
    place: Path, data: bytes, path: str = f"{DOCUMENTS}\\{NAME}", form: str = "folder"
) -> Swept:
    return swept(FORMS[form](place / "c", windows({path: data})), ArtefactSource(Transcripts()))


def strongest(found: Swept) -> tuple[str, Claim, Strength]:
    best = max(found.matches(), key=lambda match: match.strength.rank)
    return best.observation.seen, best.observation.claim, best.strength


@pytest.mark.parametrize("form", FORMS)
def test_a_command_is_told_with_its_line_and_user(form: str, tmp_path: Path) -> None:
    found = sweep(
        tmp_path, transcript("powershell.exe", "PS C:\\> dir", f"PS C:\\> {CALL}"), form=form
    )

    assert strongest(found) == ("transcript", Claim.RAN, Strength.STRONG)
    seen = found.only()
    assert (seen.place.record, seen.place.owner) == ("line 9", "jo")
    assert seen.process is not None
    assert seen.process.command_line == CALL
    assert seen.process.user is not None
    assert seen.process.user.name == "CORP\\jo"
    assert seen.remarks == ("the session began 2018-11-14 13:00:02 local time",)
    assert (found.coverage.state, found.coverage.examined) == (State.COMPLETE, 1)


@pytest.mark.parametrize(
    "path",
    [
        f"{DOCUMENTS}\\20181114\\{NAME}",
        f"C:\\PSTranscripts\\20181114\\{NAME}",
        f"C:\\Transcripts\\{NAME}",
    ],
)
def test_what_began_a_session_is_told_wherever_it_lies(path: str, tmp_path: Path) -> None:
    found = sweep(tmp_path, transcript(f"powershell.exe -c {CALL}"), path)
    assert strongest(found) == ("session of PowerShell", Claim.RAN, Strength.STRONG)
    assert found.only().process is not None
    process = found.only().process
    assert process is not None
    assert (process.name, process.pid) == ("powershell.exe", 4120)


def test_output_is_a_mention(tmp_path: Path) -> None:
    found = sweep(tmp_path, transcript("powershell.exe", f"-a---- 294400 {CALL}"))
    assert strongest(found) == ("output in a transcript", Claim.LOGGED, Strength.WEAK)


def test_a_command_that_base64_hides_is_found(tmp_path: Path) -> None:
    hidden = base64.b64encode(CALL.encode("utf-16-le")).decode()
    for number, lines in enumerate(
        ((f"powershell.exe -enc {hidden}",), ("x", f"PS> powershell -enc {hidden}"))
    ):
        found = sweep(tmp_path / str(number), transcript(*lines))
        assert strongest(found)[1:] == (Claim.RAN, Strength.STRONG)


def test_a_transcript_that_is_cut_and_damaged_tells_its_commands_still(tmp_path: Path) -> None:
    whole = transcript("powershell.exe", "PS C:\\> dir", f"PS C:\\> {CALL}")
    found = sweep(tmp_path, whole[40:].replace(b"dir", b"\xff\0\xfe"))
    assert strongest(found) == ("transcript", Claim.RAN, Strength.STRONG)


def test_two_users_sessions_are_two_findings(tmp_path: Path) -> None:
    made = transcript("powershell.exe", f"PS C:\\> {CALL}")
    files = {f"C:\\Users\\jo\\Documents\\{NAME}": made,
             f"C:\\Users\\Ann\\Documents\\{NAME}": made.replace(b"CORP\\jo", b"CORP\\ann")}  # fmt: skip
    found = reported(as_folder(tmp_path, windows(files)), ArtefactSource(Transcripts()))
    assert len({finding.id for finding in found.findings}) == 2
