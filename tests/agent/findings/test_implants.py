"""Four implants are four findings that share the DLL, each with who started it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from agent.findings.implants import MAX_APART
from agent.model.objects import Destination, Dll, Dns, Event, File, Hash, Parent, Pe, Process, User
from agent.model.observation import Claim, Observation, Place, moments
from agent.model.report import Finding, Strength
from tests.evidence.packs import campaign, chains_of, found

MATCHER = campaign()
NOW = datetime(2026, 11, 24, 14, 2, tzinfo=timezone.utc)
PATH = r"C:\Users\jo\AppData\Local\cyzfc.dat"
RUNDLL32 = r"C:\Windows\System32\rundll32.exe"
TRAITS = Pe(machine="amd64", dll=True, exports=["PointFunctionCall"])
LINE = f"rundll32.exe {PATH},PointFunctionCall"


def findings(*observations: Observation) -> list[Finding]:
    matches = [match for seen in observations for match in MATCHER.match(seen)]
    return [found(chain, NOW)[0] for chain in chains_of(matches)]


def process(
    pid: int, parent: str = "explorer.exe", *, image: str = RUNDLL32, line: str = LINE, by: int = 1
) -> Process:
    return Process(
        pid=pid,
        name=image.rpartition("\\")[2],
        executable=image,
        command_line=line,
        start=NOW - timedelta(minutes=pid),
        user=User(name=f"CORP\\{pid}"),
        parent=[Parent(pid=by, name=parent)],
    )


def running(who: Process) -> Observation:
    return Observation(
        source="processes", claim=Claim.RUNNING, seen="running process",
        place=Place(text=f"{who.name}[{who.pid}]"), moments=moments(ran=who.start), process=who,
    )  # fmt: skip


def loaded(who: Process, path: str = PATH) -> Observation:
    return Observation(
        source="modules", claim=Claim.LOADED, seen="loaded module",
        place=Place(text=f"{path} in {who.name}[{who.pid}]"), process=who, dll=Dll(path=path, pe=TRAITS),
    )  # fmt: skip


def connected(who: Process) -> Observation:
    return Observation(
        source="connections", claim=Claim.CONNECTED, seen="tcp connection", place=Place(text="x"),
        destination=Destination(ip="95.216.59.92", port=443), process=who,
    )  # fmt: skip


def logged(who: Process, record: int, claim: Claim = Claim.RAN) -> Observation:
    return Observation(
        source="event_logs", claim=claim, seen="event 4688", place=Place(text=f"record {record}"),
        moments=moments(ran=who.start), process=who,
        event=Event(channel="Security", id=4688, record=record),
    )  # fmt: skip


FILE = Observation(
    source="files", claim=Claim.EXISTS, seen="file", place=Place(text=PATH), file=File(path=PATH, pe=TRAITS),
)  # fmt: skip
CACHED = Observation(
    source="dns_cache", claim=Claim.RESOLVED, seen="DNS cache", place=Place(text="pandorasong.com"),
    dns=Dns(question="pandorasong.com", answers=["95.216.59.92"]),
)  # fmt: skip
PARENTS = ("explorer.exe", "cmd.exe", "powershell.exe", "WmiPrvSE.exe")


def test_four_at_once_are_four_findings_that_share_the_dll() -> None:
    who = [process(10 + number, parent) for number, parent in enumerate(PARENTS)]
    made = findings(*map(running, who), *map(loaded, who), FILE, connected(who[3]), CACHED)
    assert [one.strength for one in made] == [Strength.CONFIRMED] * 4
    told = [(one.process.pid, one.process.parent[0].name) for one in made if one.process]
    assert told == [(10 + number, parent) for number, parent in enumerate(PARENTS)]
    assert {one.process.user.name for one in made if one.process and one.process.user} == {
        rf"CORP\{one.pid}" for one in who
    }
    assert [one.dll.path for one in made if one.dll] == [PATH] * 4
    assert len({one.id for one in made}) == 4
    talking = [one for one in made if any(e.source == "connections" for e in one.evidence)]
    assert [one.process.pid for one in talking if one.process] == [13]


@pytest.mark.parametrize("parent", ["cmd.exe", "powershell.exe"])
def test_who_started_it_is_no_finding_of_its_own(parent: str) -> None:
    shell = process(1, image=rf"C:\Windows\System32\{parent}", line=f"{parent} /c {LINE}", by=0)
    mine = process(2, parent, by=1)
    (made,) = findings(running(shell), running(mine), loaded(mine), FILE)
    assert made.process is not None
    assert made.process.pid == 2
    (unread,) = findings(running(shell), running(mine), FILE)
    assert unread.process is not None


def test_one_whose_modules_cannot_be_read_is_a_finding_beside_those_that_show_theirs() -> None:
    first, second = process(1, by=9), process(2, by=9)
    made = findings(running(first), loaded(first), running(second), FILE)
    assert [one.process.pid for one in made if one.process] == [1, 2]


def test_who_only_reads_the_file_is_no_implant() -> None:
    reader = process(5, image=r"C:\Windows\notepad.exe", line=f"notepad {PATH}", by=9)
    first, second = process(1, by=9), process(2, by=9)
    made = findings(
        running(reader), *map(loaded, (first, second)), *map(running, (first, second)), FILE
    )
    assert [one.process.pid for one in made if one.process] == [1, 2]
    (alone,) = findings(running(reader), FILE)
    assert alone.strength is Strength.CONFIRMED


def test_what_logs_remember_is_apart_by_who_and_how_and_not_by_every_start() -> None:
    events = [logged(process(pid, by=3), pid) for pid in range(10, 15)]
    for event in events:
        assert event.process is not None
        event.process.user = User(name="CORP\\jo")
    other = process(99, "WmiPrvSE.exe", by=4)
    made = findings(*events, logged(other, 99), FILE)
    assert [len([e for e in one.evidence if e.source == "event_logs"]) for one in made] == [15, 3]
    assert [one.process.parent[0].name for one in made if one.process] == [
        "explorer.exe",
        "WmiPrvSE.exe",
    ]


def test_a_log_of_a_process_that_runs_still_belongs_to_it() -> None:
    first, second = process(1, by=9), process(2, by=9)
    made = findings(*map(loaded, (first, second)), logged(first, 1), logged(second, 2), FILE)
    assert len(made) == 2
    assert all(any(e.source == "event_logs" for e in one.evidence) for one in made)


def test_a_browser_that_talks_to_the_address_is_not_the_implant() -> None:
    browser = process(7, image=r"C:\Program Files\b.exe", line="b.exe", by=9)
    mine = process(8, by=9)
    made = findings(connected(browser), connected(mine))
    assert {(one.process.pid, one.strength) for one in made if one.process} == {
        (7, Strength.WEAK),
        (8, Strength.STRONG),
    }


def test_a_thousand_at_once_are_bounded_and_none_is_lost() -> None:
    who = [process(number, by=0) for number in range(10, 1010)]
    made = findings(*map(loaded, who), FILE)
    assert len(made) == MAX_APART
    matches = [match for seen in map(loaded, who) for match in MATCHER.match(seen)]
    parts = chains_of([*matches, *MATCHER.match(FILE)])
    assert len({id(m.observation) for part in parts for m in part.matches}) == 1001


OTHERS = PATH.replace("jo", "ann")


@pytest.mark.parametrize("there", [(PATH, OTHERS), (OTHERS, PATH), (PATH,)])
def test_two_dlls_with_one_server_are_each_their_own_process_file(there: tuple[str, ...]) -> None:
    """One finding showed the hash of the other one's DLL."""
    files = [
        Observation(
            source="files",
            claim=Claim.EXISTS,
            seen="file",
            place=Place(text=path),
            file=File(path=path, hash=Hash(sha1=f"{len(path):040x}"), pe=TRAITS),
        )
        for path in there
    ]
    own = process(1), process(2, line=LINE.replace(PATH, OTHERS))
    seen = [
        one
        for who, path in zip(own, (PATH, OTHERS), strict=True)
        for one in (running(who), loaded(who, path), connected(who))
    ]
    told = {
        finding.process.pid: finding.file and finding.file.path
        for finding in findings(*files, *seen)
        if finding.process is not None
    }
    assert told == {1: PATH, 2: OTHERS if OTHERS in there else None}
