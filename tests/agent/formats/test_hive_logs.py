from __future__ import annotations

import io
import struct

import pyregf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats import hive_logs
from agent.formats.hive import Hive
from agent.formats.hive_logs import BASE_BLOCK, checksum, is_dirty, is_whole, replayed
from agent.formats.marvin32 import marvin32
from tests.evidence.hives import (
    Tree,
    dirty,
    entry,
    entry_between,
    hive,
    log,
    new_log,
    old_log,
    with_checksum,
)
from tests.evidence.samples import sample

FILLER = {f"key {number}": {"value": "x" * 300} for number in range(20)}
"""Some pages of a hive that nothing changes."""


def grown(**values: str) -> bytes:
    """A hive with this under ``Run``."""
    return hive({**FILLER, "Run": values})


NOTHING, ONE, TWO, THREE = (
    grown(),
    grown(a="first"),
    grown(a="first", b="second"),
    grown(a="first", b="second", c="third"),
)


def run(data: bytes) -> dict[str, str]:
    """What is under ``Run``."""
    key = Hive(data).key("Run")
    assert key is not None
    return {value.name: value.text for value in key.values()}


def libregf_reads(data: bytes) -> list[str]:
    opened = pyregf.file()
    opened.open_file_object(io.BytesIO(data))
    key = opened.get_key_by_path("\\Run")
    return [key.get_value(number).name for number in range(key.number_of_values)]


def test_a_hive_that_is_not_dirty_stays_what_it_is_whatever_its_logs_say() -> None:
    found = replayed(ONE, [log(ONE, TWO, 1)])

    assert found.data is ONE
    assert (found.entries, found.problem) == ((), "")


def test_what_stands_in_the_log_alone_is_in_the_hive_after_it() -> None:
    found = replayed(dirty(ONE, 5), [log(ONE, TWO, 5)])

    assert found.entries == (5,)
    assert found.problem == ""
    assert run(found.data) == {"a": "first", "b": "second"}


def test_the_result_is_clean_and_libregf_takes_it() -> None:
    found = replayed(dirty(ONE, 5), [log(ONE, TWO, 5)])

    assert not is_dirty(found.data)
    assert struct.unpack_from("<II", found.data, 4) == (5, 5)
    assert libregf_reads(found.data) == ["a", "b"]


@pytest.mark.parametrize("newer_first", [False, True])
def test_both_logs_are_laid_over_it_the_older_first_whichever_it_is(*, newer_first: bool) -> None:
    logs = [
        new_log(5, [entry_between(ONE, TWO, 5)], TWO),
        new_log(6, [entry_between(TWO, THREE, 6)], THREE),
    ]
    found = replayed(dirty(ONE, 5), logs[::-1] if newer_first else logs)

    assert found.entries == (5, 6)
    assert found.problem == ""
    assert run(found.data) == {"a": "first", "b": "second", "c": "third"}


def test_entries_that_the_hive_already_has_are_left_out() -> None:
    entries = [entry_between(NOTHING, ONE, 4), entry_between(ONE, TWO, 5)]
    found = replayed(dirty(ONE, 5), [new_log(4, entries, TWO)])

    assert found.entries == (5,)
    assert run(found.data) == {"a": "first", "b": "second"}


def test_numbers_begin_again_behind_the_last() -> None:
    logs = [
        new_log(0, [entry_between(TWO, THREE, 0)], THREE),
        new_log(0xFFFFFFFF, [entry_between(ONE, TWO, 0xFFFFFFFF)], TWO),
    ]
    found = replayed(dirty(ONE, 0xFFFFFFF0), logs)

    assert found.entries == (0xFFFFFFFF, 0)
    assert run(found.data)["c"] == "third"


def test_entries_of_an_earlier_round_behind_the_last_are_not_applied() -> None:
    entries = [entry_between(ONE, TWO, 5), entry_between(ONE, NOTHING, 3)]
    found = replayed(dirty(ONE, 5), [new_log(5, entries, TWO)])

    assert (found.entries, found.problem) == ((5,), "")
    assert run(found.data) == {"a": "first", "b": "second"}


def test_a_hive_grows_as_its_log_says() -> None:
    large = hive({**FILLER, "Run": {"a": "x" * 9000}})
    found = replayed(dirty(ONE, 5), [log(ONE, large, 5)])

    assert len(found.data) == len(large) > len(ONE)
    assert run(found.data)["a"] == "x" * 9000


def test_a_hive_grows_in_whatever_order_the_pages_of_an_entry_are() -> None:
    large = hive({**FILLER, "Run": {"a": "x" * 9000}})
    bins = large[BASE_BLOCK:]
    pages = [(at, bins[at : at + 4096]) for at in range(0, len(bins), 4096)]
    found = replayed(dirty(ONE, 5), [new_log(5, [entry(5, pages[::-1], len(bins))], large)])

    assert found.data[BASE_BLOCK:] == bins


def test_a_dirty_hive_without_its_logs_is_said_to_be_one() -> None:
    for logs in ([], [b""], [bytes(4096)]):
        found = replayed(dirty(ONE, 5), logs)

        assert found.problem == "dirty, and its logs are missing"
        assert found.entries == ()


def test_a_log_that_is_no_log_is_said_to_be_damaged() -> None:
    damaged = b"x" + log(ONE, TWO, 5)[1:]

    assert replayed(dirty(ONE, 5), [damaged]).problem == "dirty, and its logs are damaged"
    both = replayed(dirty(ONE, 5), [damaged, log(ONE, TWO, 5)])
    assert both.problem == "dirty, and a log is damaged"
    assert both.entries == (5,)


@pytest.mark.parametrize("at", [8, 17, 25, 33, 41, 600])
def test_an_entry_with_one_wrong_bit_ends_the_replay_and_is_named(at: int) -> None:
    good, bad = entry_between(ONE, TWO, 5), bytearray(entry_between(TWO, THREE, 6))
    bad[at] ^= 1
    found = replayed(dirty(ONE, 5), [new_log(5, [good, bytes(bad)], TWO)])

    assert found.entries == (5,)
    assert found.problem == "dirty, and entry 6 of its log is damaged"
    assert run(found.data) == {"a": "first", "b": "second"}


@pytest.mark.parametrize("at", [8, 17, 25, 33, 41, 600])
@pytest.mark.parametrize("behind", ["nothing", "an older entry", "a damaged entry"])
def test_a_quick_replay_names_a_damaged_entry_that_no_other_follows(at: int, behind: str) -> None:
    good, bad = entry_between(ONE, TWO, 5), bytearray(entry_between(TWO, THREE, 6))
    bad[at] ^= 1
    last = entry_between(THREE, NOTHING, {"an older entry": 3}.get(behind, 7))
    entries = [good, bytes(bad), b"" if behind == "nothing" else last]
    if behind == "a damaged entry":
        entries[2] = last[:32] + b"x" + last[33:]
    found = replayed(dirty(ONE, 5), [new_log(5, entries, TWO)], quick=True)

    assert found.entries == (5,)
    assert found.problem in {f"dirty, and entry {n} of its log is damaged" for n in (6, 7)}
    assert run(found.data) == {"a": "first", "b": "second"}


def test_an_entry_that_its_successor_follows_is_not_hashed_by_a_quick_replay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashed: list[int] = []

    def noted(data: bytes) -> bytes:
        hashed.append(len(data))
        return marvin32(data)

    monkeypatch.setattr(hive_logs, "marvin32", noted)
    entries = [entry_between(ONE, TWO, 5), entry_between(TWO, THREE, 6)]
    found = replayed(dirty(ONE, 5), [new_log(5, entries, TWO)], quick=True)

    assert found.entries == (5, 6)
    assert run(found.data)["c"] == "third"
    assert hashed == [32, 32, len(entries[1]) - 40]

    hashed.clear()
    logs = [new_log(6, entries[1:], THREE), new_log(5, entries[:1], TWO)]
    assert replayed(dirty(ONE, 5), logs, quick=True).entries == (5, 6)
    assert hashed == [32, 32, len(entries[1]) - 40]


def test_a_log_without_entries_beside_a_damaged_one_is_said_to_be_damaged() -> None:
    found = replayed(dirty(ONE, 5), [new_log(5, [], ONE), b"x" + log(ONE, TWO, 5)[1:]])

    assert found.problem == "dirty, and a log is damaged"


def test_an_entry_that_is_missing_inside_a_log_is_named() -> None:
    entries = [entry_between(ONE, TWO, 5), entry_between(TWO, THREE, 7)]
    found = replayed(dirty(ONE, 5), [new_log(5, entries, TWO)])

    assert found.entries == (5,)
    assert found.problem == "dirty, and entry 6 of its log is missing"


def test_a_log_that_does_not_continue_the_other_is_not_applied_and_is_said() -> None:
    logs = [log(ONE, TWO, 5), log(TWO, THREE, 8)]
    found = replayed(dirty(ONE, 5), logs)

    assert found.entries == (5,)
    assert "entry 6 is missing" in found.problem


def test_a_log_that_holds_nothing_new_is_said() -> None:
    found = replayed(dirty(TWO, 9), [log(ONE, TWO, 5)])

    assert found.problem == "dirty, and its logs hold nothing for it"
    assert run(found.data) == {"a": "first", "b": "second"}


def test_a_base_block_that_was_torn_comes_from_the_log() -> None:
    torn = ONE[:40] + b"\xff\xff" + ONE[42:]
    found = replayed(torn, [log(ONE, TWO, 5)])

    assert is_whole(found.data[:512])
    assert found.data[28:32] == bytes(4)
    assert run(found.data) == {"a": "first", "b": "second"}


def test_the_log_of_windows_7_is_laid_over_it() -> None:
    found = replayed(dirty(ONE, 5), [old_log(ONE, TWO, 5)])

    assert (found.entries, found.problem) == ((5,), "")
    assert run(found.data) == {"a": "first", "b": "second"}


def test_a_log_of_windows_7_from_before_the_hive_is_not_applied() -> None:
    old = bytearray(old_log(ONE, TWO, 5))
    struct.pack_into("<Q", old, 12, 1)
    found = replayed(dirty(ONE, 5), [with_checksum(bytes(old))])

    assert found.problem == "dirty, and its log is older than the hive"


def test_a_log_of_windows_7_that_was_cut_is_said() -> None:
    cut = old_log(ONE, TWO, 5)[:-512]

    assert replayed(dirty(ONE, 5), [cut]).problem == "dirty, and its log ends early"


def test_a_small_log_does_not_make_a_hive_of_gigabytes() -> None:
    greedy = new_log(5, [entry(5, [(0, ONE[BASE_BLOCK : 2 * BASE_BLOCK])], 0xFFFFF000)], ONE)
    found = replayed(dirty(ONE, 5), [greedy])

    assert len(found.data) <= len(ONE)
    assert "asks for" in found.problem


def test_a_checksum_is_never_zero_nor_all_ones() -> None:
    assert checksum(bytes(512)) == 1
    assert checksum(b"\xff" * 4 + bytes(508)) == 0xFFFFFFFE


def test_a_hive_of_windows_10_in_use_has_2472_keys_more_with_its_logs() -> None:
    before = sample("registry/SYSTEM_B.xz")
    logs = [sample("registry/SYSTEM_B.LOG1.xz"), sample("registry/SYSTEM_B.LOG2.xz")]
    found = replayed(before, logs)

    assert found.problem == ""
    assert found.entries == tuple(range(0x83B, 0x853))
    assert replayed(before, logs, quick=True).data == found.data
    assert libregf_counts(before) == 33_123
    assert libregf_counts(found.data) == 35_595 == sum(1 for _ in Hive(found.data).walk())


def libregf_counts(data: bytes) -> int:
    opened = pyregf.file()
    opened.open_file_object(io.BytesIO(data))
    waiting, count = [opened.get_root_key()], 0
    while waiting:
        key = waiting.pop()
        count += 1
        waiting += [key.get_sub_key(number) for number in range(key.number_of_sub_keys)]
    return count


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 9000), st.integers(0, 255)), max_size=8),
    st.integers(0, 9000),
    st.booleans(),
)
def test_damaged_logs_never_raise_nor_grow_the_hive_without_bounds(
    damage: list[tuple[int, int]], cut: int, old: bool
) -> None:
    data = bytearray((old_log if old else log)(ONE, TWO, 5))
    for offset, value in damage:
        if offset < len(data):
            data[offset] = value
    given_log = bytes(data[: len(data) - cut % len(data)])
    for whole in (given_log, with_checksum(given_log.ljust(512, b"\0"))):
        found = replayed(dirty(ONE, 5), [whole])

        assert len(found.data) <= len(ONE) + len(whole)
        assert found.entries or found.problem


@settings(max_examples=40)
@given(st.binary(max_size=600), st.binary(max_size=600))
def test_any_bytes_end_in_a_replay(one: bytes, other: bytes) -> None:
    found = replayed(one, [other])

    assert found.data == one
    assert found.problem


def test_the_maker_of_these_hives_is_understood_by_libregf() -> None:
    tree: Tree = {"Run": {"a": "x"}}
    assert libregf_reads(hive(tree)) == ["a"]
