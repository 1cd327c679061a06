from __future__ import annotations

import io
from contextlib import suppress
from datetime import datetime, timezone
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.lnk import read_lnk
from tests.evidence.files import STAGE_0, campaign_link, droid, shell_link
from tests.evidence.samples import sample


def test_a_link_tells_its_command_and_the_machine_that_made_it() -> None:
    found = read_lnk(shell_link())

    assert found.arguments == STAGE_0
    assert found.target == r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe"
    assert found.machine_id == "user-pc"
    assert found.mac == "08:00:27:92:24:e5"
    assert found.volume_serial == "C4B2-BD1C"
    assert found.droid_time == datetime(2016, 10, 6, 17, 3, 4, tzinfo=timezone.utc)
    assert found.droid_sequence == 13273


def test_what_is_appended_to_a_link_does_not_matter() -> None:
    assert read_lnk(campaign_link()) == read_lnk(shell_link())
    assert read_lnk(io.BytesIO(campaign_link())) == read_lnk(shell_link())


def test_a_link_without_arguments_is_none_the_worse() -> None:
    found = read_lnk(shell_link(""))

    assert found.arguments == ""
    assert found.machine_id == "user-pc"


def test_a_droid_that_is_random_names_no_card_and_no_time() -> None:
    found = read_lnk(shell_link(tracked=UUID("5f1d1f0a-3c43-4d0e-9d3b-6c6f636b6564")))

    assert found.mac == ""
    assert found.droid_time is None
    assert found.droid_sequence is None


def test_the_first_and_last_moments_of_a_droid_are_told() -> None:
    early = droid(datetime(1582, 10, 15, tzinfo=timezone.utc))

    assert read_lnk(shell_link(tracked=early)).droid_time == datetime(
        1582, 10, 15, tzinfo=timezone.utc
    )


def test_a_link_of_windows_is_read() -> None:
    found = read_lnk(sample("lnk/example.lnk"))

    assert found.machine_id == "win-tj9qcsjkags"
    assert found.mac == "00:1d:09:fa:5a:1c"
    assert found.target == r"%windir%\system32\migwiz\migwiz.exe"


@pytest.mark.parametrize("data", [b"", b"L", b"MZ" + bytes(100), shell_link()[:76], bytes(500)])
def test_what_is_no_link_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(FormatError):
        read_lnk(data)


@settings(max_examples=100)
@given(st.binary(max_size=2048))
def test_any_bytes_end_in_facts_or_in_a_format_error(data: bytes) -> None:
    link = shell_link()
    for attempt in (data, link[:20] + data, link[:76] + data):
        with suppress(FormatError):
            read_lnk(attempt)


@settings(max_examples=100)
@given(
    st.lists(st.tuples(st.integers(20, 1200), st.integers(0, 255)), max_size=12),
    st.integers(0, 1200),
)
def test_a_damaged_link_ends_in_facts_or_in_a_format_error(
    damage: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(shell_link())
    for offset, value in damage:
        if offset < len(data):
            data[offset] = value
    with suppress(FormatError):
        read_lnk(bytes(data[: len(data) - cut % len(data)]))
