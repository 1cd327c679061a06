from __future__ import annotations

from collections.abc import Callable

import pytest

from agent.formats.hive_edges import PageEdges, ValueEdges, laid_at
from agent.formats.hive_logs import BASE_BLOCK, Page, replayed
from agent.formats.paged import Overlay
from tests.evidence.hives import dirty, entry_between, hive, log, new_log, old_log

Made = Callable[[bytes, bytes, int], bytes]
WORD = "cyzfc.dat".encode("utf-16-le")
REACH = 64
MADE = hive({"v": b"\x01" * 9000, "w": b"\x03" * 9000})
EDGE = MADE.index(b"\x01" * 4096) // 4096 * 4096 + 4096
"""Of a page, within a value."""


def with_bytes(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


HALF = with_bytes(MADE, EDGE - 8, WORD[:8])
WHOLE = with_bytes(HALF, EDGE, WORD[8:])
"""The page behind the edge was written later than the one before it."""


def edges_of(hive: bytes, *logs: bytes, most: int = 1 << 20) -> PageEdges:
    edges = PageEdges(REACH, most)
    replayed(hive, logs, quick=True, told=edges.note)
    return edges


@pytest.mark.parametrize("made", [log, old_log], ids=["of 8.1", "of 7"])
def test_a_word_over_the_edge_of_a_page_that_a_log_lays_there_is_seen(made: Made) -> None:
    logged = made(HALF, WHOLE, 5)
    assert WORD not in HALF
    assert WORD not in logged

    seen = [(at, data) for at, data in edges_of(dirty(HALF, 5), logged).found if WORD in data]
    assert seen
    assert all(at + data.index(WORD) == EDGE - 8 for at, data in seen)


def test_it_is_seen_though_a_later_entry_takes_it_away() -> None:
    entries = [entry_between(HALF, WHOLE, 5), entry_between(WHOLE, HALF, 6)]
    found = edges_of(dirty(HALF, 5), new_log(5, entries, HALF)).found

    assert any(WORD in data for _, data in found)
    assert not all(WORD in data for _, data in found)


def test_pages_that_follow_each_other_in_the_log_too_have_no_edge_between_them() -> None:
    edges = PageEdges(REACH, 1 << 20)
    pages = [Page(0, 4096, 1000), Page(4096, 4096, 5096), Page(12288, 4096, 9192)]
    edges.note(Overlay(bytes(BASE_BLOCK + 20480)), pages)

    assert [at + REACH - BASE_BLOCK for at, _ in edges.found] == [0, 8192, 12288, 16384]


def test_edges_without_end_are_too_many() -> None:
    assert edges_of(dirty(HALF, 5), log(HALF, WHOLE, 5), most=REACH).too_many
    assert not edges_of(dirty(HALF, 5), log(HALF, WHOLE, 5)).too_many


def test_a_word_over_the_edge_of_two_pieces_is_seen_with_where_it_lies() -> None:
    data = hive({"b": "x" * 8168 + "cyzfc.dat" + "y" * 18000})
    assert WORD not in data

    found = list(ValueEdges(data, REACH).of([data.index(b"\xffdb") + 1, 8, 12]))
    assert len(found) == 3
    first = found[0]
    assert WORD in first.data
    assert first.where[first.at : first.at + len(first.data)] == first.data
    assert first.at + REACH == 16_344


def test_pieces_of_many_values_that_overlap_are_too_many() -> None:
    data = hive({"long": "x" * 9000, "pad": b"\1" * 16_000})
    head, begin = data.index(b"\xffdb") + 1, data.index(b"\1" * 8)
    others = range(begin + (4 - begin) % 8, begin + 160, 16)
    for at in others:
        data = with_bytes(data, at, data[head : head + 8])
    edges = ValueEdges(data, REACH)

    assert len(list(edges.of([head]))) == 1
    assert not edges.too_many
    assert len(list(edges.of(others))) < len(others)
    assert edges.too_many


def test_what_a_log_holds_of_a_page_is_told_by_its_place_in_the_hive() -> None:
    logged = log(HALF, WHOLE, 5)
    laid = replayed(dirty(HALF, 5), [logged], quick=True).laid
    at = logged.index(WORD[8:])

    assert list(laid_at(laid, logged, [at, 3])) == [EDGE]
    assert list(laid_at(laid, bytes(logged) + b"x", [at])) == []
