from __future__ import annotations

import struct

import pytest

from agent.model.objects import User
from agent.model.observation import ByteHit, Claim, MomentOf
from agent.model.report import Strength
from tests.evidence.hive_files import (
    COMMAND,
    RUN,
    WHEN,
    Account,
    hits_of,
    made_file,
    nested,
    observed,
    of_jo,
    of_the_machine,
    only,
)
from tests.evidence.hives import Tree, Typed, expand, hive
from tests.evidence.packs import campaign
from tests.evidence.samples import sample
from tests.evidence.windows_folder import CONFIG

BASE = 4096
"""Where the hive bins begin."""


# ---- Run keys


def test_a_run_key_tells_the_command_and_whose_it_is() -> None:
    found = only(of_jo({"Update": COMMAND, "Other": "notepad.exe"}))

    assert (found.seen, found.claim) == ("Run key", Claim.RAN)
    assert found.registry is not None
    assert found.registry.path == rf"HKU\jo\{RUN}"
    assert (found.registry.value, found.registry.data) == ("Update", COMMAND)
    assert found.process is not None
    assert (found.process.name, found.process.command_line) == ("rundll32.exe", COMMAND)
    assert found.process.pid is None
    assert found.process.user == User(name="jo", id="S-1-5-21-7-1001")
    assert [(moment.of, moment.time) for moment in found.moments] == [(MomentOf.MODIFIED, WHEN)]
    assert found.place.text == rf"HKU\jo\{RUN}, Update in C:\Users\jo\NTUSER.DAT"
    assert (found.place.path, found.place.view, found.place.owner) == (
        r"C:\Users\jo\NTUSER.DAT",
        "",
        "jo",
    )


def test_the_record_is_the_cell_of_the_value() -> None:
    file = of_jo({"Update": COMMAND})
    assert file.content is not None

    cell = 4096 + int(only(file).place.record, 16)
    assert file.content[cell + 4 : cell + 6] == b"vk"
    assert file.content[cell + 24 : cell + 30] == b"Update"


def test_the_campaigns_command_line_in_a_run_key_is_strong() -> None:
    found = only(of_jo({"Update": COMMAND}))
    told = {match.indicator.id: match for match in campaign().match(found)}

    assert told["cmd-cyzfc-pointfunctioncall"].strength is Strength.STRONG
    assert "Run key" in told["cmd-cyzfc-pointfunctioncall"].reason


@pytest.mark.parametrize(
    "path",
    [
        r"Microsoft\Windows\CurrentVersion\Run",
        r"Microsoft\Windows\CurrentVersion\RunOnce",
        r"Microsoft\Windows\CurrentVersion\RunOnceEx\0001",
        r"Microsoft\Windows\CurrentVersion\RunServices",
        r"Microsoft\Windows\CurrentVersion\Policies\Explorer\Run",
        r"WOW6432Node\Microsoft\Windows\CurrentVersion\Run",
        r"WOW6432Node\Microsoft\Windows\CurrentVersion\RunOnceEx\x",
    ],
)
def test_every_run_key_of_the_machine_and_of_users_is_one(path: str) -> None:
    machine = only(of_the_machine("SOFTWARE", nested(path, {"x": COMMAND})))
    user = only(made_file(hive(nested(rf"Software\{path}", {"x": COMMAND}))))

    assert machine.registry is not None
    assert user.registry is not None
    assert machine.registry.path == rf"HKLM\SOFTWARE\{path}"
    assert user.registry.path == rf"HKU\jo\Software\{path}"
    assert {machine.seen, user.seen} == {"Run key"}
    assert machine.user is None


def test_a_run_key_whose_value_alone_was_hit_by_its_name_is_one_too() -> None:
    found = only(of_jo({"cyzfc.dat": "notepad.exe"}))

    assert (found.seen, found.claim) == ("Run key", Claim.RAN)


def test_run_keys_are_all_told_once_a_hive_is_hit_wherever() -> None:
    """A scan may tell the first place of an indicator alone."""
    file = of_jo(
        {"a": COMMAND, "b": r'"C:\Program Files\x y\z.exe" /q'}, {"Notes": {"n": "cyzfc.dat"}}
    )
    account = Account(file)
    first = hits_of(account.text, "cyzfc.dat")[-1:]
    found = list(account.reader.seen_in(first, campaign().records()))

    commands = [one.process.command_line for one in found if one.process is not None]
    assert commands == [COMMAND, r'"C:\Program Files\x y\z.exe" /q']
    assert found[1].process is not None
    assert found[1].process.executable == r"C:\Program Files\x y\z.exe"


def test_text_behind_the_end_of_a_run_value_is_said_and_its_hit_kept() -> None:
    hidden = Typed(1, "notepad.exe\0cyzfc.dat\0".encode("utf-16-le"))
    found = only(of_jo({"x": hidden}))

    assert found.process is not None
    assert found.process.command_line == "notepad.exe"
    assert found.remarks == ("further text behind the end of the value",)


# ---- services

SERVICES: Tree = {
    "ControlSet001": {
        "Services": {
            "Cyz": {
                "ImagePath": expand(r"%SystemRoot%\system32\svchost.exe -k netsvcs"),
                "DisplayName": "A service",
                "FailureCommand": COMMAND,
                "Type": 0x20,
                "Parameters": {"ServiceDll": expand(r"C:\ProgramData\hosted.dll")},
            },
            "Drv": {"ImagePath": expand(r"\SystemRoot\drivers\drv.sys"), "Type": 1},
        },
        "Control": {"Note": "drv.sys and hosted.dll"},
    }
}


def test_what_a_service_runs_when_it_fails_is_a_command() -> None:
    found = only(of_the_machine("SYSTEM", SERVICES))

    assert (found.seen, found.claim) == ("failure command of a service", Claim.RAN)
    assert found.process is not None
    assert found.process.command_line == COMMAND
    assert found.service is not None
    assert (found.service.name, found.service.display_name) == ("Cyz", "A service")
    assert found.service.executable == r"%SystemRoot%\system32\svchost.exe -k netsvcs"
    assert found.registry is not None
    assert found.registry.path == r"HKLM\SYSTEM\ControlSet001\Services\Cyz"


def test_a_service_dll_is_a_module_of_its_service() -> None:
    found = next(
        one for one in observed(of_the_machine("SYSTEM", SERVICES), "hosted.dll") if one.dll
    )

    assert found.seen == "service DLL"
    assert found.dll is not None
    assert (found.dll.path, found.dll.name) == (r"C:\ProgramData\hosted.dll", "hosted.dll")
    assert found.service is not None
    assert (found.service.name, found.service.display_name) == ("Cyz", "A service")
    assert found.process is None


def test_a_driver_is_a_module_and_no_command() -> None:
    found = next(one for one in observed(of_the_machine("SYSTEM", SERVICES), "drv.sys") if one.dll)

    assert found.seen == "driver"
    assert found.process is None
    assert found.service is not None
    assert found.service.executable == r"\SystemRoot\drivers\drv.sys"


def test_the_services_of_a_real_host_are_told() -> None:
    data = sample("registry/SYSTEM_WIN_10_1709.xz")
    file = made_file(data, rf"{CONFIG}\SYSTEM", "")
    hits = [ByteHit("x", data.index("drivers\\3ware.sys".encode("utf-16-le")))]
    found = list(Account(file).reader.seen_in(hits, campaign().records()))
    seen = {one.seen for one in found}

    assert seen == {"service", "driver", "service DLL", "failure command of a service"}
    (hit,) = [one for one in found if one.hits]
    assert hit.service is not None
    assert (hit.seen, hit.service.name) == ("driver", "3ware")
    hosted = [one for one in found if one.seen == "service DLL"]
    assert len(hosted) > 100
    assert all(one.service and one.service.executable and one.dll for one in hosted)


def test_services_in_a_circle_end_and_those_cut_off_count_as_deleted() -> None:
    data = bytearray(of_the_machine("SYSTEM", SERVICES).content or b"")
    services = data.index(b"Services") - 76
    own = BASE + 4 + struct.unpack_from("<I", data, services + 28)[0]
    for at in range(own + 4, own + 4 + 16, 8):
        struct.pack_into("<I", data, at, services - BASE - 4)
    found = observed(made_file(bytes(data), rf"{CONFIG}\SYSTEM", ""))

    assert [(one.seen, one.place.view) for one in found] == [
        ("failure command of a service", "deleted")
    ]


def test_a_command_of_blank_space_takes_linear_time() -> None:
    found = only(of_jo({"cyzfc.dat": " " * 32_000 + "a.exe b"}))
    assert found.process is not None
    assert found.process.name == "a.exe"
