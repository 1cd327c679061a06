"""Processes and the files that their command lines name: joined by what stands there, in one look."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from agent.engine.texts import PathsWithin
from agent.findings import chains
from agent.findings.chains import Chain
from agent.findings.keys import file_key, process_key
from agent.indicators import CommandLine, FileName
from agent.matching.matcher import Match
from agent.model.objects import File, Process
from agent.model.observation import Claim, Observation
from agent.model.report import Strength
from tests.evidence.packs import found

COMMON = {"strength": Strength.WEAK, "reference": ["R"], "status": "SRC"}
NAME = FileName(id="name", value="evil.dat", **COMMON)  # type: ignore[arg-type]
GO = CommandLine(id="go", value="-go", **COMMON)  # type: ignore[arg-type]
START = datetime(2026, 11, 24, tzinfo=timezone.utc)


def file(path: str) -> Match:
    seen = Observation(
        source="files", claim=Claim.EXISTS, seen="file", place=path, keys=(file_key(path),),
        file=File(path=path),
    )  # fmt: skip
    return Match(seen, NAME, Strength.WEAK, "file name", path)


def process(pid: int, line: str, when: datetime = START) -> Match:
    seen = Observation(
        source="event_logs", claim=Claim.RAN, seen="event", place=f"process {pid}, {when}",
        keys=(process_key(pid),), time=when, process=Process(pid=pid, command_line=line),
    )  # fmt: skip
    return Match(seen, GO, Strength.WEAK, "command line", line)


def joined(*matches: Match) -> list[Chain]:
    return chains.build(matches, [])


@pytest.mark.parametrize(
    "line",
    [
        r"rundll32 C:\x\evil.dat,Go -go",
        r'rundll32 "c:\X\EVIL.DAT" -go',
        r"rundll32 C:/x/evil.dat -go",
        r"rundll32 \\?\C:\x\evil.dat -go",
        r"-go C:\x\evil.dat",
        r"copy C:\x\evil.dat;C:\y\other.dat -go",
    ],
)
def test_a_process_belongs_with_the_file_that_it_names(line: str) -> None:
    assert len(joined(process(1, line), file(r"C:\x\evil.dat"))) == 1


@pytest.mark.parametrize(
    "line",
    [
        r"rundll32 C:\x\evil.dat.bak -go",
        r"rundll32 C:\x\evil.dat-old -go",
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


def test_every_command_line_of_one_process_counts() -> None:
    first, second = process(1, r"a C:\x\evil.dat -go"), process(1, r"b C:\y\evil.dat -go")
    assert len(joined(first, second, file(r"C:\x\evil.dat"), file(r"C:\y\evil.dat"))) == 1


def test_five_thousand_processes_and_files_are_looked_at_once_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = 0
    of = PathsWithin.of

    def counted(self: PathsWithin, text: str) -> list[str]:
        nonlocal looks
        looks += 1
        return of(self, text)

    monkeypatch.setattr(PathsWithin, "of", counted)
    count = 5_000
    processes = [process(n, rf"rundll32 C:\x\{n}\evil.dat,Go -go") for n in range(count)]
    files = [file(rf"C:\x\{n}\evil.dat") for n in range(count)]
    made = joined(*processes, *files)
    assert [len(chain.matches) for chain in made] == [2] * count
    assert looks <= 2 * count


def test_first_seen_is_that_of_the_oldest_of_a_thousand_sightings() -> None:
    times = [START - timedelta(days=number) for number in range(1000)]
    (chain,) = joined(*(process(1, f"x {n} -go", when) for n, when in enumerate(times)))
    finding, more = found(chain, START)
    assert (finding.first_seen, finding.last_seen) == (times[-1], START)
    assert (len(finding.evidence), more) == (200, 800)
