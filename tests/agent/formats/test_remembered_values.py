"""Values of hives taken apart: the compatibility cache, UserAssist, shell items, tasks."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from Registry import Registry

from agent.formats import FormatError
from agent.formats.hive import Hive, Key, Value
from agent.formats.shell_items import Item, joined, read_item, read_items
from agent.formats.shimcache import read_shimcache
from agent.formats.task_cache import Action, read_actions, read_times
from agent.formats.user_assist import path_of, read_use, turned
from tests.evidence.remembered_values import shimcache, task_actions, task_times, user_assist
from tests.evidence.samples import sample
from tests.evidence.shell_items import entry, listed, root, volume

NOON = datetime(2018, 11, 14, 12, 0, 2, tzinfo=timezone.utc)
EXPLORER = r"Software\Microsoft\Windows\CurrentVersion\Explorer"
MP_SIG_STUB = r"C:\WINDOWS\TEMP\1654ED47-0058-4E4C-A1B1-FB0667919D7A\MpSigStub.exe"
CACHE = r"ControlSet001\Control\Session Manager\AppCompatCache"


def value_of(name: str, key: str, value: str) -> bytes:
    """As python-registry reads it."""
    found = Registry.Registry(io.BytesIO(sample(f"registry/{name}"))).open(key).value(value)
    return bytes(found.raw_data())


# ---- The application compatibility cache


@pytest.mark.parametrize("form", ["xp", "2003", "2003x86", "7", "7x86", "8.0", "8.1", "10"])
def test_a_cache_of_each_windows_tells_paths_and_times(form: str) -> None:
    paths = [r"C:\Windows\a.exe", "C:\\Users\\jö\\cyzfc.dat"]
    found = list(read_shimcache(shimcache([(path, NOON) for path in paths], form)))

    assert [(one.number, one.path, one.modified) for one in found] == [
        (0, paths[0], NOON), (1, paths[1], NOON)
    ]  # fmt: skip
    assert {one.was_started for one in found} == {form.startswith("7")}


def test_windows_xp_tells_sizes_and_when_an_entry_was_written() -> None:
    (found,) = read_shimcache(shimcache([(r"C:\a.exe", NOON)], "xp"))
    assert (found.path, found.size, found.updated) == (r"C:\a.exe", 294_400, NOON)


def test_the_second_cache_of_windows_8_1_has_no_times() -> None:
    found = list(read_shimcache(shimcache([(r"C:\a.exe", NOON), (r"D:\b.exe", NOON)], "bare")))
    assert [(one.path, one.modified) for one in found] == [(r"C:\a.exe", None), (r"D:\b.exe", None)]


@pytest.mark.parametrize(
    ("hive", "count", "number", "path", "modified"),
    [
        ("SYSTEM_B.xz", 406, 2, r"C:\Windows\system32\defrag.exe", "2017-09-29T13:41:44.608837"),
        ("SYSTEM_WIN_10_1709.xz", 1024, 1, MP_SIG_STUB, "2020-03-12T07:37:29.812000"),
    ],
)  # fmt: skip
def test_real_caches_are_read_whole(
    hive: str, count: int, number: int, path: str, modified: str
) -> None:
    data = value_of(hive, CACHE, "AppCompatCache")
    found = list(read_shimcache(data))

    assert len(found) == count == data.count(b"10ts")
    assert found[number].path == path
    assert found[number].modified == datetime.fromisoformat(f"{modified}+00:00")
    assert all(one.path.encode("utf-16-le") in data for one in found)


@pytest.mark.parametrize("form", ["xp", "2003", "2003x86", "7", "8.1", "10", "bare"])
def test_what_is_behind_a_cut_is_refused_and_what_is_before_it_told(form: str) -> None:
    found = read_shimcache(shimcache([(r"C:\a.exe", NOON), (r"C:\b.exe", NOON)], form)[:-9])
    assert next(found).path == r"C:\a.exe"
    with pytest.raises(FormatError, match="cut"):
        next(found)


# ---- UserAssist


def test_user_assist_of_a_real_user() -> None:
    key = rf"{EXPLORER}\UserAssist\{{F4E57C4B-2036-45F0-A9AB-443BCFE33D9F}}\Count"
    raw = sample("registry/NTUSER_with_winscp.DAT.xz")
    ours = {value.name: value.data for value in _key(raw, key)}
    theirs = Registry.Registry(io.BytesIO(raw)).open(key).values()
    assert ours == {value.name(): bytes(value.raw_data()) for value in theirs}

    uses = {
        path_of(turned(name), r"C:\Users\tony"): read_use(data)
        for name, data in ours.items()
        if len(data) == 72
    }
    prompt = uses[
        r"C:\Users\tony\AppData\Roaming\Microsoft\Windows\Start Menu\Programs\System Tools"
        r"\Command Prompt.lnk"
    ]
    assert prompt.times == 35
    assert prompt.ran == datetime(2022, 5, 30, 11, 26, 22, 119000, tzinfo=timezone.utc)


def _key(raw: bytes, path: str) -> list[Value]:
    key = Hive(raw).key(path)
    assert key is not None
    return list(key.values())


def test_both_versions_of_user_assist_tell_count_and_last_run() -> None:
    assert read_use(user_assist(3, NOON)) == (3, NOON)
    old = b"\1\0\0\0\x08\0\0\0" + user_assist(3, NOON)[60:68]
    assert read_use(old) == (3, NOON)
    with pytest.raises(FormatError):
        read_use(b"x" * 71)


# ---- Shell items


@pytest.mark.parametrize("version", [3, 7, 8, 9])
def test_a_folder_has_its_long_name_and_its_times(version: int) -> None:
    found = read_item(entry("Temp1_ds7002.zip — копия", "TEMP1_~1.ZIP", when=NOON, version=version))
    assert found == Item("Temp1_ds7002.zip — копия", "TEMP1_~1.ZIP", NOON, NOON, NOON)


def test_items_lead_along_a_path() -> None:
    items = list(read_items(listed(root(), volume("C:\\"), entry("Users"), entry("jo"))))
    assert joined(items) == r"C:\Users\jo"


def test_folders_of_a_real_user() -> None:
    hive = Hive(sample("registry/UsrClass.dat.xz"))
    bags = r"Local Settings\Software\Microsoft\Windows\Shell\BagMRU"
    key = hive.key(bags)
    assert key is not None
    told = {}
    for number in "".join(str(n) for n in range(10)):
        value = key.value(number)
        assert value is not None
        assert value.data == value_of("UsrClass.dat.xz", bags, number)
        told[number] = read_item(value.data).name
    assert {"Quick access", "%UserProfile%"} <= set(told.values())


@pytest.mark.parametrize(
    ("path", "created", "modified"),
    [
        ("Users", "2017-09-29T08:45:12", "2018-03-27T09:36:34"),
        (r"Users\jcloudy\Box Sync", "2018-03-28T00:53:58", "2018-04-05T02:11:16"),
    ],
)
def test_the_times_of_real_folders(path: str, created: str, modified: str) -> None:
    hive = Hive(sample("registry/UsrClass.dat.xz"))
    key = hive.key(r"Local Settings\Software\Microsoft\Windows\Shell\BagMRU")
    found: dict[str, Item] = {}

    def walk(above: list[Item], at: Key | None) -> None:
        assert at is not None
        for value in at.values():
            if value.name.isdigit():
                items = [*above, read_item(value.data)]
                found[joined(items)] = items[-1]
                below = at.subkey(value.name)
                if below is not None:
                    walk(items, below)

    walk([], key)
    item = found[rf"C:\{path}"]
    assert item.created == datetime.fromisoformat(f"{created}+00:00")
    assert item.modified == datetime.fromisoformat(f"{modified}+00:00")


# ---- Tasks


def test_a_task_tells_what_it_starts_and_when_it_did() -> None:
    later = NOON + timedelta(days=1)
    (action,) = read_actions(task_actions("rundll32.exe", "cyzfc.dat, PointFunctionCall"))
    assert action == Action("rundll32.exe", "cyzfc.dat, PointFunctionCall", "")
    assert read_times(task_times(NOON, later)) == (NOON, later)


def test_an_action_of_an_unknown_kind_is_refused_behind_those_before_it() -> None:
    actions = read_actions(task_actions("a.exe", "") + b"\x11\x11\0\0\0\0")
    assert next(actions).command == "a.exe"
    with pytest.raises(FormatError, match="unknown kind"):
        next(actions)


# ---- Any bytes


READERS: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "Windows XP": (lambda data: list(read_shimcache(data)), shimcache([("C:\\a", NOON)] * 3, "xp")),
    "Windows 2003": (
        lambda data: list(read_shimcache(data)),
        shimcache([("C:\\a", NOON)] * 3, "2003"),
    ),
    "Windows 7": (lambda data: list(read_shimcache(data)), shimcache([("C:\\a", NOON)] * 3, "7")),
    "Windows 8": (lambda data: list(read_shimcache(data)), shimcache([("C:\\a", NOON)] * 3, "8.1")),
    "Windows 10": (lambda data: list(read_shimcache(data)), shimcache([("C:\\a", NOON)] * 3)),
    "UserAssist": (read_use, user_assist(1, NOON)),
    "items": (
        lambda data: joined(list(read_items(data))),
        listed(root(), volume("C:\\"), entry("a"), entry("b", version=3), entry("c", kind=0x74)),
    ),
    "actions": (lambda data: list(read_actions(data)), task_actions("a.exe", "b")),
    "times": (read_times, task_times(NOON, NOON)),
}


@pytest.mark.parametrize("reader", READERS)
@given(data=st.data())
def test_any_bytes_end_in_facts_or_in_an_error(reader: str, data: st.DataObject) -> None:
    read, seed = READERS[reader]
    damaged = bytearray(seed)
    for _ in range(data.draw(st.integers(0, 4))):
        damaged[data.draw(st.integers(0, len(seed) - 1))] = data.draw(st.integers(0, 255))
    for raw in (bytes(damaged[: data.draw(st.integers(0, len(seed)))]), data.draw(st.binary())):
        with contextlib.suppress(FormatError):
            read(raw)
