"""Where Windows keeps folders' names of XP as links, no source counts them as gaps."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.matching.own_traces import Own
from agent.model.report import State, TargetKind
from agent.sources.artefact_source import ArtefactSource
from agent.sources.catalog import Setup, sources_of
from agent.targets.offline.image import ImageTarget
from tests.evidence.hives import hive
from tests.evidence.sweeping import swept
from tests.evidence.windows_folder import as_image, every_windows, windows

JUNCTION = 0xA000_0003
_PROFILE = (
    "Application Data", "Cookies", "Local Settings", "My Documents", "NetHood", "PrintHood",
    "Recent", "SendTo", "Start Menu", "Templates", "Documents\\My Music", "Documents\\My Pictures",
    "Documents\\My Videos", "AppData\\Local\\Application Data", "AppData\\Local\\History",
    "AppData\\Local\\Temporary Internet Files",
    "AppData\\Local\\Microsoft\\Windows\\Temporary Internet Files",
)  # fmt: skip
LINKS = (
    "C:\\Documents and Settings",
    "C:\\Users\\All Users",
    "C:\\Users\\Default User",
    *(
        f"C:\\ProgramData\\{name}"
        for name in ("Application Data", "Desktop", "Documents", "Start Menu", "Templates")
    ),
    *(f"C:\\Users\\{user}\\{name}" for user in ("jo", "Default") for name in _PROFILE),
)
"""Of Windows 10, as it is installed."""
SOURCES = [
    source.name
    for source in sources_of(TargetKind.IMAGE, Setup(1 << 20, lambda _: None))
    if isinstance(source, ArtefactSource)
]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> ImageTarget:
    files = {path: b"" for link in LINKS for path in (f"{link}\\",)}
    files = {p: d for p, d in windows(files).items() if not d.startswith((b"of ", b"MAM of"))}
    files |= {**every_windows(), "C:\\Users\\jo\\NTUSER.DAT": hive({})}
    place = tmp_path_factory.mktemp("links") / "c"
    image = as_image(place, files, tags=dict.fromkeys(LINKS, JUNCTION))
    return ImageTarget(str(image), own=Own())


@pytest.mark.parametrize("name", SOURCES)
def test_no_source_has_a_gap_where_an_old_name_is_a_link(name: str, target: ImageTarget) -> None:
    (source,) = (one for one in sources_of(TargetKind.IMAGE, Setup(1 << 20, lambda _: None))
                 if one.name == name)  # fmt: skip
    found = swept(target, source)
    assert (found.coverage.state, found.reasons) == (State.COMPLETE, {})


def test_a_link_of_the_name_where_windows_keeps_the_folder_itself_is_a_gap(tmp_path: Path) -> None:
    recent = "C:\\Users\\jo\\AppData\\Roaming\\Microsoft\\Windows\\Recent"
    image = as_image(tmp_path, windows({f"{recent}\\": b""}), tags={recent: JUNCTION})
    (source,) = (one for one in sources_of(TargetKind.IMAGE, Setup(1 << 20, lambda _: None))
                 if one.name == "opened_files")  # fmt: skip
    found = swept(ImageTarget(str(image), own=Own()), source)
    assert found.reasons == {"link not followed": 1}
