"""Downloads are told by every generation of browsers, whichever table it keeps them in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from agent.model.observation import Claim
from agent.sources.artefact_source import ArtefactSource
from agent.sources.network.browsers import Browsers
from tests.evidence.databases import (
    PLACES,
    Statement,
    database,
    firefox_download,
    firefox_page,
    in_wal_mode,
)
from tests.evidence.sweeping import swept
from tests.evidence.windows_folder import FORMS, windows

NOON = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)
END = NOON + timedelta(minutes=1)
WEBKIT = int((NOON - datetime(1601, 1, 1, tzinfo=timezone.utc)) / timedelta(microseconds=1))
UNIX = int(NOON.timestamp())
LINK = "https://www.jmj.com/personal/nauerthn_state_gov/AbCdEf"
ZIP = "C:\\Users\\jo\\Downloads\\ds7002.zip"
FILE_URL = "file:///C:/Users/jo/Downloads/ds7002.zip"
USER_DATA = "C:\\Users\\jo\\AppData\\Local\\Google\\Chrome\\User Data\\Default"
FIREFOX = "C:\\Users\\jo\\AppData\\Roaming\\Mozilla\\Firefox\\Profiles\\ab12.default"

Made = Sequence[str | Statement]
CHROME_10: Made = [
    (
        "CREATE TABLE downloads(id INTEGER PRIMARY KEY, full_path LONGVARCHAR NOT NULL,"
        " url LONGVARCHAR NOT NULL, start_time INTEGER NOT NULL, received_bytes INTEGER NOT NULL,"
        " total_bytes INTEGER NOT NULL, state INTEGER NOT NULL)"
    ),
    ("INSERT INTO downloads VALUES (1, ?, ?, ?, 418304, 418304, 1)", (ZIP, LINK, UNIX)),
]
CHROME_30: Made = [
    (
        "CREATE TABLE downloads(id INTEGER PRIMARY KEY, current_path LONGVARCHAR NOT NULL,"
        " target_path LONGVARCHAR NOT NULL, start_time INTEGER NOT NULL, received_bytes INTEGER,"
        " total_bytes INTEGER, state INTEGER, danger_type INTEGER, interrupt_reason INTEGER,"
        " end_time INTEGER, opened INTEGER, referrer VARCHAR, by_ext_id VARCHAR)"
    ),
    (
        "CREATE TABLE downloads_url_chains(id INTEGER NOT NULL, chain_index INTEGER NOT NULL,"
        " url LONGVARCHAR NOT NULL, PRIMARY KEY (id, chain_index))"
    ),
    (
        "INSERT INTO downloads VALUES (1, ?, ?, ?, 418304, 418304, 1, 0, 0, ?, 1, '', '')",
        (ZIP, ZIP, WEBKIT, WEBKIT + 60_000_000),
    ),
    # As text or as bytes, which a search for text passes over.
    ("INSERT INTO downloads_url_chains VALUES (1, 0, ?)", (LINK.encode(),)),
]
CHROME_130: Made = [
    (
        "CREATE TABLE downloads(id INTEGER PRIMARY KEY, guid VARCHAR, current_path LONGVARCHAR,"
        " target_path LONGVARCHAR, start_time INTEGER, received_bytes INTEGER, total_bytes INTEGER,"
        " state INTEGER, end_time INTEGER, referrer VARCHAR, site_url VARCHAR,"
        " embedder_download_data VARCHAR, tab_url VARCHAR, tab_referrer_url VARCHAR)"
    ),
    (
        "INSERT INTO downloads VALUES (1, 'g', ?, ?, ?, 418304, 418304, 1, ?, '', '', '', '', ?)",
        (ZIP, ZIP, WEBKIT, WEBKIT + 60_000_000, LINK),
    ),
]
FIREFOX_25: Made = [
    (
        "CREATE TABLE moz_downloads(id INTEGER PRIMARY KEY, name TEXT, source TEXT, target TEXT,"
        " startTime INTEGER, endTime INTEGER, state INTEGER, referrer TEXT, maxBytes INTEGER)"
    ),
    (
        "INSERT INTO moz_downloads VALUES (1, 'ds7002.zip', ?, ?, ?, ?, 1, '', 418304)",
        (LINK, FILE_URL, UNIX * 1_000_000, (UNIX + 60) * 1_000_000),
    ),
]
FIREFOX_115: Made = [
    *PLACES,
    *firefox_page(1, LINK, UNIX * 1_000_000),
    firefox_download(1, FILE_URL, UNIX * 1_000_000),
    firefox_download(
        1, f'{{"state":1,"endTime":{(UNIX + 60) * 1000},"fileSize":418304}}', UNIX * 1_000_000
    ),
]
GENERATIONS = {
    "Chrome 10": (f"{USER_DATA}\\History", CHROME_10, None),
    "Chrome 30": (f"{USER_DATA}\\History", CHROME_30, END),
    "Chrome 130": (f"{USER_DATA}\\History", CHROME_130, END),
    "Firefox 25": (f"{FIREFOX}\\downloads.sqlite", FIREFOX_25, END),
    "Firefox 115": (f"{FIREFOX}\\places.sqlite", FIREFOX_115, END),
}


@pytest.mark.parametrize("in_its_wal", [False, True])
@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_download_has_its_file_address_size_and_times(
    generation: str, in_its_wal: bool, tmp_path: Path
) -> None:
    path, made, end = GENERATIONS[generation]
    tables = [one for one in made if isinstance(one, str)]
    rows = [one for one in made if not isinstance(one, str)]
    if in_its_wal:
        left = in_wal_mode(tables, rows)
        files = {path: left.database, f"{path}-wal": left.wal}
    else:
        files = {path: database(*made)}
    target = FORMS["folder"](tmp_path / "c", windows(files))
    found = swept(target, ArtefactSource(Browsers()))

    seen = next(one for one in found.seen if one.claim is Claim.DOWNLOADED)
    assert seen.file is not None
    assert (seen.file.path, seen.file.size, seen.file.zone_url) == (ZIP, 418_304, [LINK])
    assert (seen.url and seen.url.full) == LINK
    assert [one.time for one in seen.moments] == [NOON, *([end] if end else [])]
    assert "delivery-url" in {one.indicator.id for one in found.matches()}
