"""A report has once what a finding and its sightings share; a reader gets all of it back, and no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from agent.model.objects import (
    Destination,
    Dll,
    Dns,
    File,
    Objects,
    Part,
    Pipe,
    Process,
    Service,
    Url,
    objects_of,
)
from agent.model.observation import Claim, Place
from agent.model.report import Evidence, Strength
from agent.model.shared_objects import leave_out_shared, seen_objects

FILE = File(path=r"C:\Users\jo\AppData\Local\cyzfc.dat")
RUNDLL32 = Process(pid=4312, name="rundll32.exe")
PARTS: dict[str, Part] = {
    "file": FILE,
    "process": RUNDLL32,
    "dll": Dll(path=FILE.path),
    "dns": Dns(question="pandorasong.com"),
    "destination": Destination(ip="95.216.59.92", port=443),
    "url": Url(full="https://pandorasong.com/"),
    "pipe": Pipe(name="MSSE-1-server"),
    "service": Service(name="upd"),
}
SHOWN = Objects(**PARTS)  # type: ignore[arg-type]


def sighting(claim: Claim | None, *names: str) -> Evidence:
    seen = Evidence(
        source="s", seen="seen", claim=claim, indicator="i", strength=Strength.WEAK,
        place=Place(text="place"),
    )  # fmt: skip
    return structs.replace(seen, **{name: PARTS[name] for name in names})


def read_again(claim: Claim | None, *names: str) -> set[str]:
    """What a reader has of a sighting of these objects."""
    evidence = sighting(claim, *names)
    leave_out_shared(evidence, SHOWN)
    return set(objects_of(seen_objects(SHOWN, evidence)))


@pytest.mark.parametrize(
    ("claim", "names"),
    [
        (Claim.WAS_THERE, {"pipe", "process"}),
        (Claim.WAS_THERE, {"service"}),
        (Claim.BLOCKED, {"file"}),
        (Claim.BLOCKED, {"dns"}),
        (Claim.CONNECTED, {"destination"}),
        (Claim.CONNECTED, {"destination", "process"}),
        (Claim.RESOLVED, {"dns", "process"}),
        (Claim.DOWNLOADED, {"file", "url", "process"}),
        (Claim.RAN, {"process"}),
        (Claim.RAN, {"process", "dll"}),
    ],
)
def test_a_reader_gets_what_was_seen_and_nothing_else(claim: Claim, names: set[str]) -> None:
    assert read_again(claim, *names) == names


@given(st.sampled_from([None, *Claim]), st.sets(st.sampled_from(sorted(PARTS)), min_size=1))
def test_nothing_that_was_seen_is_lost(claim: Claim | None, names: set[str]) -> None:
    assert read_again(claim, *names) >= names


def test_what_a_reader_knows_by_itself_is_not_written_twice() -> None:
    evidence = sighting(Claim.RUNNING, "process")
    leave_out_shared(evidence, SHOWN)
    assert objects_of(evidence) == {}


def test_what_the_finding_shows_of_another_kind_stays_with_the_sighting() -> None:
    own = File(path=r"C:\other.dat")
    evidence = structs.replace(sighting(Claim.EXISTS), file=own)
    leave_out_shared(evidence, SHOWN)
    assert evidence.file == own
