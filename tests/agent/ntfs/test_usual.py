"""Records of a usual form are answered where they lie, as the quick check answers them."""

from __future__ import annotations

import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.ntfs import Hit, MftScan, Wanted
from agent.ntfs.entry import DOS
from agent.ntfs.quick_check import quick_check
from tests.evidence.images import (
    file_name,
    image,
    non_resident,
    opened,
    record,
    resident,
    run,
    standard,
)

from .properties import OPENINGS, usual_answers
from .test_hostile import damaged

LINK = "a.lnk"
SMALL, LARGE = resident(0x80, b"xyz"), non_resident(0x80, 9000, run(3, 20), last=2)
SHORT, LONG = file_name("A0~1.LNK", space=DOS), file_name(LINK)


@pytest.mark.parametrize("standard_length", [0x30, 0x48])
@pytest.mark.parametrize("content", [SMALL, LARGE])
@pytest.mark.parametrize("short", [b"", SHORT])
@pytest.mark.parametrize("name", [LINK, "a", "A.LNK", "a.txt", "ä.ln\N{KELVIN SIGN}"])
def test_nearly_all_records_are_answered_so(
    standard_length: int, content: bytes, short: bytes, name: str
) -> None:
    data = record(
        standard(length=standard_length), short + file_name(name), content, links=2 if short else 1
    )
    assert usual_answers([data]) == [True]


OTHERS = {
    "content kept in a cloud": record(standard(bits=0x40_0020), file_name(LINK), LARGE),
    "content moved to tape": record(standard(bits=0x1020), file_name(LINK), LARGE),
    "a file of the file system": record(standard(), file_name(LINK, 11), LARGE),
    "one whose long name tells": record(
        standard(), SHORT, file_name(LINK, 11), LARGE, links=2
    ),
    "deleted": record(standard(), file_name(LINK), LARGE, flags=0),
    "folder": record(standard(), file_name(LINK), LARGE, flags=3),
    "further record": record(standard(), file_name(LINK), LARGE, base=41 | 1 << 48),
    "8.3 name alone": record(standard(), file_name(LINK, space=DOS), LARGE),
    "two long names": record(standard(), file_name("b.txt"), file_name(LINK), SMALL, links=2),
    "more names than links": record(standard(), file_name("b.txt"), file_name(LINK), SMALL),
    "8.3 name before something else": record(
        standard(), SHORT, b"\x40" + LONG[1:], LARGE, links=2
    ),
    "three names": record(standard(), SHORT, file_name("b"), file_name(LINK), LARGE, links=2),
    "alternate stream": record(
        standard(), file_name(LINK), LARGE, resident(0x80, b"x" * 100, "s")
    ),
    "alternate stream alone": record(standard(), file_name(LINK), resident(0x80, b"x", "s")),
    "link": record(standard(), file_name(LINK), LARGE, resident(0xC0, b"x" * 8)),
    "attribute list": record(standard(), resident(0x20, bytes(32)), file_name(LINK), LARGE),
    "a name that is very long": record(standard(), file_name("x" * 90 + ".lnk"), LARGE),
    "no content": record(standard(), file_name(LINK)),
    "later part of its content": record(
        standard(), file_name(LINK), non_resident(0x80, 9000, run(3, 20), first=2)
    ),
    "never used": bytes(1024),
    "damaged signature": b"BAAD" + record(standard(), file_name(LINK), LARGE)[4:],
}  # fmt: skip


@pytest.mark.parametrize("what", OTHERS)
def test_of_others_nothing_is_said(what: str) -> None:
    assert usual_answers([OTHERS[what]]) == [False]


@pytest.mark.parametrize(
    ("what", "at", "value"),
    [
        (SMALL, 0x10, 0x100),  # the size of its value
        (SMALL, 0x14, 0x1E),  # where that lies
        (LARGE, 0x20, 0x48),  # where the run list lies
        (LARGE, 0x04, 0x3C),  # its length
        (SHORT, 0x58, 0x20),  # characters of the name
        (SHORT, 0x04, 0x6A),  # its length
        (SHORT, 0x06, 1),
        (LONG, 0x58, 0x20),
        (LONG, 0x04, 0x6A),
        (LONG, 0x06, 1),
    ],
)
def test_what_does_not_fit_is_left_to_the_quick_check(what: bytes, at: int, value: int) -> None:
    size = 1 if value < 0x100 else 2
    odd = what[:at] + value.to_bytes(size, "little") + what[at + size :]
    parts = [SHORT, LONG, SMALL]
    parts[2 if what is LARGE else parts.index(what)] = odd
    assert usual_answers([record(standard(), *parts, links=2)]) == [False]
    if what is not SHORT:
        assert usual_answers([record(standard(), *parts[1:])]) == [False]


def test_a_torn_record_is_none_nor_are_those_of_the_file_system() -> None:
    good = record(standard(), file_name(LINK), LARGE)
    assert usual_answers([good[:-1] + b"?", good]) == [False, True]
    assert usual_answers([good] * 4, first=22) == [False, False, True, True]


def test_a_record_that_ends_in_its_content_is_left_to_the_quick_check() -> None:
    start = record(standard(), file_name(LINK))
    room = 1016 - start.index(b"\xff" * 4)
    told = [
        usual_answers([record(standard(), file_name(LINK), resident(0x80, bytes(size)))])[0]
        for size in range(0, room - 24, 8)
    ]
    assert told[0]
    assert not told[-1]


names = st.builds(
    file_name,
    st.sampled_from([LINK, "a", "b.txt", "c.LNK", "d.lnk.txt", "." * 3, "x" * 26 + ".lnk", ""]),
    st.sampled_from([5, 5, 5, 11, 11 + 256]),
    space=st.sampled_from([0, 1, 2, 2, 3]),
)
contents = st.one_of(
    st.builds(
        resident,
        st.just(0x80),
        st.builds(bytes.__mul__, st.sampled_from([b"x", b"L", b"y"]), st.integers(0, 104)),
        st.sampled_from(["", "", "", "s", "s.lnk"]),
    ),
    st.builds(
        non_resident,
        st.just(0x80),
        st.sampled_from([0, 80, 100, 8192, 9000]),
        st.sampled_from([run(3, 20), run(1, 9) + run(15, None), run(16, 9), run(2, None), b""]),
        name=st.sampled_from(["", "", "", "s"]),
        flags=st.sampled_from([0, 0, 1, 0x4000, 0x8000]),
        unit=st.sampled_from([0, 4]),
        first=st.sampled_from([0, 0, 0, 1]),
    ),
)
extras = st.builds(
    resident, st.sampled_from([0x10, 0x20, 0x40, 0x50, 0xC0, 0x100]), st.binary(max_size=16)
)
records = st.builds(
    lambda start, named, middle, content, end, links, flags, base: record(
        *start, *named, *middle, *content, *end, links=links, flags=flags, base=base
    ),
    st.one_of(
        st.builds(
            lambda bits, length: [standard(bits=bits, length=length)],
            st.sampled_from([0x20, 0x20, 0x40_0020, 0x1020, 0x200]),
            st.sampled_from([0x30, 0x48, 0x48]),
        ),
        st.just([]),
    ),
    st.lists(names, max_size=3),
    st.lists(extras, max_size=1),
    st.lists(contents, max_size=2),
    st.lists(extras, max_size=1),
    st.sampled_from([0, 1, 1, 2, 2, 3]),
    st.sampled_from([0, 1, 1, 1, 3]),
    st.sampled_from([0, 0, 0, 41 | 1 << 48]),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(records, records.flatmap(damaged)), min_size=1, max_size=6))
def test_any_mixture_is_answered_as_the_quick_check_answers_it(mixture: list[bytes]) -> None:
    usual_answers(mixture)


def test_a_scan_singles_out_what_a_quick_check_of_each_record_does() -> None:
    forms = [
        record(standard(), *named, content, links=len(named))
        for named in (
            [file_name(LINK)],
            [file_name("none")],
            [file_name("b.txt")],
            [SHORT, file_name("long name.lnk")],
            [SHORT, file_name("long name.txt")],
            [file_name(LINK), file_name("b.txt")],
        )
        for content in (
            resident(0x80, b"x" * 100),
            resident(0x80, b"x" * 50),
            LARGE,
            non_resident(0x80, 100, run(1, 20)),
            non_resident(0x80, 100, run(1, 20), flags=0x4000),
        )
    ]
    made = dict(enumerate(forms, 24))
    volume = opened(image(made, count=24 + len(forms)))
    wanted = Wanted(lambda names: [], selection=OPENINGS.selection)
    hits = {hit.number: hit for hit in MftScan(volume, wanted).hits() if isinstance(hit, Hit)}
    quick = {n: quick_check(n, volume.record(n).data, wanted.selection) for n in made}
    assert {n: hit.answer for n, hit in hits.items()} == {
        n: answer for n, answer in quick.items() if answer is not None and answer.why
    }
    assert len(hits) > len(forms) // 2


def test_a_name_whose_place_leads_out_of_the_buffer_is_no_harm() -> None:
    data = bytearray(record(standard(), SHORT, file_name(LINK), LARGE, links=2))
    second = data.index(LINK.encode("utf-16-le")) - 0x5A
    for length in (0x3F8, 0xFFF8, 0xFFFF_FFF8, 8):
        struct.pack_into("<I", data, second + 4, length)
        assert usual_answers([bytes(data)]) == [False]
