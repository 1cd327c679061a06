"""Addresses that were talked to are told by the firewall's log."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.firewall_log import fields_of, read_line
from agent.indicators import Address
from agent.model.observation import Claim
from agent.model.report import State, Strength, Verdict
from agent.sources.artefact_source import ArtefactSource
from agent.sources.network.firewall_log import LOCAL, FirewallLog
from tests.evidence.packs import matcher_of, stated
from tests.evidence.samples import sample
from tests.evidence.sweeping import Swept, reported, swept
from tests.evidence.windows_folder import FORMS, as_folder, windows

LOG = "C:\\Windows\\System32\\LogFiles\\Firewall\\pfirewall.log"
HEAD = (
    b"#Version: 1.5\r\n#Software: Microsoft Windows Firewall\r\n#Time Format: Local\r\n"
    b"#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn"
    b" tcpack tcpwin icmptype icmpcode info path pid\r\n\r\n"
)
ALLOW = b"2018-11-14 15:04:10 %s TCP 10.1.2.3 %s 50123 443 0 - 0 0 0 - - - SEND 4312\r\n"
C2 = b"95.216.59.92"
OUT = ALLOW % (b"ALLOW", C2)


def sweep(place: Path, log: bytes, form: str = "folder", path: str = LOG) -> Swept:
    return swept(FORMS[form](place / "c", windows({path: log})), ArtefactSource(FirewallLog()))


@pytest.mark.parametrize("form", FORMS)
def test_a_connection_that_was_let_through_is_told(form: str, tmp_path: Path) -> None:
    found = sweep(tmp_path, HEAD + ALLOW % (b"ALLOW", b"10.1.2.9") + OUT, form)
    (match,) = found.matches()
    assert (match.indicator.id, match.strength) == ("c2-address", Strength.WEAK)
    seen = match.observation
    assert seen.claim is Claim.CONNECTED
    assert seen.destination is not None
    assert (seen.destination.ip, seen.destination.port) == ("95.216.59.92", 443)
    assert seen.destination.local == "10.1.2.3:50123"
    assert [moment.time for moment in seen.moments] == [
        datetime(2018, 11, 14, 15, 4, 10, tzinfo=timezone.utc)
    ]
    assert seen.remarks == (LOCAL,)
    assert found.coverage.state is State.COMPLETE
    assert found.coverage.reach is not None


def test_what_was_dropped_is_no_connection(tmp_path: Path) -> None:
    (match,) = sweep(tmp_path, HEAD + ALLOW % (b"DROP", C2)).matches()
    assert match.observation.claim is Claim.LOGGED


def test_of_what_came_in_the_far_end_is_the_source(tmp_path: Path) -> None:
    line = b"2018-11-14 15:04:10 ALLOW TCP 95.216.59.92 10.1.2.3 443 50123 0 - 0 0 0 - - - RECEIVE"
    (seen,) = sweep(tmp_path, HEAD + line).seen
    assert seen.destination is not None
    assert (seen.destination.ip, seen.destination.local) == ("95.216.59.92", "10.1.2.3:50123")


@pytest.mark.parametrize("name", ["pfirewall.log.old", "domainfirewall.log"])
def test_rotated_logs_and_those_of_profiles_are_read(name: str, tmp_path: Path) -> None:
    assert sweep(tmp_path, HEAD + OUT, path=LOG.replace("pfirewall.log", name)).matches()


def test_an_address_alone_is_no_hit(tmp_path: Path) -> None:
    target = as_folder(tmp_path, windows({LOG: HEAD + OUT}))
    assert reported(target, ArtefactSource(FirewallLog())).verdict is not Verdict.HIT


def test_an_address_that_only_ends_so_is_none(tmp_path: Path) -> None:
    assert sweep(tmp_path, HEAD + ALLOW % (b"ALLOW", b"195.216.59.92")).matches() == []


def test_a_broken_line_is_a_gap_and_hides_no_other(tmp_path: Path) -> None:
    found = sweep(tmp_path, HEAD + b"torn 95.216.59.92\r\n" + OUT)
    assert found.reasons == {"firewall log: no line of a firewall's log": 1}
    assert Claim.CONNECTED in {match.observation.claim for match in found.matches()}
    assert Claim.MENTIONED in {match.observation.claim for match in found.matches()}


def test_a_real_log_of_windows_xp_is_read(tmp_path: Path) -> None:
    """Counted by grep: 15 lines, one of them about lost events."""
    data = sample("firewall/windows_firewall.log")
    fields = fields_of(data)
    lines = [packet for line in data.split(b"\n") if (packet := read_line(line, fields))]
    assert len(lines) == data.count(b"2005-04-11") == 15
    assert [packet.action for packet in lines].count("DROP") == 9
    wanted = Address(id="wanted", value="123.156.78.90", **stated())
    target = FORMS["folder"](tmp_path / "c", windows({LOG: data}))
    found = swept(target, ArtefactSource(FirewallLog()), matcher=matcher_of(wanted))
    first = found.seen[0]
    assert first.destination is not None
    assert first.destination.local == "123.45.78.90:500"
    assert (first.destination.ip, first.destination.port) == ("123.156.78.90", 500)
    assert first.moments[0].time == datetime(2005, 4, 11, 8, 5, 58, tzinfo=timezone.utc)


@given(st.binary(max_size=200))
def test_any_line_is_a_packet_or_an_error(line: bytes) -> None:
    try:
        packet = read_line(line, fields_of(HEAD))
    except FormatError:
        return
    assert packet is None or packet.time.tzinfo is not None
