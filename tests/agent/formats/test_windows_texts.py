"""Windows' own texts: simple XML, tasks, RecentFileCache, lines in any encoding."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.plain_text import lines_of, text_of
from agent.formats.recent_file_cache import read_recent_files
from agent.formats.simple_xml import MAX_DEPTH, elements
from agent.formats.task_file import read_task
from tests.evidence.execution import recent_files, task
from tests.evidence.samples import sample


def test_elements_end_inside_first_with_texts_and_attributes() -> None:
    xml = "<?xml version='1.0'?><a:t x='1 &lt; 2'>\n one<!-- no --><b y=\"&#x41;\"/> <![CDATA[<two>]]></a:t>"
    assert list(elements(xml)) == [
        (("t", "b"), "", {"y": "A"}),
        (("t",), "one <two>", {"x": "1 < 2"}),
    ]


def test_what_is_whole_of_a_torn_document_is_given() -> None:
    found = elements("<a><b>1</b><c>2")
    assert next(found).text == "1"
    with pytest.raises(FormatError, match="does not end"):
        next(found)


def test_an_element_that_is_not_closed_ends_with_the_one_around_it() -> None:
    assert [one.path for one in elements("<a><b>1</a>")] == [("a", "b"), ("a",)]


@pytest.mark.parametrize("text", ["<!DOCTYPE a>", "<a>" * (MAX_DEPTH + 1), "<! doctype x><a/>"])
def test_what_windows_does_not_write_is_refused(text: str) -> None:
    with pytest.raises(FormatError):
        list(elements(text))


@pytest.mark.parametrize("text", ["<!--", "<![CDATA[", "<a ", "<a x", "<", "x=", "&", "<a x='"])
def test_no_text_takes_long(text: str) -> None:
    with contextlib.suppress(FormatError):
        list(elements("<t>" + text * 200_000 + ">"))


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-8", "utf-8-sig", "utf-16-le", "utf-16-be-with-mark", "cp1252"]
)
def test_a_text_is_read_in_whatever_encoding_it_is(encoding: str) -> None:
    text = "C:\\Users\\jö\\cyzfc.dat|2018\r\nnext\r\r\n"
    data = (
        b"\xfe\xff" + text.encode("utf-16-be")
        if encoding == "utf-16-be-with-mark"
        else text.encode(encoding)
    )
    assert text_of(data) == text
    assert list(lines_of(data)) == [(1, "C:\\Users\\jö\\cyzfc.dat|2018"), (2, "next")]


def test_a_cache_that_is_cut_gives_the_paths_before() -> None:
    found = read_recent_files(recent_files([r"c:\a.exe", r"c:\b.exe"])[:-4])
    assert next(found) == r"c:\a.exe"
    with pytest.raises(FormatError, match="cut"):
        next(found)


READERS: dict[str, Callable[[bytes], object]] = {
    "task": read_task,
    "lines": lambda data: list(lines_of(data)),
    "recent files": lambda data: list(read_recent_files(data)),
    "XML": lambda data: list(elements(text_of(data))),
}


@pytest.mark.parametrize("reader", READERS)
@given(data=st.data())
def test_any_bytes_end_in_facts_or_in_an_error(reader: str, data: st.DataObject) -> None:
    seeds = [task("a.exe", "b"), recent_files(["c:\\a"]), sample("tasks/wintask.job")]
    damaged = bytearray(data.draw(st.sampled_from(seeds)))
    for _ in range(data.draw(st.integers(0, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    for raw in (bytes(damaged[: data.draw(st.integers(0, len(damaged)))]), data.draw(st.binary())):
        with contextlib.suppress(FormatError):
            READERS[reader](raw)
