"""Processes and the files that their command lines name: joined by what stands there, in one look."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from agent.engine.texts import PathsWithin
from agent.findings import chains
from agent.findings.chains import Chain
from agent.indicators import Address, CommandLine, Domain, FileName
from agent.matching.matcher import Match
from agent.model.objects import Destination, Dll, Dns, File, Process
from agent.model.observation import Claim, Observation, Place, moments
from agent.model.report import Strength
from tests.evidence.claims import together
from tests.evidence.packs import found, stated

COMMON = stated(Strength.WEAK)
NAME = FileName(id="name", value="evil.dat", **COMMON)
GO = CommandLine(id="go", value="-go", **COMMON)
START = datetime(2026, 11, 24, tzinfo=timezone.utc)


def file(path: str) -> Match:
    seen = Observation(
        source="files", claim=Claim.EXISTS, seen="file", place=Place(text=path), file=File(path=path),
    )  # fmt: skip
    return Match(seen, NAME, Strength.WEAK, "file name", path)


def process(pid: int, line: str, when: datetime = START) -> Match:
    seen = Observation(
        source="event_logs", claim=Claim.RAN, seen="event", place=Place(text=f"process {pid}, {when}"),
        moments=moments(happened=when), process=Process(pid=pid, command_line=line),
    )  # fmt: skip
    return Match(seen, GO, Strength.WEAK, "command line", line)


def joined(*matches: Match) -> list[Chain]:
    return chains.build(matches, [])


def as_one(*matches: Match) -> Chain:
    (chain,) = joined(*together(*matches))
    return chain


@pytest.mark.parametrize(
    "line",
    [
        r"rundll32 C:\x\evil.dat,Go -go",
        r'rundll32 "c:\X\EVIL.DAT" -go',
        r"rundll32 C:/x/evil.dat -go",
        r"rundll32 \\?\C:\x\evil.dat -go",
        r"-go C:\x\evil.dat",
        r"copy C:\x\evil.dat;C:\y\other.dat -go",
        r"rundll32 C:\x\evil.dat.,Go -go",
        r"rundll32 C:\x\evil.dat.. -go",
        r"-go C:\x\evil.dat.",
        r"more < C:\x\evil.dat:stream -go",
    ],
)
def test_a_process_belongs_with_the_file_that_it_names(line: str) -> None:
    assert len(joined(process(1, line), file(r"C:\x\evil.dat"))) == 1


@pytest.mark.parametrize(
    "line",
    [
        r"rundll32 C:\x\evil.dat.bak -go",
        r"rundll32 C:\x\evil.dat-old -go",
        r"rundll32 C:\x\evil.dat..bak -go",
        r"rundll32 C:\x\evil.dat~ -go",
        r"rundll32 C:\x\evil.datж -go",
        r"rundll32 C:\x\evil.da -go",
        r"rundll32 evil.dat -go",
    ],
)
def test_a_longer_name_or_a_bare_one_is_another_file(line: str) -> None:
    assert len(joined(process(1, line), file(r"C:\x\evil.dat"))) == 2


def test_each_of_two_files_that_begin_alike_is_found() -> None:
    line = r"copy C:\x\evil.dat C:\x\evil.dat.bak -go"
    assert len(joined(process(1, line), file(r"C:\x\evil.dat"), file(r"C:\x\evil.dat.bak"))) == 1


def test_a_file_without_a_path_is_named_by_nobody() -> None:
    assert len(joined(process(1, "x -go"), file(""), file(r"C:\x\evil.dat"))) == 3


def test_every_command_line_of_one_process_counts() -> None:
    first, second = process(1, r"a C:\x\evil.dat -go"), process(1, r"b C:\y\evil.dat -go")
    assert len(joined(first, second, file(r"C:\x\evil.dat"), file(r"C:\y\evil.dat"))) == 1


def test_twenty_thousand_processes_and_files_are_looked_at_once_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = 0
    of = PathsWithin.of

    def counted(self: PathsWithin, text: str) -> list[str]:
        nonlocal looks
        looks += 1
        return of(self, text)

    monkeypatch.setattr(PathsWithin, "of", counted)
    count = 20_000
    processes = [process(n, rf"rundll32 C:\x\{n}\evil.dat,Go -go") for n in range(count)]
    files = [file(rf"C:\x\{n}\evil.dat") for n in range(count)]
    made = joined(*processes, *files)
    assert [len(chain.matches) for chain in made] == [2] * count
    assert looks <= 2 * count


def test_first_seen_is_that_of_the_oldest_of_a_thousand_sightings() -> None:
    times = [START - timedelta(days=number) for number in range(1000)]
    chain = as_one(*(process(1, f"x {n} -go", when) for n, when in enumerate(times)))
    finding, more = found(chain, START)
    assert (finding.first_seen, finding.last_seen) == (times[-1], START)
    assert (len(finding.evidence), more) == (200, 800)


def test_a_cached_name_belongs_with_every_connection_into_the_block_that_it_resolves_to() -> None:
    block = Address(id="block", value="95.216.59.0/24", **COMMON)
    name = Domain(id="name", value="pandorasong.com", resolves_to=["block"], **COMMON)

    def connection(address: str) -> Match:
        seen = Observation(
            source="connections", claim=Claim.CONNECTED, seen="tcp connection", place=Place(text=address),
            destination=Destination(ip=address, port=443),
        )  # fmt: skip
        return Match(seen, block, Strength.WEAK, "address", address)

    cached = Observation(
        source="dns_cache", claim=Claim.RESOLVED, seen="DNS cache", place=Place(text="DNS cache: x"),
        dns=Dns(question="pandorasong.com"),
    )  # fmt: skip
    resolved = Match(cached, name, Strength.STRONG, "in the DNS cache", "pandorasong.com")
    assert len(joined(connection("95.216.59.92"), connection("95.216.59.93"), resolved)) == 1


def module(pid: int, start: datetime, path: str) -> Match:
    seen = Observation(
        source="modules", claim=Claim.LOADED, seen="loaded module", place=Place(text=path), process=Process(pid=pid, name="rundll32.exe", start=start), dll=Dll(path=path),
    )  # fmt: skip
    return Match(seen, NAME, Strength.WEAK, "module name", path)


def test_the_title_names_the_module_of_the_process_that_it_names() -> None:
    innocent = Observation(
        source="files", claim=Claim.EXISTS, seen="file", place=Place(text="x"), dll=Dll(path=r"C:\other.dll"), file=File(path="x"),
    )  # fmt: skip
    other = Match(innocent, NAME, Strength.WEAK, "file name", "x")
    chain = as_one(other, module(7, START, r"C:\x\evil.dat"))
    assert found(chain, START)[0].title == "rundll32.exe 7 has evil.dat loaded: C:\\x\\evil.dat"


def test_two_users_of_one_pid_are_two_processes() -> None:
    later = START + timedelta(hours=1)
    ran = Observation(
        source="processes", claim=Claim.RUNNING, seen="running process", place=Place(text="process 7"),
        process=Process(pid=7, name="notepad.exe", start=later),
    )  # fmt: skip
    running = Match(ran, GO, Strength.WEAK, "command line", "x")
    chain = as_one(running, module(7, START, r"C:\x\evil.dat"))
    process = found(chain, START)[0].process
    assert process is not None
    assert (process.name, process.start) == ("rundll32.exe", START)


def ran(pid: int, start: datetime | None, line: str) -> Match:
    seen = Observation(
        source="event_logs", claim=Claim.RAN, seen="event", place=Place(text=f"event of {pid}"), process=Process(pid=pid, name="rundll32.exe", start=start, command_line=line),
    )  # fmt: skip
    return Match(seen, GO, Strength.WEAK, "command line", line)


@pytest.mark.parametrize("start", [START, None])
def test_a_process_is_described_by_who_saw_it_run(start: datetime | None) -> None:
    chain = as_one(module(7, START, r"C:\x\evil.dat"), ran(7, start, "x -go"))
    process = found(chain, START)[0].process
    assert process is not None
    assert process.command_line == "x -go"


def test_a_module_seen_without_its_process_start_is_that_process_own() -> None:
    loaded = Observation(
        source="modules", claim=Claim.LOADED, seen="loaded module", place=Place(text="x"), process=Process(pid=7, name="rundll32.exe"), dll=Dll(path=r"C:\x\evil.dat"),
    )  # fmt: skip
    match = Match(loaded, NAME, Strength.WEAK, "module name", "x")
    chain = as_one(match, ran(7, START, "x -go"))
    finding, _ = found(chain, START)
    assert finding.process is not None
    assert finding.process.command_line == "x -go"
    assert finding.title == "rundll32.exe 7 has evil.dat loaded: C:\\x\\evil.dat"


def test_the_module_of_another_process_is_not_its() -> None:
    other = Observation(
        source="files", claim=Claim.EXISTS, seen="file", place=Place(text="y"), process=Process(pid=8), dll=Dll(path=r"C:\other.dll"), file=File(path="y"),
    )  # fmt: skip
    match = Match(other, NAME, Strength.WEAK, "file name", "y")
    chain = as_one(match, module(7, START, r"C:\x\evil.dat"))
    assert found(chain, START)[0].title == "rundll32.exe 7 has evil.dat loaded: C:\\x\\evil.dat"
