"""Transcripts of PowerShell are taken apart, in any language."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent.formats.transcript import Session, read_transcript

RULE = "**********************\r\n"
ENGLISH = (
    f"{RULE}Windows PowerShell transcript start\r\nStart time: 20181114130002\r\n"
    "Username: CORP\\jo\r\nRunAs User: CORP\\jo\r\nConfiguration Name: \r\n"
    "Machine: WS-0421 (Microsoft Windows NT 10.0.19045.0)\r\n"
    "Host Application: C:\\x\\powershell.exe -noni -ep bypass $zk='JHB0'\r\n"
    f"Process ID: 4120\r\nPSVersion: 5.1.19041.1\r\n{RULE}"
)
GERMAN = (
    f"{RULE}Start der Windows PowerShell-Aufzeichnung\r\nStartzeit: 20181114130002\r\n"
    "Benutzername: CORP\\jo\r\nRunAs-Benutzer: CORP\\jo\r\nKonfigurationsname: \r\n"
    "Computer: WS-0421 (Microsoft Windows NT 10.0.19045.0)\r\n"
    "Hostanwendung: C:\\x\\powershell.exe -noni -ep bypass $zk='JHB0'\r\n"
    f"Prozess-ID: 4120\r\n{RULE}"
)
BODY = (
    f"{RULE}Command start time: 20181114130010\r\n{RULE}PS C:\\Users\\jo> dir\r\n>> more\r\n"
    "PS>exit\r\n[srv]: PS C:\\> whoami\r\n    Directory: C:\\Users\\jo\r\nPS is fine\r\n"
)


def test_the_first_block_is_told_in_each_language() -> None:
    for head in (ENGLISH, GERMAN):
        session, _ = read_transcript(b"\xef\xbb\xbf" + (head + BODY).encode())
        assert session == Session(
            "20181114130002", "CORP\\jo", "C:\\x\\powershell.exe -noni -ep bypass $zk='JHB0'", 4120
        )


def test_commands_are_told_from_output() -> None:
    _, lines = read_transcript((ENGLISH + BODY).encode())
    told = list(lines)
    assert [one.command for one in told if one.command] == ["dir", "more", "exit", "whoami"]
    assert told[-1].text == "PS is fine"
    assert told[-1].number == ENGLISH.count("\n") + BODY.count("\n")


def test_a_transcript_without_its_beginning_has_its_lines() -> None:
    session, lines = read_transcript(b"PS C:\\> dir\r\nx\r\n")
    assert session == Session("", "", "", None)
    assert [one.command for one in lines] == ["dir", ""]


@given(st.binary(max_size=400))
def test_any_bytes_end_in_lines(data: bytes) -> None:
    session, lines = read_transcript(b"**********\r\n" + data)
    assert all(one.number > 0 for one in lines)
    assert not session.pid or session.pid < 10**10
