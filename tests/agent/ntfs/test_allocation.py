"""Which clusters belong to no file, as the $Bitmap says."""

from __future__ import annotations

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.ntfs import NtfsError
from agent.ntfs.allocation import Allocation


def expected(bitmap: bytes, clusters: int) -> list[int]:
    return [at for at in range(clusters) if not bitmap[at // 8] >> at % 8 & 1]


def told(allocation: Allocation) -> list[int]:
    runs = list(allocation.free_runs())
    for (first, count), (following, _) in itertools.pairwise(runs):
        assert first + count < following, "runs that touch are one"
    return [first + at for first, count in runs for at in range(count)]


@given(st.lists(st.sampled_from(b"\x00\x00\xff\xff\x01\x80\x7e\x55\x10"), min_size=1), st.data())
def test_each_free_cluster_is_told_once(numbers: list[int], data: st.DataObject) -> None:
    bitmap = bytes(numbers)
    clusters = data.draw(st.integers(8 * len(bitmap) - 7, 8 * len(bitmap)))
    assert told(Allocation(io.BytesIO(bitmap), clusters)) == expected(bitmap, clusters)


def test_a_run_goes_on_over_what_is_read_at_once() -> None:
    bitmap = b"\xff" * ((1 << 20) - 1) + b"\x0f" + b"\x00\x01" + b"\xff"
    runs = list(Allocation(io.BytesIO(bitmap), 8 * len(bitmap)).free_runs())
    assert runs == [((1 << 23) - 4, 12), ((1 << 23) + 9, 7)]


def test_a_bitmap_that_ends_early_tells_what_it_has_and_that_it_ends() -> None:
    runs = Allocation(io.BytesIO(b"\xf0"), 9).free_runs()
    assert next(runs) == (0, 4)
    with pytest.raises(NtfsError, match="ends before the volume does"):
        next(runs)
