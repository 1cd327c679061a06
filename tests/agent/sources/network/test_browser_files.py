"""What browsers and Windows keep beside their histories is mentioned, and weak."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.model.report import State, Strength
from agent.sources.artefact import Artefact
from agent.sources.artefact_source import ArtefactSource
from agent.sources.execution.activities import Activities
from agent.sources.network.browser_files import BrowserFiles
from tests.agent.formats.test_mozilla_lz4 import packed
from tests.evidence.databases import database, in_wal_mode
from tests.evidence.sweeping import Swept, swept
from tests.evidence.windows_folder import FORMS, Files, windows

LOCAL = "C:\\Users\\jo\\AppData\\Local"
FIREFOX = "C:\\Users\\jo\\AppData\\Roaming\\Mozilla\\Firefox\\Profiles\\ab12.default"
WIDE = "Visited: jo@https://pandorasong.com/x".encode("utf-16-le")


def sweep(place: Path, files: Files, source: Artefact, form: str = "folder") -> Swept:
    return swept(FORMS[form](place / "c", windows(files)), ArtefactSource(source))


def told(found: Swept) -> set[tuple[str, Strength, str]]:
    return {(one.indicator.id, one.strength, one.observation.place.path) for one in found.matches()}


@pytest.mark.parametrize(
    "path",
    [
        f"{LOCAL}\\Google\\Chrome\\User Data\\Default\\Sessions\\Session_13300000000000000",
        f"{LOCAL}\\Microsoft\\Edge\\User Data\\Profile 2\\Preferences",
        f"{FIREFOX}\\prefs.js",
    ],
)
def test_a_name_in_each_of_them_is_weak(path: str, tmp_path: Path) -> None:
    found = sweep(tmp_path, {path: b"..." + WIDE}, BrowserFiles())
    assert told(found) == {("c2-domain", Strength.WEAK, path)}
    assert found.coverage.state is State.COMPLETE
    assert found.coverage.examined == 1


@pytest.mark.parametrize("form", FORMS)
def test_a_name_that_only_the_decompressed_session_holds_is_found(
    form: str, tmp_path: Path
) -> None:
    plain = b"https://pandor"
    name = f"{FIREFOX}\\sessionstore-backups\\recovery.jsonlz4"
    # "pandor" is copied from eight bytes back, and "asong.com" follows.
    data = packed(len(plain) + 2 + 6 + 9, (plain + b"//", 8, 6), (b"asong.com", 0, 0))
    assert b"pandorasong" not in data
    found = sweep(tmp_path, {name: data}, BrowserFiles(), form)
    assert told(found) == {("c2-domain", Strength.WEAK, name)}


def test_a_damaged_session_is_a_gap_and_its_bytes_are_searched(tmp_path: Path) -> None:
    path = f"{FIREFOX}\\sessionstore.jsonlz4"
    found = sweep(tmp_path, {path: packed(90, (b"pandorasong.com", 0, 0))}, BrowserFiles())
    assert told(found) == {("c2-domain", Strength.WEAK, path)}
    assert found.reasons == {"file of a browser: damaged LZ4": 1}


ACTIVITIES = f"{LOCAL}\\ConnectedDevicesPlatform\\L.jo\\ActivitiesCache.db"
ACTIVITY = (
    "CREATE TABLE Activity(Id BLOB PRIMARY KEY, AppId TEXT, Payload BLOB, StartTime INTEGER)",
)
ROW = (
    "INSERT INTO Activity VALUES (?, 'notepad', ?, ?)",
    (b"\1", b'{"displayText":"ds7002.zip"}', 1_542_196_800),
)


@pytest.mark.parametrize("form", FORMS)
def test_an_activity_that_only_the_wal_holds_has_its_time_and_user(
    form: str, tmp_path: Path
) -> None:
    left = in_wal_mode(ACTIVITY, [ROW])
    files = {ACTIVITIES: left.database, f"{ACTIVITIES}-wal": left.wal}
    found = sweep(tmp_path, files, Activities(), form)
    assert told(found) == {("name-ds7002-zip", Strength.WEAK, ACTIVITIES)}
    (seen,) = found.seen
    assert (seen.place.record, seen.place.owner) == ("Activity 1", "jo")
    assert [one.time.isoformat() for one in seen.moments] == ["2018-11-14T12:00:00+00:00"]


def test_the_index_of_windows_11_is_read(tmp_path: Path) -> None:
    path = "C:\\ProgramData\\Microsoft\\Search\\Data\\Applications\\Windows\\Windows-gather.db"
    made = database("CREATE TABLE g(name TEXT)", "INSERT INTO g VALUES('cyzfc.dat')")
    assert told(sweep(tmp_path, {path: made}, Activities())) == {
        ("name-cyzfc-dat", Strength.WEAK, path)
    }
