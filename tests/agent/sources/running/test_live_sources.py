"""The live sources against a system that a test makes up, and against this one."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from agent.findings.keys import keys_of
from agent.matching.own_traces import Own
from agent.model.objects import Hash, Pe
from agent.model.report import Coverage, State
from agent.sources.running.connections import ConnectionsSource
from agent.sources.running.dns_cache import DnsCacheSource
from agent.sources.running.memory import MemorySource
from agent.sources.running.modules import ModulesSource
from agent.sources.running.pipes import PipesSource
from agent.sources.running.processes import ProcessesSource
from agent.targets.live.host import LiveHost
from agent.targets.live.system import (
    ConnectionInfo,
    Denied,
    DnsRecord,
    NotHere,
    ProcessInfo,
    ProcessTable,
    Region,
    Unreadable,
    Vanished,
)
from tests.evidence.hosts import PATH, POWERSHELL, RUNDLL32, START, FakeMemory, FakeSystem, host
from tests.evidence.sweeping import observed, swept


def reasons(coverage: Coverage) -> str:
    return "; ".join(r.reason for r in [*coverage.reasons, *coverage.notes])


# ---- processes ---------------------------------------------------------------------------------------


def test_a_process_is_seen_with_its_command_line_and_its_parents() -> None:
    seen, coverage, ids = observed(ProcessesSource())
    assert "cmd-cyzfc-pointfunctioncall" in ids
    (rundll32,) = [one.process for one in seen if one.process and one.process.pid == 4312]
    assert [(p.pid, p.name) for p in rundll32.parent] == [(4120, "powershell.exe")]
    assert rundll32.user is not None
    assert coverage.state is State.COMPLETE
    assert coverage.examined == 2


def test_a_renamed_rundll32_shows_its_original_name() -> None:
    renamed = ProcessInfo(pid=1, name="a.exe", executable="C:\\a.exe", start=START)
    answers: dict[str, Any] = {"processes": (renamed,), "original C:\\a.exe": "RUNDLL32.EXE.MUI"}
    seen, _, _ = observed(ProcessesSource(), **answers)
    assert seen[0].process is not None
    assert seen[0].process.original_file_name == "RUNDLL32.EXE.MUI"


def test_a_process_whose_command_line_is_denied_is_a_gap() -> None:
    hidden = ProcessInfo(
        pid=9, name="x.exe", start=START, unread=(("command_line", "access denied"),)
    )
    _, coverage, _ = observed(ProcessesSource(), processes=(hidden,))
    assert coverage.state is State.PARTIAL
    assert "access denied" in reasons(coverage)


def test_no_list_of_processes_is_unavailable() -> None:
    _, coverage, _ = observed(ProcessesSource(), processes=Denied())
    assert coverage.state is State.UNAVAILABLE


def test_the_agents_own_process_is_left_out_and_counted() -> None:
    seen, coverage, _ = observed(ProcessesSource(), Own.of(pids=[4312]))
    assert [one.process.pid for one in seen if one.process] == [4120]
    assert coverage.own == 1


def test_what_the_agent_started_itself_is_left_out_and_counted() -> None:
    """The processes that run the operator's rules hold them in their memory."""
    seen, coverage, _ = observed(ProcessesSource(), Own.of(process=POWERSHELL.pid))
    assert [one.process.pid for one in seen if one.process] == [POWERSHELL.pid]
    assert coverage.own == 1


def test_a_reused_id_is_no_parent_and_a_loop_ends() -> None:
    child = ProcessInfo(pid=2, ppid=1, start=START)
    younger = ProcessInfo(pid=1, ppid=2, start=START + timedelta(1))
    assert ProcessTable([child, younger]).ancestors(child) == []
    first = ProcessInfo(pid=1, ppid=2, start=START)
    second = ProcessInfo(pid=2, ppid=1, start=START)
    assert [p.pid for p in ProcessTable([first, second]).ancestors(first)] == [2]


# ---- modules -----------------------------------------------------------------------------------------


def test_a_module_is_seen_by_name_and_its_export_by_rundll32() -> None:
    answers: dict[str, Any] = {
        "modules 4312": [PATH, r"C:\Windows\System32\kernel32.dll"],
        f"size {PATH}": 294_400,
        f"pe {PATH}": Pe(machine="amd64", dll=True, exports=["PointFunctionCall"]),
        f"hash {PATH}": Hash(sha1="9858d5cb2a6614be3c48e33911bf9f7978b441bf"),
    }
    seen, coverage, ids = observed(ModulesSource(), **answers)
    assert {"path-localappdata-cyzfc-dat", "dll-export", "dll-sha1"} <= ids
    assert [one.dll.on_disk for one in seen if one.dll and one.dll.path == PATH] == [True]
    assert coverage.state is State.COMPLETE


def test_a_module_that_is_unlinked_and_gone_from_disk_is_seen() -> None:
    answers: dict[str, Any] = {"images 4312": [PATH], f"size {PATH}": Vanished()}
    seen, _, ids = observed(ModulesSource(), **answers)
    assert "path-localappdata-cyzfc-dat" in ids
    assert [one.dll.on_disk for one in seen if one.dll] == [False]


def test_an_image_that_windows_does_not_name_is_a_gap_and_no_file_that_is_gone() -> None:
    answers: dict[str, Any] = {
        "images 4312": ["", r"C:\Windows\System32\ntdll.dll"],
        "size ": Vanished(),
    }
    seen, coverage, _ = observed(ModulesSource(), **answers)
    assert coverage.state is State.PARTIAL
    assert "image that Windows does not name" in reasons(coverage)
    assert "no longer on disk" not in reasons(coverage)
    assert [one.place.text for one in seen if one.dll and not one.dll.path] == []


def test_a_module_that_cannot_be_parsed_is_a_gap_and_its_hash_and_name_still_count() -> None:
    answers: dict[str, Any] = {
        "modules 4312": [PATH],
        f"size {PATH}": 294_400,
        f"pe {PATH}": Unreadable("malformed export directory"),
        f"hash {PATH}": Hash(sha1="9858d5cb2a6614be3c48e33911bf9f7978b441bf"),
    }
    _, coverage, ids = observed(ModulesSource(), **answers)
    assert {"path-localappdata-cyzfc-dat", "dll-sha1"} <= ids
    assert coverage.state is State.PARTIAL
    assert "malformed export directory" in reasons(coverage)


@pytest.mark.parametrize(
    ("path", "why"),
    [
        (r"\\203.0.113.7\share\cyzfc.dat", "on the network, not opened"),
        (r"Z:\cyzfc.dat", "on the network, not opened"),
        (r"\\.\pipe\cyzfc.dat", "not a file path, not opened"),
        (r"Q:\cyzfc.dat", "on a drive that this session does not have, not opened"),
    ],
)
def test_a_module_that_lies_elsewhere_is_told_by_name_and_never_opened(path: str, why: str) -> None:
    answers: dict[str, Any] = {
        "processes": (structs.replace(RUNDLL32, executable=path),),
        "modules 4312": [path],
    }
    made = host(**answers)
    for source in (ModulesSource(), ProcessesSource(), MemorySource()):
        sweep = swept(made, source)
        assert sweep.coverage.state is State.PARTIAL
        assert why in reasons(sweep.coverage)
        if source.name == "modules":
            assert "name-cyzfc-dat" in {match.indicator.id for match in sweep.matches()}
            assert [one.dll.on_disk for one in sweep.seen if one.dll] == [None]
    assert isinstance(made.live, FakeSystem)
    assert made.live.opened == []


def test_a_path_is_not_opened_when_nobody_tells_where_it_leads() -> None:
    answers: dict[str, Any] = {
        "modules 4312": [PATH],
        f"closed {PATH}": Unreadable("access denied"),
    }
    _, coverage, ids = observed(ModulesSource(), **answers)
    assert "path-localappdata-cyzfc-dat" in ids
    assert "cannot be told, not opened: access denied" in reasons(coverage)


def test_modules_that_are_denied_are_a_gap() -> None:
    answers: dict[str, Any] = {"modules 4312": Denied(), "images 4312": Denied()}
    _, coverage, _ = observed(ModulesSource(), **answers)
    assert coverage.state is State.PARTIAL


# ---- memory ------------------------------------------------------------------------------------------


def test_memory_of_rundll32_is_searched_by_default_and_of_others_only_if_asked() -> None:
    answers: dict[str, Any] = {
        "memory 4312": FakeMemory(b"....https://pandorasong.com/x...."),
        "memory 4120": FakeMemory("MSSE-1234-server".encode("utf-16-le")),
    }
    _, _, ids = observed(MemorySource(), **answers)
    assert "c2-domain" in ids
    assert "pipe-msse" not in ids
    _, coverage, ids = observed(MemorySource("all"), **answers)
    assert {"c2-domain", "pipe-msse"} <= ids
    assert coverage.bytes > 0


@pytest.mark.parametrize(
    "region",
    [Region(0x1000, 0, "mapped"), Region(0x1000, 0, "mapped", executable=True, backed=True)],
)
def test_mapped_memory_that_has_no_file_or_can_be_run_is_searched(region: Region) -> None:
    memory = FakeMemory(b"....https://pandorasong.com/x....", region=region)
    answers: dict[str, Any] = {"memory 4312": memory}
    _, _, ids = observed(MemorySource(), **answers)
    assert "c2-domain" in ids


def test_a_file_mapped_as_data_is_left_out_and_the_notes_say_how_much() -> None:
    region = Region(0x1000, 0, "mapped", backed=True)
    memory = FakeMemory(b"pandorasong.com" + bytes(985), region=region)
    answers: dict[str, Any] = {"memory 4312": memory}
    seen, coverage, _ = observed(MemorySource(), **answers)
    assert seen == []
    assert coverage.state is State.COMPLETE
    (left_out,) = [n for n in coverage.notes if "mapped as data" in n.reason]
    assert left_out.count == 1000


def test_memory_beyond_the_bound_is_a_gap() -> None:
    answers: dict[str, Any] = {"memory 4312": FakeMemory(bytes(100_000))}
    _, coverage, _ = observed(MemorySource(max_bytes=4096), **answers)
    assert coverage.state is State.PARTIAL


def test_memory_that_is_denied_is_a_gap_and_what_windows_protects_is_told() -> None:
    denied: dict[str, Any] = {"memory 4312": FakeMemory(b"x" * 99, denied=True)}
    _, coverage, _ = observed(MemorySource(), **denied)
    assert coverage.state is State.PARTIAL
    protected: dict[str, Any] = {"memory 4312": Denied(), "protected 4312": True}
    _, coverage, _ = observed(MemorySource(), **protected)
    assert "protected by Windows" in reasons(coverage)


def test_memory_that_was_opted_out_of_is_skipped() -> None:
    _, coverage, _ = observed(MemorySource("none"))
    assert coverage.state is State.SKIPPED


# ---- connections, pipes ------------------------------------------------------------------------------


def test_a_connection_is_seen_with_its_process() -> None:
    talking = ConnectionInfo("tcp", ("10.0.0.1", 5000), ("95.216.59.92", 443), "established", 4312)
    ended = ConnectionInfo("tcp", ("10.0.0.1", 5001), ("95.216.59.92", 443), "time_wait", None)
    listening = ConnectionInfo("tcp", ("::", 80), None, "listen", 77)
    seen, coverage, ids = observed(ConnectionsSource(), connections=[talking, ended, listening])
    assert "c2-address" in ids
    assert [one.process.pid if one.process else None for one in seen] == [4312, None, 77]
    assert "process of the socket has ended" in reasons(coverage)
    assert coverage.examined == 3


def test_connections_that_are_denied_are_unavailable() -> None:
    _, coverage, _ = observed(ConnectionsSource(), connections=Denied())
    assert coverage.state is State.UNAVAILABLE


def test_a_pipe_of_the_campaigns_form_is_seen() -> None:
    _, coverage, ids = observed(PipesSource(), pipes=["lsass", "MSSE-9897-server"])
    assert ids == {"pipe-msse"}
    assert coverage.examined == 2
    _, _, none = observed(PipesSource(), pipes=["MSSE-9898-server", "MSSE-x-server"])
    assert none == set()


def test_pipes_that_cannot_be_listed_are_unavailable() -> None:
    _, coverage, _ = observed(PipesSource(), pipes=Unreadable("Windows error 66"))
    assert coverage.state is State.UNAVAILABLE
    assert "Windows error 66" in reasons(coverage)


def test_pipes_that_cannot_be_listed_are_asked_for_by_name() -> None:
    answers: dict[str, Any] = {
        "pipes": Unreadable("Windows error 66"),
        "named pipes": ["MSSE-9897-server", "lsass"],
    }
    seen, coverage, ids = observed(PipesSource(), **answers)
    assert ids == {"pipe-msse"}
    assert [one.pipe.name for one in seen if one.pipe] == ["MSSE-9897-server"]
    assert (coverage.state, coverage.examined) == (State.UNAVAILABLE, 1)
    assert [note.samples for note in coverage.notes] == [["MSSE-9897-server"]]


def test_a_pipe_that_cannot_be_asked_for_either_is_told() -> None:
    answers: dict[str, Any] = {
        "pipes": Unreadable("Windows error 66"),
        "named pipes": Unreadable("no name"),
    }
    seen, coverage, _ = observed(PipesSource(), **answers)
    assert seen == []
    assert coverage.state is State.UNAVAILABLE
    assert [note.reason for note in coverage.notes] == ["not asked for either: no name"]


# ---- names -------------------------------------------------------------------------------------------


def test_names_in_the_cache_are_seen_with_their_answers() -> None:
    _, coverage, ids = observed(
        DnsCacheSource(),
        table=[DnsRecord("PANDORASONG.COM.", "A"), DnsRecord("example.org", "A")],
        answers={("pandorasong.com", "A"): ["95.216.59.92"]},
    )
    assert {"c2-domain", "c2-address"} <= ids
    assert coverage.state is State.COMPLETE


@pytest.mark.parametrize(
    ("answer", "one_thing"),
    [("95.216.59.92", True), ("0.0.0.0", False), ("127.0.0.1", False), ("::", False)],
)
def test_two_names_with_one_address_belong_together_unless_a_sinkhole_answers(
    answer: str, one_thing: bool
) -> None:
    names = ["pandorasong.com", "cdn.pandorasong.com"]
    seen, _, _ = observed(
        DnsCacheSource(),
        table=[DnsRecord(name, "A") for name in names],
        answers={(name, kind): [answer] for name in names for kind in ("A", "AAAA")},
    )
    first, second = (set(keys_of(one)) for one in seen)
    assert bool(first & second) is one_thing


def test_the_other_way_is_taken_when_the_table_cannot_be_read() -> None:
    _, coverage, ids = observed(
        DnsCacheSource(), table=Unreadable("none"), wmi=[DnsRecord("pandorasong.com", "A")]
    )
    assert "c2-domain" in ids
    assert coverage.state is State.COMPLETE


def test_names_that_the_cache_refuses_are_a_note_beside_its_table_and_told_with_their_type() -> (
    None
):
    _, coverage, _ = observed(
        DnsCacheSource(), table=[DnsRecord("example.org", "A")], answers=Unreadable("not allowed")
    )
    (note,) = coverage.notes
    assert note.reason == "name that the cache could not be asked for: not allowed"
    assert "pandorasong.com (A)" in note.samples
    assert coverage.state is State.COMPLETE


def test_a_cache_that_nobody_can_read_is_no_complete_one() -> None:
    _, coverage, _ = observed(
        DnsCacheSource(), table=Unreadable("a"), wmi=NotHere("b"), answers=Unreadable("c")
    )
    assert coverage.state in (State.PARTIAL, State.UNAVAILABLE)
    assert "c" in reasons(coverage)


# ---- this host ---------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="starts a POSIX program")
def test_a_real_process_is_found_by_its_command_line() -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "cyzfc.dat"])
    try:
        time.sleep(0.3)
        found = [
            match.indicator.id
            for match in swept(LiveHost(Own()), ProcessesSource()).matches()
            if (process := match.observation.process) and process.pid == child.pid
        ]
    finally:
        child.kill()
        child.wait()
    assert set(found) == {"name-cyzfc-dat"}


@pytest.mark.skipif(sys.platform == "win32", reason="on Windows they are there")
@pytest.mark.parametrize("source", [MemorySource(), DnsCacheSource(), PipesSource()])
def test_what_only_windows_has_is_not_asked_of_another(source: Any) -> None:
    sweep = swept(LiveHost(Own()), source)
    assert sweep.seen == []
    coverage = sweep.coverage
    assert (coverage.required, coverage.state) == (False, State.UNAVAILABLE)
    assert coverage.reasons[0].reason == "not this platform"


def test_a_real_connection_is_found_with_its_process() -> None:
    import os
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            seen = swept(LiveHost(Own()), ConnectionsSource()).seen
    mine = [
        one
        for one in seen
        if one.destination and one.destination.port == port and one.process is not None
    ]
    assert [one.process.pid for one in mine if one.process] == [os.getpid()]


def test_this_host_has_something_to_walk() -> None:
    this = LiveHost(Own())
    roots, _ = this.roots()
    assert roots
    assert this.host().name
    assert this.describe().paths == []
