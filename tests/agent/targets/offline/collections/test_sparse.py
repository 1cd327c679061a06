"""Sparse files of a collection, put together by their index."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.targets.offline.collections.sparse import BAD_INDEX, open_collected
from agent.targets.offline.folder import FolderTarget
from tests.evidence.windows_folder import as_collection, windows


def stored(place: Path, content: bytes, *ranges: dict[str, object]) -> str:
    place.write_bytes(content)
    place.with_name(place.name + ".idx").write_text(json.dumps({"ranges": list(ranges)}))
    return str(place)


def part(start: int, length: int, at: int = 0, there: int | None = None) -> dict[str, object]:
    """As it is written: what is 0 is left out."""
    told = {
        "file_offset": at,
        "original_offset": start,
        "file_length": length if there is None else there,
        "length": length,
    }
    return {name: value for name, value in told.items() if value}


def test_pieces_come_to_their_places_and_holes_are_zeros(tmp_path: Path) -> None:
    path = stored(
        tmp_path / "$J",
        b"abcdef",
        part(0, 1000, there=0),
        part(1000, 4),
        part(1004, 96, there=0),
        part(1100, 2, 4),
    )
    with open_collected(path) as file:
        whole = file.read()
        assert whole == bytes(1000) + b"abcd" + bytes(96) + b"ef"
        file.seek(1002)
        assert file.read(100) == whole[1002:1102]
        assert file.seek(-3, 2) == 1099
        assert file.read() == b"\0ef"
        assert file.read() == b""


def test_numbers_may_be_texts_as_other_writers_of_the_same_messages_have_them(
    tmp_path: Path,
) -> None:
    texts: dict[str, object] = {"original_offset": "2", "file_length": "1", "length": "1"}
    with open_collected(stored(tmp_path / "x", b"a", texts)) as file:
        assert file.read() == b"\0\0a"


@pytest.mark.parametrize(
    "ranges",
    [
        [part(0, 4), part(2, 2)],
        [part(0, 9)],
        [part(0, 1, 4)],
        [{"original_offset": -1, "length": 1}],
        [{"file_offset": -1, "length": 1}],
        [{"length": 1, "file_length": 2}],
        [part(1 << 61, 1)],
    ],
)
def test_an_index_that_makes_no_sense_is_refused(
    tmp_path: Path, ranges: list[dict[str, object]]
) -> None:
    with pytest.raises(OSError, match=BAD_INDEX):
        open_collected(stored(tmp_path / "x", b"abcd", *ranges))


def test_a_file_that_only_has_such_a_name_is_no_index(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"as it is")
    for other in (b"", b"{}", b"[1]", b"\xff\xfe", b"[" * 100_000):
        (tmp_path / "x.idx").write_bytes(other)
        with open_collected(str(tmp_path / "x")) as file:
            assert file.read() == b"as it is"


def test_the_change_journal_of_a_collection_is_read_at_its_own_offsets(tmp_path: Path) -> None:
    place = as_collection(tmp_path, windows(), way="ntfs")
    extend = place / "uploads/ntfs/C%3A/$Extend"
    extend.mkdir()
    stored(extend / "$UsnJrnl%3A$J", b"changes", part(0, 4096, there=0), part(4096, 7))
    target = FolderTarget(str(place), own=Own())
    patterns = [r"%Volume%\$Extend\$UsnJrnl:$J"]
    (file,) = target.evidence(patterns, Ledger("test", required=True))
    with file.open() as opened:
        assert opened.read() == bytes(4096) + b"changes"


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=5), st.integers(0, 60))
def test_any_pieces_read_as_the_file_they_were_cut_from(
    tmp_path: Path, cuts: list[tuple[int, int]], start: int
) -> None:
    whole, content, ranges = b"", b"", []
    for hole, data in cuts:
        ranges += [part(len(whole), hole, there=0), part(len(whole) + hole, data, len(content))]
        piece = bytes(range(1, data + 1))
        whole, content = whole + bytes(hole) + piece, content + piece
    with open_collected(stored(tmp_path / "x", content, *ranges)) as file:
        file.seek(start)
        assert file.read() == whole[start:]
