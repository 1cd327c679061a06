r"""The built exe, under Wine, on the raw volume ``\\.\D:`` of an NTFS image and on its mounted view."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.model.report import Coverage, Report, State, Strength
from tests.evidence.files import campaign_link, dll
from tests.evidence.images import make, mounted, require_tools
from tests.windows.host import Host

pytestmark = [
    pytest.mark.wine,
    pytest.mark.skipif(sys.platform != "linux", reason="Wine's lab is for Linux"),
]

LOCAL = "Users/jo/AppData/Local"


@pytest.fixture(scope="module")
def drive(built_host: Host, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host with a drive D: that is a mounted image."""
    require_tools()
    folder = tmp_path_factory.mktemp("raw")
    image = make(folder / "disk.img", 64)
    with mounted(image) as root:
        (root / LOCAL).mkdir(parents=True)
        (root / "Downloads").mkdir()
        (root / LOCAL / "cyzfc.dat").write_bytes(dll())
        (root / "Downloads/audio.dll").write_bytes(dll())
        (root / "Downloads/ds7002.lnk").write_bytes(campaign_link())
        (root / "Downloads/ds7002.zip").write_bytes(b"soon gone")
        (root / "Downloads/notes.txt").write_bytes(b"Buy milk.")
        (root / "Документы").mkdir()
        (root / "Документы/CYZFC.DAT").write_bytes(b"x")
        os.link(root / "Downloads/notes.txt", root / "ds7002.pdf")
        Path(f"{root}/Downloads:cyzfc.dat").write_bytes(b"in a folder's stream")
    with mounted(image) as root:
        (root / "Downloads/ds7002.zip").unlink()
    lab = built_host.lab.clone_prefix(folder / "prefix")
    with mounted(image, "ro") as root:
        lab.map_drive("d", root, volume=image)
        # The same volume with nothing to walk: what is found there is found by the records.
        (folder / "bare").mkdir()
        (folder / "bare/nothing.txt").write_bytes(b"")
        lab.map_drive("e", folder / "bare", volume=image)
        try:
            yield Host(lab, built_host.exe, built_host.one_file)
        finally:
            lab.kill_all()


def files(report: Report) -> Coverage:
    (found,) = [coverage for coverage in report.coverage if coverage.source == "files"]
    return found


def notes(report: Report) -> set[str]:
    return {note.reason for note in files(report).notes}


def places(report: Report) -> dict[str, Strength]:
    return {
        evidence.place.text: finding.strength
        for finding in report.findings
        for evidence in finding.evidence
    }


def test_the_raw_volume_and_its_mounted_view_agree_on_all_that_is_live(drive: Host) -> None:
    _, raw, _ = drive.sweep("live", "E:\\", "--only", "files")
    _, walk, _ = drive.sweep("live", "D:\\", "--only", "files", "--walk")

    assert "read by its $MFT" in notes(raw)
    assert "walked: --walk" in notes(walk)
    assert files(raw).state is State.COMPLETE, files(raw).reasons
    by_records = {place.replace("E:", "D:", 1): found for place, found in places(raw).items()}
    by_walk = places(walk)
    assert len(by_walk) >= 5
    assert "D:\\Users\\jo\\AppData\\Local\\cyzfc.dat" in by_walk
    assert {place: by_records.get(place) for place in by_walk} == by_walk
    # What only records tell: the deleted file, and (as Wine shows no streams) the stream.
    assert set(by_records) - set(by_walk) == {
        "D:\\Downloads\\ds7002.zip",
        "D:\\Downloads:cyzfc.dat",
    }


def test_where_no_change_journal_can_be_asked_the_volume_is_walked_too(drive: Host) -> None:
    """What was written last may not be on the disk yet; Wine has no such journal."""
    _, both, _ = drive.sweep("live", "D:\\", "--only", "files")
    assert "read by its $MFT" in notes(both)
    assert [note for note in notes(both) if note.startswith("walked too: its change journal")]
    assert files(both).state is State.COMPLETE, files(both).reasons
    titles = [finding.title for finding in both.findings]
    assert len(titles) == len(set(titles))


def test_both_views_are_compared_name_by_name(drive: Host) -> None:
    _, report, _ = drive.sweep("live", "D:\\", "--only", "files", "--verify-walk")
    assert "$MFT and walk compared" in notes(report)
    assert not [note for note in files(report).notes if note.reason.startswith("name in the")]


def test_a_deleted_file_is_told_with_what_is_left_of_it(drive: Host) -> None:
    _, report, _ = drive.sweep("live", "D:\\", "--only", "files")
    (found,) = [f for f in report.findings if f.title == "D:\\Downloads\\ds7002.zip"]
    assert any(reason.startswith("deleted") for reason in found.reasons)
    assert found.file is not None
    assert found.file.hash is not None


def test_an_image_is_swept_by_the_exe_too(drive: Host) -> None:
    image = drive.lab.to_windows(drive.lab.prefix.parent / "disk.img")
    code, report, _ = drive.sweep("offline", image)
    assert code == 1
    assert "disk.img:\\Users\\jo\\AppData\\Local\\cyzfc.dat" in places(report)
