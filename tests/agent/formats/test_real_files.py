"""Files of real hosts hold as much here as independent readers find in them.

Which readers: hivex 1.3.23 and python-registry of hives, libevtx and evtx of logs, dissect.database
1.1 of the ESE database, SQLite of browsers' databases (``test_sqlite.py``), a walk of one's own of
the change journal. Known values of each file are beside the format's own tests.
"""

from __future__ import annotations

import io
import struct
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import evtx
import pyevtx
import pytest
from dissect.regf import regf
from Registry import Registry

from agent.formats import FormatError
from agent.formats.detection_history import read_detection
from agent.formats.ese import Database
from agent.formats.evtx import CHUNK, FILE_HEADER, records_in, records_of
from agent.formats.filetime import utc_of
from agent.formats.hive import Hive, Value
from agent.formats.hive_logs import replayed
from agent.formats.log_reach import LogReach
from agent.ntfs import Unread, UsnRecord, UsnScan, Wanted
from tests.evidence.samples import sample, samples, unpacked

# ---- Hives


class Counted(NamedTuple):
    """As hivex 1.3.23 counts (``hivexml -k``)."""

    keys: int
    values: int


HIVES = {
    "NTUSER.DAT.xz": Counted(1812, 4094),
    "NTUSER_with_winscp.DAT.xz": Counted(5328, 12_014),
    "SYSTEM_B.xz": Counted(33_123, 74_957),
    "SYSTEM_WIN_10_1709.xz": Counted(43_211, 90_307),
    "UsrClass.dat.xz": Counted(6205, 12_369),
    "amcache.hve.xz": Counted(2105, 17_539),
    "win10-Amcache.hve": Counted(207, 4188),
}
DAMAGED = "corrupted_system_hive.xz"
"""hivex refuses it; it is read as far as it goes (``test_hive.py``)."""
UNNAMED = "(default)"
"""What python-registry calls a value without a name."""


def test_every_hive_among_the_samples_is_one_of_these() -> None:
    if not (names := samples("registry/*")):
        pytest.skip("the samples are not here")
    logs = {"SYSTEM_B.LOG1.xz", "SYSTEM_B.LOG2.xz"}
    assert {name.partition("/")[2] for name in names} == {*HIVES, DAMAGED, *logs}


def values_of(data: bytes) -> Iterator[tuple[str, Value]]:
    waiting = [Hive(data).root]
    while waiting:
        key = waiting.pop()
        yield from ((key.path, value) for value in key.values())
        waiting += key.subkeys()


def by_python_registry(data: bytes) -> Counter[tuple[str, str, bytes]]:
    found: Counter[tuple[str, str, bytes]] = Counter()
    waiting = [(Registry.Registry(io.BytesIO(data)).root(), "")]
    while waiting:
        key, path = waiting.pop()
        for value in key.values():
            name = "" if value.name() == UNNAMED else value.name()
            found[path, name, bytes(value.raw_data())] += 1
        waiting += [(below, f"{path}\\{below.name()}".strip("\\")) for below in key.subkeys()]
    return found


@pytest.mark.parametrize("name", HIVES)
def test_a_hive_has_as_many_keys_and_values_as_hivex_counts(name: str) -> None:
    data = sample(f"registry/{name}")

    assert sum(1 for _ in Hive(data).walk()) == HIVES[name].keys
    assert sum(1 for _ in values_of(data)) == HIVES[name].values


def by_us(data: bytes) -> Counter[tuple[str, str, bytes]]:
    return Counter(
        (path, "" if value.name == UNNAMED else value.name, value.data)
        for path, value in values_of(data)
    )


def longer(values: Counter[tuple[str, str, bytes]]) -> Counter[tuple[str, str, bytes]]:
    """Without those of four bytes and less, of which python-registry has too few or too many."""
    return Counter({one: count for one, count in values.items() if len(one[2]) > 4})


@pytest.mark.parametrize("name", HIVES)
def test_every_longer_value_of_a_hive_is_the_one_that_python_registry_reads(name: str) -> None:
    data = sample(f"registry/{name}")
    ours = longer(by_us(data))

    assert ours.total() > HIVES[name].values // 4
    assert ours == longer(by_python_registry(data))


@pytest.mark.parametrize(
    ("name", "short"), [("SYSTEM_B.xz", 2068), ("SYSTEM_WIN_10_1709.xz", 3209)]
)
def test_values_of_one_to_three_bytes_are_those_that_dissect_reads(name: str, short: int) -> None:
    """They lie in the place of their offset; libregf gives other bytes for them."""
    data = sample(f"registry/{name}")
    ours = Counter(value.data for _, value in values_of(data) if 0 < value.size < 4)
    theirs: Counter[bytes] = Counter()
    waiting = [regf.RegistryHive(io.BytesIO(data)).root()]
    while waiting:
        key = waiting.pop()
        theirs.update(value.data for value in key.values() if 0 < len(value.data) < 4)
        waiting += key.subkeys()

    assert ours.total() == short
    assert ours == theirs


def test_a_list_of_strings_does_not_end_at_an_empty_one() -> None:
    """libregf ends it there, and so loses all but the first file that Windows was to delete."""
    key = Hive(sample("registry/SYSTEM_B.xz")).key(r"ControlSet001\Control\Session Manager")
    assert key is not None
    value = key.value("PendingFileRenameOperations")
    assert value is not None
    root = Registry.Registry(io.BytesIO(sample("registry/SYSTEM_B.xz")))
    theirs = root.open(key.path).value(value.name).raw_data().decode("utf-16-le")

    assert value.strings == theirs.rstrip("\0").split("\0")
    assert value.strings[:3] == [
        r"\??\C:\Config.Msi\a014fa5.rbf", "", r"\??\C:\Config.Msi\a014fa6.rbf"
    ]  # fmt: skip
    assert value.strings[-1] == r"\??\C:\Windows\System32\DriverStore\Temp\DEL7958.tmp"


def test_a_dirty_hive_has_what_its_logs_add() -> None:
    """The hive alone lacks them, which libregf, python-registry and dissect do not say."""
    logs = [sample(f"registry/SYSTEM_B.{name}.xz") for name in ("LOG1", "LOG2")]
    data = replayed(sample("registry/SYSTEM_B.xz"), logs).data

    assert sum(1 for _ in Hive(data).walk()) == 35_595
    assert longer(by_us(data)) == longer(by_python_registry(data))


# ---- Event logs


class Log(NamedTuple):
    """Of a log: how many records libevtx lists, and how many more it carves from what is left."""

    listed: int
    left: int


LOGS = {
    "Application_no_crc32.evtx": Log(17, 34),
    "System.evtx": Log(5009, 0),
    "System2.evtx": Log(194, 0),
    "new-user-security.evtx": Log(4, 2),
    "sample_with_a_bad_chunk_magic.evtx": Log(267, 163),
    "security.evtx": Log(2261, 30),
    "security_bad_string_cache.evtx": Log(2261, 30),
    "sysmon.evtx": Log(358, 0),
    "system.evtx": Log(1881, 79),
}


def chunks_of(log: bytes) -> Iterator[bytes]:
    return (log[at : at + CHUNK] for at in range(FILE_HEADER, len(log), CHUNK))


def test_every_log_among_the_samples_is_one_of_these() -> None:
    if not (names := samples("evtx/*")):
        pytest.skip("the samples are not here")
    assert {name.partition("/")[2] for name in names} == set(LOGS)


@pytest.mark.parametrize("name", LOGS)
def test_a_log_has_no_fewer_records_than_libevtx_lists_and_carves(name: str) -> None:
    log = sample(f"evtx/{name}")
    opened = pyevtx.file()
    opened.open_file_object(io.BytesIO(log))
    counted = Log(opened.number_of_records, opened.number_of_recovered_records)
    ours = [record for chunk in chunks_of(log) for record in records_in(chunk)]

    assert counted == LOGS[name]
    assert len(ours) >= sum(counted)


def times_by_evtx(log: bytes) -> dict[int, datetime]:
    """When each record was written, by its id; warnings for what is damaged are no errors."""
    records = evtx.PyEvtxParser(io.BytesIO(log), number_of_threads=1, skip_errors=True).records()
    return {one["event_record_id"]: time_in(one["timestamp"]) for one in records if one is not None}


def time_in(text: str) -> datetime:
    """``2018-03-06T08:13:42.0091Z UTC``: zeros at the end are left out."""
    whole, _, rest = text.partition(" ")[0].rstrip("Z").partition(".")
    return datetime.fromisoformat(f"{whole}.{rest[:6].ljust(6, '0')}+00:00")


@pytest.mark.parametrize(
    "archive", ["APTSimulatorVM_EventLogs_Server2022", "RathbunVM_W10EventLogs", "StolenSzechuanEventLogs"]
)  # fmt: skip
def test_the_logs_of_a_whole_host_have_the_records_that_evtx_reads(
    archive: str, tmp_path: Path
) -> None:
    logs = [
        path for path in unpacked(f"evtx-hosts/{archive}.7z", tmp_path) if path.suffix == ".evtx"
    ]
    assert len(logs) > 50
    told = 0
    for path in logs:
        log = path.read_bytes()
        theirs = times_by_evtx(log)
        reach, ours = LogReach(), dict[int, set[datetime | None]]()
        for chunk in chunks_of(log):
            reach.add(chunk)
            for one in records_in(chunk):
                ours.setdefault(one.id, set()).add(utc_of(one.ticks))
        assert all(time in ours.get(number, ()) for number, time in theirs.items()), path.name
        assert reach.records >= len(theirs)
        told += len(theirs)
    assert told > 5_000


def test_event_ids_with_and_without_qualifiers_are_those_of_libevtx() -> None:
    log = sample("evtx/System.evtx")
    opened = pyevtx.file()
    opened.open_file_object(io.BytesIO(log))
    theirs = {one.identifier: one.event_identifier for one in opened.records}
    ours = {one.id: one.event for chunk in chunks_of(log) for one in records_of(chunk)}

    assert len(ours) == 5009
    assert ours == {number: event & 0xFFFF for number, event in theirs.items()}


# ---- Others


def test_columns_that_a_row_lacks_are_none_where_libesedb_gives_filler() -> None:
    """Counted by dissect.database 1.1; libesedb gives ``****``, 707406378 as a number."""
    database = Database(sample("srum/SRUDB-win10-clean.dat.xz"))
    timeline = database.tables["{5C8CF1C7-7257-4F13-B223-970EF5939312}"]
    rows = list(database.rows(timeline))

    assert rows[0].values["InFocusTimeline"] is None
    assert rows[0].values["CpuTimeline"] == 3573412790273
    assert {name: rows[1].values[name] for name in ("AppId", "Flags", "DurationMS", "SpanMS")} == {
        "AppId": 5, "Flags": 17_695_234, "DurationMS": 670_962, "SpanMS": 670_952,
    }  # fmt: skip
    filler = {707_406_378, 0x2A2A, 0x2A2A_2A2A_2A2A_2A2A, b"****"}
    values = [value for row in rows for value in row.values.values() if value is not None]
    assert not filler.intersection(values)


def test_a_change_journal_is_read_record_by_record() -> None:
    """By a walk of one's own (USN_RECORD_V2, winioctl.h)."""
    data = sample("usn/UsnJrnl.raw")
    expected, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from("<I", data, at)
        if not length:
            at = (at // 4096 + 1) * 4096
            continue
        usn, ticks, reason = struct.unpack_from("<QQI", data, at + 24)
        size, begin = struct.unpack_from("<HH", data, at + 56)
        expected.append(
            (usn, ticks, reason, data[at + begin : at + begin + size].decode("utf-16-le"))
        )
        at += length
    scan = UsnScan(io.BytesIO(data), Wanted(list, pieces=("",)), Unread())
    found = [one for one in scan.hits() if isinstance(one, UsnRecord)]

    assert len(expected) == scan.records == 19
    assert [(one.usn, one.name) for one in found] == [(usn, name) for usn, _, _, name in expected]


def test_both_of_defenders_real_records_are_read() -> None:
    """Read by eye in a hex editor."""
    read = read_detection(sample("defender/FC380697-A68D-4C94-B67F-9B6449039463"))
    assert read.threat
    assert read.resources
    with pytest.raises(FormatError):
        read_detection(sample("defender/FC380697-A68D-4C94-B67F-9B6449039463")[:40])
