"""A finding's title names the process, what it has, and whether it has it still."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from msgspec import structs

from agent.findings.chains import Chain
from agent.findings.finding import finding_of
from agent.indicators import FileName
from agent.matching.matcher import Match
from agent.model.objects import (
    Destination,
    Dll,
    Dns,
    Event,
    File,
    Objects,
    Pipe,
    Process,
    Url,
    User,
    objects_of,
)
from agent.model.observation import Claim, Observation, Place
from agent.model.report import Strength

NOW = datetime(2026, 11, 24, 14, 2, tzinfo=timezone.utc)
NAME = FileName(id="n", value="cyzfc.dat", strength=Strength.WEAK, reference=["S"], status="SRC")
WHO = Process(pid=7, name="rundll32.exe", user=User(name="CORP\\jo"))
HEAD = r"rundll32.exe 7 (CORP\jo)"
PATH = r"C:\Users\jo\cyzfc.dat"


def title(*seen: Observation, reason: str = "command line") -> str:
    matches = [Match(one, NAME, Strength.STRONG, reason, "") for one in seen]
    return finding_of(Chain(matches, []), "host", {}, NOW)[0].title


def sighting(
    claim: Claim, *, logged: bool = False, objects: Objects | None = None, process: Process = WHO
) -> Observation:
    known = objects_of(objects) if objects is not None else {}
    event = Event(channel="c", id=7, record=1) if logged else None
    alone = Observation(
        source="s", claim=claim, seen="s", place=Place(text="place"), process=process, event=event
    )
    return structs.replace(alone, **known)


def loaded(claim: Claim = Claim.LOADED, *, logged: bool = False, path: str = PATH) -> Observation:
    return sighting(claim, logged=logged, objects=Objects(dll=Dll(path=path)))


def test_what_is_loaded_now_it_has_and_what_a_log_remembers_it_had() -> None:
    assert title(loaded()) == f"{HEAD} has cyzfc.dat loaded: {PATH}"
    assert title(loaded(logged=True)) == f"{HEAD} had cyzfc.dat loaded: {PATH}"
    assert title(loaded(logged=True), loaded()) == f"{HEAD} has cyzfc.dat loaded: {PATH}"
    ran = loaded(Claim.RAN)
    assert title(ran) == f"{HEAD} had cyzfc.dat loaded: {PATH}"


def test_the_first_of_its_modules_is_named() -> None:
    second = loaded(path=r"C:\b.dll")
    assert title(loaded(), second) == f"{HEAD} has cyzfc.dat loaded: {PATH}"


@pytest.mark.parametrize(
    ("objects", "thing"),
    [
        (Objects(file=File(path=PATH)), f"file {PATH}"),
        (Objects(dns=Dns(question="a.example")), "a.example"),
        (Objects(destination=Destination(ip="192.0.2.1", domain="a.example")), "192.0.2.1"),
        (Objects(destination=Destination(domain="a.example")), "a.example"),
        (Objects(url=Url(full="https://a.example/x")), "https://a.example/x"),
        (Objects(pipe=Pipe(name="a-pipe")), "a-pipe"),
    ],
)
def test_what_a_process_has_to_do_with_is_named(objects: Objects, thing: str) -> None:
    assert title(sighting(Claim.RUNNING, objects=objects)) == f"{HEAD}: command line, {thing}"


def test_a_process_alone_is_named_with_the_reason() -> None:
    assert title(sighting(Claim.RUNNING)) == f"{HEAD}: command line"
    only = sighting(Claim.RUNNING)
    assert title(only, reason="command line: only mentioned") == (
        f"{HEAD}: command line: only mentioned"
    )


def test_a_process_of_unknown_number_and_user_is_named_by_its_program() -> None:
    bare = Process(executable=r"C:\Windows\a.exe")
    assert title(sighting(Claim.RUNNING, process=bare)) == "a.exe: command line"
    assert title(sighting(Claim.RUNNING, process=Process())) == "process: command line"
