"""What users opened is told by links and jump lists, after the file is gone."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pytest

from agent.formats import jump_lists
from agent.model.observation import Claim, MomentOf, Observation
from agent.model.report import State, Strength
from agent.sources.artefact_source import ArtefactSource
from agent.sources.past_files.opened_files import OpenedFiles
from tests.evidence.files import shell_link
from tests.evidence.jump_lists import Listed, compound, dest_list, link_by_id_list
from tests.evidence.sweeping import Swept, reported, swept
from tests.evidence.windows_folder import FORMS, Files, as_folder, windows

RECENT = "C:\\Users\\jo\\AppData\\Roaming\\Microsoft\\Windows\\Recent"
AUTOMATIC = f"{RECENT}\\AutomaticDestinations\\f01b4d95cf55d32a.automaticDestinations-ms"
CUSTOM = f"{RECENT}\\CustomDestinations\\f01b4d95cf55d32a.customDestinations-ms"
ZIP = "C:\\Users\\jo\\Downloads\\ds7002.zip"
DLL = "C:\\Users\\jo\\AppData\\Local\\cyzfc.dat"
NOON = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)


def sweep(place: Path, files: Files, form: str = "folder") -> Swept:
    return swept(FORMS[form](place / "c", windows(files)), ArtefactSource(OpenedFiles()))


def told(found: Swept) -> dict[str, Strength]:
    return {match.indicator.id: match.strength for match in found.matches()}


def only(found: Swept) -> Observation:
    (seen,) = found.seen
    return seen


@pytest.mark.parametrize("form", FORMS)
def test_a_link_by_an_id_list_alone_tells_where_the_file_was(form: str, tmp_path: Path) -> None:
    times = [NOON, NOON.replace(hour=13), NOON.replace(hour=14)]
    names = ("Users", "jo", "AppData", "Local", "cyzfc.dat")
    link = link_by_id_list("C:", *names, size=294_400, times=times)
    found = sweep(tmp_path, {f"{RECENT}\\cyzfc.lnk": link}, form)

    assert told(found)["path-localappdata-cyzfc-dat"] is Strength.STRONG
    seen = only(found)
    assert seen.claim is Claim.WAS_THERE
    assert seen.file is not None
    assert (seen.file.path, seen.file.size) == (DLL, 294_400)
    known = {moment.of: moment.time for moment in seen.moments}
    assert [known[MomentOf(of)] for of in ("created", "accessed", "modified")] == times
    assert seen.place.owner == "jo"
    assert found.coverage.state is State.COMPLETE


@pytest.mark.parametrize(
    "folder",
    [
        RECENT,
        "C:\\Users\\jo\\Desktop",
        "C:\\Users\\jo\\AppData\\Roaming\\Microsoft\\Office\\Recent",
    ],
)
def test_links_are_read_in_each_folder(folder: str, tmp_path: Path) -> None:
    found = sweep(tmp_path, {f"{folder}\\x.lnk": shell_link("", target=ZIP)})
    assert told(found)["name-ds7002-zip"] is Strength.WEAK


@pytest.mark.parametrize("scattered", [False, True])
def test_a_jump_list_tells_path_time_and_host_also_where_it_lies_in_pieces(
    tmp_path: Path, *, scattered: bool
) -> None:
    listed = Listed(0x1F, ZIP, NOON)
    other = Listed(0x20, "C:\\x\\other.txt", NOON)
    streams = {
        "20": shell_link("", target=other.path),
        "1f": shell_link("", target=ZIP),
        "DestList": dest_list(other, listed),
    }
    made = compound(streams, scattered=scattered)
    found = sweep(tmp_path, {AUTOMATIC: made})
    seen = only(found)
    assert told(found)["name-ds7002-zip"] is Strength.WEAK
    assert seen.place.record == "1f"
    assert [one.time for one in seen.moments if one.of is MomentOf.HAPPENED] == [NOON]
    assert seen.remarks == ("on ws-0421",)
    assert seen.file is not None
    assert seen.file.lnk is not None
    assert seen.file.lnk.machine_id == "user-pc"


def test_a_name_that_only_the_pieces_of_a_mini_stream_hold_is_found(tmp_path: Path) -> None:
    listed = [Listed(n, f"C:\\{'y' * n}\\ds7002.zip", NOON) for n in range(1, 33)]
    for entry in listed:
        made = compound({"1": bytes(64 * 3), "DestList": dest_list(entry)}, scattered=True)
        if "ds7002.zip".encode("utf-16-le") not in made:
            break
    assert "ds7002.zip".encode("utf-16-le") not in made
    found = sweep(tmp_path, {AUTOMATIC: made})
    assert "name-ds7002-zip" in told(found)


def test_the_arguments_of_a_custom_lists_link_are_compared(tmp_path: Path) -> None:
    found = sweep(tmp_path, {CUSTOM: b"\2\0\0\0" + shell_link()})
    assert told(found)["lnk-arguments"] is Strength.STRONG


def test_a_second_download_is_known_by_its_first_ones_name(tmp_path: Path) -> None:
    link = shell_link("", target="C:\\x\\ds7002 (1).zip")
    assert "name-ds7002-zip" in told(sweep(tmp_path, {f"{RECENT}\\x.lnk": link}))


def test_two_users_links_are_two_sightings_of_one_file(tmp_path: Path) -> None:
    files = {
        f"C:\\Users\\{user}\\Desktop\\x.lnk": shell_link("", target=ZIP) for user in ("jo", "Ann")
    }
    made = reported(as_folder(tmp_path, windows(files)), ArtefactSource(OpenedFiles()))
    (finding,) = made.findings
    assert {one.place.owner for one in finding.evidence} == {"jo", "Ann"}


@pytest.mark.parametrize("path", [f"{RECENT}\\x.lnk", AUTOMATIC])
def test_a_damaged_one_is_a_gap_and_a_mention(path: str, tmp_path: Path) -> None:
    whole = compound({"1f": b"X" + shell_link("", target=ZIP)[1:]})
    data = whole if path == AUTOMATIC else b"X" + shell_link("", target=ZIP)[1:]
    found = sweep(tmp_path, {path: data})
    assert found.coverage.state is State.PARTIAL
    assert told(found)["name-ds7002-zip"] is Strength.WEAK


def test_what_is_in_none_of_the_entries_is_told_though_another_name_is_in_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jump_lists, "MAX_LINKS", 1)
    links = shell_link(target=ZIP) + shell_link(target=DLL)
    found = sweep(tmp_path, {CUSTOM: b"\2\0\0\0" + links})
    assert {"name-ds7002-zip", "name-cyzfc-dat"} <= told(found).keys()
    assert found.reasons == {"link or jump list: something is in none of its entries": 1}
