"""Whatever singles a record out, and however many reasons there are: it is a hit once."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from agent.ntfs import Hit, MftScan, Selected, Unread, Wanted
from agent.ntfs.programs import Programs
from agent.reading.openings import Selection
from tests.agent.ntfs.test_attribute_lists import listed
from tests.evidence.images import (
    file_name,
    image,
    non_resident,
    opened,
    record,
    resident,
    run,
    standard,
    wants,
)

BASE, OTHER = 40, 100
USERS = {30: record(standard(), file_name("Users", 5), flags=3)}
PROGRAM = non_resident(0x80, 20_000, run(5, 120))
STREAM = non_resident(0x80, 20_000, run(5, 120), name="x.zip")
"""An alternate stream with a wanted extension."""
MARKED = non_resident(0x80, 4000, run(1, 120), name="y")
"""One with a wanted size."""
WANTED = Wanted(
    wants("cyzfc.dat"),
    frozenset({"CYZFC.DAT"}),
    (),
    Selection(frozenset({4000}), extensions=frozenset({".zip", ".exe"})),
)


def base(*more: bytes, name: str = "a.jpg", link: int = 30) -> bytes:
    return record(standard(), *more, file_name(name, link, 1), PROGRAM)


def extension(*attributes: bytes, flags: int = 1) -> bytes:
    return record(*attributes, base=BASE | 1 << 48, flags=flags)


def hits(made: dict[int, bytes], account: Unread | None = None) -> list[tuple[int, Selected]]:
    data = image({**USERS, **made}, count=110, contents={120: b"MZ" + bytes(20_000)})
    volume = opened(data, account)
    found: Iterable[object] = MftScan(
        volume, WANTED, programs=Programs(volume, ["USERS"], 1024)
    ).hits()
    return [(hit.number, hit.why) for hit in found if isinstance(hit, Hit)]


@pytest.mark.parametrize("name", ["a.jpg", "a.exe", "cyzfc.dat"])
@pytest.mark.parametrize("first", [BASE, OTHER], ids=["base first", "base last"])
def test_a_program_of_several_records_is_one_hit_with_all_its_reasons(
    name: str, first: int
) -> None:
    last = BASE + OTHER - first
    whole = base(resident(0x20, listed(last)), name=name)
    more = record(STREAM, MARKED, base=first | 1 << 48)
    ((number, why),) = hits({first: whole, last: more})
    assert number == first
    assert why & Selected.PROGRAM
    assert why & Selected.STREAM_EXTENSION
    assert why & Selected.STREAM_SIZE
    assert bool(why & Selected.EXTENSION) is (name == "a.exe")
    assert bool(why & Selected.NAME) is (name == "cyzfc.dat")


def test_a_base_that_nothing_else_singles_out_is_told_for_its_further_record() -> None:
    whole = base(resident(0x20, listed(OTHER)), link=5)
    assert hits({BASE: whole, OTHER: extension(MARKED)}) == [(BASE, Selected.STREAM_SIZE)]


@pytest.mark.parametrize("flags", [0, 1], ids=["deleted", "in use"])
@pytest.mark.parametrize("name", ["a.exe", "cyzfc.dat", "a.jpg"])
def test_a_record_that_was_once_the_files_makes_no_second_hit_of_it(name: str, flags: int) -> None:
    found = [
        number for number, _ in hits({BASE: base(name=name), OTHER: extension(MARKED, flags=flags)})
    ]
    assert sorted(found) == [BASE, OTHER]  # Which stands for itself.


@pytest.mark.parametrize("name", ["a.jpg", "a.exe"])
def test_a_program_in_a_torn_record_is_looked_at_and_is_told_to_be_torn(name: str) -> None:
    torn = bytearray(base(name=name))
    torn[1022:] = b"\1\1"
    account = Unread()
    ((number, why),) = hits({BASE: bytes(torn)}, account)
    assert (number, bool(why & Selected.PROGRAM)) == (BASE, True)
    assert account.gaps["$MFT: record torn: written in part"] == 1


NAMED = resident(0x20, listed(200))
"""An attribute list that does not name the record in question."""


@pytest.mark.parametrize("first", [BASE, OTHER], ids=["base first", "base last"])
@pytest.mark.parametrize("name", ["a.jpg", "a.exe"])
def test_a_further_record_that_the_list_does_not_name_stands_for_itself_and_is_a_gap(
    name: str, first: int
) -> None:
    last, account = BASE + OTHER - first, Unread()
    more = record(file_name("cyzfc.dat", 30, 1), MARKED, base=first | 1 << 48)
    found = dict(hits({first: base(NAMED, name=name), last: more}, account))
    assert found[last] & (Selected.NAME | Selected.STREAM_SIZE)
    why = "$MFT: record that its file's attribute list does not name"
    assert (why, 1) in account.gaps.items()


def test_of_a_file_of_the_file_system_itself_it_is_no_gap() -> None:
    account = Unread()
    own = record(standard(), NAMED, file_name("$Secure"))
    assert hits({9: own, OTHER: record(MARKED, base=9 | 1 << 48)}, account)
    assert not [why for why in account.gaps if "does not name" in why]


def test_one_that_the_list_names_by_another_use_stands_for_itself() -> None:
    more = record(MARKED, base=BASE | 1 << 48, sequence=9)
    found = dict(hits({BASE: base(resident(0x20, listed(OTHER))), OTHER: more}))
    assert found[OTHER] & Selected.STREAM_SIZE


@pytest.mark.parametrize("links", [1, 2])
def test_a_program_is_seen_whose_name_there_lies_in_a_further_record(links: int) -> None:
    own = [file_name("b.jpg", 5)] if links == 2 else []
    whole = record(standard(), resident(0x20, listed(OTHER)), *own, PROGRAM, links=links)
    more = extension(file_name("a.jpg", 30, 1))
    assert hits({BASE: whole, OTHER: more}) == [(BASE, Selected.PROGRAM)]


def test_a_program_is_seen_in_a_folder_whose_name_lies_in_a_further_record() -> None:
    folder = record(standard(), resident(0x20, listed(OTHER)), flags=3)
    more = record(file_name("deep", 30, 1), base=35 | 1 << 48)
    program = record(standard(), file_name("a.jpg", 35, 1), PROGRAM)
    made = {35: folder, OTHER: more, BASE: program}
    assert hits(made) == [(BASE, Selected.PROGRAM)]


def test_a_program_elsewhere_is_none_for_its_attribute_list() -> None:
    whole = record(standard(), resident(0x20, listed(OTHER)), PROGRAM, links=1)
    more = extension(file_name("a.jpg", 5))
    assert hits({BASE: whole, OTHER: more}) == []
