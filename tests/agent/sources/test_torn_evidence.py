"""Evidence that is blank, cut off or enciphered is never told as looked at, whatever kind it is."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from agent.formats.paged import HELD
from agent.model.report import State, TargetKind
from agent.sources import artefact_sweep
from agent.sources.artefact import Artefact, is_blank
from agent.sources.artefact_source import ArtefactSource
from agent.sources.catalog import Setup, sources_of
from agent.sources.execution.activities import Activities
from agent.sources.execution.compatibility_assistant import CompatibilityAssistant
from agent.sources.execution.error_reports import ErrorReports
from agent.sources.execution.prefetch import PrefetchArtefact
from agent.sources.execution.scheduled_tasks import ScheduledTasks
from agent.sources.execution.shim_databases import ShimDatabases
from agent.sources.execution.srum import Srum
from agent.sources.execution.startup_files import StartupFiles
from agent.sources.execution.startup_info import StartupInfo
from agent.sources.execution.wmi_repository import WmiRepository
from agent.sources.logs.console_history import ConsoleHistory
from agent.sources.logs.defender import Defender
from agent.sources.logs.event_logs import EventLogs
from agent.sources.logs.live_response import LiveResponse
from agent.sources.logs.transcripts import Transcripts
from agent.sources.network.bits_queue import BitsQueue
from agent.sources.network.browser_files import BrowserFiles
from agent.sources.network.browsers import Browsers
from agent.sources.network.certificate_cache import CertificateCache
from agent.sources.network.firewall_log import FirewallLog
from agent.sources.network.hosts_file import HostsFile
from agent.sources.network.web_cache import WebCache
from agent.sources.past_files.opened_files import OpenedFiles
from agent.sources.past_files.recycle_bin import RecycleBin
from agent.sources.past_files.search_index import SearchIndex
from agent.sources.past_files.thumbnails import ThumbnailCaches, ThumbsDb
from agent.sources.registry.hives import Hives
from tests.evidence.bits import new_queue, transfer
from tests.evidence.databases import HISTORY, chromium_page, database, in_wal_mode
from tests.evidence.ese_files import LONG, Made, ese_file
from tests.evidence.execution import task
from tests.evidence.hives import hive
from tests.evidence.jump_lists import compound, link_by_id_list
from tests.evidence.logged_events import audited_process
from tests.evidence.logs import event_log
from tests.evidence.prefetch import prefetch
from tests.evidence.recycled import recycled, recycler
from tests.evidence.samples import sample
from tests.evidence.shim_databases import shim_database
from tests.evidence.sweeping import Swept, swept
from tests.evidence.thumbnails import thumbs_db
from tests.evidence.windows_folder import as_folder, windows

_DATA = "C:\\Users\\jo\\AppData"
_CHROME = f"{_DATA}\\Local\\Google\\Chrome\\User Data\\Default"
_RECENT = f"{_DATA}\\Roaming\\Microsoft\\Windows\\Recent"
HISTORY_AT = f"{_CHROME}\\History"


class Kind(NamedTuple):
    """One kind of evidence, and where a file of it lies."""

    artefact: Callable[[], Artefact]
    path: str


KINDS = (
    Kind(EventLogs, "C:\\Windows\\System32\\winevt\\Logs\\System.evtx"),
    Kind(Hives, "C:\\Users\\jo\\NTUSER.DAT"),
    Kind(PrefetchArtefact, "C:\\Windows\\Prefetch\\CMD.EXE-D269B812.pf"),
    Kind(Browsers, HISTORY_AT),
    Kind(BrowserFiles, f"{_CHROME}\\Preferences"),
    Kind(WebCache, f"{_DATA}\\Local\\Microsoft\\Windows\\WebCache\\WebCacheV01.dat"),
    Kind(BitsQueue, "C:\\ProgramData\\Microsoft\\Network\\Downloader\\qmgr.db"),
    Kind(CertificateCache, f"{_DATA}\\LocalLow\\Microsoft\\CryptnetUrlCache\\MetaData\\0A"),
    Kind(
        SearchIndex,
        "C:\\ProgramData\\Microsoft\\Search\\Data\\Applications\\Windows\\Windows.edb",
    ),
    Kind(Activities, f"{_DATA}\\Local\\ConnectedDevicesPlatform\\L.jo\\ActivitiesCache.db"),
    Kind(Srum, "C:\\Windows\\System32\\sru\\SRUDB.dat"),
    Kind(ScheduledTasks, "C:\\Windows\\System32\\Tasks\\Updater"),
    Kind(StartupInfo, "C:\\Windows\\System32\\WDI\\LogFiles\\StartupInfo\\S-1_StartupInfo1.xml"),
    Kind(CompatibilityAssistant, "C:\\Windows\\AppCompat\\pca\\PcaAppLaunchDic.txt"),
    Kind(ErrorReports, "C:\\ProgramData\\Microsoft\\Windows\\WER\\ReportArchive\\X\\Report.wer"),
    Kind(WmiRepository, "C:\\Windows\\System32\\wbem\\Repository\\OBJECTS.DATA"),
    Kind(OpenedFiles, f"{_RECENT}\\a.lnk"),
    Kind(RecycleBin, "C:\\$Recycle.Bin\\S-1-5-21-1\\$IABCDEF.zip"),
    Kind(
        Defender,
        "C:\\ProgramData\\Microsoft\\Windows Defender\\Scans\\History\\Service\\DetectionHistory\\1\\X",
    ),
    Kind(
        ConsoleHistory,
        f"{_DATA}\\Roaming\\Microsoft\\Windows\\PowerShell\\PSReadLine\\ConsoleHost_history.txt",
    ),
    Kind(FirewallLog, "C:\\Windows\\System32\\LogFiles\\Firewall\\pfirewall.log"),
    Kind(ThumbnailCaches, f"{_DATA}\\Local\\IconCache.db"),
    Kind(ThumbsDb, "C:\\Users\\jo\\Pictures\\Thumbs.db"),
    Kind(ShimDatabases, "C:\\Windows\\AppPatch\\Custom\\x.sdb"),
    Kind(StartupFiles, "C:\\Windows\\win.ini"),
    Kind(Transcripts, "C:\\Users\\jo\\Documents\\PowerShell_transcript.x.txt"),
    Kind(HostsFile, "C:\\Windows\\System32\\drivers\\etc\\hosts"),
)
BY_NAME = {kind.artefact.__name__: kind for kind in KINDS}


def sweep(place: Path, kind: Kind, data: bytes, beside: bytes = b"", suffix: str = "") -> Swept:
    """Of a host that has nothing else of that kind."""
    files = {path: data for path, data in windows().items() if not path.endswith((".pf", ".DAT"))}
    files[kind.path] = data
    if suffix:
        files[kind.path + suffix] = beside
    return swept(as_folder(place, files), ArtefactSource(kind.artefact()))


def gaps(found: Swept) -> list[str]:
    return [reason.partition(": ")[2] for reason in found.reasons]


def test_every_kind_of_evidence_in_files_is_among_them() -> None:
    """The next one, too."""
    sources = sources_of(TargetKind.FOLDER, Setup(1 << 20, lambda _: None))
    known = {one.name for one in sources if isinstance(one, ArtefactSource)}
    of_no_windows = {LiveResponse.name}  # Lies beside its volume: test_live_response.py.
    assert known == {kind.artefact().name for kind in KINDS} | of_no_windows


@pytest.mark.parametrize("size", [700, 300_000])
@pytest.mark.parametrize("kind", KINDS, ids=BY_NAME)
def test_a_file_of_zeros_is_a_gap(kind: Kind, size: int, tmp_path: Path) -> None:
    found = sweep(tmp_path, kind, bytes(min(size, kind.artefact().max_bytes or size)))

    assert gaps(found) == ["blank, nothing of it is there"]
    assert found.coverage.unread == 1


@pytest.mark.parametrize("kind", [k for k in KINDS if k.artefact not in (EventLogs, Hives)])
def test_an_empty_file_holds_nothing(kind: Kind, tmp_path: Path) -> None:
    """Nothing was written there, or nothing is left: a database without a table is empty, too."""
    assert kind.artefact is RecycleBin or sweep(tmp_path, kind, b"").reasons == {}


def test_a_few_zeros_are_not_blank() -> None:
    assert is_blank(bytes(9000))
    assert not is_blank(bytes(9000) + b"x")
    assert not is_blank(b"")


TREE = {"Software": {"Run": {f"v{n}": "x" * 300 for n in range(40)}}}
PAGES = [one for n in range(1, 90) for one in chromium_page(n, f"https://a/{n:0300}", 9)]
LOG = event_log([audited_process("cmd.exe") for _ in range(600)])
ROWS = Made({"n": LONG}, [{"n": number} for number in range(9000)])
WHOLE = {
    "Hives": hive(TREE),
    "Browsers": database(*HISTORY, *PAGES),
    "Activities": database(*HISTORY, *PAGES),
    "EventLogs": LOG,
    "PrefetchArtefact": prefetch(),
    "ScheduledTasks": task("cmd.exe", "/c dir"),
    "RecycleBin": recycled("C:\\Users\\jo\\a.zip", 5),
    "ThumbsDb": thumbs_db([f"{number}.jpg" for number in range(60)]),
    "ShimDatabases": shim_database([(f"{number}.exe", "x", "y") for number in range(99)]),
    "SearchIndex": ese_file({"a": ROWS, "b": ROWS}),
    "BitsQueue": new_queue(transfer("C:\\a", "https://a.example/")),
}


@pytest.mark.parametrize("name", WHOLE)
def test_the_half_of_a_file_is_a_gap_though_nothing_occurs_in_it(name: str, tmp_path: Path) -> None:
    whole, kind = WHOLE[name], BY_NAME[name]
    half = whole[: len(whole) // 2 // 4096 * 4096 or len(whole) // 2]

    assert sweep(tmp_path / "whole", kind, whole).reasons == {}
    found = sweep(tmp_path / "half", kind, half)
    assert len(found.reasons) == 1
    assert found.coverage.state is State.PARTIAL


def test_the_half_of_a_jump_list_is_a_gap(tmp_path: Path) -> None:
    links = {f"{n:x}": link_by_id_list("C:", "Users", "jo", f"{n}.txt") for n in range(1, 60)}
    whole = compound(links)
    path = f"{_RECENT}\\AutomaticDestinations\\f01b4d95cf55d32a.automaticDestinations-ms"
    kind = Kind(OpenedFiles, path)

    assert sweep(tmp_path / "whole", kind, whole).reasons == {}
    assert "cut short" in gaps(sweep(tmp_path / "cut", kind, whole[:-4000]))


@pytest.mark.parametrize("held", [HELD, 0], ids=["held", "in pages"])
def test_the_half_of_a_real_srum_database_is_a_gap(
    held: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artefact_sweep, "HELD", held)
    whole = sample("srum/SRUDB-win10-clean.dat.xz")

    assert sweep(tmp_path / "whole", BY_NAME["Srum"], whole).reasons == {}
    half = sweep(tmp_path / "half", BY_NAME["Srum"], whole[: len(whole) // 2])
    assert gaps(half) == ["cut short"]


@pytest.mark.parametrize(
    "name", ["Browsers", "Activities", "EventLogs", "SearchIndex", "BitsQueue", "WebCache"]
)
def test_an_enciphered_file_is_a_gap(name: str, tmp_path: Path) -> None:
    noise = random.Random(7).randbytes(140_000)

    assert len(gaps(sweep(tmp_path, BY_NAME[name], noise))) == 1


def test_an_old_queue_that_is_none_is_a_gap(tmp_path: Path) -> None:
    kind = Kind(BitsQueue, "C:\\ProgramData\\Microsoft\\Network\\Downloader\\qmgr0.dat")
    noise = random.Random(7).randbytes(140_000)

    assert gaps(sweep(tmp_path / "noise", kind, noise)) == ["no queue of BITS"]
    assert gaps(sweep(tmp_path / "blank", kind, bytes(140_000))) == [
        "blank, nothing of it is there"
    ]


def test_parts_of_a_hive_that_were_never_written_are_a_gap(tmp_path: Path) -> None:
    whole = WHOLE["Hives"]
    holes = whole[:8192] + bytes(len(whole) - 8192)

    assert gaps(sweep(tmp_path, BY_NAME["Hives"], holes)) == ["parts of it are not there"]


def test_chunks_of_a_log_that_were_never_written_are_a_gap(tmp_path: Path) -> None:
    holes = LOG[: 4096 + 65536] + bytes(len(LOG) - 4096 - 65536)

    reasons = gaps(sweep(tmp_path, BY_NAME["EventLogs"], holes))
    assert reasons == ["chunks that it counts are not there"]


def test_a_database_whose_rest_is_in_its_wal_is_whole(tmp_path: Path) -> None:
    """A checkpoint writes the first page first: if it ends there, the others are in the WAL."""
    left = in_wal_mode(HISTORY, PAGES)
    pages = struct.unpack_from(">I", left.wal, len(left.wal) - 4096 - 24 + 4)[0]
    begun = bytearray(left.database)
    struct.pack_into(">I", begun, 28, pages)
    kind = BY_NAME["Browsers"]

    assert pages * 4096 > len(begun)
    assert sweep(tmp_path / "a", kind, bytes(begun), left.wal, "-wal").reasons == {}
    assert gaps(sweep(tmp_path / "b", kind, bytes(begun))) == ["cut short"]


def test_the_bound_of_a_small_record_is_told_in_kib(tmp_path: Path) -> None:
    class Small(RecycleBin):
        max_bytes = 1 << 17

    large = recycled("C:\\a", 1) + b"x" * Small.max_bytes
    kind = Kind(Small, BY_NAME["RecycleBin"].path)

    assert gaps(sweep(tmp_path, kind, large)) == ["read up to 128 KiB only"]


@pytest.mark.parametrize("damaged", ["blank", "cut", "other"])
def test_an_older_bins_list_that_is_no_more_than_a_part_is_a_gap(
    damaged: str, tmp_path: Path
) -> None:
    whole = recycler(["C:\\a.txt", "C:\\b.txt"])
    kind = Kind(RecycleBin, "C:\\RECYCLER\\S-1-5-21-1\\INFO2")
    data = {"blank": bytes(900), "cut": whole[:-1], "other": b"x" * 900}[damaged]

    assert sweep(tmp_path / "whole", kind, whole).reasons == {}
    assert len(gaps(sweep(tmp_path / damaged, kind, data))) == 1
