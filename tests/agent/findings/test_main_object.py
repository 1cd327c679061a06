"""Of several sightings, what a finding is about: which process, which file, which event, and the key
that its id is made of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from agent.findings.main_object import best_objects, is_its, key_of, shown_objects
from agent.model.objects import Event, File, Hash, Process, Registry
from agent.model.observation import Claim, Observation, Place, moments
from tests.evidence.logs import WHEN

LATER = WHEN + timedelta(hours=1)


def seen(
    claim: Claim = Claim.RAN,
    process: Process | None = None,
    *,
    place: str = "somewhere",
    file: File | None = None,
    event: Event | None = None,
    registry: Registry | None = None,
) -> Observation:
    return Observation(
        source="event_logs",
        seen="event",
        claim=claim,
        place=Place(text=place),
        process=process,
        file=file,
        event=event,
        registry=registry,
    )


def process(pid: int | None = None, guid: str = "", name: str = "rundll32.exe") -> Process:
    return Process(pid=pid, entity_id=guid, name=name)


def main(*sightings: Observation) -> Process | None:
    return best_objects(sightings).process


@pytest.mark.parametrize("known", [process(pid=4312), process(guid="{1}")])
@pytest.mark.parametrize("claim", [Claim.LOADED, Claim.CONNECTED, Claim.RUNNING, Claim.RAN])
def test_a_process_that_can_be_told_from_others_is_before_one_that_cannot(
    known: Process, claim: Claim
) -> None:
    """As prefetch tells which program loads the DLL at all."""
    assert main(seen(Claim.LOADED, process()), seen(claim, known)) is known


def test_one_that_only_mentions_it_is_behind_one_that_did_it_and_cannot_be_told_apart() -> None:
    by_prefetch, shell = process(), process(pid=7, name="cmd.exe")
    assert main(seen(Claim.MENTIONED, shell), seen(Claim.LOADED, by_prefetch)) is by_prefetch
    assert main(seen(Claim.MENTIONED, shell), seen(Claim.RAN, by_prefetch)) is by_prefetch


def test_of_those_that_did_nothing_the_one_that_mentions_it_is_told_and_else_the_first() -> None:
    first, second = process(pid=7), process(pid=8)
    assert main(seen(Claim.LOGGED, first), seen(Claim.MENTIONED, second)) is second
    assert main(seen(Claim.LOGGED, first), seen(Claim.BLOCKED, second)) is first
    assert main(seen(Claim.EXISTS)) is None


def test_it_is_described_as_it_was_seen_itself() -> None:
    loaded, itself = process(pid=7), Process(pid=7, name="rundll32.exe", command_line="x")
    assert main(seen(Claim.LOADED, loaded), seen(Claim.RUNNING, itself)) is itself


@pytest.mark.parametrize(
    ("one", "other"),
    [(process(), process(pid=7)), (process(pid=7), process()), (process(), process())],
)
def test_without_a_pid_nothing_tells_that_two_are_one(one: Process, other: Process) -> None:
    assert not is_its(seen(process=one), other)
    assert is_its(seen(process=one), one)


def test_two_pids_are_two_processes() -> None:
    assert not is_its(seen(process=process(pid=7)), process(pid=8))
    assert not is_its(seen(Claim.EXISTS), process(pid=7))
    assert is_its(seen(process=process(pid=7)), process(pid=7))
    assert is_its(seen(process=Process(pid=7, start=WHEN)), Process(pid=7, start=WHEN))
    assert not is_its(seen(process=Process(pid=7, start=WHEN)), Process(pid=8, start=WHEN))


def test_two_starts_of_one_pid_are_two_processes() -> None:
    one, other = Process(pid=7, start=WHEN), Process(pid=7, start=LATER)
    assert not is_its(seen(process=one), other)
    assert is_its(seen(process=one), Process(pid=7))
    assert is_its(seen(process=Process(pid=7)), one)


def test_what_a_logger_calls_them_tells_two_processes_apart_if_it_knows_both() -> None:
    logged, running = process(7, "{1}"), process(7)
    assert is_its(seen(process=logged), running)
    assert is_its(seen(process=running), logged)
    assert is_its(seen(process=logged), process(7, "{1}"))
    assert not is_its(seen(process=logged), process(7, "{2}"))


def test_one_event_is_shown_and_of_several_none() -> None:
    one, other = (Event(channel="Security", id=4688, record=number) for number in (1, 2))
    assert shown_objects([seen(event=one), seen(place="else")]).event == one
    assert shown_objects([seen(place="else"), seen(event=one)]).event == one
    assert shown_objects([seen(event=one), seen(event=other)]).event is None


def test_an_event_is_known_by_the_time_of_its_own_sighting() -> None:
    """Wherever the others stand, and whenever they are of."""
    event = Event(channel="Security", id=4688, record=7)
    logged, other = seen(event=event), seen(Claim.EXISTS, place="a")
    logged.moments, other.moments = moments(logged=LATER), moments(created=WHEN)
    keys = {key_of([logged, other]), key_of([other, logged])}
    assert keys == {f"event:security:7:{LATER.isoformat()}"}


def test_what_has_no_object_is_known_by_the_first_of_its_places() -> None:
    assert key_of([seen(place="b"), seen(place="a")]) == "place:a"


def test_a_finding_of_a_process_is_known_by_it_whatever_file_there_is() -> None:
    both = seen(Claim.RUNNING, process(pid=7), file=File(path=r"C:\x\cyzfc.dat"))
    assert key_of([both]).startswith("file:")
    assert key_of([both], of_process=True).startswith("process:")


def test_the_file_with_hashes_is_shown_and_not_the_member_of_an_archive() -> None:
    bare = File(path="a")
    member = File(path="b", hash=Hash(md5="0" * 32), member_of="c.zip")
    hashed = File(path="d", hash=Hash(md5="0" * 32))
    for files in ([bare, member, hashed], [hashed, member, bare]):
        assert best_objects([seen(file=one) for one in files]).file is hashed
    assert best_objects([seen(file=bare), seen(file=member)]).file is member
