"""Who a host was: the same facts from its hives, whether it runs or lies there, in any form."""

from __future__ import annotations

import struct
from datetime import datetime, timezone
from pathlib import Path

import pytest

from agent.model.codec import decode, encode
from agent.model.host_parts import MAX_TOLD, Account, Drive, NetworkCard
from agent.model.report import Host, Report
from agent.output.console import render
from agent.output.page import page
from agent.output.who import MOST, who_lines
from agent.sources.artefact_source import ArtefactSource
from agent.sources.registry.hives import Hives
from tests.evidence.filetime import ticks
from tests.evidence.hives import MULTI_SZ, Tree, Typed, dirty, hive, log
from tests.evidence.sweeping import reported
from tests.evidence.windows_folder import CONFIG, FORMS, Files, software

JO = "S-1-5-21-1004336348-1177238915-682003330-1001"
CARD = "{0b6c8f7e-5a1d-4c6b-9d0e-3f2a1b4c5d6e}"
FIXED = "{11111111-5a1d-4c6b-9d0e-3f2a1b4c5d6e}"
LOADED = datetime(2018, 11, 14, 15, 3, 7, tzinfo=timezone.utc)
LEASED = datetime(2018, 11, 14, 6, tzinfo=timezone.utc)
EXPIRES = datetime(2018, 11, 22, 6, tzinfo=timezone.utc)
PARTITION = bytes.fromhex("78563412 3412 3412 1234 123456789abc".replace(" ", ""))
NETWORK = "{4D36E972-E325-11CE-BFC1-08002BE10318}"


def addresses(*texts: str) -> Typed:
    return Typed(MULTI_SZ, "\0".join((*texts, "", "")).encode("utf-16-le"))


def system(bias: int = -60, zone: str = "W. Europe Standard Time") -> bytes:
    cards: Tree = {
        CARD: {
            "EnableDHCP": 1,
            "DhcpIPAddress": addresses("10.0.0.17"),
            "IPAddress": addresses("192.168.1.9"),
            "DhcpDomain": "corp.example",
            "DhcpServer": "10.0.0.1",
            "LeaseObtainedTime": int(LEASED.timestamp()),
            "LeaseTerminatesTime": int(EXPIRES.timestamp()),
        },
        FIXED: {
            "EnableDHCP": 0,
            "IPAddress": addresses("172.16.0.4", "0.0.0.0"),
            "DhcpServer": "10.0.0.1",
            "LeaseObtainedTime": int(LEASED.timestamp()),
        },
        "{22222222-5a1d-4c6b-9d0e-3f2a1b4c5d6e}": {"EnableDHCP": 1},
    }
    control: Tree = {
        "ComputerName": {"ComputerName": {"ComputerName": "WS-0421"}},
        "TimeZoneInformation": {"TimeZoneKeyName": zone, "ActiveTimeBias": bias & 0xFFFF_FFFF},
        "Network": {NETWORK: {CARD: {"Connection": {"Name": "Ethernet 2"}}}},
    }
    return hive(
        {
            "Select": {"Current": 3},
            "MountedDevices": {
                "\\DosDevices\\C:": b"DMIO:ID:" + PARTITION,
                "\\DosDevices\\D:": struct.pack("<IQ", 0x1A2B3C4D, 1_048_576),
                "\\DosDevices\\E:": "\\??\\USBSTOR#Disk&Ven_X".encode("utf-16-le"),
                "\\??\\Volume{0}": b"DMIO:ID:" + PARTITION,
            },
            "ControlSet003": {
                "Control": control,
                "Services": {"Tcpip": {"Parameters": {"Interfaces": cards}}},
            },
            "ControlSet001": {"Control": {"TimeZoneInformation": {"TimeZoneKeyName": "old"}}},
        }
    )


def profiles() -> bytes:
    loaded = ticks(LOADED)
    current: Tree = {
        "SystemRoot": "C:\\Windows",
        "InstallDate": 1_500_000_000,
        "ProfileList": {
            "S-1-5-18": {"ProfileImagePath": "%systemroot%\\system32\\config\\systemprofile"},
            JO: {
                "ProfileImagePath": "C:\\Users\\jo",
                "LocalProfileLoadTimeHigh": loaded >> 32,
                "LocalProfileLoadTimeLow": loaded & 0xFFFF_FFFF,
            },
            "S-1-5-21-7-7-7-1002": {"ProfileImagePath": "C:\\Users\\ann.CORP"},
        },
    }
    guid: Tree = {"MachineGuid": CARD.strip("{}")}
    return hive({"Microsoft": {"Windows NT": {"CurrentVersion": current}, "Cryptography": guid}})


def files(**more: bytes) -> dict[str, bytes]:
    return {
        f"{CONFIG}\\SYSTEM": system(),
        f"{CONFIG}\\SOFTWARE": profiles(),
        "C:\\Users\\jo\\NTUSER.DAT": hive({}),
        **{f"{CONFIG}\\{name}": data for name, data in more.items()},
    }


def swept(place: Path, evidence: Files, form: str = "folder") -> Report:
    return reported(FORMS[form](place / "c", evidence), ArtefactSource(Hives()))


@pytest.mark.parametrize("form", FORMS)
def test_every_form_tells_the_same_of_a_host(form: str, tmp_path: Path) -> None:
    host = swept(tmp_path, files(), form).host
    assert host.installed == datetime(2017, 7, 14, 2, 40, tzinfo=timezone.utc)
    assert (host.name, host.timezone) == ("WS-0421", "W. Europe Standard Time")
    assert host.utc_offset_minutes == 60
    assert host.users == [
        Account(
            id="S-1-5-18",
            name="systemprofile",
            profile="%systemroot%\\system32\\config\\systemprofile",
        ),
        Account(id=JO, name="jo", profile="C:\\Users\\jo", last_loaded=LOADED),
        Account(id="S-1-5-21-7-7-7-1002", name="ann.CORP", profile="C:\\Users\\ann.CORP"),
    ]
    assert host.drives == [
        Drive(letter="C:", device="GPT partition {12345678-1234-1234-1234-123456789abc}"),
        Drive(letter="D:", device="disk 1a2b3c4d, byte 1048576"),
        Drive(letter="E:", device="\\??\\USBSTOR#Disk&Ven_X"),
    ]
    assert host.cards == [
        NetworkCard(
            id=CARD, name="Ethernet 2", ip=["10.0.0.17"], dhcp=True, domain="corp.example",
            dhcp_server="10.0.0.1", leased=LEASED, lease_expires=EXPIRES,
        ),
        NetworkCard(id=FIXED, ip=["172.16.0.4"], dhcp=False),
    ]  # fmt: skip


def test_what_stands_in_a_transaction_log_is_the_newer(tmp_path: Path) -> None:
    old, new = system(zone="GMT Standard Time"), system(zone="Tokyo Standard Time", bias=-540)
    evidence = files(**{"SYSTEM": dirty(old, 2), "SYSTEM.LOG1": log(old, new, 2)})
    host = swept(tmp_path, evidence).host
    assert (host.timezone, host.utc_offset_minutes) == ("Tokyo Standard Time", 540)


@pytest.mark.parametrize(
    ("bias", "minutes"), [(0, 0), (300, -300), (-345, 345), (1 << 20, None), (-(1 << 20), None)]
)
def test_the_zone_is_ahead_of_utc_by_what_the_bias_takes_away(
    bias: int, minutes: int | None, tmp_path: Path
) -> None:
    evidence = {**files(), f"{CONFIG}\\SYSTEM": system(bias)}
    assert swept(tmp_path, evidence).host.utc_offset_minutes == minutes


def test_a_lease_by_a_clock_that_was_not_set_has_no_time(tmp_path: Path) -> None:
    days = 9 * 86_400
    card: Tree = {
        "EnableDHCP": 1, "DhcpIPAddress": addresses("10.0.0.17"), "LeaseObtainedTime": days,
    }  # fmt: skip
    services: Tree = {"Tcpip": {"Parameters": {"Interfaces": {CARD: card}}}}
    bare = hive({"Select": {"Current": 1}, "ControlSet001": {"Services": services}})
    (told,) = swept(tmp_path, {**files(), f"{CONFIG}\\SYSTEM": bare}).host.cards
    assert (told.ip, told.leased) == (["10.0.0.17"], None)


def test_hives_of_another_windows_say_nothing_of_this_host(tmp_path: Path) -> None:
    others = {
        path.replace("C:\\Windows", "C:\\Windows.old\\Windows"): data
        for path, data in files().items()
    }
    bare = {f"{CONFIG}\\SYSTEM": hive({}), f"{CONFIG}\\SOFTWARE": hive({})}
    host = swept(tmp_path, {**others, **bare}).host
    assert (host.users, host.drives, host.cards, host.timezone) == ([], [], [], "")


def test_more_users_than_there_is_room_for_are_counted(tmp_path: Path) -> None:
    many = {f"S-1-5-21-1-2-3-{number}": f"C:\\Users\\u{number}" for number in range(1000, 1100)}
    report = swept(tmp_path, {**files(), f"{CONFIG}\\SOFTWARE": software(profiles=many)})
    assert len(report.host.users) == MAX_TOLD
    (cut,) = report.truncated
    assert (cut.what, cut.kept, cut.total) == ("users of the host", MAX_TOLD, 100)


def test_a_report_with_it_is_read_back_as_it_was(tmp_path: Path) -> None:
    report = swept(tmp_path, files())
    assert decode(encode(report)).host == report.host


def test_people_read_it_in_the_console_and_on_the_page(tmp_path: Path) -> None:
    report = swept(tmp_path, files())
    text = render(report, width=160)
    for line in (
        "  installed  2017-07-14 02:40:00 UTC",
        "  time zone  W. Europe Standard Time, UTC+01:00",
        f"  users      jo ({JO}): C:\\Users\\jo, profile loaded last 2018-11-14 15:03:07 UTC",
        "  drives     C: GPT partition {12345678-1234-1234-1234-123456789abc}",
        "  network    Ethernet 2: 10.0.0.17 by DHCP from 10.0.0.1, corp.example, leased",
    ):
        assert line in text, line
    assert "systemprofile" not in text
    html = page(report).decode()
    assert "W. Europe Standard Time, UTC+01:00" in html
    assert "Ethernet 2: 10.0.0.17 by DHCP" in html


def test_of_a_running_host_the_console_does_not_tell_who_it_is(tmp_path: Path) -> None:
    report = swept(tmp_path, files(), "running")
    assert report.host.users
    assert "profile loaded last" not in render(report)


def test_what_is_strange_is_escaped_and_what_is_much_is_cut() -> None:
    users = [Account(id=f"S-1-5-21-{n}", name="x\x1b[31m", profile="p") for n in range(20)]
    told = who_lines(Host(id="h", name="h", users=users))
    assert len(told) == MOST + 1
    assert told[-1] == ("", "… and 12 more in the report")
    assert all("\x1b" not in words for _, words in told)
