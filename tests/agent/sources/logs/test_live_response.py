r"""What collectors wrote of the running host is evidence: a collection in which the campaign ran is
never clean because no file of the host keeps it."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.coverage import Ledger
from agent.matching.own_traces import Own
from agent.model.observation import Claim
from agent.model.report import Strength, Verdict
from agent.sources.artefact_source import ArtefactSource
from agent.sources.files.source import FilesSource
from agent.sources.logs.live_response import LiveResponse
from agent.targets.offline.folder import FolderTarget
from tests.evidence.collected import as_folder, as_tar, as_zip, laid_out
from tests.evidence.logs import event_log
from tests.evidence.sweeping import Swept, reported, swept
from tests.evidence.windows_folder import windows

NOW = 1_542_200_000
COMMAND = "rundll32.exe C:\\Users\\jo\\AppData\\Local\\cyzfc.dat, PointFunctionCall"
PACKAGE = {
    "Network Connections/DnsCache.txt": (
        b"    pandorasong.com\r\n    ---------------\r\n    Record Name . . . . . : pandorasong.com\r\n"
    ),
    "Network Connections/ActiveNetConnections.txt": (
        b"  TCP    10.0.0.5:50123    95.216.59.92:443    ESTABLISHED    4312\r\n"
    ),
    "Processes/Processes.csv": (
        f'Name,CommandLine,ProcessId\r\nrundll32.exe,"{COMMAND}",4312\r\n'.encode("utf-16")
    ),
    "Services/Services.txt": b"nothing here",
}
RESULTS = {
    "results/Windows.System.Pslist.json": (
        b'{"Pid":4312,"Name":"rundll32.exe","CommandLine":"%s"}\n'
        % COMMAND.replace("\\", "\\\\").encode()
    ),
    "results/Windows.System.DNSCache.json": b'{"Name":"pandorasong.com","TTL":9}\n',
    "uploads.json": b'{"Path":"C:\\\\Users\\\\jo\\\\cyzfc.dat"}\n',
}


def asked(path: Path) -> Swept:
    return swept(FolderTarget(str(path), own=Own()), ArtefactSource(LiveResponse()))


def claims(sweep: Swept) -> set[tuple[Claim, str]]:
    return {(one.claim, one.place.record) for one in sweep.seen}


def made(folder: Path, form: str, members: dict[str, bytes]) -> Path:
    if form == "folder":
        return as_folder(folder / "P", members, NOW)
    return as_zip(folder / "P.zip", members, NOW)


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_a_package_of_defender_tells_what_ran(form: str, tmp_path: Path) -> None:
    sweep = asked(made(tmp_path, form, PACKAGE))
    assert claims(sweep) == {
        (Claim.RESOLVED, "line 1"), (Claim.RESOLVED, "line 3"), (Claim.CONNECTED, "line 1"),
        (Claim.RAN, "line 2"),
    }  # fmt: skip
    (process,) = (one.process for one in sweep.seen if one.claim is Claim.RAN)
    assert process is not None
    assert (process.pid, process.command_line) == (4312, COMMAND)
    (far,) = (one.destination for one in sweep.seen if one.destination is not None)
    assert (far.ip, far.port, far.state) == ("95.216.59.92", 443, "established")
    assert sweep.coverage.examined == 4


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_results_lie_beside_the_volumes_of_a_collection(form: str, tmp_path: Path) -> None:
    sweep = asked(made(tmp_path, form, {**laid_out("velociraptor", windows()), **RESULTS}))
    assert claims(sweep) == {(Claim.RAN, "line 1"), (Claim.RESOLVED, "line 1")}


def test_a_hit_is_a_hit(tmp_path: Path) -> None:
    target = FolderTarget(str(as_folder(tmp_path / "P", PACKAGE, NOW)), own=Own())
    report = reported(target, FilesSource(), ArtefactSource(LiveResponse()))
    assert report.verdict is Verdict.HIT
    strong = [one for one in report.findings if one.strength is Strength.STRONG]
    assert [one.process.command_line for one in strong if one.process is not None] == [COMMAND, ""]
    (dns,) = (one for one in report.findings if one.dns is not None)
    assert dns.title.startswith("DNS cache: pandorasong.com in ")


def test_lists_of_what_was_copied_are_no_trace(tmp_path: Path) -> None:
    members = {"results/uploads.txt": b"cyzfc.dat", "uploads.json": RESULTS["uploads.json"]}
    assert asked(as_folder(tmp_path, members, NOW)).seen == []


def test_in_an_archive_loose_evidence_is_known_by_its_names(tmp_path: Path) -> None:
    members = {"exported/Security.evtx": event_log([]), "notes/readme.md": b"x"}
    path = as_tar(tmp_path / "logs.tar", members, NOW)
    found = [
        *FolderTarget(str(path), own=Own()).evidence(
            [r"%Loose%\**\*.evtx"], Ledger("test", required=True)
        )
    ]
    assert [one.path.rpartition("\\")[2] for one in found] == ["Security.evtx"]


def test_what_is_blank_or_too_large_is_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LiveResponse, "max_bytes", 10_000)
    members = {"Processes/a.csv": bytes(9000), "Processes/b.csv": b"x" * 10_001}
    reasons = asked(as_folder(tmp_path, members, NOW)).reasons
    assert {reason.partition(": ")[2]: count for reason, count in reasons.items()} == {
        "blank, nothing of it is there": 1, "read up to 9 KiB only": 1
    }  # fmt: skip


@pytest.mark.parametrize(
    "name",
    [
        "live_response/network/netstat", "live_response/network/netstat.log",
        "WS-0421/live_response/process/ps.out", "network connections/dnscache.TXT",
        "Package/Network Connections/DnsCache.xls", "Processes/list.html",
    ],
)  # fmt: skip
def test_what_such_a_list_is_called_hides_nothing(name: str, tmp_path: Path) -> None:
    members = {name: b"x pandorasong.com y\r\n"}
    (seen,) = asked(as_folder(tmp_path, members, NOW)).seen
    assert (seen.claim, seen.place.record) == (Claim.MENTIONED, "line 1")
