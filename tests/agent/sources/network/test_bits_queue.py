"""What BITS was told to fetch, and to run, is told."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats.bits_queue import jobs_in, transfers_in
from agent.model.observation import Claim, moments
from agent.model.report import State, Strength
from agent.sources.artefact_source import ArtefactSource
from agent.sources.network.bits_queue import BitsQueue
from tests.evidence.bits import SID, job, new_queue, old_queue, transfer
from tests.evidence.logged_events import CYZFC
from tests.evidence.sweeping import Swept, swept
from tests.evidence.windows_folder import FORMS, Files, windows

FOLDER = "C:\\ProgramData\\Microsoft\\Network\\Downloader"
OLD, NEW = f"{FOLDER}\\qmgr0.dat", f"{FOLDER}\\qmgr.db"
URL = "https://pandorasong.com/radio/x.bin"
NOON = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)
OTHER = transfer("C:\\Windows\\Temp\\a.cab", "http://download.example/a.cab")
WANTED = transfer(CYZFC, URL)
RUNDLL32 = "C:\\Windows\\System32\\rundll32.exe"
CALL = f"{RUNDLL32} {CYZFC}, PointFunctionCall"


def sweep(place: Path, files: Files, form: str = "folder") -> Swept:
    return swept(FORMS[form](place / "c", windows(files)), ArtefactSource(BitsQueue()))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("path", "data"),
    [(OLD, old_queue(OTHER, WANTED)), (NEW, new_queue(OTHER, transfer(CYZFC, URL, created=NOON)))],
)
def test_a_file_that_was_to_be_fetched_has_target_address_and_time(
    path: str, data: bytes, form: str, tmp_path: Path
) -> None:
    found = sweep(tmp_path, {path: data}, form)
    strengths = {one.indicator.id: one.strength for one in found.matches()}
    assert strengths["c2-domain"] is Strength.STRONG
    assert strengths["path-localappdata-cyzfc-dat"] is Strength.STRONG
    (seen,) = found.seen
    assert (seen.claim, seen.url and seen.url.full) == (Claim.DOWNLOADED, URL)
    assert seen.file is not None
    assert seen.file.path == CYZFC
    assert seen.moments == moments(created=NOON)
    assert seen.place.text.startswith(f"{CYZFC} in {path}")
    assert (seen.user and seen.user.id) == (SID if path == OLD else None)
    assert seen.remarks == ("fetched when the queue was written: 294,400 of 294,400 bytes",)
    assert found.coverage.state is State.COMPLETE
    assert found.coverage.examined == 1


def test_the_database_hides_it_from_a_search_of_its_bytes() -> None:
    data = new_queue(transfer(CYZFC, URL + "?" + "x" * 300))
    assert "pandorasong.com/radio/x.bin?xxxxxxx".encode("utf-16-le") not in data


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (OLD, old_queue(OTHER, command=RUNDLL32, arguments=f"{CYZFC}, PointFunctionCall")),
        (NEW, new_queue(OTHER, jobs=(job("Update", RUNDLL32, f"{CYZFC}, PointFunctionCall"),))),
    ],
)
def test_a_command_that_a_job_runs_is_told_with_its_user(
    path: str, data: bytes, tmp_path: Path
) -> None:
    found = sweep(tmp_path, {path: data})
    strengths = {one.indicator.id: one.strength for one in found.matches()}
    assert strengths["cmd-cyzfc-pointfunctioncall"] is Strength.STRONG
    (seen,) = found.seen
    assert seen.claim is Claim.RAN
    assert seen.process is not None
    assert (seen.process.command_line, seen.process.user and seen.process.user.id) == (CALL, SID)
    assert seen.remarks == ('its job is called "Update"',)


def test_a_record_that_its_queue_no_longer_lists_is_told(tmp_path: Path) -> None:
    data = old_queue(OTHER)[:32] + bytes(1000) + WANTED + bytes(70_000)
    (seen,) = sweep(tmp_path, {OLD: data}).seen
    assert (seen.claim, seen.user) == (Claim.DOWNLOADED, None)


def test_a_record_that_is_cut_is_a_mention(tmp_path: Path) -> None:
    data = old_queue(WANTED)
    cut = data.index("pandorasong.com".encode("utf-16-le")) + 32
    found = sweep(tmp_path, {OLD: data[:cut]})
    assert {(one.indicator.id, one.strength) for one in found.matches()} >= {
        ("c2-domain", Strength.WEAK)
    }
    assert {one.claim for one in found.seen} == {Claim.MENTIONED}


@given(st.data())
def test_any_bytes_end_in_records(data: st.DataObject) -> None:
    damaged = bytearray(old_queue(OTHER, WANTED, command="a", arguments="b"))
    for _ in range(data.draw(st.integers(1, 12))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    some = bytes(damaged[: data.draw(st.integers(0, len(damaged)))])
    assert len(transfers_in(some)) < 3
    assert len(jobs_in(some)) < 3
