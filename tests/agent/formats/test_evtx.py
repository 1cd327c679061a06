from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from xml.etree import ElementTree as ET

import evtx
import pyevtx
import pytest
from Evtx.Evtx import Evtx as PythonEvtx
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.evtx import (
    CHUNK,
    FILE_HEADER,
    EventRecord,
    read_log_header,
    records_in,
    records_of,
)
from agent.formats.filetime import utc_of
from agent.formats.log_reach import LogReach
from tests.evidence.logs import (
    DNS_CLIENT,
    EVENTLOG,
    JO,
    SECURITY,
    SYSMON,
    WHEN,
    LoggedEvent,
    event_chunks,
    event_log,
    file_header,
    record_offsets,
    sealed,
)
from tests.evidence.samples import sample

NS = "{http://schemas.microsoft.com/win/2004/08/events/event}"


def chunks_of(log: bytes) -> Iterator[bytes]:
    for at in range(FILE_HEADER, len(log), CHUNK):
        yield log[at : at + CHUNK]


def whole(log: bytes) -> list[EventRecord]:
    return [record for chunk in chunks_of(log) for record in records_of(chunk)]


def reach_of(log: bytes) -> LogReach:
    reach = LogReach()
    for chunk in chunks_of(log):
        reach.add(chunk)
    return reach


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)  # type: ignore[arg-type,misc]


# ---- What a record says -------------------------------------------------------------------------

QUERY = LoggedEvent(
    source=DNS_CLIENT, id=3008, data=[("QueryName", "pandorasong.com")], sid=JO, record=41
)
AGAIN = replace(QUERY, record=None)
"""The same with the next record id."""


def test_a_record_says_who_logged_what_and_when() -> None:
    (found,) = whole(event_log([QUERY]))

    assert (found.provider, found.channel) == DNS_CLIENT
    assert (found.event, found.id) == (3008, 41)
    assert found.time == WHEN
    assert found.sid == JO
    assert found.computer == "WS-0421.corp.example"
    assert found.process == 4
    assert found.data == (("QueryName", "pandorasong.com"),)
    assert found.value("QueryName") == "pandorasong.com"
    assert found.counted
    assert not found.problem


def test_values_are_exact_where_xml_and_json_lose_some() -> None:
    data = (
        ("Name", "first"),
        ("Name", "second of that name"),
        ("", "unnamed beside named"),
        ("Markup", '<Data Name="x">&amp;</Data>]]>'),
        ("Lines", "one\r\ntwo\rthree\n"),
        ("Control", "bell \x07 and escape \x1b["),
        ("Behind a NUL", "before\0pandorasong.com"),
        ("Half a pair", "a\ud800b"),
        ("Whole pair", "\N{GRINNING FACE}"),
        ("Empty", ""),
    )  # fmt: skip
    (found,) = whole(event_log([LoggedEvent(source=SECURITY, id=4688, data=data)]))

    assert found.data == data
    assert found.values("Name") == ("first", "second of that name")
    assert found.value("not there") == ""


@pytest.mark.parametrize("shape", ["number", "qualified", "text"])
def test_an_event_id_is_a_number_in_each_shape_in_which_it_is_written(
    shape: str, tmp_path: Path
) -> None:
    log = event_log([replace(QUERY, shape=shape)])
    (found,) = whole(log)

    (tmp_path / "a.evtx").write_bytes(log)
    with PythonEvtx(str(tmp_path / "a.evtx")) as opened:
        (theirs,) = (record.xml() for record in opened.records())
    assert found.event == 3008
    assert ("Qualifiers" in theirs) is (shape == "qualified")
    assert ">3008</EventID>" in theirs


def test_repeated_children_of_user_data_are_all_there() -> None:
    event = LoggedEvent(
        source=EVENTLOG,
        id=1102,
        user_data="LogFileCleared",
        data=[("SubjectUserName", "jo"), ("Param", "a"), ("Param", "b")],
    )
    (found,) = whole(event_log([event]))

    assert found.data == (("SubjectUserName", "jo"), ("Param", "a"), ("Param", "b"))


def test_the_logs_of_these_tests_are_logs_to_three_other_readers_too(tmp_path: Path) -> None:
    log = event_log([QUERY] + [AGAIN] * 299)
    texts = [record["data"] for record in evtx.PyEvtxParser(io.BytesIO(log)).records() if record]
    other = pyevtx.file()
    other.open_file_object(io.BytesIO(log))

    assert len(texts) == other.number_of_records == 300
    assert all("pandorasong.com" in text and JO in text for text in texts)
    assert not other.is_corrupted()
    assert not other.number_of_recovered_records
    assert other.get_record(299).get_string(0) == "pandorasong.com"
    assert len(whole(log)) == 300
    assert len(list(chunks_of(log))) > 1

    (tmp_path / "x.evtx").write_bytes(event_log([QUERY, AGAIN]))
    with PythonEvtx(str(tmp_path / "x.evtx")) as third:
        assert third.get_file_header().verify()
        assert all(chunk.verify() for chunk in third.chunks())
        assert [JO in record.xml() for record in third.records()] == [True, True]


# ---- Which record a byte belongs to -------------------------------------------------------------


def test_a_byte_of_a_record_leads_to_that_record_alone() -> None:
    (chunk,) = event_chunks([QUERY, LoggedEvent(source=SYSMON, id=22, data=[("QueryName", "x")])])
    first, second = record_offsets(chunk)
    hit = chunk.index("pandorasong.com".encode("utf-16-le"))

    assert [record.id for record in records_of(chunk, [hit])] == [41]
    assert [record.id for record in records_of(chunk, [second, hit, hit + 2])] == [41, 42]
    of_each = [
        [record.id for record in records_of(chunk, [offset])]
        for offset in (100, first, second - 1, second, CHUNK - 1)
    ]
    assert of_each == [[], [41], [41], [42], []]


def test_a_record_left_in_the_unused_space_is_found_and_said_to_be_so() -> None:
    (chunk,) = event_chunks([QUERY, AGAIN])
    _, second = record_offsets(chunk)
    shorter = bytearray(chunk)
    struct.pack_into("<Q", shorter, 16, 1)
    struct.pack_into("<Q", shorter, 32, 41)
    struct.pack_into("<II", shorter, 44, 512, second)

    found = list(records_of(sealed(bytes(shorter)), [second + 200]))

    assert [(record.id, record.counted) for record in found] == [(42, False)]
    assert found[0].value("QueryName") == "pandorasong.com"


def test_the_records_of_a_chunk_without_its_header_are_found() -> None:
    (chunk,) = event_chunks([QUERY, AGAIN])

    found = list(records_of(bytes(512) + chunk[512:]))

    assert [record.value("QueryName") for record in found] == ["pandorasong.com"] * 2


def test_a_damaged_record_hides_none_of_the_others_and_keeps_what_it_has() -> None:
    (chunk,) = event_chunks([QUERY, AGAIN, AGAIN])
    _, second, third = record_offsets(chunk)
    damaged = bytearray(chunk)
    damaged[second + 4] ^= 0x55  # its size
    damaged[damaged.index("pandorasong.com".encode("utf-16-le"), second) - 9 - 24] ^= 0xFF

    found = list(records_of(bytes(damaged)))

    assert [record.id for record in found] == [41, 42, 43]
    assert [bool(record.problem) for record in found] == [False, True, False]
    assert found[1].time is not None
    assert found[2].offset == third


def test_what_expands_beyond_all_bounds_ends_in_a_problem() -> None:
    """One value used 7,000 times: 56 million characters out of 45,000 bytes."""
    bomb = LoggedEvent(source=SECURITY, id=1, data=[("a", "x" * 8000)], uses=7000)
    (chunk,) = event_chunks([bomb, QUERY])

    found = list(records_of(chunk))

    assert "beyond its bounds" in found[0].problem
    assert (found[0].provider, found[0].event) == (SECURITY[0], 1)
    assert found[1].value("QueryName") == "pandorasong.com"
    assert not found[1].problem


def test_the_records_of_one_chunk_share_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.formats.evtx.MAX_CHUNK_TOKENS", 100)
    (chunk,) = event_chunks([QUERY, AGAIN, AGAIN, AGAIN])

    problems = ["beyond its bounds" in record.problem for record in records_of(chunk)]

    assert problems[0] is False
    assert problems[-1] is True


# ---- How far a log goes back --------------------------------------------------------------------


def numbered(*records: int) -> list[LoggedEvent]:
    return [
        LoggedEvent(source=SECURITY, id=4624, record=n, time=WHEN.replace(hour=n)) for n in records
    ]


def test_a_log_reaches_from_its_first_to_its_last_record() -> None:
    reach = reach_of(event_log(numbered(3, 4, 5)))

    assert (reach.oldest, reach.newest) == (WHEN.replace(hour=3), WHEN.replace(hour=5))
    assert reach.records == 3
    assert reach.gaps() == []
    assert reach.problems == {}


def test_record_ids_that_are_missing_are_gaps_within_a_chunk_and_between_two() -> None:
    within = reach_of(event_log(numbered(1, 2, 9))).gaps()
    (one,), (two,) = event_chunks(numbered(1, 2)), event_chunks(numbered(7, 8))
    between = reach_of(bytes(FILE_HEADER) + two + one).gaps()

    assert [gap.missing for gap in within] == [6]
    assert [(gap.missing, gap.after, gap.before) for gap in between] == [(4, 2, 7)]
    assert (between[0].start, between[0].end) == (WHEN.replace(hour=2), WHEN.replace(hour=7))


def test_a_chunk_that_is_being_written_reaches_to_its_newest_record() -> None:
    (before,), (after,) = event_chunks(numbered(1, 2)), event_chunks(numbered(1, 2, 3, 4))

    reach = reach_of(bytes(FILE_HEADER) + before[:512] + after[512:])

    assert reach.newest == WHEN.replace(hour=4)
    assert reach.problems == {}


def test_chunks_that_are_none_are_named_and_unused_ones_are_not() -> None:
    (chunk,) = event_chunks(numbered(1, 2))
    log = file_header(1) + bytes(512) + chunk[512:] + bytes(CHUNK) + b"x" * CHUNK + chunk[:9000]

    reach = reach_of(log)

    assert reach.problems == {
        "records in a chunk without its header": 1,
        "bytes that are no chunk": 1,
        "a chunk is cut off": 1,
    }


def test_a_header_says_whether_the_log_was_closed() -> None:
    clean, dirty = read_log_header(file_header(7, 100)), read_log_header(file_header(1, dirty=True))

    assert (clean.chunks, clean.next_record, clean.dirty, clean.problem) == (7, 100, False, "")
    assert dirty.dirty
    assert "checksum" in read_log_header(file_header(1)[:16] + b"\1" + file_header(1)[17:]).problem
    with pytest.raises(FormatError, match="not an event log"):
        read_log_header(bytes(4096))


# ---- Real logs, by two other readers ------------------------------------------------------------

KNOWN = {
    "Application_no_crc32.evtx": (
        (426, utc(2021, 3, 31, 23, 51, 45, 18767), "SecurityCenter", 1, ""),
        (434, utc(2021, 3, 31, 23, 53, 25, 418539), "Microsoft-Windows-Security-SPP", 1066,
         "msft:rm/algorithm/phone/1.0"),
        (442, utc(2021, 3, 31, 23, 54, 34, 704884), "Microsoft-Windows-WMI", 5617, ""),
    ),
    "System.evtx": (
        (1, utc(2010, 11, 21, 3, 55, 59, 626427), "Service Control Manager", 7036, "stopped"),
        (2505, utc(2015, 9, 4, 5, 44, 6, 580750), "Service Control Manager", 7036,
         "Windows Modules Installer"),
        (5009, utc(2015, 9, 18, 7, 58, 45, 877625), "Service Control Manager", 7036,
         "Active Directory Domain Services"),
    ),
    "System2.evtx": (
        (1, utc(2015, 8, 8, 2, 6, 17, 78125), "Microsoft-Windows-Security-Auditing", 4608, ""),
        (98, utc(2015, 8, 8, 6, 57, 30, 968750), "Microsoft-Windows-Security-Auditing", 4738,
         "GREENDALEGOLD"),
        (194, utc(2015, 8, 9, 9, 17, 38, 375000), "Microsoft-Windows-Security-Auditing", 4902,
         "0x5c8c"),
    ),
    "new-user-security.evtx": (
        (1, utc(2013, 10, 23, 16, 22, 39, 973500), "Microsoft-Windows-Security-Auditing", 4728,
         "S-1-5-21-3463664321-2923530833-3546627382-1000"),
        (3, utc(2013, 10, 23, 16, 22, 39, 989125), "Microsoft-Windows-Security-Auditing", 4732,
         "Users"),
        (4, utc(2013, 10, 23, 16, 22, 40, 36000), "Microsoft-Windows-Security-Auditing", 4732,
         "Administrators"),
    ),
    "sample_with_a_bad_chunk_magic.evtx": (
        (46728, utc(2018, 8, 8, 3, 46, 41, 457620), "Microsoft-Windows-AppXDeployment", 325,
         "Microsoft.Windows.Cortana_cw5n1h2txyewy"),
        (45799, utc(2018, 8, 7, 18, 3, 4, 458909), "Microsoft-Windows-AppXDeployment", 325,
         "Microsoft.Windows.ContentDeliveryManager_cw5n1h2txyewy"),
        (45932, utc(2018, 8, 7, 18, 57, 9, 10733), "Microsoft-Windows-AppXDeployment", 325,
         "Microsoft.Windows.ContentDeliveryManager_cw5n1h2txyewy"),
    ),
    "security.evtx": (
        (1, utc(2016, 7, 8, 18, 12, 51, 681640), "Microsoft-Windows-Security-Auditing", 4608, ""),
        (1131, utc(2016, 7, 16, 0, 53, 14, 359552), "Microsoft-Windows-Security-Auditing", 4905,
         "WIN-03DLIIOFRRA$"),
        (2261, utc(2017, 4, 14, 1, 21, 10, 906949), "Microsoft-Windows-Security-Auditing", 4672,
         "NT AUTHORITY"),
    ),
    "sysmon.evtx": (
        (1742, utc(2017, 12, 26, 13, 10, 29, 136879), "Microsoft-Windows-Sysmon", 1, "9112"),
        (1921, utc(2017, 12, 28, 9, 0, 4, 66087), "Microsoft-Windows-Sysmon", 10, "1548"),
        (2099, utc(2018, 3, 6, 8, 15, 39, 576045), "Microsoft-Windows-Sysmon", 1, "5016"),
    ),
    "system.evtx": (
        (1, utc(2017, 7, 12, 17, 16, 28, 214161), "EventLog", 6009, "15063"),
        (941, utc(2017, 7, 26, 21, 51, 29, 649649), "e1iexpress", 27,
         "Intel(R) 82574L Gigabit Network Connection"),
        (1881, utc(2018, 3, 6, 8, 13, 42, 9159), "Service Control Manager", 7023,
         "Interactive Services Detection"),
    ),
}  # fmt: skip
"""Record id, time written, provider, event id, one value: as libevtx gives them (the provider, where
it has a name for event sources beside, from python-evtx)."""
KNOWN["security_bad_string_cache.evtx"] = KNOWN["security.evtx"]


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_three_records_of_a_real_log_are_as_libevtx_reads_them(name: str) -> None:
    chunks = list(chunks_of(sample(f"evtx/{name}")))
    for record_id, written, provider, event, value in KNOWN[name]:
        ((header, found),) = (
            (header, record)
            for chunk in chunks
            for header in records_in(chunk)
            if header.id == record_id
            for record in records_of(chunk, [header.offset])
            if record.counted and not record.problem
        )
        assert utc_of(header.ticks) == written
        assert (found.provider, found.event) == (provider, event)
        assert value in "\n".join(value for _, value in found.data)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_real_records_hold_what_the_evtx_library_finds_in_them(name: str) -> None:
    log = sample(f"evtx/{name}")
    theirs = every_nth_by_evtx(log, 25)
    ours: dict[int, list[EventRecord]] = {}
    for chunk in chunks_of(log):
        at = [header.offset for header in records_in(chunk) if header.id in theirs]
        for record in records_of(chunk, at):
            ours.setdefault(record.id, []).append(record)

    assert theirs
    for record_id, text in theirs.items():
        assert facts_of(text) in [facts(record) for record in ours[record_id]], record_id


def test_real_logs_reach_as_far_as_their_first_and_last_record() -> None:
    reach = reach_of(sample("evtx/security.evtx"))

    assert reach.oldest == utc(2016, 7, 8, 18, 12, 51, 681640)
    assert reach.newest == utc(2017, 4, 14, 1, 21, 10, 906949)
    assert reach.records == 2261
    assert reach.gaps() == []
    assert reach.problems == {}


def test_a_log_that_was_cut_off_gives_the_records_of_its_last_piece() -> None:
    """The libraries stop at 194: they want whole chunks."""
    log = sample("evtx/System2.evtx")
    reach = reach_of(log)

    assert reach.records == 283
    assert reach.problems == {"a chunk is cut off": 1}
    last = log[FILE_HEADER + 2 * CHUNK :]
    assert sum(not record.problem for record in records_of(last)) == 89


def test_a_log_with_holes_says_which_records_are_missing() -> None:
    reach = reach_of(sample("evtx/sample_with_a_bad_chunk_magic.evtx"))

    assert reach.problems["records in a chunk without its header"] == 2
    assert [(gap.after, gap.before) for gap in reach.gaps()] == [
        (45932, 45963),
        (46029, 46728),
        (46740, 47613),
    ]


def every_nth_by_evtx(log: bytes, step: int) -> dict[int, str]:
    """The XML of every nth record, by record id, from the Rust library."""
    found: dict[int, str] = {}
    records = evtx.PyEvtxParser(io.BytesIO(log), number_of_threads=1, indent=False).records()
    for number in range(10_000):
        try:
            record = next(records)
            assert record is not None
        except StopIteration:
            break
        except RuntimeError:  # a record that it cannot read
            continue
        if number % step == 0:
            found[record["event_record_id"]] = record["data"]
    return found


def facts_of(text: str) -> tuple[object, ...]:
    event = ET.fromstring(text)
    system = event.find(f"{NS}System")
    assert system is not None

    def attribute(name: str, key: str) -> str:
        element = system.find(NS + name)
        return "" if element is None else element.get(key, "")

    values = [
        (leaf.text or "")
        for part in event
        if part.tag != f"{NS}System"
        for leaf in part.iter()
        if leaf is not part and (leaf.text or not len(leaf))
    ]
    return (
        attribute("Provider", "Name"),
        system.findtext(f"{NS}Channel") or "",
        int(system.findtext(f"{NS}EventID") or 0),
        system.findtext(f"{NS}Computer") or "",
        attribute("Security", "UserID"),
        [plain(value) for value in values],
    )


def facts(record: EventRecord) -> tuple[object, ...]:
    return (
        record.provider, record.channel, record.event, record.computer, record.sid,
        [plain(value) for _, value in record.data],
    )  # fmt: skip


def plain(value: str) -> str:
    """GUIDs without the braces that Windows writes, times without the digit the library cuts off,
    line ends as an XML parser leaves them, strings as far as their first NUL."""
    if re.fullmatch(r"\{[0-9A-F-]{36}\}", value):
        return value[1:-1]
    if re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d+Z", value):
        return value[:-1].ljust(27, "0")[:26]
    return value.replace("\r\n", "\n").replace("\r", "\n").partition("\0")[0]


# ---- Whatever the bytes -------------------------------------------------------------------------

(VALID,) = event_chunks([QUERY, LoggedEvent(source=SECURITY, id=4688, data=[("a", "b")], sid=JO)])
END = record_offsets(VALID)[-1] + 600


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, END), st.binary(min_size=1, max_size=4)), max_size=12))
def test_any_damage_ends_in_records(changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(VALID)
    for at, new in changes:
        data[at : at + len(new)] = new

    for record in records_of(bytes(data)):
        assert record.offset + record.size <= CHUNK
    reach_of(bytes(FILE_HEADER) + data)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=400), st.integers(0, 2))
def test_any_bytes_end_in_records_or_in_a_format_error(data: bytes, where: int) -> None:
    front = (b"", VALID[:512], VALID[: record_offsets(VALID)[1] - 200])[where]
    assert all(record.size <= len(front + data) for record in records_of(front + data))
    reach_of(front + data)
    try:
        read_log_header(b"ElfFile\0" + data)
    except FormatError as error:
        assert error.what == "not an event log"
