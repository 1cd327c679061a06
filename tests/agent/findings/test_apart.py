"""Which matches of one chain are one process's: told apart by what was seen of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import pytest
from msgspec import structs

from agent.findings.implants import MAX_APART, of_one_process_each
from agent.indicators import FileName
from agent.matching.matcher import Match
from agent.model.objects import Dll, Event, File, Parent, Process, User
from agent.model.observation import Claim, Observation, Place
from agent.model.report import Strength

NOW = datetime(2018, 11, 14, 18, 4, tzinfo=timezone.utc)
NAME = FileName(id="n", value="cyzfc.dat", strength=Strength.WEAK, reference=["S"], status="SRC")
RUNDLL32 = r"C:\Windows\System32\rundll32.exe"


def process(pid: int, **other: object) -> Process:
    """One of a kind; ``other``: in what it differs."""
    usual = Process(
        pid=pid,
        name="rundll32.exe",
        executable=RUNDLL32,
        command_line="rundll32 a",
        start=NOW + timedelta(minutes=pid),
        user=User(name="CORP\\jo", id="S-1"),
        parent=[Parent(pid=1, name="explorer.exe"), Parent(pid=2, name="userinit.exe")],
    )
    return structs.replace(usual, **other)


def match(
    who: Process | None,
    claim: Claim = Claim.RAN,
    *,
    logged: bool = True,
    strength: Strength = Strength.STRONG,
    file: str = "",
    dll: str = "",
) -> Match:
    event = Event(channel="Security", id=4688, record=1) if logged else None
    seen = Observation(
        source="s", claim=claim, seen="s", place=Place(text="p"), process=who, event=event,
        file=File(path=file) if file else None, dll=Dll(path=dll) if dll else None,
    )  # fmt: skip
    return Match(seen, NAME, strength, "command line", "")


def apart(matches: Sequence[Match]) -> list[list[int | None]]:
    """Of each part the pids."""
    return [
        [one.observation.process.pid for one in part if one.observation.process]
        for part in of_one_process_each(list(matches))
    ]


OTHER = {
    "program": {"executable": r"C:\Windows\SysWOW64\regsvr32.exe"},
    "name of the program": {"executable": "", "name": "regsvr32.exe"},
    "user": {"user": User(name="CORP\\al", id="S-1")},
    "no user": {"user": None},
    "parent": {"parent": [Parent(pid=1, name="cmd.exe"), Parent(pid=2, name="userinit.exe")]},
    "no parent": {"parent": []},
    "command line": {"command_line": "rundll32 b"},
}
SAME = {
    "start": {"start": NOW - timedelta(days=9)},
    "case of the program": {"executable": RUNDLL32.upper()},
    "folder of the program": {"executable": r"D:\x\rundll32.exe"},
    "no folder of the program": {"executable": ""},
    "id of a user with a name": {"user": User(name="corp\\JO", id="S-2")},
    "who started its parent": {
        "parent": [Parent(pid=1, name="EXPLORER.exe"), Parent(pid=2, name="other.exe")]
    },
    "blanks": {"command_line": 'rundll32  "a"'},
}


@pytest.mark.parametrize("other", OTHER.values(), ids=OTHER)
def test_what_logs_remember_of_another_kind_is_apart(other: dict[str, object]) -> None:
    seen = [match(process(11)), match(process(12, **other)), match(process(13))]
    assert apart(seen) == [[11, 13], [12]]


@pytest.mark.parametrize("other", SAME.values(), ids=SAME)
def test_what_logs_remember_of_one_kind_stays_together(other: dict[str, object]) -> None:
    odd = match(process(14, command_line="another"))
    seen = [match(process(11)), match(process(12, **other)), odd]
    assert apart(seen) == [[11, 12], [14]]


def test_users_without_names_are_told_apart_by_their_ids() -> None:
    first, second = User(id="S-1"), User(id="S-2")
    seen = [match(process(11, user=first)), match(process(12, user=second))]
    assert apart(seen) == [[11], [12]]
    assert apart([match(process(n, user=first)) for n in (11, 12)]) == [[11, 12]]


def test_a_user_and_a_parent_without_a_name_are_as_good_as_none() -> None:
    nobody = match(process(11, user=None, parent=[]))
    unnamed = match(process(12, user=User(), parent=[Parent(pid=1)]))
    assert apart([nobody, unnamed, match(process(13))]) == [[11, 12], [13]]


@pytest.mark.parametrize("claim", [Claim.RUNNING, Claim.LOADED, Claim.CONNECTED])
def test_of_one_kind_those_that_are_there_now_are_apart(claim: Claim) -> None:
    seen = [match(process(number), claim, logged=False) for number in (11, 12)]
    assert apart(seen) == [[11], [12]]


@pytest.mark.parametrize(("claim", "logged"), [(Claim.RAN, False), (Claim.LOADED, True)])
def test_what_is_remembered_is_not_there_now(claim: Claim, logged: bool) -> None:
    seen = [match(process(number), claim, logged=logged) for number in (11, 12)]
    assert apart(seen) == [[11, 12]]


def test_one_that_is_remembered_and_there_now_is_there_now() -> None:
    seen = [
        match(process(11)),
        match(process(11), Claim.LOADED, logged=False),
        match(process(12)),
        match(process(12), Claim.LOADED, logged=False),
    ]
    assert apart(seen) == [[11, 11], [12, 12]]


def test_a_process_is_taken_as_whoever_tells_most_of_it_describes_it() -> None:
    bare = process(11, command_line="", user=None)
    told = [match(bare), match(process(11)), match(bare), match(process(12))]
    other = match(process(13, command_line="another"))
    assert apart([*told, other]) == [[11, 11, 11, 12], [13]]
    by_whom = [match(process(11, user=None)), match(process(11)), match(process(12))]
    assert apart([*by_whom, other]) == [[11, 11, 12], [13]]
    no_line, no_user = process(11, command_line=""), process(11, user=None)
    by_line = [match(no_line), match(no_user), match(process(12, user=None))]
    assert apart([*by_line, match(process(13, command_line=""))]) == [[11, 11, 12], [13]]


def test_the_same_process_under_several_keys_is_one() -> None:
    logged = process(11, entity_id="{1}")
    later = process(11, entity_id="{1}", start=None)
    running = process(12, entity_id="{2}")
    seen = [match(one, Claim.LOADED, logged=False) for one in (logged, later, running)]
    assert apart(seen) == [[11, 11], [12]]


def test_what_a_log_and_the_running_system_call_differently_is_one() -> None:
    logged = match(process(11, entity_id="{1}"))
    running = [match(process(n), Claim.LOADED, logged=False) for n in (11, 12)]
    assert apart([logged, *running]) == [[11, 11], [12]]


def test_what_is_not_several_processes_stays_as_it_is() -> None:
    for seen in (
        [match(None)],
        [match(None), match(process(11))],
        [match(None), match(structs.replace(process(11), pid=None)), match(process(12))],
    ):
        assert of_one_process_each(seen) == [seen]


FILE = r"C:\x\cyzfc.dat"


def with_file(first: Sequence[Match], second: Sequence[Match]) -> list[bool]:
    """Of two processes, whose evidence the file is."""
    there = match(None, Claim.EXISTS, logged=False, file=FILE.upper())
    return [there in part for part in of_one_process_each([there, *first, *second])]


def test_a_file_is_evidence_of_the_process_that_has_it_or_was_started_with_it() -> None:
    has_it = match(process(11), Claim.LOADED, logged=False, dll=FILE)
    named = match(process(12, command_line=f"rundll32 {FILE},X"))
    other = match(process(13), Claim.LOADED, logged=False, dll=r"C:\other.dll")
    assert with_file([has_it], [other]) == [True, False]
    assert with_file([other], [named]) == [False, True]
    assert with_file([has_it], [named]) == [True, True]
    once = match(process(12), Claim.LOADED, logged=False)
    assert with_file([other], [named, once]) == [False, True]


def test_a_file_that_none_of_them_has_is_evidence_of_each() -> None:
    first, second = (match(process(n), Claim.LOADED, logged=False) for n in (11, 12))
    assert with_file([first], [second]) == [True, True]


def test_what_is_no_process_s_own_stands_behind_in_each_part() -> None:
    shared = match(None, Claim.EXISTS)
    seen = [shared, *(match(process(n), Claim.LOADED, logged=False) for n in (11, 12))]
    parts = of_one_process_each(seen)
    assert [part[-1] for part in parts] == [shared, shared]
    assert [len(part) for part in parts] == [2, 2]


def test_who_was_only_seen_running_weakly_is_none_of_them() -> None:
    having = [match(process(n), Claim.LOADED, logged=False) for n in (11, 12)]
    weak = match(process(13), Claim.RUNNING, logged=False, strength=Strength.WEAK)
    resolver = match(process(14), Claim.RESOLVED, logged=False)
    assert apart([*having, weak, resolver]) == [[11, 13, 14], [12, 13, 14]]


def test_who_started_one_of_them_is_none_of_them_unless_it_has_the_thing() -> None:
    begun = NOW + timedelta(minutes=11)
    starter = process(11)
    child = process(12, parent=[Parent(pid=11, name="rundll32.exe", start=begun)])
    other = process(13)
    doing = [match(one, Claim.RUNNING, logged=False) for one in (starter, child, other)]
    assert apart(doing) == [[12, 11], [13, 11]]
    having = match(starter, Claim.LOADED, logged=False)
    assert apart([*doing, having]) == [[11, 11], [12], [13]]


def test_a_parent_of_another_start_is_another_process() -> None:
    child = process(12, parent=[Parent(pid=11, name="x", start=NOW - timedelta(days=1))])
    doing = [match(one, Claim.RUNNING, logged=False) for one in (process(11), child)]
    assert apart(doing) == [[11], [12]]


@pytest.mark.parametrize("more", [-1, 0, 1, 5])
def test_so_many_are_apart_and_the_others_stay_together(more: int) -> None:
    count = MAX_APART + more
    seen = [match(process(n), Claim.LOADED, logged=False) for n in range(11, 11 + count)]
    sizes = [len(part) for part in apart(seen)]
    assert len(sizes) == min(count, MAX_APART) == min(count, 256)
    assert sizes == [1] * (len(sizes) - 1) + [max(1, 1 + more)]
