"""A piece of a stream in one step is what fills a buffer there, and so is a read."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

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
    count=some.integers(0, 3 * CLUSTER) | some.just(-1),
)
def test_a_piece_is_what_fills_a_buffer_and_what_is_read(
    places: list[tuple[int | None, int]], size: int, written: int, offset: int, count: int
) -> None:
    runs, vcn = [], 0
    for cluster, length in places:
        runs.append(Run(vcn, cluster, length))
        vcn += length
    layout = Layout(runs, size, min(written, size), CLUSTER)
    content = ClusterContent(FileSource(io.BytesIO(DATA)), layout)
    filled = _filled(content, offset, count if count >= 0 else max(0, size - offset))
    if count > 0:
        assert _told(lambda: content.piece(offset, count)) == filled
    content.seek(offset)
    assert _told(lambda: content.read(count)) == filled
    if count >= 0:
        assert content.tell() == offset + (0 if isinstance(filled, str) else len(filled))


def _filled(content: ClusterContent, offset: int, count: int) -> bytes | str:
    content.seek(offset)
    buffer = bytearray(count)
    done = _told(lambda: content.readinto(buffer))
    return done if isinstance(done, str) else bytes(buffer[:done])


def _told(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except NtfsError as error:
        return error.what
