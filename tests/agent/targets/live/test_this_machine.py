"""This machine as the live sources see it, with Windows' answers made up."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.sources.running.dns_cache import DnsCacheSource
from agent.targets.live import this_machine as running
from agent.targets.live.system import DnsRecord, Unreadable
from agent.targets.live.this_machine import RunningSystem
from agent.windows import dns_wmi
from agent.windows import processes as windows_processes
from agent.windows.dns_wmi import CachedRecord
from tests.evidence.files import dll
from tests.evidence.sweeping import observed


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> RunningSystem:
    monkeypatch.setattr(running, "_WINDOWS", True)
    return RunningSystem()


def test_a_name_remembered_as_not_existing_is_seen_by_wmi_too(
    windows: RunningSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        CachedRecord("x.pandorasong.com", "", 1, 9003, ""),
        CachedRecord("www.example.org", "edge.example.net", 5, 0, "192.0.2.1"),
        CachedRecord("example.org", "example.org", 28, 0, "2001:db8::1"),
    ]
    monkeypatch.setattr(dns_wmi, "wmi_table", lambda: rows)
    table = windows.dns_table_by_wmi()
    assert table == [
        DnsRecord("x.pandorasong.com", "A"),
        DnsRecord("www.example.org", "CNAME"),
        DnsRecord("edge.example.net", "CNAME"),
        DnsRecord("example.org", "AAAA"),
    ]
    _, _, ids = observed(DnsCacheSource(), table=Unreadable("refused"), wmi=table)
    assert "c2-domain" in ids


def test_a_file_that_begins_as_a_program_and_is_none_is_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "cyzfc.dat"
    path.write_bytes(dll()[:0x90])
    with pytest.raises(Unreadable, match="PE file"):
        RunningSystem().pe(str(path))
    with pytest.raises(Unreadable, match="PE file"):
        RunningSystem().original_file_name(str(path))


def test_a_file_that_does_not_begin_as_a_program_says_nothing_of_itself(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"notes")
    assert RunningSystem().pe(str(path)) is None
    assert RunningSystem().original_file_name(str(path)) == ""


@pytest.mark.parametrize(("minimal", "kernel"), [(True, True), (False, False), (OSError(5), False)])
def test_a_process_without_a_loader_is_one_of_the_kernel(
    windows: RunningSystem,
    monkeypatch: pytest.MonkeyPatch,
    minimal: bool | OSError,
    kernel: bool,
) -> None:
    def is_minimal(pid: int) -> bool:
        if isinstance(minimal, OSError):
            raise minimal
        return minimal

    monkeypatch.setattr(windows_processes, "is_minimal", is_minimal)
    monkeypatch.setattr(windows_processes, "image_path", lambda pid: "")
    processes = windows.processes().found
    assert {process.kernel for process in processes if process.pid not in (0, 4)} == {kernel}
