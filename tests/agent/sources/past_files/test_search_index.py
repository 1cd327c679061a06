"""What Windows Search indexed is told, however its database hides it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import pytest

from agent.coverage import Part
from agent.model.observation import Claim, MomentOf
from agent.model.report import State, Strength
from agent.sources import ese_databases
from agent.sources.artefact import Reader
from agent.sources.artefact_source import ArtefactSource
from agent.sources.execution.activities import Activities
from agent.sources.past_files.search_index import SearchIndex
from agent.targets.evidence import EvidenceFile
from tests.evidence.databases import Statement, in_wal_mode
from tests.evidence.ese_files import (
    LONG,
    LONG_BINARY,
    LONG_TEXT,
    Elsewhere,
    Made,
    Packed,
    Value,
    ese_file,
    seven_bits,
    xpress,
)
from tests.evidence.filetime import ticks
from tests.evidence.logged_events import CYZFC
from tests.evidence.sweeping import Swept, swept
from tests.evidence.windows_folder import FORMS, Files, windows

FOLDER = "C:\\ProgramData\\Microsoft\\Search\\Data\\Applications\\Windows"
INDEX = f"{FOLDER}\\Windows.edb"
CREATED = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)
GATHERED = datetime(2018, 11, 14, 12, 5, tzinfo=timezone.utc)
COLUMNS = {
    "WorkID": LONG,
    "4447-System_ItemPathDisplay": LONG_TEXT,
    "33-System_ItemUrl": LONG_TEXT,
    "4453-System_Search_AutoSummary": LONG_TEXT,
    "4396-System_FileOwner": LONG_TEXT,
    "15F-System_DateCreated": LONG_BINARY,
    "17F-System_Search_GatherTime": LONG_BINARY,
    "4492-System_Link_DateVisited": LONG_BINARY,
    "13F-System_Size": LONG_BINARY,
}
PATH, URL, SUMMARY, OWNER, *_ = list(COLUMNS)[1:]
SID = "S-1-5-21-1004336348-1177238915-682003330-1001"


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def time(when: datetime) -> bytes:
    return ticks(when).to_bytes(8, "little")


def indexed(
    *rows: Mapping[str, Value], table: str = "SystemIndex_PropertyStore",
    long_values: Mapping[int, list[tuple[bytes, int]]] | None = None, page_size: int = 32_768,
) -> bytes:  # fmt: skip
    more: list[Mapping[str, Value]] = [{"WorkID": n, PATH: seven_bits("C:\\a")} for n in range(300)]
    made = Made(COLUMNS, [*more, *rows], long_values or {})
    return ese_file({"SystemIndex_Gthr": Made({"n": LONG}, [{"n": 1}]), table: made},
                    page_size=page_size)  # fmt: skip


ROW: Mapping[str, Value] = {
    "WorkID": 9,
    PATH: seven_bits(CYZFC),
    URL: seven_bits(f"file:{CYZFC}".replace("\\", "/")),
    OWNER: seven_bits("WS-0421\\jo"),
    "15F-System_DateCreated": time(CREATED),
    "17F-System_Search_GatherTime": time(GATHERED),
    "13F-System_Size": (294_400).to_bytes(8, "little"),
}


def sweep(place: Path, files: Files, form: str = "folder") -> Swept:
    return swept(FORMS[form](place / "c", windows(files)), ArtefactSource(SearchIndex()))


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_the_index_has_compressed_is_told_with_times_and_owner(
    form: str, tmp_path: Path
) -> None:
    data = indexed(ROW)
    assert b"cyzfc" not in data
    assert wide("cyzfc") not in data
    found = sweep(tmp_path, {INDEX: data}, form)
    strengths = {one.indicator.id: one.strength for one in found.matches()}
    assert strengths["path-localappdata-cyzfc-dat"] is Strength.STRONG
    (seen,) = found.seen
    assert seen.claim is Claim.WAS_THERE
    assert seen.file is not None
    assert (seen.file.path, seen.file.size) == (CYZFC, 294_400)
    assert seen.user is not None
    assert seen.user.name == "WS-0421\\jo"
    assert [(one.of, one.time) for one in seen.moments] == [
        (MomentOf.CREATED, CREATED), (MomentOf.LOGGED, GATHERED),
    ]  # fmt: skip
    assert seen.place.path == INDEX
    assert seen.place.text.startswith(f"{CYZFC} in {INDEX}, SystemIndex_PropertyStore page ")
    assert found.coverage.state is State.COMPLETE
    assert found.coverage.examined == 1


@pytest.mark.parametrize("page_size", [4096, 32_768])
def test_a_summary_in_xpress_is_a_mention_of_its_file(page_size: int, tmp_path: Path) -> None:
    text = (
        wide("all is well " * 20 + "see pandor") + wide("as") + wide("ong.com " + "and so on " * 9)
    )
    data = indexed({**ROW, PATH: seven_bits("C:\\Users\\jo\\notes.txt"), URL: b"", SUMMARY: xpress(text)},
                   page_size=page_size)  # fmt: skip
    assert wide("pandorasong.com and so on and") not in data
    found = sweep(tmp_path, {INDEX: data})
    assert {(one.indicator.id, one.strength) for one in found.matches()} == {
        ("c2-domain", Strength.WEAK)
    }
    (seen,) = found.seen
    assert seen.file is not None
    assert seen.file.path == "C:\\Users\\jo\\notes.txt"


@pytest.mark.parametrize("form", ["folder", "image"])
def test_a_long_value_is_told_by_the_row_that_it_belongs_to(form: str, tmp_path: Path) -> None:
    first, second = wide("x " * 450 + "pandora"), wide("song.com" + " y" * 450)
    parts = [(xpress(first).data, len(first)), (xpress(second).data, len(second))]
    notes = seven_bits("C:\\Users\\jo\\notes.txt")
    row: Mapping[str, Value] = {**ROW, PATH: notes, URL: b"", SUMMARY: Elsewhere(7)}
    found = sweep(tmp_path, {INDEX: indexed(row, long_values={7: parts})}, form)
    # It stands across the end of a part: no page has it, and no row's page.
    assert {(one.indicator.id, one.strength) for one in found.matches()} == {
        ("c2-domain", Strength.WEAK)
    }
    whole = [(xpress(first + second).data, len(first + second))]
    (tmp_path / "2").mkdir()
    found = sweep(tmp_path / "2", {INDEX: indexed(row, long_values={7: whole, 8: whole[:1]})}, form)
    seen = next(one for one in found.seen if one.file is not None)
    assert seen.file is not None
    assert seen.file.path == "C:\\Users\\jo\\notes.txt"
    assert {one.indicator.id for one in found.matches()} == {"c2-domain"}


def test_a_page_of_a_browser_was_visited(tmp_path: Path) -> None:
    row: Mapping[str, Value] = {
        "WorkID": 9,
        URL: seven_bits(f"iehistory://{{{SID}}}/https://pandorasong.com/radio/"),
        "4492-System_Link_DateVisited": time(CREATED),
    }
    found = sweep(tmp_path, {INDEX: indexed(row)})
    assert ("c2-domain", Strength.STRONG) in {
        (one.indicator.id, one.strength) for one in found.matches()
    }
    (seen,) = found.seen
    assert (seen.claim, seen.url and seen.url.full) == (
        Claim.VISITED, "https://pandorasong.com/radio/",
    )  # fmt: skip
    assert seen.user is not None
    assert seen.user.id == SID
    assert [(one.of, one.time) for one in seen.moments] == [(MomentOf.VISITED, CREATED)]


def test_what_is_neither_file_nor_page_is_a_mention(tmp_path: Path) -> None:
    row: Mapping[str, Value] = {"WorkID": 9, URL: seven_bits("mapi16://x/ds7002.zip")}
    (match,) = sweep(tmp_path, {INDEX: indexed(row)}).matches()
    assert (match.indicator.id, match.strength) == ("name-ds7002-zip", Strength.WEAK)
    assert match.observation.claim is Claim.LOGGED


def test_a_value_that_cannot_be_read_is_a_gap_and_hides_no_other(tmp_path: Path) -> None:
    data = indexed(ROW, {"WorkID": 10, PATH: Packed(b"\x18\xff\x7f\xff\xff\xff\xff\xff\xff")})
    found = sweep(tmp_path, {INDEX: data})
    assert found.reasons == {"index of Windows Search: pages that cannot be read": 1}
    assert Strength.STRONG in {one.strength for one in found.matches()}


@pytest.mark.parametrize("cut", [100, 70_000, 200_000])
def test_a_truncated_index_tells_what_is_left(cut: int, tmp_path: Path) -> None:
    data = indexed(ROW)
    rest = data[: len(data) - 32_768] if cut > 100_000 else data[:cut]
    found = sweep(tmp_path, {INDEX: rest})
    assert found.coverage.examined == 1
    assert bool(found.seen) is (cut > 100_000 and seven_bits(CYZFC).data in rest)


def test_a_row_whose_catalogue_is_lost_is_mentioned(tmp_path: Path) -> None:
    """Pages of the catalogue overwritten: nothing says whose row it is."""
    data = bytearray(indexed(ROW))
    data[5 * 32_768 : 6 * 32_768] = bytes(32_768)
    found = sweep(tmp_path, {INDEX: bytes(data)})
    assert "name-cyzfc-dat" in {one.indicator.id for one in found.matches()}
    assert {one.claim for one in found.seen} == {Claim.MENTIONED}


def test_an_index_whose_texts_are_encoded_is_a_gap(tmp_path: Path) -> None:
    found = sweep(tmp_path, {INDEX: indexed(ROW, table="SystemIndex_0A")})
    assert list(found.reasons) == [
        "index of Windows Search: of Windows 7 or older: its encoded texts are not read"
    ]


def test_its_log_is_searched_and_said_to_hide_what_it_compresses(tmp_path: Path) -> None:
    log = f"{FOLDER}\\edb00012.jtx"
    found = sweep(tmp_path, {log: bytes(70_000) + wide("cyzfc.dat") + bytes(9)})
    assert [one.indicator.id for one in found.matches()] == ["name-cyzfc-dat"]
    assert list(found.notes) == [
        "log of an ESE database, searched by its bytes: values that it compresses are not read"
    ]


class ListedWrong(SearchIndex):
    """What its folder says of a file's size is out of date, as of a database in use."""

    size = 0

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        file.size = self.size
        return super().reader(file, part)


@pytest.mark.parametrize("size", [0, 100_000, 1 << 30])
def test_an_index_is_whole_whatever_size_was_listed(size: int, tmp_path: Path) -> None:
    artefact = ListedWrong()
    artefact.size = size
    target = FORMS["folder"](tmp_path / "c", windows({INDEX: indexed(ROW)}))
    found = swept(target, ArtefactSource(artefact))
    assert found.reasons == {}
    assert Strength.STRONG in {one.strength for one in found.matches()}


def test_rows_without_end_are_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ese_databases, "MAX_TOLD", 2)
    found = sweep(tmp_path, {INDEX: indexed(*(ROW for _ in range(9)))})
    assert len(found.seen) == 2
    assert found.reasons == {"more than 2 rows with something in it": 1}


PROPERTIES: list[str | Statement] = [
    (
        "CREATE TABLE SystemIndex_1_PropertyStore(WorkId INTEGER, ColumnId INTEGER, Value,"
        " PRIMARY KEY(WorkId, ColumnId)) WITHOUT ROWID"
    ),
    "CREATE TABLE SystemIndex_1_PropertyStore_Metadata(Id INTEGER PRIMARY KEY, UniqueKey TEXT)",
    *(
        ("INSERT INTO SystemIndex_1_PropertyStore_Metadata VALUES (?, ?)", (number, name))
        for number, name in enumerate(COLUMNS)
    ),
]


@pytest.mark.parametrize("form", FORMS)
def test_the_index_of_windows_11_is_told_alike_from_its_wal(form: str, tmp_path: Path) -> None:
    names = {name: number for number, name in enumerate(COLUMNS)}
    values = {PATH: CYZFC, OWNER: "WS-0421\\jo", "15F-System_DateCreated": time(CREATED)}
    left = in_wal_mode(
        PROPERTIES,
        [
            ("INSERT INTO SystemIndex_1_PropertyStore VALUES (9, ?, ?)", (names[name], value))
            for name, value in values.items()
        ],
    )
    path = f"{FOLDER}\\Windows.db"
    files = windows({path: left.database, f"{path}-wal": left.wal})
    found = swept(FORMS[form](tmp_path / "c", files), ArtefactSource(Activities()))
    strengths = {one.indicator.id: one.strength for one in found.matches()}
    assert strengths["path-localappdata-cyzfc-dat"] is Strength.STRONG
    (seen,) = found.seen
    assert (seen.claim, seen.user and seen.user.name) == (Claim.WAS_THERE, "WS-0421\\jo")
    assert [(one.of, one.time) for one in seen.moments] == [(MomentOf.CREATED, CREATED)]
    assert seen.place.record == "SystemIndex_1_PropertyStore WorkId 9"
