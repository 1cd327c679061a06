from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import BinaryIO

import pytest

from agent.formats import FormatError
from agent.model.objects import User
from agent.model.observation import ByteHit, Claim, MomentOf, Observation
from agent.model.report import Strength
from agent.sources.registry.hives import RegistryArtefact
from tests.evidence.hives import Gone, Tree, Typed, dirty, expand, hive, log
from tests.evidence.packs import campaign
from tests.evidence.registry_samples import MISSING, sample, there

COMMAND = r"rundll32.exe C:\Users\jo\AppData\Local\cyzfc.dat, PointFunctionCall"
WHEN = datetime(2018, 11, 20, 9, 11, tzinfo=timezone.utc)
RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"
BASE = 4096
"""Where the hive bins begin."""
CONFIG = r"C:\Windows\System32\config"


@dataclass(eq=False)
class MadeFile:
    """A hive's file and its logs; one whose bytes are None cannot be opened."""

    data: bytes | None
    path: str = r"C:\Users\jo\NTUSER.DAT"
    owner: str = "jo"
    owner_id: str = "S-1-5-21-7-1001"
    view: str = ""
    logs: Mapping[str, bytes | None] = field(default_factory=dict)

    def open(self) -> BinaryIO:
        if self.data is None:
            raise PermissionError(13, "Permission denied", self.path)
        return io.BytesIO(self.data)

    def beside(self, suffix: str) -> MadeFile | None:
        if suffix not in self.logs:
            return None
        return MadeFile(self.logs[suffix], self.path + suffix, self.owner, self.owner_id)


def of_the_machine(name: str, tree: Tree) -> MadeFile:
    return MadeFile(hive(tree), rf"{CONFIG}\{name}", "", "")


def nested(path: str, content: Tree) -> Tree:
    for name in reversed(path.split("\\")):
        content = {name: content}
    return content


def of_jo(values: Tree, more: Tree | None = None) -> MadeFile:
    """jo's hive, with these values under Run."""
    tree = {**nested(RUN, values), **(more or {})}
    return MadeFile(hive(tree, written={RUN: WHEN}))


def hits_of(text: bytes, word: str) -> list[ByteHit]:
    """Where a word is, in either encoding."""
    found: list[ByteHit] = []
    for encoded in (word.encode("latin-1"), word.encode("utf-16-le")):
        at = text.find(encoded)
        while at >= 0:
            found.append(ByteHit(indicator="name-cyzfc-dat", offset=at, excerpt=word))
            at = text.find(encoded, at + 1)
    return found


def observed(file: MadeFile, word: str = "cyzfc.dat") -> list[Observation]:
    """What the hive tells of a word that it was hit by; observations without a hit are left out."""
    assert file.data is not None
    artefact = RegistryArtefact()
    hits = hits_of(artefact.plain(file, file.data), word)
    assert hits
    found = list(artefact.records(file, file.data, hits))
    assert {hit for one in found for hit in one.hits} <= set(hits)
    return [one for one in found if one.hits]


def only(file: MadeFile, word: str = "cyzfc.dat") -> Observation:
    (found,) = observed(file, word)
    return found


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
    assert file.data is not None

    cell = 4096 + int(only(file).place.record, 16)
    assert file.data[cell + 4 : cell + 6] == b"vk"
    assert file.data[cell + 24 : cell + 30] == b"Update"


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
    user = only(MadeFile(hive(nested(rf"Software\{path}", {"x": COMMAND}))))

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
    assert file.data is not None
    artefact = RegistryArtefact()
    first = hits_of(artefact.plain(file, file.data), "cyzfc.dat")[-1:]
    found = list(artefact.records(file, file.data, first))

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


# ---- everything else


def test_any_other_value_that_is_hit_is_a_mention_with_its_key() -> None:
    found = only(of_jo({}, {"Notes": {"n": "see cyzfc.dat"}}))

    assert (found.seen, found.claim) == ("registry", Claim.MENTIONED)
    assert found.registry is not None
    assert (found.registry.path, found.registry.value) == (r"HKU\jo\Notes", "n")
    assert found.registry.data == "cyzfc.dat"
    assert found.user == User(name="jo", id="S-1-5-21-7-1001")


def test_the_hits_of_one_value_are_one_mention() -> None:
    found = only(of_jo({}, {"Notes": {"n": "cyzfc.dat and cyzfc.dat", "cyzfc": "quiet"}}))

    assert len(found.hits) == 2


def test_a_key_by_its_name_is_a_mention_without_a_value() -> None:
    found = only(of_jo({}, {"cyzfc.dat": {}}))

    assert found.registry is not None
    assert (found.registry.path, found.registry.value) == (r"HKU\jo\cyzfc.dat", "")


def test_a_word_over_the_edge_of_a_long_value_is_a_mention_of_it() -> None:
    found = only(of_jo({}, {"Long": {"v": "x" * 8168 + "cyzfc.dat" + "y" * 9000}}))

    assert found.registry is not None
    assert (found.registry.path, found.registry.value) == (r"HKU\jo\Long", "v")


def test_a_deleted_run_value_is_told_as_deleted_with_its_command() -> None:
    found = only(of_jo({"gone": Gone(COMMAND), "kept": "notepad.exe"}))

    assert (found.seen, found.claim) == ("Run key", Claim.RAN)
    assert found.place.view == "deleted"
    assert found.registry is not None
    assert (found.registry.path, found.registry.value) == (rf"HKU\jo\{RUN}", "gone")
    assert found.process is not None
    assert found.process.command_line == COMMAND
    assert "what is left of a deleted value" in found.remarks


def test_a_hit_in_a_cell_that_nothing_tells_of_is_kept_and_deleted() -> None:
    file = of_jo({"gone": Gone("see cyzfc.dat"), "kept": "notepad.exe"})
    assert file.data is not None
    record = file.data.index(b"gone") - 20
    file.data = file.data[:record] + bytes(24) + file.data[record + 24 :]
    found = only(file)

    assert (found.claim, found.place.view) == (Claim.MENTIONED, "deleted")
    assert found.registry is not None
    assert (found.registry.path, found.registry.value) == (r"HKU\jo", "")


@pytest.mark.parametrize(
    ("path", "root"),
    [
        (rf"{CONFIG}\SYSTEM", r"HKLM\SYSTEM"),
        (rf"{CONFIG}\DEFAULT", r"HKU\.DEFAULT"),
        (r"C:\Users\jo\AppData\Local\Microsoft\Windows\UsrClass.dat", r"HKU\jo_Classes"),
    ],
)
def test_a_path_is_as_people_write_it(path: str, root: str) -> None:
    found = only(MadeFile(hive({"k": {"v": "cyzfc.dat"}}), path))

    assert found.registry is not None
    assert found.registry.path == rf"{root}\k"


# ---- transaction logs

BEFORE = hive(nested(RUN, {"old": COMMAND, "pad": "x" * 5000}))
AFTER = hive(nested(RUN, {"new": r"C:\Users\jo\fresh.exe", "pad": "y" * 5000}))


def in_use(logs: Mapping[str, bytes | None]) -> MadeFile:
    return MadeFile(dirty(BEFORE, 5), logs=logs)


def test_what_only_the_log_has_is_a_run_key_as_any() -> None:
    found = only(in_use({".LOG2": log(BEFORE, AFTER, 5)}), "fresh.exe")

    assert (found.seen, found.place.view) == ("Run key", "")
    assert found.process is not None
    assert found.process.command_line == r"C:\Users\jo\fresh.exe"


def test_what_the_log_removed_is_told_as_it_was_before() -> None:
    found = only(in_use({".LOG1": log(BEFORE, AFTER, 5)}))

    assert (found.seen, found.place.view) == ("Run key", "deleted")
    assert found.remarks == ("as it was before its transaction log",)
    assert found.process is not None
    assert found.process.command_line == COMMAND


def test_what_an_old_entry_of_a_log_remembers_is_told_with_its_key() -> None:
    old = log(AFTER, BEFORE, 5)
    found = only(MadeFile(AFTER, logs={".LOG1": old}))

    assert (found.seen, found.place.view) == ("Run key", "deleted")
    assert found.place.path == r"C:\Users\jo\NTUSER.DAT.LOG1"
    assert found.remarks == ("an earlier state, from entry 5 of its transaction log",)
    assert found.registry is not None
    assert (found.registry.path, found.registry.value) == (rf"HKU\jo\{RUN}", "old")


def test_a_value_that_was_only_written_anew_is_told_once() -> None:
    moved = hive(nested(RUN, {"pad": "x" * 300, "old": COMMAND}))
    found = only(MadeFile(dirty(BEFORE, 5), logs={".LOG1": log(BEFORE, moved, 5)}))

    assert (found.seen, found.place.view, found.remarks) == ("Run key", "", ())


def test_bytes_that_a_log_only_repeats_are_told_once_though_no_key_is_left() -> None:
    data = hive({"gone": Gone("see cyzfc.dat"), "kept": "notepad.exe"})
    record = data.index(b"gone") - 20
    data = data[:record] + bytes(24) + data[record + 24 :]
    found = only(MadeFile(data, logs={".LOG1": log(hive({}), data, 1)}))

    assert (found.place.path, found.remarks) == (r"C:\Users\jo\NTUSER.DAT", ())


def test_a_hit_in_a_torn_log_is_kept_as_bytes() -> None:
    found = only(MadeFile(AFTER, logs={".LOG1": b"torn " + b"cyzfc.dat"}))

    assert (found.claim, found.place.record) == (Claim.MENTIONED, "0x5")
    assert found.place.path == r"C:\Users\jo\NTUSER.DAT.LOG1"


def problems(file: MadeFile) -> tuple[str, ...]:
    assert file.data is not None
    return RegistryArtefact().problems(file, file.data)


def test_a_hive_in_use_without_its_logs_is_a_problem() -> None:
    assert problems(in_use({})) == ("dirty, and its logs are missing",)
    assert problems(in_use({".LOG1": log(BEFORE, AFTER, 5), ".LOG2": b""})) == ()
    assert problems(MadeFile(AFTER)) == ()


def test_a_log_that_cannot_be_opened_is_a_problem() -> None:
    assert problems(in_use({".LOG1": None})) == (
        "its LOG1: access denied",
        "dirty, and its logs are missing",
    )


def test_what_is_no_hive_is_refused() -> None:
    file = MadeFile(b"cyzfc.dat")
    artefact = RegistryArtefact()
    assert artefact.plain(file, b"cyzfc.dat") == b"cyzfc.dat"

    with pytest.raises(FormatError):
        list(artefact.records(file, b"cyzfc.dat", hits_of(b"cyzfc.dat", "cyzfc.dat")))


def test_services_in_a_circle_end_and_those_cut_off_count_as_deleted() -> None:
    data = bytearray(of_the_machine("SYSTEM", SERVICES).data or b"")
    services = data.index(b"Services") - 76
    own = BASE + 4 + struct.unpack_from("<I", data, services + 28)[0]
    for at in range(own + 4, own + 4 + 16, 8):
        struct.pack_into("<I", data, at, services - BASE - 4)
    found = observed(MadeFile(bytes(data), rf"{CONFIG}\SYSTEM", "", ""))

    assert [(one.seen, one.place.view) for one in found] == [
        ("failure command of a service", "deleted")
    ]


@pytest.mark.skipif(not there("SYSTEM_WIN_10_1709.xz"), reason=MISSING)
def test_the_services_of_a_real_host_are_told() -> None:
    data = sample("SYSTEM_WIN_10_1709.xz")
    file = MadeFile(data, rf"{CONFIG}\SYSTEM", "", "")
    artefact = RegistryArtefact()
    hits = [
        ByteHit("x", offset) for offset in (data.find("drivers\\3ware.sys".encode("utf-16-le")),)
    ]
    found = list(artefact.records(file, data, hits))
    seen = {one.seen for one in found}

    assert seen == {"service", "driver", "service DLL", "failure command of a service"}
    (hit,) = [one for one in found if one.hits]
    assert hit.service is not None
    assert (hit.seen, hit.service.name) == ("driver", "3ware")
    hosted = [one for one in found if one.seen == "service DLL"]
    assert len(hosted) > 100
    assert all(one.service and one.service.executable and one.dll for one in hosted)
