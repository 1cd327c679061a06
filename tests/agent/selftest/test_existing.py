"""What the self-test looks for that was there already, on hosts with every kind of evidence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from agent.formats import FormatError
from agent.matching.matcher import type_of
from agent.model.self_test import Attempt, Proof
from agent.packs.built_in import load_packs, matcher_of
from agent.selftest.existing import NO_WORD, NONE, NOT_LISTED, NOT_UNDERSTOOD, Existing
from agent.selftest.marks import Marks
from agent.selftest.planted_files import Files
from agent.selftest.probe import Probe
from agent.selftest.sweeps import Sweeps
from agent.sources.artefact_source import ArtefactSource
from agent.sources.execution.prefetch import PrefetchArtefact
from agent.sources.execution.scheduled_tasks import ScheduledTasks
from agent.targets import Root
from agent.targets.live.host import LiveHost
from agent.targets.live.system import DnsRecord, Unreadable
from tests.evidence.hosts import FakeSystem
from tests.evidence.infected import infected
from tests.evidence.memories import evidence
from tests.evidence.sweeping import Silent
from tests.evidence.windows_folder import RunningWindows, as_live, every_windows

OBJECTS = r"C:\Windows\System32\wbem\Repository\OBJECTS.DATA"
HOSTS = r"C:\Windows\System32\drivers\etc\hosts"
MARKS = Marks("selfcheck-0d6f5e2a91c3")


class OnWindows(Sweeps):
    """Sweeps a made-up Windows host, however its paths are limited."""

    def __init__(self, folder: Path, host: RunningWindows) -> None:
        super().__init__(folder, Silent(), pause=lambda _: None)
        self.host = host

    def target(self, *paths: str) -> LiveHost:
        volumes = {root.path for root in self.host.made.roots}
        self.host._paths = tuple(path for path in paths if path not in volumes)
        return self.host


def existing(host: LiveHost) -> Existing:
    return Existing(host, matcher_of(load_packs()), MARKS.word)


def attempted(sweeps: OnWindows) -> tuple[list[Probe], list[Attempt]]:
    """Of all evidence in files."""
    host = sweeps.target()
    sources = [one for one in sweeps.sources() if isinstance(one, ArtefactSource)]
    probes = [existing(host).probe(one) for one in sources]
    return probes, sweeps.attempts(probes)


@pytest.mark.parametrize(
    ("files", "proved"),
    [
        pytest.param(
            infected,
            {"event_logs", "prefetch", "registry", "browsers", "srum", "scheduled_tasks", "defender",
             "firewall_log", "opened_files", "wmi_repository"},
            id="infected",
        ),
        pytest.param(
            evidence,
            {"event_logs", "prefetch", "registry", "scheduled_tasks", "console_history",
             "error_reports", "wmi_repository"},
            id="every memory",
        ),
    ],
)  # fmt: skip
def test_each_source_with_evidence_finds_what_is_in_it(
    tmp_path: Path, files: object, proved: set[str]
) -> None:
    assert callable(files)
    host = as_live(tmp_path / "c", {**every_windows(), OBJECTS: b"a consumer of events", **files()})
    probes, attempts = attempted(OnWindows(tmp_path / "c" / "Windows" / "Temp", host))
    told = {one.source: one for one in attempts if one.what != "the source as a whole"}
    assert {name for name, one in told.items() if one.proof is Proof.PROVED} == proved
    assert {one.reason for one in told.values() if one.proof is Proof.NOTHING_HERE} <= {
        NONE,
        NO_WORD,
    }
    assert [one for one in told.values() if one.proof is Proof.NOT_PROVED] == []
    values = {str(indicator.value) for probe in probes for indicator in probe.indicators}
    assert values
    assert [
        v for v in values if any(w in v for w in ("cyzfc", "ds7002", "pandora", "pointfunction"))
    ] == []
    assert [v for v in values for one in attempts if v in one.reason or v == one.what] == []


# ---- Something is broken


def on_infected(tmp_path: Path) -> dict[str, Attempt]:
    host = as_live(tmp_path / "c", {**every_windows(), OBJECTS: b"a consumer", **infected()})
    _, attempts = attempted(OnWindows(tmp_path / "c" / "Windows" / "Temp", host))
    return {one.source: one for one in attempts if one.what != "the source as a whole"}


def test_files_that_are_no_longer_listed_are_missed_where_every_windows_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LiveHost, "evidence", lambda *_: iter(()))
    told = on_infected(tmp_path)
    failed = {name: one.reason for name, one in told.items() if one.proof is Proof.NOT_PROVED}
    assert failed == dict.fromkeys(
        ("event_logs", "registry", "scheduled_tasks", "wmi_repository"), NOT_LISTED
    )


def no_text(*_: object) -> bytes:
    return b""


def not_understood(*_: object) -> bytes:
    raise FormatError("no such compression")


@pytest.mark.parametrize(
    ("broken", "why"), [(no_text, NOT_UNDERSTOOD), (not_understood, "no such compression")]
)
def test_a_reader_that_sees_nothing_in_a_file_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: object, why: str
) -> None:
    monkeypatch.setattr(PrefetchArtefact, "plain", broken)
    monkeypatch.setattr(ScheduledTasks, "plain", broken)
    told = on_infected(tmp_path)
    failed = {name: one.reason for name, one in told.items() if one.proof is Proof.NOT_PROVED}
    assert set(failed) == {"prefetch", "scheduled_tasks"}
    assert all(one.endswith(f": {why}") for one in failed.values())


def test_a_source_that_failed_does_not_say_that_there_was_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ArtefactSource.observe

    def observe(self: ArtefactSource, *given: Any) -> Iterator[Any]:
        if self.name == "recycle_bin":
            raise ValueError("a defect")
        yield from real(self, *given)

    assert on_infected(tmp_path / "whole")["recycle_bin"].reason == NONE
    monkeypatch.setattr(ArtefactSource, "observe", observe)
    told = on_infected(tmp_path / "broken")["recycle_bin"]
    assert (told.proof, told.reason) == (
        Proof.NOT_PROVED, "the source failed: ValueError (a defect)"
    )  # fmt: skip


# ---- The hosts file


def hosts_file(tmp_path: Path, text: bytes) -> Attempt:
    host = as_live(tmp_path / "c", {**every_windows(), HOSTS: text})
    _, attempts = attempted(OnWindows(tmp_path / "c" / "Windows" / "Temp", host))
    (one,) = (one for one in attempts if one.source == "hosts_file")
    return one


def test_of_a_hosts_file_it_is_a_name(tmp_path: Path) -> None:
    told = hosts_file(tmp_path, b"# a comment\n192.0.2.7 printer printer.example.org\n")
    assert (told.proof, told.type) == (Proof.PROVED, "domain")
    assert told.place.endswith("line 2")


def test_of_a_hosts_file_of_comments_there_is_nothing_to_find(tmp_path: Path) -> None:
    told = hosts_file(tmp_path, b"# 192.0.2.7 printer.example.org\n127.0.0.1 localhost\n")
    assert (told.proof, told.reason) == (Proof.NOTHING_HERE, NO_WORD)


def test_a_name_of_the_campaign_in_a_hosts_file_is_not_used(tmp_path: Path) -> None:
    told = hosts_file(tmp_path, b"95.216.59.92 cdn.pandorasong.com\n")
    assert (told.proof, told.reason) == (Proof.NOTHING_HERE, NO_WORD)


# ---- The DNS cache


def cached(tmp_path: Path, **answers: object) -> Probe:
    system = FakeSystem(answers)
    host = as_live(tmp_path / "c", every_windows(), system=system)
    return existing(host).cached_name(system, ["ws-0421.corp.example", "ws-0421"])


def test_the_hosts_own_name_is_used_if_the_cache_has_it(tmp_path: Path) -> None:
    probe = cached(
        tmp_path,
        table=[DnsRecord("a.example.org", "A")],
        answers={("ws-0421.corp.example", "A"): ["192.0.2.9"]},
    )
    assert [(type_of(one), one.value) for one in probe.indicators] == [
        ("domain", "ws-0421.corp.example")
    ]


def test_else_any_name_that_is_there_and_not_the_campaigns(tmp_path: Path) -> None:
    probe = cached(
        tmp_path, table=[DnsRecord("a.pandorasong.com", "A"), DnsRecord("b.example.org.", "A")]
    )
    assert [one.value for one in probe.indicators] == ["b.example.org"]


def test_a_cache_that_is_empty_or_refused_is_a_failure_as_it_is_a_gap_of_a_sweep(
    tmp_path: Path,
) -> None:
    assert cached(tmp_path).problem == "the cache holds no name that could be looked for"
    refused = Unreadable("Windows does not give it")
    probe = cached(tmp_path, table=refused, wmi=Unreadable("no"))
    assert probe.problem == "the cache cannot be read: Windows does not give it"


# ---- By the volume's records


def by_records(tmp_path: Path, files: dict[str, bytes]) -> tuple[OnWindows, list[Probe]]:
    (tmp_path / "c").mkdir()
    host = as_live(tmp_path / "c", files)
    folder = tmp_path / "c" / "ProgramData" / "selftest-x"
    named = Files(MARKS).made("selftest-x")[0]
    return OnWindows(folder, host), [one for one in named.probes if one.by_record]


def roots_of(sweeps: OnWindows) -> list[Root]:
    """To be changed."""
    roots = sweeps.host.made.roots
    assert isinstance(roots, list)
    return roots


def test_a_file_is_found_by_the_records_of_its_volume(tmp_path: Path) -> None:
    name = rf"C:\ProgramData\selftest-x\{MARKS.word}-name.txt"
    sweeps, probes = by_records(tmp_path, {**every_windows(), name: b"x"})
    told = {one.source: one for one in sweeps.attempts(probes)}
    assert told["files"].proof is Proof.PROVED
    assert told["files"].place.endswith(f"{MARKS.word}-name.txt")
    assert told["usn_journal"].proof is Proof.NOT_PROVED
    assert "no change journal" in told["usn_journal"].reason


def test_a_raw_volume_that_is_refused_is_a_failure_of_all_that_need_it(tmp_path: Path) -> None:
    sweeps, probes = by_records(tmp_path, every_windows())

    def refused() -> None:
        raise PermissionError(13, "Permission denied")

    roots = roots_of(sweeps)
    assert roots[0].raw is not None
    roots[0] = structs.replace(roots[0], raw=structs.replace(roots[0].raw, open=refused))
    told = {one.source: one for one in sweeps.attempts(probes) if one.proof is Proof.NOT_PROVED}
    assert set(told) >= {"files", "usn_journal", "ntfs_log", "shadow_copies"}
    assert {one.reason.rpartition("volume: ")[2] for one in told.values()} == {"access denied"}


def test_a_volume_that_could_be_read_so_by_an_administrator_is_a_failure(tmp_path: Path) -> None:
    sweeps, probes = by_records(tmp_path, every_windows())
    roots = roots_of(sweeps)
    roots[0] = Root(roots[0].path, "NTFS", why_walked="not elevated")
    told = {
        one.source: one.reason for one in sweeps.attempts(probes) if one.proof is Proof.NOT_PROVED
    }
    assert told["files"].endswith("not elevated")
    roots[0] = Root(roots[0].path, "FAT32", why_walked="FAT32")
    told = {
        one.source: one.reason for one in sweeps.attempts(probes) if one.proof is Proof.NOT_PROVED
    }
    assert "files" not in told


def test_a_folder_on_another_file_system_proves_nothing_of_the_volumes_of_ntfs(
    tmp_path: Path,
) -> None:
    """As with the home folder on a stick."""
    sweeps, probes = by_records(tmp_path, every_windows())
    roots = roots_of(sweeps)
    ntfs = Root("D:\\", "NTFS", raw=roots[0].raw)
    roots[:] = [Root(roots[0].path, "FAT32", why_walked="FAT32"), ntfs]
    told = [one for one in sweeps.attempts(probes) if one.proof is Proof.NOT_PROVED]
    why = "; D:\\ would be: set IOCSWEEP_HOME to a folder there"
    unproved = {one.source for one in told if one.reason.endswith(f"FAT32{why}")}
    assert unproved == {"files", "usn_journal", "ntfs_log", "shadow_copies"}
