from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.hive_text import From, text_of
from tests.evidence.hives import Gone, dirty, hive, log, old_log
from tests.evidence.samples import sample

Made = Callable[[bytes, bytes, int], bytes]
WORD = "cyzfc.dat".encode("utf-16-le")
OVER_THE_EDGE = "x" * 8168 + "cyzfc.dat" + "y" * 9000
"""The first piece ends within the word."""


def test_a_hive_without_long_values_is_its_own_text() -> None:
    data = hive({"Run": {"a": "cyzfc.dat"}})

    assert text_of(data).data is data


@pytest.mark.parametrize("content", [OVER_THE_EDGE, Gone(OVER_THE_EDGE)], ids=["kept", "deleted"])
def test_a_word_over_the_edge_of_two_pieces_is_found(content: str | Gone) -> None:
    data = hive({"Run": {"a": "quiet", "b": content}})

    assert WORD not in data
    assert text_of(data).data.count(WORD) == 1
    assert text_of(data).data.startswith(data)


def test_a_find_in_a_joined_value_leads_back_to_its_cell() -> None:
    data = hive({"Run": {"b": OVER_THE_EDGE}})
    text = text_of(data)
    position = text.data.index(WORD)
    origin = text.origin(position)

    assert origin.source is From.HIVE
    assert data[origin.offset : origin.offset + 4] == WORD[:4]
    assert text.origin(position + 10).offset != origin.offset + 10


def test_words_of_two_values_do_not_run_together() -> None:
    first, second = "x" * 17000 + "cyz", "fc.dat" + "y" * 17000
    data = hive({"a": {"v": first}, "b": {"v": second}})

    assert WORD not in text_of(data).data


OLD, NEW = (
    hive({"Run": {"a": "old cyzfc.dat", "b": "quiet"}, "pad": {"v": b"p" * 9000}}),
    hive({"Run": {"a": "new brazil", "b": "quiet "}, "pad": {"v": b"p" * 9000}}),
)


def test_what_a_log_adds_and_what_it_hides_are_both_in_the_text() -> None:
    text = text_of(dirty(OLD, 5), [log(OLD, NEW, 5)])
    brazil, origins = "brazil".encode("utf-16-le"), []
    position = -1
    while (position := text.data.find(brazil, position + 1)) >= 0:
        origins.append(text.origin(position))

    assert [origin.source for origin in origins] == [From.HIVE, From.LOG]
    position = text.data.index(WORD)
    assert text.origin(position).source is From.FILE
    assert text.origin(position).offset == OLD.index(WORD)


def test_a_word_that_runs_into_a_page_which_a_log_replaced_is_found() -> None:
    made = hive({"a": b"\x03" * 16_000, "b": b"\x03" * 16_000, "v": b"\x01" * 9000})
    edge = made.index(b"\x01" * 4096) // 4096 * 4096 + 4096
    old = made[: edge - 8] + WORD + made[edge - 8 + len(WORD) :]
    new = old[:edge] + b"\x02" * 100 + old[edge + 100 :]
    text = text_of(dirty(old, 5), [log(old, new, 5)])

    assert text.entries == (5,)
    assert text.data.count(WORD) == 1
    assert text.origin(text.data.index(WORD)).offset == edge - 8


def test_a_long_value_that_a_log_replaced_is_joined_as_it_was() -> None:
    old, new = hive({"v": OVER_THE_EDGE}), hive({"v": "z" * 17000})
    text = text_of(dirty(old, 5), [log(old, new, 5)])

    assert text.data.count(WORD) == 1
    assert text.origin(text.data.index(WORD)).source is From.FILE


@pytest.mark.parametrize("made", [log, old_log], ids=["of 8.1", "of 7"])
def test_a_find_in_a_log_leads_to_the_hive_as_it_was_with_that_entry(made: Made) -> None:
    text = text_of(NEW, [made(NEW, OLD, 3)])
    position = text.data.index(WORD)
    state = text.state(position)

    assert (state.source, state.log, state.entry) == (From.LOG, 0, 3)
    assert text.hive_in(state)[state.position :].startswith(WORD)
    assert text.hive_in(state)[4096:] == OLD[4096:]


def test_what_lies_in_no_page_of_a_log_has_no_hive() -> None:
    text = text_of(OLD, [b"torn " + WORD])

    with pytest.raises(FormatError):
        text.state(text.data.rindex(WORD))


def test_a_log_that_cannot_be_applied_is_searched_nonetheless() -> None:
    text = text_of(OLD, [b"torn " + WORD, b"x" + WORD])
    logs = [
        (text.origin(position).log, text.origin(position).offset)
        for position in range(len(text.data))
        if text.data.startswith(WORD, position) and text.origin(position).source is From.LOG
    ]

    assert logs == [(0, 5), (1, 1)]


def test_a_real_hive_in_use_has_a_text_of_hive_values_pages_and_logs() -> None:
    logs = [sample("registry/SYSTEM_B.LOG1.xz"), sample("registry/SYSTEM_B.LOG2.xz")]
    text = text_of(sample("registry/SYSTEM_B.xz"), logs)

    assert text.problem == ""
    assert {stretch.source for stretch in text.stretches} == set(From)
    assert text.data.endswith(logs[1])
    first_change = next(s for s in text.stretches if s.source is From.FILE)
    assert text.data[first_change.start :].startswith(
        sample("registry/SYSTEM_B.xz")[first_change.offset :][:4096]
    )


LONG = hive({"a": {"v": "x" * 17000}, "b": {"v": Gone("y" * 17000)}})


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, len(LONG) - 1), st.integers(0, 255)), max_size=30))
def test_the_text_of_a_damaged_hive_is_bounded(damage: list[tuple[int, int]]) -> None:
    data = bytearray(LONG)
    lists = [LONG.index(b"db\x03") - 16 * number for number in range(4)]
    for offset, value in damage:
        data[lists[offset % 4] + offset % 24] = value
    text = text_of(bytes(data))

    assert len(text.data) <= 2 * len(data) + 4 * len(text.stretches)
    for stretch in text.stretches:
        assert text.origin(stretch.start).offset == stretch.offset


LOGGED = log(NEW, OLD, 3)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 560), st.integers(0, 255)), max_size=12),
    st.integers(0, len(LOGGED) - 1),
)
def test_any_byte_of_a_damaged_log_has_a_state_or_none(
    damage: list[tuple[int, int]], offset: int
) -> None:
    data = bytearray(LOGGED)
    for at, value in damage:
        data[512 + at % 60 if at % 2 else at] = value
    text = text_of(dirty(NEW, 3), [bytes(data)])
    with suppress(FormatError):
        state = text.state(len(text.data) - len(data) + offset)
        assert len(text.hive_in(state)) <= len(NEW) + len(data)
