"""What browsers remember: visits and downloads with their time and user, wherever they stand."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from agent.engine.scanner import ScanFailed
from agent.indicators import Domain
from agent.model.observation import Claim, MomentOf, Observation
from agent.model.report import Report, State, Strength, Verdict
from agent.sources import databases
from agent.sources.artefact_source import ArtefactSource
from agent.sources.network.browsers import Browsers
from tests.evidence.databases import (
    HISTORY,
    PLACES,
    Statement,
    chromium_download,
    chromium_page,
    database,
    firefox_download,
    firefox_page,
    in_wal_mode,
)
from tests.evidence.packs import matcher_of, stated
from tests.evidence.samples import sample
from tests.evidence.sweeping import Swept, reported, swept
from tests.evidence.windows_folder import FORMS, JO_SID, Files, as_folder, windows

CHROME = "C:\\Users\\jo\\AppData\\Local\\Google\\Chrome\\User Data\\Default\\History"
EDGE = "C:\\Users\\Ann\\AppData\\Local\\Microsoft\\Edge\\User Data\\Profile 1\\History"
FIREFOX = "C:\\Users\\jo\\AppData\\Roaming\\Mozilla\\Firefox\\Profiles\\ab12.default\\places.sqlite"
NOON = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)
WEBKIT = int((NOON - datetime(1601, 1, 1, tzinfo=timezone.utc)) / timedelta(microseconds=1))
PRTIME = int(NOON.timestamp()) * 1_000_000
MINUTE = 60_000_000
LINK = "https://www.jmj.com/personal/nauerthn_state_gov/AbCdEf"
ZIP = "C:\\Users\\jo\\Downloads\\ds7002 (1).zip"
C2 = "https://pandorasong.com/radio"


def history(*statements: list[Statement]) -> bytes:
    return database(*HISTORY, *(one for some in statements for one in some))


def sweep(place: Path, files: Files, form: str = "folder") -> Swept:
    return swept(FORMS[form](place / "c", windows(files)), ArtefactSource(Browsers()))


def report(place: Path, files: Files) -> Report:
    return reported(as_folder(place / "c", windows(files)), ArtefactSource(Browsers()))


@pytest.mark.parametrize("form", FORMS)
def test_a_visit_has_its_time_title_user_and_profile(form: str, tmp_path: Path) -> None:
    page = chromium_page(7, C2, WEBKIT, WEBKIT + MINUTE, title="Radio")
    found = sweep(tmp_path, {CHROME: history(page)}, form)

    (match,) = (one for one in found.matches() if one.strength is Strength.STRONG)
    seen = match.observation

    assert match.indicator.id == "c2-domain"
    assert seen.claim is Claim.VISITED
    assert seen.url is not None
    assert seen.url.full == C2
    assert [moment.time for moment in seen.moments] == [NOON, NOON + timedelta(minutes=1)]
    assert {moment.of for moment in seen.moments} == {MomentOf.VISITED}
    assert seen.user is not None
    assert (seen.user.name, seen.user.id) == ("jo", JO_SID)
    assert (seen.place.path, seen.place.record, seen.place.owner) == (CHROME, "urls 7", "jo")
    assert 'title "Radio"' in seen.remarks
    assert found.coverage.state is State.COMPLETE
    assert found.coverage.examined == 1
    assert found.coverage.reach is not None
    assert found.coverage.reach.oldest == NOON


def test_a_download_from_the_campaigns_link_is_strong_and_told_with_all_it_came_by(
    tmp_path: Path,
) -> None:
    chain = [LINK, "https://cdn.example/a/b"]
    download = chromium_download(
        3, ZIP, *chain, start=WEBKIT, end=WEBKIT + MINUTE, size=418_304, tab="https://mail.example/"
    )
    (finding,) = report(tmp_path, {CHROME: history(download)}).findings

    assert finding.strength is Strength.STRONG
    assert "a file that came from the campaign's link" in finding.reasons
    assert finding.file is not None
    assert (finding.file.path, finding.file.size) == (ZIP, 418_304)
    assert finding.file.zone_url == [*chain, "https://mail.example/"]
    assert (finding.first_seen, finding.last_seen) == (NOON, NOON + timedelta(minutes=1))
    assert finding.title == f"{ZIP} (jo) in {CHROME}, downloads, row 3"
    assert finding.process is not None
    assert finding.process.name == "chrome.exe"
    assert finding.process.user is not None
    assert finding.process.user.name == "jo"


def test_the_campaigns_zip_from_elsewhere_is_weak(tmp_path: Path) -> None:
    """The mark of a second copy stands within the name: no text of the row is the indicator's."""
    downloads = [
        chromium_download(2, "C:\\x\\other.zip", "https://a.example/x", start=WEBKIT, end=0),
        chromium_download(3, ZIP, "https://a.example/x", start=WEBKIT, end=0),
    ]
    made = report(tmp_path, {CHROME: history(*downloads)})
    assert [finding.strength for finding in made.findings] == [Strength.WEAK]
    assert made.findings[0].file is not None
    assert made.findings[0].file.path == ZIP


ANALYST = [
    *chromium_page(
        1, "https://www.virustotal.com/gui/domain/pandorasong.com", WEBKIT, title="pandorasong.com"
    ),
    *chromium_page(2, "https://crt.sh/?q=ff081d0526721b9217295e809e30fcea66e31f2ab0e0fc6699af222a24f5f6cc", WEBKIT),
    *chromium_page(3, "https://search.example/?q=$zk='JHB0Z3Q9MHgwMDA1ZTJiZTskdmNxPTB4MDAwNjIzYjY7JHRiPSJkczcwMDIubG5rIjtpZi", WEBKIT),
    *chromium_page(4, f"https://urlscan.example/result?of={LINK}", WEBKIT),
    *chromium_download(
        5, "C:\\Users\\jo\\Downloads\\iocs.csv", f"https://urlscan.example/csv?of={LINK}",
        "https://intel.example/apt29/pandorasong.com.csv", start=WEBKIT, end=WEBKIT,
    ),
    ("INSERT INTO keyword_search_terms VALUES (2, 3, ?, ?)", ("cyzfc.dat", "cyzfc.dat")),
]  # fmt: skip


@pytest.mark.parametrize("path", [CHROME, EDGE])
def test_an_analysts_browsing_is_weak_and_the_visit_beside_it_is_not(
    path: str, tmp_path: Path
) -> None:
    made = report(tmp_path, {path: history(ANALYST)})
    assert {finding.strength for finding in made.findings} == {Strength.WEAK}
    assert made.verdict is not Verdict.HIT

    (tmp_path / "two").mkdir()
    disguised = report(tmp_path / "two", {path: history([*ANALYST, *chromium_page(9, C2, WEBKIT)])})
    assert disguised.verdict is Verdict.HIT


def test_two_users_visits_of_one_page_are_two_findings(tmp_path: Path) -> None:
    both = history(chromium_page(1, C2, WEBKIT))
    made = report(tmp_path, {CHROME: both, EDGE: both})
    told = {(one.id, one.user.name) for one in made.findings if one.user is not None}
    assert sorted(name for _, name in told) == ["Ann", "jo"]
    assert len({identifier for identifier, _ in told}) == 2


@pytest.mark.parametrize("form", FORMS)
def test_a_visit_that_only_the_wal_holds_is_found_and_nothing_is_written(
    form: str, tmp_path: Path
) -> None:
    left = in_wal_mode(HISTORY, chromium_page(4, C2, WEBKIT))
    files = {CHROME: left.database, f"{CHROME}-wal": left.wal}
    target = FORMS[form](tmp_path / "c", windows(files))
    before = sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "c").rglob("*"))

    found = swept(target, ArtefactSource(Browsers()))

    strong = [one.observation for one in found.matches() if one.strength is Strength.STRONG]
    assert [(seen.claim, seen.place.record) for seen in strong] == [(Claim.VISITED, "urls 4")]
    assert found.coverage.state is State.COMPLETE
    after = sorted((path, path.stat().st_mtime_ns) for path in (tmp_path / "c").rglob("*"))
    assert after == before


def test_a_blob_and_text_behind_a_zero_are_found(tmp_path: Path) -> None:
    made = history(
        chromium_page(1, C2.encode(), WEBKIT),
        chromium_page(2, "https://a.example/\0pandorasong.com", WEBKIT),
    )
    found = sweep(tmp_path, {CHROME: made})
    told = {
        (one.observation.place.record, one.strength)
        for one in found.matches()
        if one.indicator.id == "c2-domain"
    }
    assert ("urls 1", Strength.STRONG) in told
    assert ("urls 2", Strength.WEAK) in told


LONG = 13_000


def long_link(at: int) -> str:
    return f"{'x' * at}//pandorasong.com/{'y' * LONG}"[:LONG]


@pytest.mark.parametrize("of_wal", [False, True])
@pytest.mark.parametrize("cut", range(3, 15, 4))
def test_a_name_that_the_end_of_a_page_cuts_is_found(
    cut: int, of_wal: bool, tmp_path: Path
) -> None:
    """In no page does it stand whole."""
    numbers = "".join(f"{number:05}" for number in range(LONG // 5))
    made = history(chromium_page(1, numbers, WEBKIT))
    first = next(n for n in range(LONG) if numbers[: n + 1].encode() not in made)
    page = chromium_page(1, long_link(first - cut), WEBKIT)
    made = history(page)
    assert b"pandorasong.com" not in made
    assert b"//pandorasong.com"[:cut] in made
    left = in_wal_mode(HISTORY, page)
    files = {CHROME: left.database, f"{CHROME}-wal": left.wal} if of_wal else {CHROME: made}
    found = sweep(tmp_path, files)
    assert [one.observation.place.record for one in found.matches()] == ["urls 1"]


def test_a_deleted_visit_is_a_mention(tmp_path: Path) -> None:
    made = history(
        chromium_page(1, "https://a.example/", WEBKIT),
        chromium_page(2, C2, WEBKIT),
        [("PRAGMA secure_delete=OFF", ()), ("DELETE FROM urls WHERE id = ?", (2,))],
    )
    assert b"pandorasong" in made
    (match,) = sweep(tmp_path, {CHROME: made}).matches()
    assert (match.observation.claim, match.strength) == (Claim.MENTIONED, Strength.WEAK)
    assert match.observation.place.path == CHROME
    assert made[int(match.observation.place.record.split()[1]) :].startswith(b"pandorasong.com")


def test_a_name_that_only_ends_like_the_campaigns_is_none(tmp_path: Path) -> None:
    page = chromium_page(1, "https://notpandorasong.com/", WEBKIT)
    assert sweep(tmp_path, {CHROME: history(page)}).matches() == []


def test_what_the_journal_still_holds_is_a_mention(tmp_path: Path) -> None:
    clean = history(chromium_page(1, "https://a.example/", WEBKIT))
    journal = bytes(600) + history(chromium_page(2, C2, WEBKIT))
    (match,) = sweep(tmp_path, {CHROME: clean, f"{CHROME}-journal": journal}).matches()
    assert match.observation.place.path == f"{CHROME}-journal"


def test_a_torn_database_is_a_gap_and_a_mention(tmp_path: Path) -> None:
    made = history(*(chromium_page(n, f"{C2}/{n:060}", WEBKIT) for n in range(1, 2_000)))
    torn = made[: len(made) // 2 + 77]
    found = sweep(tmp_path, {CHROME: torn})
    assert found.coverage.state is State.PARTIAL
    assert "c2-domain" in {match.indicator.id for match in found.matches()}


@pytest.mark.parametrize("path", [CHROME, FIREFOX])
def test_of_a_large_database_the_page_that_is_hit_tells_the_visit(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "MAX_PARSED", 10_000)
    made = (
        history(chromium_page(7, C2, WEBKIT, title="Radio"), chromium_page(8, "https://a/", 9))
        if path == CHROME
        else database(*PLACES, *firefox_page(7, C2, PRTIME), "CREATE TABLE x(y)")
    )
    found = sweep(tmp_path, {path: made})
    seen = {one.observation.claim: one.observation for one in found.matches()}
    assert set(seen) == {Claim.VISITED, Claim.MENTIONED}
    visit = seen[Claim.VISITED]
    assert visit.url is not None
    assert (visit.url.full, visit.place.record) == (C2, "page 7")
    assert [moment.time for moment in visit.moments] == [NOON]
    assert found.notes == {"too large to read its rows; its bytes were searched": 1}


def test_a_database_that_is_large_with_its_wal_is_not_held_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before: list[str | Statement] = [*HISTORY]
    before += chromium_page(6, "https://a.example/", WEBKIT)
    made = in_wal_mode(before, chromium_page(7, C2, WEBKIT, title="Radio"))
    files = {CHROME: made.database, f"{CHROME}-wal": made.wal}
    size = len(made.database) + len(made.wal)
    seen = []
    for most in (size, size - 1):
        monkeypatch.setattr(databases, "MAX_REPLAYED", most)
        found = sweep(tmp_path, files)
        visits = [one.observation for one in found.matches() if one.observation.url is not None]
        assert {visit.url and visit.url.full for visit in visits} == {C2}
        seen.append((visits[0].place.record, found.notes))

    assert seen == [
        ("urls 7", {}),
        ("page 7", {"too large to read its rows; its bytes were searched": 1}),
    ]


def test_more_rows_than_are_told_are_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "MAX_TOLD", 2)
    pages = [chromium_page(n, f"{C2}/{n}", WEBKIT) for n in range(1, 6)]
    found = sweep(tmp_path, {CHROME: history(*pages)})
    assert found.reasons == {"more than 2 rows with something in it": 1}


def test_an_empty_file_and_a_text_are_no_gap(tmp_path: Path) -> None:
    found = sweep(tmp_path, {CHROME: b"", EDGE: b"not a database"})
    assert found.coverage.state is State.COMPLETE
    assert found.notes == {"no SQLite database; its bytes were searched": 1}


def test_a_row_with_a_longer_word_hides_no_deleted_row(tmp_path: Path) -> None:
    longer = chromium_page(1, "https://notpandorasong.com/", WEBKIT)
    deleted = ("PRAGMA secure_delete=0", "DELETE FROM urls WHERE id=2")
    made = database(*HISTORY, *longer, *chromium_page(2, C2, WEBKIT), *deleted)
    (match,) = sweep(tmp_path / "a", {CHROME: made}).matches()
    assert match.observation.claim is Claim.MENTIONED
    assert match.observation.remarks == ("in none of its rows: a deleted one, or not readable",)
    assert sweep(tmp_path / "b", {CHROME: history(longer)}).matches() == []


BIG = ["PRAGMA encoding='UTF-16be'", *HISTORY]


def test_a_database_whose_bytes_hide_its_texts_is_read_row_by_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """UTF-16 with the high byte first: a name at the end of a text stands nowhere in the bytes."""
    made = database(*BIG, *chromium_page(7, "https://pandorasong.com", WEBKIT, title="é"))
    assert C2[8:23].encode("utf-16-be") in made
    found = sweep(tmp_path / "a", {CHROME: made})
    assert {Claim.VISITED} <= {match.observation.claim for match in found.matches()}
    assert found.coverage.state is State.COMPLETE

    monkeypatch.setattr(databases, "MAX_PARSED", 10_000)
    large = sweep(tmp_path / "b", {CHROME: made})
    assert large.reasons == {
        "browser database: too large to read its rows, and its bytes hide text": 1
    }


def test_a_name_cut_in_a_table_without_row_ids_is_found(tmp_path: Path) -> None:
    schema = "CREATE TABLE k (key TEXT PRIMARY KEY, text) WITHOUT ROWID"
    for before in range(4000):
        text = "x" * before + " https://pandorasong.com/ " + "y" * 9000
        made = database(schema, ("INSERT INTO k VALUES ('a', ?)", (text,)))
        if b"pandorasong.com" not in made:
            break
    found = sweep(tmp_path, {CHROME: made})
    assert "c2-domain" in {match.indicator.id for match in found.matches()}


def test_what_is_mentioned_with_a_page_has_its_time(tmp_path: Path) -> None:
    """Else it would be told as if it were of now."""
    pages = {
        CHROME: history(chromium_page(7, f"https://a.example/?q={C2}", WEBKIT)),
        FIREFOX: database(*PLACES, *firefox_page(7, f"https://a.example/?q={C2}", PRTIME)),
    }
    for path, made in pages.items():
        found = sweep(tmp_path / path[-4:], {path: made})
        (mention,) = (one for one in found.seen if one.claim is Claim.LOGGED)
        assert [(moment.time, moment.of) for moment in mention.moments] == [
            (NOON, MomentOf.VISITED)
        ]


GUID = "ALTER TABLE visits ADD COLUMN originator_cache_guid TEXT"
SOURCES = "CREATE TABLE visit_source(id INTEGER PRIMARY KEY, source INTEGER NOT NULL)"
BY_GUID = [GUID, "UPDATE visits SET originator_cache_guid = 'phone' WHERE visit_time < {}"]
BY_SOURCE = [SOURCES, "INSERT INTO visit_source SELECT id, 0 FROM visits WHERE visit_time < {}"]


@pytest.mark.parametrize("marks", [BY_GUID, BY_SOURCE], ids=["client", "source"])
def test_what_another_device_visited_is_not_told_as_visited_here(
    marks: list[str], tmp_path: Path
) -> None:
    page = chromium_page(7, C2, WEBKIT, WEBKIT + MINUTE)

    def told(before: int) -> Observation:
        made = database(*HISTORY, *page, *(mark.format(before) for mark in marks))
        found = sweep(tmp_path / str(before), {CHROME: made})
        return next(one for one in found.seen if one.seen == "browser history")

    here, both, there = told(0), told(WEBKIT + 1), told(WEBKIT + 2 * MINUTE)
    assert (here.claim, len(here.moments)) == (Claim.VISITED, 2)
    assert here.remarks == ("visited 2 times",)
    assert both.claim is Claim.VISITED
    assert [moment.time for moment in both.moments] == [NOON + timedelta(minutes=1)]
    assert "visited on another device of this account, too" in both.remarks
    assert there.claim is Claim.LOGGED
    assert any("another device" in remark for remark in there.remarks)


def test_a_page_of_another_device_is_no_hit_and_no_reach(tmp_path: Path) -> None:
    marks = [mark.format(WEBKIT + 1) for mark in BY_GUID]
    other = chromium_page(8, "https://a.example/", WEBKIT + MINUTE)
    made = report(
        tmp_path, {CHROME: database(*HISTORY, *chromium_page(7, C2, WEBKIT), *other, *marks)}
    )
    assert made.verdict is Verdict.CLEAN
    assert {finding.strength for finding in made.findings} == {Strength.WEAK}
    (coverage,) = made.coverage
    assert coverage.reach is not None
    assert coverage.reach.oldest == NOON + timedelta(minutes=1)


@pytest.mark.parametrize("form", FORMS)
def test_firefox_tells_visits_and_downloads(form: str, tmp_path: Path) -> None:
    made = database(
        *PLACES,
        *firefox_page(1, C2, PRTIME, title="Radio"),
        *firefox_page(2, f"{LINK}/ds7002.zip", PRTIME),
        firefox_download(2, "file:///C:/Users/jo/Downloads/ds7002%20a.zip", PRTIME + MINUTE),
        *firefox_page(3, "https://b.example/pandorasong.com"),
    )
    found = sweep(tmp_path, {FIREFOX: made}, form)
    claims = {(one.place.record, one.claim) for one in found.seen}
    assert claims == {
        ("moz_places 1", Claim.VISITED), ("moz_places 1", Claim.LOGGED),
        ("moz_places 2", Claim.VISITED), ("moz_places 2", Claim.LOGGED),
        ("moz_places 2", Claim.DOWNLOADED), ("moz_places 3", Claim.LOGGED),
    }  # fmt: skip
    visit = next(one for one in found.seen if one.claim is Claim.VISITED)
    assert [moment.time for moment in visit.moments] == [NOON]
    (download,) = (one for one in found.seen if one.claim is Claim.DOWNLOADED)
    assert download.file is not None
    assert download.file.path == "C:\\Users\\jo\\Downloads\\ds7002 a.zip"
    assert download.process is not None
    assert download.process.name == "firefox.exe"
    assert [moment.time for moment in download.moments] == [NOON + timedelta(minutes=1)]


@pytest.mark.parametrize(
    ("path", "program"),
    [
        ("Local\\BraveSoftware\\Brave-Browser\\User Data\\Default\\History", "brave.exe"),
        ("Roaming\\Opera Software\\Opera Stable\\History", "opera.exe"),
        ("Roaming\\Opera Software\\Opera GX Stable\\Default\\History", "opera.exe"),
        ("Local\\Vivaldi\\User Data\\Default\\History", "vivaldi.exe"),
        ("Local\\Google\\Chrome\\User Data\\Snapshots\\90.0\\Default\\History", "chrome.exe"),
        ("Local\\Packages\\MSTeams_8\\LocalCache\\Microsoft\\MSTeams\\EBWebView\\WV2\\History", ""),
    ],
)
def test_each_browser_is_found(path: str, program: str, tmp_path: Path) -> None:
    made = history(chromium_download(1, ZIP, LINK, start=WEBKIT, end=WEBKIT))
    found = sweep(tmp_path, {f"C:\\Users\\Ann\\AppData\\{path}": made})
    assert {one.process.name for one in found.seen if one.process is not None} == {program}


def test_icons_cookies_and_inputs_are_weak_mentions(tmp_path: Path) -> None:
    folder = CHROME.removesuffix("History")
    cookies = database(
        "CREATE TABLE cookies(host_key TEXT, name TEXT)",
        "INSERT INTO cookies VALUES('.pandorasong.com', 'sid')",
    )
    icons = database(
        "CREATE TABLE icon_mapping(id INTEGER PRIMARY KEY, page_url TEXT)",
        ("INSERT INTO icon_mapping VALUES(5, ?)", (C2,)),
    )
    found = sweep(tmp_path, {f"{folder}Network\\Cookies": cookies, f"{folder}Favicons": icons})
    told = {(one.observation.seen, one.strength) for one in found.matches()}
    assert told == {
        ("browser's cookies", Strength.WEAK),
        ("browser's icon_mapping", Strength.WEAK),
    }


@pytest.mark.parametrize("name", ["History", "places.sqlite"])
def test_copied_without_its_windows_it_is_known_by_its_name(name: str, tmp_path: Path) -> None:
    pages = (
        history(chromium_page(1, C2, WEBKIT))
        if name == "History"
        else database(*PLACES, *firefox_page(1, C2, PRTIME))
    )
    (tmp_path / name).write_bytes(pages)
    found = swept(tmp_path, ArtefactSource(Browsers()))
    assert Strength.STRONG in {match.strength for match in found.matches()}


def real(name: str) -> sqlite3.Connection:
    """A sample, read by SQLite itself."""
    connection = sqlite3.connect(":memory:")
    connection.deserialize(sample(name))
    return connection


def wanted(domain: str) -> Domain:
    return Domain(id="wanted", value=domain, **stated())


@pytest.mark.parametrize(
    ("name", "path", "domain"),
    [
        ("browser/History-59.0.3071.86", CHROME, "raw.githubusercontent.com"),
        ("browser/places.sqlite", FIREFOX, "google.com"),
    ],
)
def test_a_real_history_tells_the_time_that_sqlite_tells(
    name: str, path: str, domain: str, tmp_path: Path
) -> None:
    target = FORMS["folder"](tmp_path / "c", windows({path: sample(name)}))
    found = swept(target, ArtefactSource(Browsers()), matcher=matcher_of(wanted(domain)))
    strong = [one.observation for one in found.matches() if one.strength is Strength.STRONG]
    connection = real(name)
    if path == CHROME:
        start, end, target_path = connection.execute(
            "SELECT start_time, end_time, target_path FROM downloads"
        ).fetchone()
        chain = [row[0] for row in connection.execute("SELECT url FROM downloads_url_chains")]
        downloads = [one for one in strong if one.claim is Claim.DOWNLOADED]
        assert downloads
        first = downloads[0]
        assert first.file is not None
        assert first.file.path == target_path
        assert first.file.zone_url[: len(chain)] == chain
        since = datetime(1601, 1, 1, tzinfo=timezone.utc)
        expected = [since + timedelta(microseconds=one) for one in (start, end)]
        assert [moment.time for moment in first.moments] == expected
    else:
        ((url, visit),) = connection.execute(
            "SELECT url, visit_date FROM moz_historyvisits h JOIN moz_places p ON p.id = place_id"
        ).fetchall()
        (seen,) = (one for one in strong if one.claim is Claim.VISITED)
        assert seen.url is not None
        assert seen.url.full == url == "http://news.google.com/"
        since = datetime(1970, 1, 1, tzinfo=timezone.utc)
        assert [moment.time for moment in seen.moments] == [since + timedelta(microseconds=visit)]
        assert found.coverage.reach is not None
        assert found.coverage.reach.newest == seen.moments[0].time
    connection.close()


def test_a_scan_that_fails_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise ScanFailed("out of time")

    monkeypatch.setattr("agent.sources.databases.DatabaseReader._across", fails)
    found = sweep(tmp_path, {CHROME: history(chromium_page(1, C2, WEBKIT))})
    assert found.coverage.state is State.PARTIAL
