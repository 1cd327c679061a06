"""A command is found however it is hidden, and wherever the host keeps it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.model.report import Strength
from agent.sources import Source
from agent.sources.artefact_source import ArtefactSource
from agent.sources.files.source import FilesSource
from agent.sources.logs.console_history import ConsoleHistory
from agent.sources.logs.event_logs import EventLogs
from agent.sources.registry.hives import Hives
from agent.sources.running.processes import ProcessesSource
from agent.targets import Target
from tests.evidence.files import STAGE_0, shell_link
from tests.evidence.hive_files import RUN, nested
from tests.evidence.hives import hive
from tests.evidence.hosts import RUNDLL32, host
from tests.evidence.logged_events import audited_process
from tests.evidence.logs import event_log
from tests.evidence.sweeping import swept
from tests.evidence.windows_folder import FORMS, windows


def in_base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-le")).decode()


def with_carets(text: str) -> str:
    return "".join(f"^{character}" if character.isalnum() else character for character in text)


STAGE_0_LINE = f"powershell.exe {STAGE_0}"
ENCODED = f"powershell.exe -NonInteractive -ExecutionPolicy Bypass -enc {in_base64(STAGE_0)}"
HIDDEN = {
    "spelled out": STAGE_0_LINE.replace("-noni -ep", "-NonInteractive -ExecutionPolicy"),
    "base64": ENCODED,
    "carets": with_carets(STAGE_0_LINE),
    "quotes": STAGE_0_LINE.replace("JHB0Z3Q9", 'JH"B0"Z3""Q9'),
    "base64 behind carets": ENCODED.replace("-enc", "-e^n^c"),
}
"""Of stage 0, whose text the pack knows as a command line and as a content."""
USER = "C:\\Users\\jo"


def _process(line: str, place: Path) -> tuple[Target, Source]:
    process = RUNDLL32.__class__(pid=9, name="powershell.exe", command_line=line)
    return host(processes=(process,)), ProcessesSource()


def _file(path: str, content: bytes, source: Source, place: Path) -> tuple[Target, Source]:
    return FORMS["folder"](place, windows({path: content})), source


PLACES: dict[str, Callable[[str, Path], tuple[Target, Source]]] = {
    "process": _process,
    "event": lambda line, place: _file(
        "C:\\Windows\\System32\\winevt\\Logs\\Security.evtx",
        event_log([audited_process(line)]),
        ArtefactSource(EventLogs()),
        place,
    ),
    "Run key": lambda line, place: _file(
        f"{USER}\\NTUSER.DAT",
        hive(nested(RUN, {"Update": line})),
        ArtefactSource(Hives()),
        place,
    ),
    "history": lambda line, place: _file(
        f"{USER}\\AppData\\Roaming\\Microsoft\\Windows\\PowerShell\\PSReadLine"
        "\\ConsoleHost_history.txt",
        f"whoami\r\n{line}\r\n".encode(),
        ArtefactSource(ConsoleHistory()),
        place,
    ),
    "link": lambda line, place: _file(
        f"{USER}\\Desktop\\report.lnk", shell_link(line), FilesSource(), place
    ),
    "script": lambda line, place: _file(
        f"{USER}\\Desktop\\run.bat", f"@echo off\r\n{line}\r\n".encode(), FilesSource(), place
    ),
    "script in UTF-16": lambda line, place: _file(
        f"{USER}\\run.ps1", f"\ufeff{line}\r\n".encode("utf-16-le"), FilesSource(), place
    ),
}


@pytest.mark.parametrize("how", HIDDEN)
@pytest.mark.parametrize("place", PLACES)
def test_what_a_command_hides_is_found_alike(place: str, how: str, tmp_path: Path) -> None:
    target, source = PLACES[place](HIDDEN[how], tmp_path)
    found = swept(target, source).matches()
    strong = {match.indicator.id for match in found if match.strength is Strength.STRONG}
    assert {"cmd-stage0-long", "content-stage0-long"} & strong


@pytest.mark.parametrize("place", PLACES)
def test_an_honest_encoded_command_is_no_trace(place: str, tmp_path: Path) -> None:
    line = f"powershell -enc {in_base64('Get-Service | Where Status -eq Running')}"
    target, source = PLACES[place](line, tmp_path)
    assert [
        match.indicator.id
        for match in swept(target, source).matches()
        if not match.indicator.id.startswith("lnk-")  # the test's link has the campaign's maker
    ] == []


def test_a_script_of_javascript_is_read_with_thorough(tmp_path: Path) -> None:
    line = f"new ActiveXObject('WScript.Shell').Run({ENCODED!r})".encode()
    target = FORMS["folder"](tmp_path, windows({f"{USER}\\run.js": line}))
    assert swept(target).matches() == []
    found = swept(target, thorough=True).matches()
    assert {match.indicator.id: match.strength for match in found}[
        "content-stage0-long"
    ] is Strength.STRONG
