"""What WinINet keeps of pages and files is told, however its database hides it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path

import pytest

from agent.model.observation import Claim, moments
from agent.model.report import State, Strength
from agent.sources.artefact_source import ArtefactSource
from agent.sources.network.web_cache import WebCache
from tests.evidence.ese_files import (
    LONG_BINARY,
    LONG_LONG,
    LONG_TEXT,
    Elsewhere,
    Made,
    Value,
    ese_file,
    seven_bits,
    xpress,
)
from tests.evidence.filetime import ticks
from tests.evidence.logged_events import CYZFC
from tests.evidence.sweeping import Swept, swept
from tests.evidence.windows_folder import FORMS, JO_SID, windows

CACHE = "C:\\Users\\jo\\AppData\\Local\\Microsoft\\Windows\\WebCache\\WebCacheV01.dat"
NOON = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)
COLUMNS = {
    "EntryId": LONG_LONG,
    "AccessedTime": LONG_LONG,
    "Url": LONG_TEXT,
    "ResponseHeaders": LONG_BINARY,
}
C2 = "https://pandorasong.com/radio/"


def wide(text: str) -> bytes:
    return text.encode("utf-16-le")


def cache(*rows: Mapping[str, Value], long: bytes = b"") -> bytes:
    values = {1: [(xpress(long).data, len(long))]} if long else {}
    filler: list[Mapping[str, Value]] = [
        {"EntryId": number, "Url": seven_bits("Visited: jo@http://intranet/")}
        for number in range(200)
    ]
    return ese_file({"Container_1": Made(COLUMNS, [*filler, *rows], values)})


def entry(url: Value, **more: Value) -> Mapping[str, Value]:
    return {"EntryId": 900, "AccessedTime": ticks(NOON), "Url": url, **more}


def sweep(place: Path, data: bytes, form: str = "folder") -> Swept:
    target = FORMS[form](place / "c", windows({CACHE: data}))
    return swept(target, ArtefactSource(WebCache()))


@pytest.mark.parametrize("form", FORMS)
def test_a_page_whose_address_is_compressed_was_visited(form: str, tmp_path: Path) -> None:
    data = cache(entry(seven_bits(f"Visited: jo@{C2}")))
    assert wide("pandorasong") not in data
    found = sweep(tmp_path, data, form)
    assert ("c2-domain", Strength.STRONG) in {
        (one.indicator.id, one.strength) for one in found.matches()
    }
    (seen,) = found.seen
    assert (seen.seen, seen.claim, seen.url and seen.url.full) == (
        "browser history", Claim.VISITED, C2,
    )  # fmt: skip
    assert seen.moments == moments(visited=NOON)
    assert (seen.user and seen.user.id) == JO_SID
    assert seen.place.text.startswith(f"{C2} (jo) in {CACHE}, Container_1 page ")
    assert found.coverage.state is State.COMPLETE


@pytest.mark.parametrize(
    ("url", "seen_as"),
    [
        (f":2018111420181115: jo@{C2}", "browser history"),
        (C2, "cache of fetched pages"),
    ],
)
def test_a_day_of_the_history_and_the_cache_tell_alike(
    url: str, seen_as: str, tmp_path: Path
) -> None:
    (seen,) = sweep(tmp_path, cache(entry(wide(url)))).seen
    assert (seen.seen, seen.url and seen.url.full) == (seen_as, C2)


def test_an_address_that_is_a_long_value_is_told_whole(tmp_path: Path) -> None:
    url = f"Visited: jo@{C2}?" + "x" * 3000
    found = sweep(tmp_path, cache(entry(Elsewhere(1)), long=wide(url)))
    (seen,) = found.seen
    assert (seen.url and seen.url.full) == url.removeprefix("Visited: jo@")
    assert Strength.STRONG in {one.strength for one in found.matches()}


def test_a_file_that_was_opened_in_explorer_was_there(tmp_path: Path) -> None:
    link = "file:///" + CYZFC.replace("\\", "/").replace("AppData", "App%44ata")
    (seen,) = sweep(tmp_path, cache(entry(seven_bits(f"Visited: jo@{link}")))).seen
    assert (seen.claim, seen.file and seen.file.path) == (Claim.WAS_THERE, CYZFC)


def test_a_download_has_its_address_and_its_last_file(tmp_path: Path) -> None:
    headers = bytes(25) + b"".join(
        wide(text + "\0") for text in (C2, "C:\\Users\\jo\\AppData\\Local\\Temp\\a.tmp", CYZFC)
    )
    row = entry(seven_bits("iedownload:{1234}"), ResponseHeaders=xpress(headers))
    found = sweep(tmp_path, cache(row))
    (seen,) = found.seen
    assert (seen.claim, seen.url and seen.url.full) == (Claim.DOWNLOADED, C2)
    assert seen.file is not None
    assert seen.file.path == CYZFC
    assert seen.moments == moments(downloaded=NOON)


def test_a_cookie_is_a_mention(tmp_path: Path) -> None:
    (match,) = sweep(tmp_path, cache(entry(wide("Cookie:jo@pandorasong.com/")))).matches()
    assert (match.indicator.id, match.strength) == ("c2-domain", Strength.WEAK)
    assert match.observation.claim is Claim.LOGGED


def test_what_is_no_database_is_a_gap_and_searched_in_pieces(tmp_path: Path) -> None:
    data = bytes(200_000) + wide(f"Visited: jo@{C2}") + bytes(100_000)
    found = sweep(tmp_path, data)
    (match,) = found.matches()
    assert (match.indicator.id, match.strength) == ("c2-domain", Strength.WEAK)
    record = match.observation.place.record
    assert data[int(record.split()[1]) :].startswith(wide("pandorasong"))
    assert list(found.reasons) == [
        "cache of WinINet: no ESE database: enciphered, or damaged where it begins"
    ]
    assert found.coverage.examined == 1
