"""What mail programs and archivers leave in users' folders is found there."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.model.report import Strength
from agent.sources.files.source import FilesSource
from tests.evidence.sweeping import Swept, swept
from tests.evidence.windows_folder import FORMS, windows

LOCAL = "C:\\Users\\jo\\AppData\\Local"
OUTLOOK = f"{LOCAL}\\Microsoft\\Windows\\INetCache\\Content.Outlook\\AB12CD34"
MAIL = f"{LOCAL}\\Packages\\microsoft.windowscommunicationsapps_8wekyb3d8bbwe"
ATTACHMENTS = (
    f"{OUTLOOK}\\ds7002.zip",
    f"{OUTLOOK}\\ds7002 (002).zip",
    f"{LOCAL}\\Microsoft\\Windows\\Temporary Internet Files\\Content.Outlook\\X1\\ds7002 (2).zip",
    f"{LOCAL}\\Microsoft\\Olk\\Attachments\\ooa-1\\1\\ds7002.zip",
    f"{MAIL}\\LocalState\\Files\\S0\\3\\Attachments\\ds7002[1].zip",
)
UNPACKED = (
    f"{LOCAL}\\Temp\\Temp1_ds7002.zip\\ds7002.lnk",
    f"{LOCAL}\\Temp\\1\\Temp2_ds7002 (1).zip\\ds7002.lnk",
    f"{LOCAL}\\Temp\\7zO0A1B2C3D\\ds7002.lnk",
    f"{LOCAL}\\Temp\\Rar$EXa0.123\\ds7002.lnk",
    f"{LOCAL}\\Temp\\Temporary Directory 1 for ds7002.zip\\ds7002.lnk",
)


def strength_at(found: Swept, path: str) -> Strength:
    """The best that anything at a path proves; the form may spell its beginning otherwise."""
    ending = path.removeprefix("C:")
    return max(
        (
            match.strength
            for match in found.matches()
            if (file := match.observation.file) is not None
            and file.path.replace("/", "\\").endswith(ending)
        ),
        key=lambda strength: strength.rank,
    )


@pytest.mark.parametrize("form", ["folder", "image"])
def test_attachments_are_weak_and_what_was_unpacked_from_them_is_strong(
    form: str, tmp_path: Path
) -> None:
    files = windows(dict.fromkeys((*ATTACHMENTS, *UNPACKED), b"x"))
    found = swept(FORMS[form](tmp_path / "c", files), FilesSource())
    for path in ATTACHMENTS:
        assert strength_at(found, path) is Strength.WEAK, path
    for path in UNPACKED:
        assert strength_at(found, path) is Strength.STRONG, path


@pytest.mark.parametrize("form", ["folder", "image"])
def test_the_folder_that_an_opened_archive_leaves_is_found_when_it_is_empty(
    form: str, tmp_path: Path
) -> None:
    folder = f"{LOCAL}\\Temp\\Temp1_ds7002.zip"
    found = swept(FORMS[form](tmp_path / "c", windows({f"{folder}\\": b""})), FilesSource())
    assert {match.indicator.id for match in found.matches()} == {"name-temp1-ds7002-zip"}
