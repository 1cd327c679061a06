"""Windows' timeline names programs and files, its notifications who sent them and when."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from agent.indicators import FilePath
from agent.model.observation import Claim, moments
from agent.model.report import State, Strength
from agent.sources.artefact_source import ArtefactSource
from agent.sources.execution.activities import Activities
from tests.evidence.databases import database, in_wal_mode
from tests.evidence.filetime import ticks
from tests.evidence.packs import matcher_of
from tests.evidence.sweeping import swept
from tests.evidence.windows_folder import FORMS, windows

LOCAL = "C:\\Users\\jo\\AppData\\Local"
ACTIVITIES = f"{LOCAL}\\ConnectedDevicesPlatform\\L.jo\\ActivitiesCache.db"
TOASTS = f"{LOCAL}\\Microsoft\\Windows\\Notifications\\wpndatabase.db"
DAT = f"{LOCAL}\\cyzfc.dat"
NOON = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)
TABLE = (
    "CREATE TABLE Activity(Id BLOB PRIMARY KEY, AppId TEXT, ActivityType INT, Payload BLOB,"
    " StartTime DATETIME, EndTime DATETIME)"
)


def activity(
    program: str, payload: dict[str, str], kind: int = 5
) -> tuple[str, tuple[object, ...]]:
    listed = [
        {"application": "Microsoft.Windows.Shell", "platform": "packageId"},
        {"application": program, "platform": "x_exe_path"},
    ]
    start = int(NOON.timestamp())
    row = (b"\1", json.dumps(listed), kind, json.dumps(payload).encode(), start, start + 60)
    return "INSERT INTO Activity VALUES (?, ?, ?, ?, ?, ?)", row


@pytest.mark.parametrize("form", FORMS)
def test_a_program_and_its_file_are_told_with_time_and_user(form: str, tmp_path: Path) -> None:
    uri = {"contentUri": "file:///C:/Users/jo/AppData/Local/cyzfc.dat?x=1", "displayText": "x"}
    left = in_wal_mode([TABLE], [activity(r"{D65231B0-B2F1-4857-A4CE-A8E7C6EA7D27}\a.exe", uri)])
    files = windows({ACTIVITIES: left.database, f"{ACTIVITIES}-wal": left.wal})
    found = swept(FORMS[form](tmp_path / "c", files), ArtefactSource(Activities()))

    opened, ran = found.seen
    assert (opened.claim, opened.moments, opened.place.owner) == (
        Claim.WAS_THERE, moments(happened=NOON), "jo"
    )  # fmt: skip
    assert opened.file is not None
    assert opened.file.path == DAT
    assert opened.remarks == (r"opened with %SystemRoot%\SysWOW64\a.exe",)
    assert (ran.claim, ran.moments) == (Claim.RAN, moments(ran=NOON))
    assert ran.process is not None
    assert ran.process.executable == r"%SystemRoot%\SysWOW64\a.exe"
    assert ran.remarks == ("in use until 2018-11-14 12:01:00 UTC",)
    assert Strength.STRONG in {match.strength for match in found.matches()}
    assert found.coverage.state is State.COMPLETE


def test_a_program_whose_path_json_writes_with_two_backslashes_is_found(tmp_path: Path) -> None:
    path = FilePath(
        id="p", value=r"Q\top.exe", strength=Strength.STRONG, reference=["S"], status="SRC"
    )
    made = database(TABLE, activity(r"C:\Q\top.exe", {}, 6))
    target = FORMS["folder"](tmp_path, windows({ACTIVITIES: made}))
    found = swept(target, ArtefactSource(Activities()), matcher=matcher_of(path))
    assert {(match.observation.claim, match.strength) for match in found.matches()} == {
        (Claim.RAN, Strength.STRONG)
    }


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        ({"description": "D:\\x\\ds7002.zip"}, "D:\\x\\ds7002.zip"),
        ({"contentUri": "file://srv/share/a%20b/ds7002.zip"}, "\\\\srv\\share\\a b\\ds7002.zip"),
    ],
)
def test_a_files_place_is_told_in_each_spelling(
    payload: dict[str, str], path: str, tmp_path: Path
) -> None:
    made = database(TABLE, activity("notepad", payload))
    target = FORMS["folder"](tmp_path, windows({ACTIVITIES: made}))
    assert swept(target, ArtefactSource(Activities())).only_file().path == path


@pytest.mark.parametrize("payload", [b"{", b"[1]", b'{"contentUri": 7, "x": "ds7002.zip"}'])
def test_a_row_that_tells_neither_is_a_mention(payload: bytes, tmp_path: Path) -> None:
    row = ("ds7002.zip", "[" * 5_000, 5, payload, int(NOON.timestamp()), 0)
    made = database(TABLE, ("INSERT INTO Activity VALUES (?, ?, ?, ?, ?, ?)", row))
    target = FORMS["folder"](tmp_path, windows({ACTIVITIES: made}))
    seen = swept(target, ArtefactSource(Activities())).only()
    assert (seen.seen, seen.claim, seen.moments) == (
        "table Activity", Claim.LOGGED, moments(happened=NOON)
    )  # fmt: skip


def test_a_notification_that_the_wal_holds_has_its_time_and_its_sender(tmp_path: Path) -> None:
    tables = (
        "CREATE TABLE NotificationHandler(RecordId INTEGER PRIMARY KEY, PrimaryId TEXT)",
        "CREATE TABLE Notification(Id INTEGER PRIMARY KEY, HandlerId INT, Payload BLOB, ArrivalTime)",
        "INSERT INTO NotificationHandler VALUES (7, 'Chrome')",
    )
    toast = b"<toast><visual><text>Download of ds7002.zip is complete</text></visual></toast>"
    row = ("INSERT INTO Notification VALUES (3, 7, ?, ?)", (toast, ticks(NOON)))
    left = in_wal_mode(tables, [row])
    target = FORMS["folder"](tmp_path, windows({TOASTS: left.database, f"{TOASTS}-wal": left.wal}))
    seen = swept(target, ArtefactSource(Activities())).only()
    assert (seen.seen, seen.moments) == ("table Notification", moments(happened=NOON))
    assert seen.remarks == ("of the application Chrome",)
    assert seen.place.owner == "jo"
