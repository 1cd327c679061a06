from __future__ import annotations

import io
import struct
from contextlib import suppress
from datetime import datetime, timedelta, timezone

import pytest
from dissect.regf import regf
from hypothesis import given, settings
from hypothesis import strategies as st
from Registry import Registry

from agent.formats import FormatError
from agent.formats.hive import Hive, Key, Value
from agent.formats.hive_logs import BASE_BLOCK, replayed
from tests.evidence.hives import EXPAND_SZ, MULTI_SZ, SZ, Gone, Tree, Typed, expand, hive
from tests.evidence.samples import sample

COMMAND = r"rundll32.exe C:\Users\jo\AppData\Local\cyzfc.dat,PointFunctionCall"
LONG = "x" * 8170 + COMMAND + "y" * 9000
"""The command lies over the edge of the first piece."""
TREE: Tree = {
    "Software": {"Run": {"cyzfc": COMMAND, "": "default", "long": LONG, "old": Gone("was here")}},
    "Ключ": {"Ünïcode": expand("%TEMP%\\x"), "number": 7, "two": b"ab", "none": b""},
}
WHEN = datetime(2018, 11, 20, 9, 11, tzinfo=timezone.utc)


def opened(tree: Tree = TREE) -> Hive:
    return Hive(hive(tree, written={r"Software\Run": WHEN}))


def only(content: Typed) -> Value:
    value = Hive(hive({"v": content})).root.value("v")
    assert value is not None
    return value


def wide(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")


def test_a_key_is_found_by_its_path_whatever_the_case() -> None:
    key = opened().key(r"\SOFTWARE\run")

    assert key is not None
    assert (key.name, key.path, key.written) == ("Run", r"Software\Run", WHEN)
    assert [value.name for value in key.values()] == ["cyzfc", "", "long"]


def test_a_name_beyond_latin_letters_is_found_whatever_its_case() -> None:
    key = opened().key("кЛЮЧ")

    assert key is not None
    found = key.value("ÜNÏCODE")
    assert found is not None
    assert (found.name, found.type, found.text) == ("Ünïcode", "REG_EXPAND_SZ", "%TEMP%\\x")


def test_a_key_by_its_name_costs_no_look_at_its_siblings() -> None:
    data = bytearray(hive({"Run": {"a": "x"}, "Ruin": {}}))
    data[data.index(b"Ruin") - 76] = 0
    opened = Hive(bytes(data))

    assert opened.key("RUN") is not None
    assert opened.problems == []
    assert [key.name for key in opened.root.subkeys()] == ["Run"]
    assert opened.problems != []


def test_a_key_that_windows_does_not_find_by_its_name_is_among_the_subkeys_alone() -> None:
    """Its list tells another hash."""
    data = hive({"Run": {}})
    at = data.index(b"lh\1\0") + 8
    opened = Hive(data[:at] + bytes(4) + data[at + 4 :])

    assert opened.key("Run") is None
    assert [key.name for key in opened.root.subkeys()] == ["Run"]


def test_lists_in_each_other_are_read_for_a_name_as_often_as_there_is_room_for() -> None:
    opened = Hive(hive({f"key {number}": {} for number in range(100)}))
    found = [
        list(opened.children_named(owner, opened.cells.key(opened.root.offset), "key 7"))
        for owner in range(100)
    ]

    assert len(found[0]) == 1
    assert not found[-1]
    assert opened.problems[0].startswith("overlapping lists")


def test_what_is_not_there_is_none() -> None:
    found = opened()

    assert found.key(r"Software\Run\deeper") is None
    assert found.root.value("v") is None
    assert found.problems == []


def test_bytes_of_few_and_of_many_are_whole() -> None:
    found = opened()
    key, run = found.key("Ключ"), found.key(r"Software\Run")
    assert key is not None
    assert run is not None

    assert {value.name: value.data for value in key.values()} == {
        "Ünïcode": wide("%TEMP%\\x\0"),
        "number": struct.pack("<I", 7),
        "two": b"ab",
        "none": b"",
    }
    long = run.value("long")
    assert long is not None
    assert long.text == LONG
    assert long.size == len(long.data) == 2 * len(LONG) + 2


@pytest.mark.parametrize(
    ("data", "strings"),
    [
        (wide("a\0b\0\0"), ["a", "b"]),
        (wide("\0a\0\0"), ["", "a"]),
        (wide("a\0\0b\0\0"), ["a", "", "b"]),
        (wide("a\0b"), ["a", "b"]),
        (wide("\0\0"), []),
        (b"", []),
    ],
)
def test_a_list_of_strings_keeps_its_empty_ones(data: bytes, strings: list[str]) -> None:
    assert only(Typed(MULTI_SZ, data)).strings == strings


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (wide("a"), "a"),
        (wide("ab\0"), "ab"),
        (wide("abc") + b"d", "abcd"),
        (wide("abc\0") + b"\0", "abc"),
        (wide("a\ud800b\0"), "a\ud800b"),
        (b"\0", ""),
        (b"x", "x"),
    ],
)
def test_a_string_is_exact_however_it_was_written(data: bytes, text: str) -> None:
    assert only(Typed(SZ, data)).text == text
    assert only(Typed(EXPAND_SZ, data)).text == text


def test_what_hides_behind_the_end_of_a_string_is_told() -> None:
    value = only(Typed(SZ, wide("harmless\0cyzfc.dat\0\0")))

    assert value.text == "harmless"
    assert value.strings == ["harmless", "cyzfc.dat"]


def test_a_type_without_a_name_is_told_by_its_number() -> None:
    value = only(Typed(0xFFFF0012, b"abcdefgh"))

    assert (value.type, value.strings, value.data) == ("0xffff0012", [], b"abcdefgh")


@pytest.mark.parametrize("lists", ["lf", "lh", "li"])
@pytest.mark.parametrize("leaf", [7, 1000])
def test_every_kind_of_list_is_read(lists: str, leaf: int) -> None:
    names = {f"key {number}" for number in range(50)}
    found = Hive(hive({name: {} for name in names}, lists=lists, leaf=leaf))

    assert {key.name for key in found.root.subkeys()} == names
    assert sum(1 for _ in found.walk()) == 51
    assert found.problems == []


def test_a_handle_in_the_place_of_a_number_of_values_is_none() -> None:
    data = bytearray(hive({"predefined": {}}))
    record = at_key(bytes(data), b"predefined")
    struct.pack_into("<H", data, record + 2, 0x60)
    struct.pack_into("<II", data, record + 36, 0x80000002, 8)
    key = Hive(bytes(data)).key("predefined")
    assert key is not None

    assert (list(key.values()), key.hive.problems) == ([], [])


def test_before_version_4_a_long_value_lies_in_one_piece() -> None:
    data = b"db\x02\x00" + b"x" * 20_000
    value = Hive(hive({"v": data}, minor=3)).root.value("v")
    assert value is not None

    assert value.data == data


# ---- damaged


def at_key(data: bytes, name: bytes) -> int:
    """Where the record of a key begins in the file."""
    return data.index(name) - 76


def test_a_key_that_leads_back_to_the_root_is_walked_once_and_told() -> None:
    data = bytearray(hive({"a": {"b": {}}}))
    listed = BASE_BLOCK + 4 + struct.unpack_from("<I", data, at_key(bytes(data), b"a") + 28)[0]
    struct.pack_into("<I", data, listed + 4, struct.unpack_from("<I", data, 36)[0])
    found = Hive(bytes(data))

    assert [cell.name for _, cell, _ in found.walk()] == ["ROOT", "a"]
    assert found.problems == ["keys in a circle, or too deep (0x50)"]


def test_keys_deeper_than_windows_allows_are_told() -> None:
    tree: Tree = {}
    for _ in range(515):
        tree = {"k": tree}
    found = Hive(hive(tree))

    assert sum(1 for _ in found.walk()) == 513
    assert len(found.problems) == 1


def test_lists_that_lie_in_each_other_do_not_multiply() -> None:
    """Every eight bytes begin a list of 1,000 keys: a million and a half in 16 KB."""
    unit = struct.pack("<i2sH", -4080, b"li", 1000)
    made = hive({"bytes": bytes(4) + unit * 2000, "index": bytes(6004)})
    first = made.index(unit) - BASE_BLOCK
    assert first % 8 == 0
    index = made.index(b"index") - 20 + 8
    cell = struct.unpack_from("<I", made, index)[0]
    named = struct.pack("<2sH1500I", b"ri", 1500, *range(first, first + 8 * 1500, 8))
    data = bytearray(made)
    data[BASE_BLOCK + cell + 4 : BASE_BLOCK + cell + 4 + len(named)] = named
    root = struct.unpack_from("<I", data, 36)[0] + BASE_BLOCK + 4
    struct.pack_into("<I", data, root + 20, 1)
    struct.pack_into("<I", data, root + 28, cell)
    found = Hive(bytes(data))

    assert len(found.children(found.root.offset, found.cells.key(found.root.offset))) < len(data)
    assert any("overlapping lists" in problem for problem in found.problems)


def test_a_value_that_cannot_be_read_leaves_the_others() -> None:
    data = bytearray(hive({"Run": {"one": "1", "two": "2", "three": "3"}}))
    data[data.index(b"two") - 20] = 0
    found = Hive(bytes(data))
    run = found.key("Run")
    assert run is not None

    assert [value.name for value in run.values()] == ["one", "three"]
    assert len(found.problems) == 1


def test_data_in_a_free_cell_are_refused() -> None:
    data = bytearray(hive({"v": "some text"}))
    cell = data.index(wide("some text")) - 4
    struct.pack_into("<i", data, cell, -struct.unpack_from("<i", data, cell)[0])
    value = Hive(bytes(data)).root.value("v")
    assert value is not None

    with pytest.raises(FormatError, match="free cell"):
        _ = value.data


def test_a_value_longer_than_its_hive_is_refused() -> None:
    data = bytearray(hive({"v": "some text"}))
    struct.pack_into("<I", data, data.index(b"vk") + 4, 0x7FFFFFFF)
    value = Hive(bytes(data)).root.value("v")
    assert value is not None

    with pytest.raises(FormatError, match="longer than its hive"):
        _ = value.data


@pytest.mark.parametrize(
    "data", [b"", b"regf", bytes(9000), hive({})[:4100], b"regf" + bytes(9000)]
)
def test_what_is_no_hive_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(FormatError):
        Hive(data)


def everything(found: Hive) -> None:
    """Each key and value, as far as they go."""
    for owner, cell, _ in found.walk():
        for offset in found.value_offsets(owner, cell):
            value = found.read_value(offset)
            if value is not None:
                with suppress(FormatError):
                    _ = Value(found, offset, value).strings


SMALL = hive({"Run": {"a": "text", "b": [*"xyz"]}, "k": {"l": {"m": b"1234567"}}})


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), max_size=30),
    st.integers(0, len(SMALL)),
)
def test_a_damaged_hive_ends_in_keys_or_in_a_format_error(
    damage: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(SMALL)
    for offset, value in damage:
        data[offset if offset % 3 else 4096 + offset % 1024] = value
    for attempt in (bytes(data), bytes(data[:cut])):
        with suppress(FormatError):
            everything(Hive(attempt))


# ---- hives of real hosts, by readers of others

SERVICES = r"ControlSet001\Services"
SHELL = r"Software\Microsoft\Windows\CurrentVersion"
DEVICE = r"HardwareConfig\{25194d56-caef-8737-5c44-50fe82f3ffde}"
APP = r"AppX0a117zp2nwhknfdna7edw00c7hzacwew\Application"
AMCACHE = r"Root\InventoryApplication\00000931f4d8fa1b9e536d7f9acd977cfba40000ffff"
BUTTON = r"ControlSet001\Enum\ACPI\FixedButton\2&daba3ff&0"

KNOWN = [
    (
        "NTUSER.DAT.xz",
        rf"{SHELL}\Run",
        "Sidebar",
        r"%ProgramFiles%\Windows Sidebar\Sidebar.exe /autoRun",
    ),
    ("NTUSER.DAT.xz", r"Network\p", "ProviderName", "Microsoft Windows Network"),
    ("NTUSER.DAT.xz", r"AppEvents\EventLabels\.Default", "DispFileName", "@mmres.dll,-5824"),
    (
        "NTUSER_with_winscp.DAT.xz",
        rf"{SHELL}\Run",
        "OneDrive",
        r'"C:\Program Files\Microsoft OneDrive\OneDrive.exe" /background',
    ),
    ("NTUSER_with_winscp.DAT.xz", rf"{SHELL}\Run", "Ditto", r"C:\Program Files\Ditto\Ditto.exe"),
    ("NTUSER_with_winscp.DAT.xz", r"Control Panel\Desktop", "PreferredUILanguages", "en-US"),
    ("SYSTEM_B.xz", rf"{SERVICES}\3ware", "ImagePath", r"System32\drivers\3ware.sys"),
    ("SYSTEM_B.xz", "Setup", "CloneTag", "Fri Sep 29 06:49:45 2017"),
    ("SYSTEM_B.xz", r"Maps\Configuration", "MOSChinaServerName", "hybrid.api.heremaps.cn"),
    (
        "SYSTEM_WIN_10_1709.xz",
        rf"{SERVICES}\AarSvc",
        "ImagePath",
        r"%SystemRoot%\system32\svchost.exe -k AarSvcGroup -p",
    ),
    ("SYSTEM_WIN_10_1709.xz", "Setup", "CloneTag", "Mon Mar 18 21:56:38 2019"),
    ("SYSTEM_WIN_10_1709.xz", DEVICE, "SystemProductName", "VMware Virtual Platform"),
    ("UsrClass.dat.xz", APP, "ApplicationCompany", "Microsoft Corporation"),
    ("UsrClass.dat.xz", APP, "ApplicationDescription", "ms-resource:AppStoreDescription"),
    ("UsrClass.dat.xz", r"Local Settings\MuiCache\d\52C64B7E", "LanguageList", "en-US"),
    ("amcache.hve.xz", AMCACHE, "InstallDateArpLastModified", "08/01/2017 13:14:28"),
    (
        "amcache.hve.xz",
        r"Root\DeviceCensus\Enterprise",
        "IsDeviceProtected",
        "DEVICE_NOT_PROTECTED",
    ),
    (
        "amcache.hve.xz",
        r"Root\DeviceCensus\Firmware",
        "FirmwareManufacturer",
        "Phoenix Technologies LTD",
    ),
    (
        "win10-Amcache.hve",
        r"Root\InventoryDeviceInterface",
        "ProviderSyncId",
        "{2fd7b3a8-20ac-4ea5-97a3-2ad750e2f805}",
    ),
    (
        "win10-Amcache.hve",
        r"Root\InventoryDeviceMediaClass",
        "ProviderSyncId",
        "{d74bde49-808c-4568-8c4c-52335e334989}",
    ),
    (
        "win10-Amcache.hve",
        r"Root\InventoryDevicePnp",
        "ProviderSyncId",
        "{94f069b3-bb8b-4747-a364-ca1f83a74c9e}",
    ),
    (
        "corrupted_system_hive.xz",
        "Setup",
        "CmdLine",
        r"C:\WINDOWS\System32\oobe\msoobe.exe /update",
    ),
    ("corrupted_system_hive.xz", BUTTON, "Mfg", "(Standard system devices)"),
    ("corrupted_system_hive.xz", BUTTON, "ClassGUID", "{4D36E97D-E325-11CE-BFC1-08002BE10318}"),
]


def by_dissect(data: bytes) -> dict[tuple[str, str], list[bytes]]:
    found: dict[tuple[str, str], list[bytes]] = {}
    root = regf.RegistryHive(io.BytesIO(data)).root()
    waiting = [(root, "")]
    while waiting:
        key, path = waiting.pop()
        for value in key.values():
            name = "" if value.name == "(Default)" else value.name
            found.setdefault((path, name), []).append(value.data)
        waiting += [(below, f"{path}\\{below.name}".strip("\\")) for below in key.subkeys()]
    return found


def by_us(data: bytes) -> dict[tuple[str, str], list[bytes]]:
    found: dict[tuple[str, str], list[bytes]] = {}
    waiting: list[Key] = [Hive(data).root]
    while waiting:
        key = waiting.pop()
        for value in key.values():
            found.setdefault((key.path, value.name), []).append(value.data)
        waiting += key.subkeys()
    return found


@pytest.mark.parametrize(("name", "path", "value", "text"), KNOWN)
def test_a_known_value_of_a_real_hive_is_as_python_registry_reads_it(
    name: str, path: str, value: str, text: str
) -> None:
    key = Hive(sample(f"registry/{name}")).key(path)
    assert key is not None
    found = key.value(value)
    assert found is not None

    theirs = Registry.Registry(io.BytesIO(sample(f"registry/{name}"))).open(path)
    assert found.text == text
    assert found.data == theirs.value(value).raw_data()
    assert key.written is not None
    assert abs(key.written.replace(tzinfo=None) - theirs.timestamp()) < timedelta(milliseconds=1)


@pytest.mark.parametrize("name", ["NTUSER.DAT.xz", "win10-Amcache.hve"])
def test_every_value_of_a_real_hive_is_as_dissect_reads_it(name: str) -> None:
    ours = by_us(sample(f"registry/{name}"))

    assert len(ours) > 4000
    assert ours == by_dissect(sample(f"registry/{name}"))


def test_a_hive_that_libregf_refuses_is_read_as_far_as_it_goes() -> None:
    found = Hive(sample("registry/corrupted_system_hive.xz"))

    assert sum(1 for _ in found.walk()) == 1687
    assert found.problems


def test_a_key_that_only_the_logs_have_is_read() -> None:
    logs = [sample("registry/SYSTEM_B.LOG1.xz"), sample("registry/SYSTEM_B.LOG2.xz")]
    path = r"ControlSet001\Services\bam\UserSettings\S-1-5-18"

    assert Hive(sample("registry/SYSTEM_B.xz")).key(path) is None
    assert Hive(replayed(sample("registry/SYSTEM_B.xz"), logs).data).key(path) is not None
