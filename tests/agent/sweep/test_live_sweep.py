"""A whole live sweep of a made-up Windows host: clean when all was seen, incomplete when one source is denied."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.commands import sweep as sweeping
from agent.matching.own_traces import Own
from agent.model.report import Report, State, TargetKind, Verdict
from agent.ntfs import ByteSource
from agent.options import Options
from agent.sources.catalog import Setup, sources_of
from agent.targets import LOCKED, RawNtfs, Root, SkippedVolume
from agent.targets.live.system import ConnectionInfo, Denied, DnsRecord, ProcessInfo
from tests.evidence.hosts import PATH, RUNDLL32, START, FakeSystem, WindowsHost, installed
from tests.evidence.sweeping import reported
from tests.evidence.windows_folder import as_folder

EXPLORER = ProcessInfo(
    pid=388,
    name="explorer.exe",
    executable=r"C:\Windows\explorer.exe",
    start=START,
    user="CORP\\jo",
)


class DeniedRaw(WindowsHost):
    """Elevated, with a driver that lets nobody read the volume itself."""

    def roots(self) -> tuple[Sequence[Root], Sequence[SkippedVolume]]:
        def denied() -> ByteSource:
            raise PermissionError(errno.EACCES, "denied")

        return [Root(path, raw=RawNtfs(denied, "C:")) for path in self.describe().paths], []


class LockedBeside(WindowsHost):
    def roots(self) -> tuple[Sequence[Root], Sequence[SkippedVolume]]:
        return super().roots()[0], [SkippedVolume("D:\\", LOCKED, gap=True)]


def ended(
    folder: Path, host: type[WindowsHost] = WindowsHost, **answers: Any
) -> tuple[int, Report]:
    drive = as_folder(
        folder / "c", {"C:\\Windows\\System32\\drivers\\etc\\hosts": b"127.0.0.1 localhost\n"}
    )
    known = {
        "processes": (EXPLORER,),
        "modules 388": [r"C:\Windows\System32\kernel32.dll"],
        "connections": [
            ConnectionInfo("tcp", ("10.0.0.1", 5000), ("192.0.2.7", 443), "established", 388)
        ],
        "table": [DnsRecord("www.example.org", "A")],
        "pipes": ["lsass"],
        "drive": str(drive),
    }
    report = reported(
        host(
            Own.of(),
            paths=[str(folder)],
            system=FakeSystem({**known, **answers}),
            installed=installed,
        ),
        *sources_of(TargetKind.LIVE, Setup(64 << 20, lambda _: None)),
    )
    options = Options(command="live")
    return sweeping.exit_code(report, kept=True, delivered=None, options=options), report


@pytest.fixture(autouse=True)
def _facts_of_this_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's own facts come from this machine, whatever it is."""
    from agent.targets.live import host as live

    monkeypatch.setattr(live, "_windows_host", live._unix_host)


def test_a_clean_host_is_clean_with_every_required_source_complete(tmp_path: Path) -> None:
    code, report = ended(tmp_path)
    gaps = [c.source for c in report.coverage if c.required and c.state is not State.COMPLETE]
    assert gaps == []
    required = {c.source for c in report.coverage if c.required}
    assert required >= {"processes", "modules", "memory", "connections", "pipes", "files"}
    assert (code, report.verdict) == (0, Verdict.CLEAN)


@pytest.mark.parametrize(
    ("what", "source"),
    [
        ("processes", "processes"),
        ("modules 388", "modules"),
        ("connections", "connections"),
        ("pipes", "pipes"),
    ],
)
def test_the_same_host_with_one_source_denied_is_incomplete(
    tmp_path: Path, what: str, source: str
) -> None:
    denied: dict[str, Any] = {what: Denied(), f"images {what[8:]}": Denied()}
    code, report = ended(tmp_path, **denied)
    states = {c.source: c.state for c in report.coverage}
    assert states[source] is not State.COMPLETE
    assert (code, report.verdict) == (3, Verdict.INCOMPLETE)


def test_a_host_whose_raw_volume_is_denied_is_walked_and_clean(tmp_path: Path) -> None:
    """The change journal is evidence of its own: what is there now was seen without it."""
    code, report = ended(tmp_path, host=DeniedRaw)
    (files,) = [c for c in report.coverage if c.source == "files"]
    (journal,) = [c for c in report.coverage if c.source == "usn_journal"]
    assert files.state is State.COMPLETE
    assert {note.reason for note in files.notes} >= {"NTFS: access denied"}
    assert (journal.required, journal.state) == (False, State.UNAVAILABLE)
    assert [reason.reason for reason in journal.reasons] == ["NTFS: access denied"]
    assert (code, report.verdict) == (0, Verdict.CLEAN)


def test_a_locked_volume_beside_it_makes_the_same_host_incomplete(tmp_path: Path) -> None:
    code, report = ended(tmp_path, host=LockedBeside)
    states = {c.source: c.state for c in report.coverage}
    assert states["files"] is State.PARTIAL
    assert (code, report.verdict) == (3, Verdict.INCOMPLETE)


def test_the_same_host_with_the_dll_loaded_is_a_hit(tmp_path: Path) -> None:
    loaded: dict[str, Any] = {"modules 4312": [PATH], "images 4312": [PATH]}
    code, report = ended(tmp_path, processes=(EXPLORER, RUNDLL32), **loaded)
    assert (code, report.verdict) == (1, Verdict.HIT)
    assert [finding.strength.value for finding in report.findings] == ["confirmed"]
