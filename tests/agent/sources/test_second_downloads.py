"""A second download (``ds7002 (1).zip``) is known by the first one's name in records of any kind,
though that name stands nowhere in them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from agent.sources.artefact import Artefact
from agent.sources.artefact_source import ArtefactSource
from agent.sources.execution.compatibility_assistant import CompatibilityAssistant
from agent.sources.execution.error_reports import ErrorReports
from agent.sources.execution.prefetch import PrefetchArtefact
from agent.sources.logs.event_logs import EventLogs
from agent.sources.network.browsers import Browsers
from agent.sources.past_files.thumbnails import ThumbnailCaches
from tests.evidence.databases import HISTORY, chromium_download, database
from tests.evidence.execution import PCA, error_report, recent_files
from tests.evidence.logged_events import sysmon
from tests.evidence.logs import event_log
from tests.evidence.prefetch import PlantedVolume, prefetch
from tests.evidence.sweeping import swept
from tests.evidence.thumbnails import icon_cache
from tests.evidence.windows_folder import as_folder, windows

SECOND = "C:\\Users\\jo\\Downloads\\ds7002 (1).zip"
VOLUME = "\\VOLUME{01d2bf5a6c6f6d20-c4b2bd1c}"
LOCAL = "C:\\Users\\jo\\AppData\\Local"
KINDS: dict[str, tuple[Callable[[], Artefact], str, bytes]] = {
    "Sysmon 11": (
        EventLogs,
        "C:\\Windows\\System32\\winevt\\Logs\\Microsoft-Windows-Sysmon%4Operational.evtx",
        event_log([sysmon(11, ("TargetFilename", SECOND), ("CreationUtcTime", "-"))]),
    ),
    "prefetch": (
        PrefetchArtefact,
        "C:\\Windows\\Prefetch\\EXPLORER.EXE-12345678.pf",
        prefetch(files=[f"{VOLUME}{SECOND[2:].upper()}"], volumes=[PlantedVolume(VOLUME)]),
    ),
    "launch": (
        CompatibilityAssistant,
        f"{PCA}\\PcaAppLaunchDic.txt",
        f"{SECOND}|2018-11-14 12:00:02.000\r\n".encode(),
    ),
    "new file": (
        CompatibilityAssistant,
        "C:\\Windows\\AppCompat\\Programs\\RecentFileCache.bcf",
        recent_files([SECOND]),
    ),
    "crash": (
        ErrorReports,
        "C:\\ProgramData\\Microsoft\\Windows\\WER\\ReportArchive\\x\\Report.wer",
        error_report(module=SECOND),
    ),
    "download": (
        Browsers,
        f"{LOCAL}\\Google\\Chrome\\User Data\\Default\\History",
        database(*HISTORY, *chromium_download(1, SECOND, "https://a/x", start=1, end=2)),
    ),
    "icon": (ThumbnailCaches, f"{LOCAL}\\IconCache.db", icon_cache([SECOND])),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_second_download_is_known(kind: str, tmp_path: Path) -> None:
    artefact, path, data = KINDS[kind]
    files = {p: d for p, d in windows().items() if not d.startswith(b"MAM of")}
    found = swept(as_folder(tmp_path, {**files, path: data}), ArtefactSource(artefact()))
    assert "name-ds7002-zip" in {match.indicator.id for match in found.matches()}
