"""A piece of a stream in one step is what a read gives."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as some

from agent.ntfs import FileSource, NtfsError
from agent.ntfs.content import ClusterContent, Layout
from agent.ntfs.run_list import Run

CLUSTER = 512
DATA = bytes(number * 7 % 251 for number in range(16 * CLUSTER))
PLACES = some.lists(
    some.tuples(some.none() | some.integers(0, 20), some.integers(1, 5)), min_size=1, max_size=5
)


@given(
    places=PLACES,
    size=some.integers(0, 20 * CLUSTER),
    written=some.integers(0, 20 * CLUSTER),
    offset=some.integers(0, 21 * CLUSTER),
    count=some.integers(1, 3 * CLUSTER),
)
def test_a_piece_is_what_is_read(
    places: list[tuple[int | None, int]], size: int, written: int, offset: int, count: int
) -> None:
    runs, vcn = [], 0
    for cluster, length in places:
        runs.append(Run(vcn, cluster, length))
        vcn += length
    layout = Layout(runs, size, min(written, size), CLUSTER)
    content = ClusterContent(FileSource(io.BytesIO(DATA)), layout)
    assert _piece(content, offset, count) == _read(content, offset, count)


def _piece(content: ClusterContent, offset: int, count: int) -> bytes | str:
    try:
        return content.piece(offset, count)
    except NtfsError as error:
        return error.what


def _read(content: ClusterContent, offset: int, count: int) -> bytes | str:
    content.seek(offset)
    try:
        return content.read(count) or b""
    except NtfsError as error:
        return error.what
