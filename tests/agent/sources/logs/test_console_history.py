"""What a user typed into PowerShell, wherever the history lies."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agent.formats import FormatError, console_history
from agent.formats.console_history import MAX_COMMAND, Command, read_console_history
from agent.model.objects import User
from agent.model.observation import Claim, Observation
from agent.model.report import State, Strength
from agent.sources.artefact_source import ArtefactSource
from agent.sources.logs.console_history import ConsoleHistory
from tests.evidence.sweeping import Swept, swept
from tests.evidence.windows_folder import FORMS, JO_SID, windows

FOLDER = "C:\\Users\\jo\\AppData\\Roaming\\Microsoft\\Windows\\PowerShell\\PSReadLine"
HISTORY = f"{FOLDER}\\ConsoleHost_history.txt"
RUN = b"rundll32.exe C:\\Users\\jo\\cyzfc.dat, PointFunctionCall\r\n"
SHA1 = b"9858d5cb2a6614be3c48e33911bf9f7978b441bf"
COMMAND = "cmd-cyzfc-pointfunctioncall"


def sweep(place: Path, history: bytes, form: str = "folder", path: str = HISTORY) -> Swept:
    target = FORMS[form](place / "c", windows({path: history}))
    return swept(target, ArtefactSource(ConsoleHistory()))


def strengths(found: Swept) -> dict[str, Strength]:
    """The best of each indicator."""
    by_rank = sorted(found.matches(), key=lambda match: match.strength.rank)
    return {match.indicator.id: match.strength for match in by_rank}


def matching(found: Swept) -> list[Observation]:
    return [seen for seen in found.seen if found.matcher.match(seen)]


def texts(data: bytes) -> list[str]:
    return [command.text for command in read_console_history(data)]


@pytest.mark.parametrize("form", FORMS)
def test_what_was_typed_is_found_with_its_user_and_no_time(form: str, tmp_path: Path) -> None:
    found = sweep(tmp_path, b"whoami\r\n" + RUN, form)
    assert strengths(found)[COMMAND] is Strength.STRONG
    (seen,) = matching(found)
    assert (seen.claim, seen.moments) == (Claim.RAN, ())
    assert (seen.place.text, seen.place.record) == (f"{HISTORY}, line 2", "2")
    assert seen.place.owner == "jo"
    assert seen.process is not None
    assert seen.process.name == "powershell.exe"
    assert seen.process.user == User(name="jo", id=JO_SID)
    assert found.coverage.state is State.COMPLETE
    assert found.coverage.examined == 1


def test_each_host_of_powershell_has_a_history(tmp_path: Path) -> None:
    path = f"{FOLDER}\\Visual Studio Code Host_history.txt"
    assert strengths(sweep(tmp_path, RUN, path=path))[COMMAND] is Strength.STRONG


def test_a_command_of_several_lines_is_one(tmp_path: Path) -> None:
    found = sweep(tmp_path, b"whoami\r\nif (1) {`\n  " + RUN.strip() + b"`\n}\r\nexit\r\n")
    assert strengths(found)[COMMAND] is Strength.STRONG
    (seen,) = matching(found)
    assert seen.place.record == "2"
    assert seen.process is not None
    assert seen.text == seen.process.command_line
    assert seen.process.command_line.startswith("if (1) {\n  rundll32.exe ")
    assert seen.process.command_line.endswith("PointFunctionCall\n}")


def test_a_typed_hash_is_a_mention_at_its_line(tmp_path: Path) -> None:
    found = sweep(tmp_path, b"whoami\r\ncertutil -hashfile a.dat # " + SHA1 + b"\r\nexit\r\n")
    assert strengths(found) == {"dll-sha1": Strength.WEAK}
    (seen,) = matching(found)
    assert seen.place.record == "2"


def test_a_pasted_script_is_found_by_its_content(tmp_path: Path) -> None:
    found = sweep(tmp_path, b"whoami\r\nfunction lylyvve($a) {`\n$a`\n}\r\n")
    assert "content-stage1-lylyvve" in strengths(found)
    (seen,) = matching(found)
    assert seen.place.record == "2"


def test_of_a_long_script_the_beginning_is_told_and_the_rest_looked_through(tmp_path: Path) -> None:
    found = sweep(tmp_path, b"#" * 40_000 + b"`\r\nfunction lylyvve($a) {`\r\n}\r\n")
    assert "content-stage1-lylyvve" in strengths(found)
    (seen,) = found.seen
    assert seen.process is not None
    assert seen.process.command_line == "#" * 32_767
    assert "its first 32,767 characters" in seen.remarks
    assert seen.text == ""


def test_a_finding_says_that_there_is_no_time(tmp_path: Path) -> None:
    (seen,) = sweep(tmp_path, RUN).seen
    assert seen.remarks == ("the history keeps no times, nor whether a command worked",)


def test_no_history_is_no_gap(tmp_path: Path) -> None:
    found = swept(FORMS["folder"](tmp_path / "c", windows()), ArtefactSource(ConsoleHistory()))
    assert found.coverage.state is State.COMPLETE
    assert found.notes == {"none on this host": 1}


def test_a_line_of_zero_bytes_is_a_gap_and_hides_no_other(tmp_path: Path) -> None:
    """As a power failure leaves them."""
    found = sweep(tmp_path, b"whoami\r\n\0\0\0\0\r\n" + RUN)
    assert strengths(found)[COMMAND] is Strength.STRONG
    assert found.reasons == {"console history: not text in UTF-8": 1}


def test_a_history_in_utf_16_is_a_gap_and_a_mention(tmp_path: Path) -> None:
    """As ``>`` of PowerShell 5.1 writes it anew."""
    found = sweep(tmp_path, RUN.decode().encode("utf-16"))
    assert found.reasons == {"console history: not text in UTF-8": 1}
    assert strengths(found)[COMMAND] is Strength.WEAK


def test_a_command_that_is_too_long_is_a_gap_and_a_mention(tmp_path: Path) -> None:
    long = b" " * MAX_COMMAND + b"`\n" + RUN + b"whoami\r\n"
    found = sweep(tmp_path, long)
    assert found.reasons == {"console history: command longer than 1 MiB": 1}
    assert strengths(found)[COMMAND] is Strength.WEAK
    assert [seen.process.command_line for seen in found.seen if seen.process] == ["whoami"]


def test_lines_end_as_for_dotnet_and_empty_ones_are_no_commands() -> None:
    data = "a\rb\n\nc\u2028c\x0bc\r\nd".encode()
    assert [(one.line, one.text) for one in read_console_history(data)] == [
        (1, "a"),
        (2, "b"),
        (4, "c\u2028c\x0bc"),
        (5, "d"),
    ]


def test_a_command_tells_its_place_in_the_file() -> None:
    data = b"\xef\xbb\xbfdir\r\na`\nb\r\nexit"
    assert list(read_console_history(data)) == [
        Command(1, 3, 8, "dir"),
        Command(2, 8, 14, "a\nb"),
        Command(4, 14, 18, "exit"),
    ]


def test_a_typed_backtick_at_a_lines_end_stays() -> None:
    assert texts(b"Get-Item ```\n  x\r\n") == ["Get-Item ``\n  x"]


def test_a_last_command_that_was_never_finished_is_told() -> None:
    assert texts(b"dir\r\nfoo`") == ["dir", "foo"]


def test_too_many_lines_are_a_gap_and_a_mention(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console_history, "MAX_LINES", 3)
    found = sweep(tmp_path, b"a\nb`\nc\n" + RUN)
    assert found.reasons == {"console history: more than 3 lines": 1}
    assert strengths(found)[COMMAND] is Strength.WEAK


def as_powershell_reads(data: bytes) -> list[str]:
    """``UpdateHistoryFromFile``, written down a second time, and what it leaves at the end."""
    lines = io.StringIO(data.decode(), newline=None).read().removesuffix("\n").split("\n")
    commands, kept = [], list[str]()
    for line in lines:
        kept.append(line.removesuffix("`"))
        if not line.endswith("`"):
            commands.append("\n".join(kept))
            kept = []
    return [command for command in (*commands, "\n".join(kept)) if command]


@given(st.lists(st.text("a`\u2028é", max_size=4), max_size=6), st.sampled_from("\r\n"))
@example(["a`", "", "b"], "\n")
def test_commands_are_those_that_powershell_reads(lines: list[str], end: str) -> None:
    data = (end.join(lines) + end).encode()
    assert texts(data) == as_powershell_reads(data)


@given(st.binary(max_size=200) | st.text("a`\r\n\0\ufeff", max_size=30).map(str.encode))
def test_any_bytes_end_in_commands_or_in_an_error(data: bytes) -> None:
    commands: list[Command] = []
    try:
        commands.extend(read_console_history(data))
    except FormatError:
        assert b"\0" in data
    assert all(a.end <= b.offset and a.line < b.line for a, b in itertools.pairwise(commands))
    assert all(0 <= one.offset < one.end <= len(data) for one in commands)


@pytest.mark.parametrize("form", ["folder", "drives", "collection", "image"])
def test_profiles_without_a_windows_beside_them_are_looked_through(
    form: str, tmp_path: Path
) -> None:
    """Of a host only the users' folders were copied."""
    target = FORMS[form](tmp_path / "c", {HISTORY: RUN})
    sweep = swept(target, ArtefactSource(ConsoleHistory()))
    assert {seen.place.owner for seen in sweep.seen} == {"jo"}
    assert {seen.place.path for seen in sweep.seen} == {HISTORY}
    assert sweep.coverage.examined == 1
