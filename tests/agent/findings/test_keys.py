"""What tells things apart stays as it is: another id would orphan what an analyst wrote to it."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from agent.findings.keys import (
    address_key,
    domain_key,
    file_key,
    finding_id,
    image_of,
    keys_of,
    main_key,
    process_key,
)
from agent.model.objects import (
    Destination,
    Dll,
    Dns,
    Event,
    File,
    Pipe,
    Process,
    Registry,
    Service,
    Task,
    Url,
    User,
)
from agent.model.observation import Claim, Observation, Place, moments
from agent.model.report import Host, Target, TargetKind

START = datetime(2026, 11, 24, 14, 2, tzinfo=timezone.utc)
PATH = r"C:\Users\jo\cyzfc.dat"
RUNDLL32 = r"C:\Windows\System32\rundll32.exe"


def seen(claim: Claim = Claim.EXISTS, event: Event | None = None, **objects: Any) -> Observation:
    return Observation(
        source="x",
        seen="x",
        claim=claim,
        place=Place(text="here"),
        event=event,
        **objects,
    )


def test_the_id_of_a_finding_is_the_same_in_every_sweep_and_version() -> None:
    told = finding_id("6f9619ff", main_key(seen(file=File(path=PATH)), "here"))
    assert told == "633f3442-aa4e-5afe-bf03-0d46bb314744"


@pytest.mark.parametrize(
    ("objects", "key"),
    [
        ({"file": File(path="c:/users/JO/cyzfc.dat")}, r"file:C:\USERS\JO\CYZFC.DAT"),
        ({"file": File(path="C:\\a.txt", stream="x")}, r"file:C:\A.TXT:X"),
        ({"file": File(path="d/x", member_of="C:\\a.zip → b.zip")}, r"file:C:\A.ZIP → B.ZIP → D\X"),
        ({"dll": Dll(path=PATH)}, r"file:C:\USERS\JO\CYZFC.DAT"),
        (
            {"process": Process(pid=7, executable=RUNDLL32, start=START), "dll": Dll(path=PATH)},
            r"process:C:\WINDOWS\SYSTEM32\RUNDLL32.EXE:7:1795528920",
        ),
        ({"process": Process(name="a.exe")}, "process:A.EXE::0"),
        ({"process": Process(name="a.exe", pid=7, start=START, command_line="x")},
         "process:A.EXE:7:1795528920"),
        ({"process": Process(name="a.exe", pid=7, command_line="x")}, "process:A.EXE:7:0:x::"),
        ({"process": Process(name="a.exe", start=START, command_line="x")},
         "process:A.EXE::1795528920:x::"),
        ({"process": Process(name="a.exe", entity_id="{AB}", command_line="x")},
         "process:A.EXE::0:{ab}"),
        ({"process": Process(name="a.exe", user=User(name="jo", id="S-1"))},
         "process:A.EXE::0::JO:"),
        ({"process": Process(name="a.exe", user=User(id="S-1"))}, "process:A.EXE::0::S-1:"),
        ({"process": Process(name="a.exe"), "dll": Dll(path="C:\\a")},
         r"process:A.EXE::0:::file:C:\A"),
        ({"process": Process(name="a.exe"), "dns": Dns(question="a.b")},
         "process:A.EXE::0::::domain:a.b"),
        ({"process": Process(name="a.exe", pid=7, start=START), "dll": Dll(path="C:\\a"),
          "file": File(path="C:\\b")}, "process:A.EXE:7:1795528920"),
        ({"process": Process(pid=7), "file": File(path="C:\\a")}, r"file:C:\A"),
        ({"dns": Dns(question="PandoraSong.com.")}, "domain:pandorasong.com"),
        ({"destination": Destination(ip="95.216.59.92")}, "address:95.216.59.92"),
        ({"registry": Registry(path="HKLM\\Run", value="X")}, "registry:hklm\\run:x"),
        ({"service": Service(name="Evil")}, "service:evil"),
        ({"task": Task(name="\\Evil")}, "task:\\evil"),
        ({"pipe": Pipe(name="Evil")}, "pipe:evil"),
        ({"url": Url(full="http://x/Y")}, "url:http://x/Y"),
        ({"url": Url(full="http://x/Y"), "user": User(name="jo", id="S-1")}, "url:http://x/Y:JO"),
        ({"url": Url(full="http://x/Y"), "user": User(id="S-1")}, "url:http://x/Y:S-1"),
        ({"destination": Destination(domain="a.b"), "pipe": Pipe(name="x")}, "pipe:x"),
        ({"event": Event(channel="System", id=1014)}, "place:here"),
        ({"event": Event(channel="System", id=1014, record=9)}, "event:system:9"),
        ({}, "place:here"),
    ],
)  # fmt: skip
def test_a_finding_is_about_its_main_object(objects: dict[str, Any], key: str) -> None:
    assert main_key(seen(**objects), "here") == key


def test_a_record_of_a_log_is_told_by_its_time_too() -> None:
    logged = seen(event=Event(channel="System", id=1014, record=9))
    assert main_key(logged, "here", START) == "event:system:9:2026-11-24T14:02:00+00:00"
    logged.moments = moments(logged=START)
    assert keys_of(logged) == ("event:system:9:2026-11-24T14:02:00+00:00",)


@pytest.mark.parametrize(
    "other",
    [
        {"process": Process(name="powershell.exe", command_line="b", user=User(name="jo"))},
        {"process": Process(name="powershell.exe", command_line="a", user=User(name="ann"))},
        {
            "process": Process(name="powershell.exe", command_line="a", user=User(name="jo")),
            "dll": Dll(path=PATH),
        },
    ],
)
def test_what_ran_without_pid_or_time_is_told_apart_by_what_is_known(other: dict[str, Any]) -> None:
    typed = Process(name="powershell.exe", command_line="a", user=User(name="jo"))
    one = main_key(seen(process=typed), "here")
    assert main_key(seen(**other), "here") != one
    assert main_key(seen(process=typed), "elsewhere") == one


@pytest.mark.parametrize(
    ("one", "keys"),
    [
        (seen(file=File(path="C:\\a.txt", stream="x")), ("file:C:\\A.TXT:X", "file:C:\\A.TXT")),
        (
            seen(file=File(path="x", member_of="C:\\a.zip → b.zip")),
            (r"file:C:\A.ZIP → B.ZIP → X",),
        ),
        (seen(file=File(path="x", stream="y", member_of="C:\\a.zip")), (r"file:C:\A.ZIP → X:Y",)),
        (
            seen(file=File(path="C:\\a.dat", recycled="C:\\$Recycle.Bin\\S-1\\$RAB12C.dat")),
            (
                r"file:C:\A.DAT",
                r"file:C:\$RECYCLE.BIN\S-1\$RAB12C.DAT",
                r"file:C:\$RECYCLE.BIN\S-1\$IAB12C.DAT",
            ),
        ),
        (seen(dll=Dll(path="C:\\a")), (r"file:C:\A",)),
        (seen(Claim.EXISTS, process=Process(pid=7)), ("process:7:0",)),
        (seen(Claim.RUNNING, process=Process(pid=7)), ("process:7:0",)),
        (seen(Claim.LOADED, process=Process(pid=7)), ("process:7:0",)),
        (seen(Claim.CONNECTED, process=Process(pid=7)), ("process:7:0",)),
        (seen(Claim.MENTIONED, process=Process(pid=7)), ("process:7:0",)),
        (seen(Claim.LOGGED, process=Process(pid=7)), ("place:here",)),
        (seen(Claim.RUNNING, process=Process(start=START)), ("place:here",)),
        (
            seen(Claim.RUNNING, process=Process(pid=7, entity_id="{AB}"), dll=Dll(path="C:\\a")),
            ("process:{ab}", "process:7:0", r"file:C:\A"),
        ),
        (seen(Claim.RAN, process=Process(pid=7, start=START)), ("process:7:1795528920",)),
        (seen(Claim.RAN, process=Process(pid=7)), ("place:here",)),
        (seen(Claim.LOADED, Event(channel="c", record=1), process=Process(pid=7)), ("event:c:1",)),
        (
            seen(Claim.LOADED, Event(channel="c"), process=Process(pid=7, entity_id="{AB}")),
            ("process:{ab}",),
        ),
        (
            seen(Claim.RESOLVED, dns=Dns(question="a.b", answers=["0.0.0.0", "192.0.2.1", "c.d"])),
            ("domain:a.b", "address:192.0.2.1"),
        ),
        (
            seen(
                Claim.RESOLVED,
                dns=Dns(question="a.b", answers=["::ffff:127.0.0.1", "::ffff:192.0.2.1"]),
            ),
            ("domain:a.b", "address:192.0.2.1"),
        ),
        (
            seen(
                Claim.CONNECTED, destination=Destination(ip="fe80::1%eth0", domain="A.b"),
                pipe=Pipe(name="x"),
            ),
            ("address:fe80::1%eth0", "domain:a.b"),
        ),
        (
            seen(Claim.CONNECTED, destination=Destination(ip="::1%7"), file=File(path="a")),
            ("file:A",),
        ),
        (seen(Claim.CONNECTED, destination=Destination(ip="127.0.0.1")), ("address:127.0.0.1",)),
        (
            seen(Claim.CONNECTED, destination=Destination(ip="127.0.0.1"), file=File(path="a")),
            ("file:A",),
        ),
        (
            seen(Claim.BLOCKED, dns=Dns(question="a.b"), destination=Destination(ip="192.0.2.1")),
            ("domain:a.b",),
        ),
    ],
)  # fmt: skip
def test_a_sighting_shares_what_its_objects_are_known_by(
    one: Observation, keys: tuple[str, ...]
) -> None:
    assert keys_of(one) == keys


@pytest.mark.parametrize(
    "path",
    [
        r"C:\Users\jo\cyzfc.dat", r"c:\users\JO\CYZFC.DAT", "C:/Users/jo/cyzfc.dat",
        r"\\?\C:\Users\jo\cyzfc.dat",
    ],
)  # fmt: skip
def test_a_file_has_one_key_however_it_is_written(path: str) -> None:
    assert file_key(path) == r"file:C:\USERS\JO\CYZFC.DAT"


def test_a_file_on_a_share_has_one_key() -> None:
    assert file_key(r"\\?\UNC\srv\s\a.b") == file_key(r"\\SRV\s\A.B") == r"file:\\SRV\S\A.B"


def test_a_process_is_told_by_its_start_too() -> None:
    start = datetime(2026, 11, 24, tzinfo=timezone.utc)
    assert process_key(7) == "process:7:0"
    assert process_key(7, start) == "process:7:1795478400"


def test_names_and_addresses_are_folded() -> None:
    assert domain_key("PandoraSong.COM.") == "domain:pandorasong.com"
    assert address_key("FE80::1") == "address:fe80::1"


def test_a_volume_in_another_container_has_the_same_findings() -> None:
    def told(image: str, where: str = "", called: str = "") -> str:
        path = f"{image}{where}:\\Users\\jo\\cyzfc.dat"
        host = Host(id="ntfs:0807060504030201", name=called or image)
        target = Target(kind=TargetKind.IMAGE, paths=[f"/evidence/{image}"])
        key = main_key(seen(file=File(path=path)), "here")
        return finding_id(host.id, key, image_of(host, target))

    assert told("disk.E01") == told("DISK.dd") == told("c.vhdx")
    second = " (partition 2)"
    assert told("disk.E01", second) == told("c.vhdx", second) != told("disk.E01")
    assert told("disk.E01") == told("disk.E01", called="WS-7"), "whatever people call the host"
    known = Host(id="6f9619ff", name="disk.dd")
    assert image_of(known, Target(kind=TargetKind.IMAGE, paths=["/evidence/disk.dd"])) == ""
