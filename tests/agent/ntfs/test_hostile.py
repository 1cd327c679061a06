"""Any bytes end in values or in a typed error, within bounds: good bytes, damaged."""

from __future__ import annotations

import contextlib
import io
import struct

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.ntfs import FileSource, NtfsError
from agent.ntfs.content import ClusterContent, Layout
from agent.ntfs.run_list import Run
from tests.evidence.images import (
    CLUSTER,
    boot,
    file_name,
    image,
    non_resident,
    record,
    resident,
    run,
    standard,
)

from . import properties
from .properties import RECORD, change

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
    properties.boot_sector(data)


@quiet
@given(st.binary(max_size=200))
def test_run_lists(data: bytes) -> None:
    properties.run_list(data)


@quiet
@given(st.binary(max_size=3000), st.integers(0, 70_000))
def test_lznt1(data: bytes, size: int) -> None:
    properties.lznt1(data, size)


@quiet
@given(damaged(struct.pack("<IHBBQQH6x", 0x80, 32, 0, 26, 0, 41 | 1 << 48, 0) * 20))
def test_attribute_lists(data: bytes) -> None:
    properties.attribute_list(data)


@quiet
@given(st.lists(damaged(RECORD), min_size=1, max_size=4))
def test_mending_is_the_same_for_all_and_for_each(records: list[bytes]) -> None:
    properties.mending(records)


@quiet
@given(damaged(RECORD), damaged(RECORD))
def test_records_and_the_scan_of_them(one: bytes, other: bytes) -> None:
    properties.records(one, other)


@quiet
@given(damaged(image({40: RECORD})[: 4 * CLUSTER + 8 * 1024]))
def test_whole_volumes(start: bytes) -> None:
    properties.whole_volume(start + image({40: RECORD})[len(start) :])


@quiet
@given(st.binary(min_size=24, max_size=2000))
def test_attributes_of_any_bytes(body: bytes) -> None:
    data = bytearray(record(standard()))
    data[0x38 : 0x38 + min(len(body), 960)] = body[:960]
    properties.attributes(bytes(data))


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
        runs.append(Run(vcn, cluster, length))
        vcn += length
    content = ClusterContent(
        FileSource(io.BytesIO(bytes(30 * CLUSTER))),
        Layout(runs, size, min(told, size), CLUSTER, unit),
    )
    content.seek(at)
    with contextlib.suppress(NtfsError):
        assert len(content.read(70_000) or b"") == max(0, min(70_000, size - at))


@quiet
@given(damaged((change() + change("other.txt") + change(version=3)) * 10), st.integers(0, 3))
def test_change_journals(data: bytes, pages: int) -> None:
    properties.change_journal(bytes(4096 * pages) + data)


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
def test_a_quick_check_says_what_the_parsed_entry_says(data: bytes) -> None:
    properties.quick_answer(data)
