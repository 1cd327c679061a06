from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats.zone_identifier import Zone, owner_of, read_zone

TEXT = (
    "[ZoneTransfer]\r\nZoneId=3\r\nReferrerUrl=https://mail.example.org/\r\n"
    "HostUrl=https://www.jmj.com/personal/nauerthn_state_gov/x\r\n"
)
EXPECTED = Zone(
    zone=3,
    urls=("https://www.jmj.com/personal/nauerthn_state_gov/x", "https://mail.example.org/"),
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_zone_and_addresses_are_read_in_every_encoding(encoding: str) -> None:
    assert read_zone(TEXT.encode(encoding)) == EXPECTED


def test_a_zone_without_addresses_has_none() -> None:
    assert read_zone(b"[ZoneTransfer]\nZoneId=3") == Zone(zone=3)
    assert read_zone(b"") == Zone()


@pytest.mark.parametrize(
    "name",
    ["x.zip:Zone.Identifier", "x.zip%3AZone.Identifier", "x.zip_zone.identifier:$DATA"],
)
def test_a_copy_of_the_stream_tells_about_its_file(name: str) -> None:
    assert owner_of(name) == "x.zip"


def test_another_file_tells_about_itself_alone() -> None:
    assert owner_of("x.zip") is None
    assert owner_of("Zone.Identifier") is None


@given(st.binary(max_size=300))
def test_any_bytes_end_in_a_zone(data: bytes) -> None:
    for attempt in (data, b"\xff\xfe" + data, b"ZoneId=" + data):
        assert isinstance(read_zone(attempt), Zone)
