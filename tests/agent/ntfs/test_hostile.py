"""Any bytes end in values or in a typed error, within bounds."""

from __future__ import annotations

import contextlib
import io
import struct

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.ntfs import FileSource, Hit, Mention, MftScan, NtfsError, Unread, UsnScan, Volume, Wanted
from agent.ntfs.assembly import read_list
from agent.ntfs.boot_sector import read_boot_sector
from agent.ntfs.content import ClusterContent, Layout
from agent.ntfs.fixups import mend_record, mend_records
from agent.ntfs.glance import glance
from agent.ntfs.lznt1 import decompress
from agent.ntfs.record import Record
from agent.ntfs.run_list import decode_runs
from agent.ntfs.scan import selected
from agent.walk import Selection

from .synthetic import (
    CLUSTER,
    boot,
    file_name,
    image,
    non_resident,
    opened,
    record,
    resident,
    run,
    standard,
)
from .volumes import wants

WANTED = Wanted(
    wants("cyzfc.dat"),
    frozenset({"CYZFC.DAT"}),
    (),
    Selection(frozenset({100}), 8192, frozenset({"", ".lnk"})),
)
RECORD = record(
    standard(), resident(0x20, struct.pack("<IHBBQQH6x", 0x80, 32, 0, 26, 0, 41 | 1 << 48, 0)),
    file_name("cyzfc.dat"), non_resident(0x80, 100_000, run(20, 50) + run(5, None), last=24, unit=4, flags=1),
    resident(0x80, b"x" * 100, name="stream"),
)  # fmt: skip
quiet = settings(
    max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@st.composite
def damaged(draw: st.DrawFn, good: bytes) -> bytes:
    """The good bytes with some changed."""
    data = bytearray(good)
    for _ in range(draw(st.integers(1, 12))):
        at = draw(st.integers(0, len(data) - 1))
        piece = draw(
            st.one_of(
                st.binary(min_size=1, max_size=8),
                st.sampled_from([b"\0" * 8, b"\xff" * 8, b"\x80\0\0\0"]),
            )
        )
        data[at : at + len(piece)] = piece
    return bytes(data[: len(good)])


@quiet
@given(st.one_of(damaged(boot()), st.binary(max_size=600)))
def test_boot_sectors(data: bytes) -> None:
    try:
        found = read_boot_sector(data)
    except NtfsError:
        return
    assert 512 <= found.record_size <= 1 << 16
    assert found.cluster_size <= 2 << 20


@quiet
@given(st.binary(max_size=200))
def test_run_lists(data: bytes) -> None:
    try:
        runs = decode_runs(data)
    except NtfsError:
        return
    assert len(runs) <= len(data)
    assert all(run.length > 0 and (run.cluster is None or run.cluster >= 0) for run in runs)


@quiet
@given(st.binary(max_size=3000), st.integers(0, 70_000))
def test_lznt1(data: bytes, size: int) -> None:
    with contextlib.suppress(NtfsError):
        assert len(decompress(data, size)) == size


@quiet
@given(damaged(struct.pack("<IHBBQQH6x", 0x80, 32, 0, 26, 0, 41 | 1 << 48, 0) * 20))
def test_attribute_lists(data: bytes) -> None:
    with contextlib.suppress(NtfsError):
        assert len(read_list(data)) <= 20


@quiet
@given(st.lists(damaged(RECORD), min_size=1, max_size=4))
def test_mending_is_the_same_for_all_and_for_each(records: list[bytes]) -> None:
    buffer = bytearray(b"".join(records))
    mended = mend_records(buffer, len(records), 1024)
    for index, data in enumerate(records):
        own = bytearray(data)
        if data[:4] == b"FILE":
            assert mend_record(own, 0, 1024) == (index not in mended.torn)
        assert buffer[index * 1024 : (index + 1) * 1024] == own


@quiet
@given(damaged(RECORD), damaged(RECORD))
def test_records_and_the_scan_of_them(one: bytes, other: bytes) -> None:
    data = image({40: one, 41: other, 42: RECORD})
    account = Unread()
    volume = Volume(FileSource(io.BytesIO(data)), account)
    search = MftScan(volume, WANTED)
    numbers = set()
    for hit in search.hits():
        if isinstance(hit, Mention):
            continue
        assert isinstance(hit, Hit)
        numbers.add(hit.entry.number)
        assert len(volume.paths(hit.entry)) <= 32
        for stream in hit.entry.streams:
            try:
                with volume.content(stream) as content:
                    assert len(content.read(1 << 16)) <= 1 << 16
            except OSError:
                pass
    assert 42 in numbers
    counts = search.counts
    assert counts.in_use + counts.deleted + counts.blank + counts.unreadable == counts.records == 64


@quiet
@given(damaged(image({40: RECORD})[: 4 * CLUSTER + 8 * 1024]))
def test_whole_volumes(start: bytes) -> None:
    data = start + image({40: RECORD})[len(start) :]
    try:
        volume = Volume(FileSource(io.BytesIO(data)))
    except NtfsError:
        return
    assert volume.mft_size <= max(len(data), volume.boot.volume_size)
    if volume.records > 10_000:
        return
    for hit in MftScan(volume, WANTED).hits():
        if isinstance(hit, Hit):
            volume.paths(hit.entry)


@quiet
@given(st.binary(min_size=24, max_size=2000))
def test_attributes_of_any_bytes(body: bytes) -> None:
    data = bytearray(record(standard()))
    data[0x38 : 0x38 + min(len(body), 960)] = body[:960]
    found, _ = Record(40, bytes(data)).sound_attributes()
    for attribute in found:
        assert attribute.start + attribute.length <= len(data)
        assert len(attribute.content(bytes(data))) <= 1024


@quiet
@given(
    st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 40)), st.integers(1, 20)), max_size=6),
    st.integers(0, 200_000), st.integers(0, 200_000), st.sampled_from([0, 16]), st.integers(0, 250_000),
)  # fmt: skip
def test_contents_are_never_longer_than_told(
    places: list[tuple[int | None, int]], size: int, told: int, unit: int, at: int
) -> None:
    vcn, runs = 0, []
    for cluster, length in places:
        runs += [type(decode_runs(b"\x11\x01\x01")[0])(vcn, cluster, length)]
        vcn += length
    content = ClusterContent(
        FileSource(io.BytesIO(bytes(30 * CLUSTER))),
        Layout(runs, size, min(told, size), CLUSTER, unit),
    )
    content.seek(at)
    with contextlib.suppress(NtfsError):
        assert len(content.read(70_000) or b"") == max(0, min(70_000, size - at))


def change(name: str = "cyzfc.dat", version: int = 2) -> bytes:
    text = name.encode("utf-16-le")
    if version == 2:
        head = struct.pack("<QQQQIIIIHH", 30, 5, 0, 10**17, 0x100, 0, 0, 0x20, len(text), 0x3C)
    else:
        head = struct.pack(
            "<16s16sQQIIIIHH",
            bytes([30]),
            bytes([5]),
            0,
            10**17,
            0x100,
            0,
            0,
            0x20,
            len(text),
            0x4C,
        )
    length = 8 + len(head) + len(text) + 7 & ~7
    return (struct.pack("<IHH", length, version, 0) + head + text).ljust(length, b"\0")


@quiet
@given(damaged((change() + change("other.txt") + change(version=3)) * 10), st.integers(0, 3))
def test_change_journals(data: bytes, pages: int) -> None:
    scan = UsnScan(io.BytesIO(bytes(4096 * pages) + data), WANTED)
    assert len(list(scan.hits())) <= 40
    assert scan.records <= 30


PLAIN = [
    record(standard(), file_name("a.lnk"), non_resident(0x80, 9000, run(3, 20), last=2)),
    record(
        standard(),
        file_name("SHORT~1", space=2),
        file_name("short.txt"),
        resident(0x80, b"x" * 100),
    ),
    record(
        standard(), file_name("none", 11), resident(0x80, b"x"), resident(0x80, b"x" * 100, "s")
    ),
]


@quiet
@given(st.sampled_from(PLAIN).flatmap(damaged))
def test_a_glance_says_what_the_parsed_entry_says(data: bytes) -> None:
    volume = opened(image({40: data}))
    own = volume.record(40)
    if own.torn or not own.signed:
        return
    why = glance(40, own.data, WANTED.selection)
    entry = volume.entry(own)
    if why is not None and not entry.partial:
        assert why == selected(entry, WANTED)
