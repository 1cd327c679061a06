"""What a person reads of a finding: its title, its reasons, and why it does not count for more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

import pytest

from agent.findings.exclusions import Exclusions
from agent.findings.finding import basis_of
from agent.indicators import Conditions, Exclusion, ExclusionsFile
from agent.matching.matcher import Match
from agent.model.objects import Destination, Dll, Dns, Event, File, Pe, Process, User
from agent.model.observation import ByteHit, Claim, Observation, Place
from agent.model.report import Finding, Strength
from tests.evidence.packs import campaign, chains_of, found

NOW = datetime(2026, 11, 24, 14, 2, tzinfo=timezone.utc)
MATCHER = campaign()
PATH = r"C:\Users\jo\AppData\Local\cyzfc.dat"
RUNDLL32 = r"C:\Windows\System32\rundll32.exe"
NOTEPAD = r"C:\Windows\notepad.exe"
C2 = "95.216.59.92"
EXPORT = Pe(machine="amd64", dll=True, exports=["PointFunctionCall"])


def matches_of(observations: Sequence[Observation]) -> list[Match]:
    return [match for seen in observations for match in MATCHER.match(seen)]


def findings(*observations: Observation) -> list[Finding]:
    return [found(chain, NOW)[0] for chain in chains_of(matches_of(observations))]


def title(*observations: Observation) -> str:
    """Of the one finding."""
    (finding,) = findings(*observations)
    return finding.title


def program(
    image: str = RUNDLL32, line: str = "", name: str | None = None, user: User | None = None
) -> Process:
    own = image.rpartition("\\")[2] if name is None else name
    return Process(pid=4312, name=own, executable=image, command_line=line, user=user)


def running(process: Process) -> Observation:
    return Observation(
        source="processes",
        claim=Claim.RUNNING,
        seen="running process",
        place=Place(text=f"{process.name}[{process.pid}]"),
        process=process,
    )


def loaded(
    path: str = PATH, *, pe: Pe | None = None, user: User | None = None, name: str = "rundll32.exe"
) -> Observation:
    return Observation(
        source="modules",
        claim=Claim.LOADED,
        seen="loaded module",
        place=Place(text=f"rundll32.exe[4312]: {path}"),
        dll=Dll(path=path, pe=pe),
        process=program(user=user, name=name),
    )


def lying(path: str = PATH, *, pe: Pe | None = None, remarks: Sequence[str] = ()) -> Observation:
    return Observation(
        source="files",
        claim=Claim.EXISTS,
        seen="file",
        place=Place(text=path),
        file=File(path=path, pe=pe),
        remarks=tuple(remarks),
    )


def connected(image: str = r"C:\browser.exe") -> Observation:
    return Observation(
        source="connections",
        claim=Claim.CONNECTED,
        seen="connection",
        place=Place(text=f"{C2}:443"),
        destination=Destination(ip=C2, port=443),
        process=program(image),
    )


def cached(name: str, *answers: str) -> Observation:
    return Observation(
        source="dns_cache",
        claim=Claim.RESOLVED,
        seen="DNS cache",
        place=Place(text=name),
        dns=Dns(question=name, answers=list(answers)),
    )


def in_hosts(name: str, *, blocked: bool = True) -> Observation:
    return Observation(
        source="hosts_file",
        claim=Claim.BLOCKED if blocked else Claim.RESOLVED,
        seen="hosts file",
        place=Place(text="hosts:3"),
        dns=Dns(question=name, answers=["0.0.0.0"]),
    )


# ---- Titles


@pytest.mark.parametrize(
    ("user", "who"),
    [
        (None, ""),
        (User(name=r"CORP\jo", id="S-1-5-21-1"), r" (CORP\jo)"),
        (User(id="S-1-5-21-1"), ""),
    ],
)
def test_a_loaded_module_is_told_with_its_process_and_user(user: User | None, who: str) -> None:
    assert title(loaded(user=user)) == f"rundll32.exe 4312{who} has cyzfc.dat loaded: {PATH}"


def test_a_running_process_is_told_with_what_gave_it_away() -> None:
    line = "rundll32.exe x.jpg,PointFunctionCall"
    own = program(line=line, user=User(name="jo"))
    assert title(running(own)) == "rundll32.exe 4312 (jo): command line"


def test_a_process_whose_name_is_not_known_is_called_by_its_image() -> None:
    assert title(loaded(name="")) == f"rundll32.exe 4312 has cyzfc.dat loaded: {PATH}"


def test_a_file_is_told_by_its_path_alone() -> None:
    assert title(lying()) == PATH


def test_a_file_with_a_process_that_names_it_is_told_by_the_process() -> None:
    seen = (lying(), running(program(NOTEPAD, f"notepad.exe {PATH}")))
    assert title(*seen) == f"notepad.exe 4312: file {PATH}"


def test_a_process_that_is_only_connected_is_told_by_the_far_end() -> None:
    assert title(connected()) == "95.216.59.92:443: address"


def test_a_process_that_was_seen_running_too_is_told_by_its_name() -> None:
    seen = (connected(RUNDLL32), running(program(line="rundll32 x,PointFunctionCall")))
    assert title(*seen) == "rundll32.exe 4312: address, 95.216.59.92"


def test_a_file_that_a_process_used_in_the_past_is_told_by_its_place() -> None:
    past = Observation(
        source="prefetch",
        claim=Claim.RAN,
        seen="file",
        place=Place(text=PATH),
        file=File(path=PATH),
        process=program(),
    )
    assert title(past) == PATH


def test_a_name_is_told_with_where_it_was() -> None:
    assert title(cached("pandorasong.com")) == "pandorasong.com in the DNS cache"


# ---- Reasons


def test_reasons_are_the_rules_then_the_matches_strongest_first_then_the_remarks() -> None:
    (finding,) = findings(
        loaded(r"C:\x\cyzfc.dat", pe=EXPORT), lying(r"C:\x\cyzfc.dat", remarks=["read raw"])
    )
    assert finding.reasons == [
        "rundll32 has loaded cyzfc.dat, and its call, its export or its hash is the campaign's",
        "a file named cyzfc.dat that exports PointFunctionCall",
        "rundll32 has loaded a DLL whose only export is PointFunctionCall, whatever its name",
        "rundll32 has loaded a module named cyzfc.dat",
        "module export",
        "module name",
        "file name",
        "read raw",
    ]


def test_the_reason_of_the_strongest_match_comes_first() -> None:
    hits = (ByteHit("content-stage0-frombase", 0), ByteHit("content-stage0-long", 9))
    script = Observation(
        source="files", claim=Claim.EXISTS, seen="script", place=Place(text="C:\\a.ps1"), hits=hits
    )
    memory = Observation(
        source="files",
        claim=Claim.EXISTS,
        seen="copy",
        place=Place(text="C:\\a.ps1"),
        hits=hits[:1],
    )
    (finding,) = findings(memory, script)
    assert finding.reasons == ["script: content", "copy: content"]


def test_of_many_reasons_the_first_16_are_told_each_once() -> None:
    remarks = [f"remark {number}" for number in range(20)]
    (finding,) = findings(lying("C:\\cyzfc.dat", remarks=[*remarks[:2], *remarks]))
    assert finding.reasons == ["file name", *remarks[:15]]


# ---- Names that the hosts file blocks

BLOCKED = "in the DNS cache; the hosts file blocks it"


@pytest.mark.parametrize(
    "answers",
    [["0.0.0.0"], ["::"], ["127.0.0.1"], ["::1"], ["0.0.0.0", "::"], ["::ffff:0.0.0.0"], []],
)
def test_a_blocked_name_is_weak_in_the_cache_and_says_why(answers: list[str]) -> None:
    (finding,) = findings(cached("pandorasong.com", *answers), in_hosts("pandorasong.com"))
    assert (finding.strength, finding.score) == (Strength.WEAK, 20)
    assert finding.title == f"pandorasong.com {BLOCKED}"
    assert finding.reasons == [BLOCKED, "blocked in the hosts file"]
    assert finding.evidence[0].detail == "pandorasong.com"


def test_a_name_is_blocked_however_it_is_written() -> None:
    (finding,) = findings(cached("PandoraSong.com.", "::1"), in_hosts("pandorasong.COM"))
    assert finding.reasons == [BLOCKED, "blocked in the hosts file"]


@pytest.mark.parametrize(
    ("in_cache", "in_file", "blocked"),
    [
        (["pandorasong.com", "203.0.113.9"], "pandorasong.com", True),
        (["pandorasong.com", "0.0.0.0", "203.0.113.9"], "pandorasong.com", True),
        (["pandorasong.com", "0.0.0.0"], "www.pandorasong.com", True),
        (["pandorasong.com", "0.0.0.0"], "pandorasong.com", False),
    ],
    ids=["another answer", "one other answer", "another name", "no block"],
)
def test_a_name_with_another_explanation_stays_strong(
    in_cache: list[str], in_file: str, blocked: bool
) -> None:
    finding, *_ = findings(cached(*in_cache), in_hosts(in_file, blocked=blocked))
    assert finding.strength is Strength.STRONG
    assert finding.title == "pandorasong.com in the DNS cache"
    assert BLOCKED not in finding.reasons


def test_the_block_explains_only_the_cache() -> None:
    elsewhere = Observation(
        source="event_logs",
        claim=Claim.RESOLVED,
        seen="event 3008",
        place=Place(text="DNS-Client:7"),
        event=Event(channel="DNS-Client", id=3008, record=7),
        dns=Dns(question="pandorasong.com", answers=["0.0.0.0"]),
    )
    (finding,) = findings(in_hosts("pandorasong.com"), elsewhere)
    assert finding.strength is Strength.STRONG
    assert finding.reasons == ["asked for, says event 3008", "blocked in the hosts file"]


def test_a_block_without_a_name_blocks_nothing() -> None:
    odd = Observation(
        source="hosts_file",
        claim=Claim.BLOCKED,
        seen="hosts file",
        place=Place(text="hosts:1"),
        file=File(path=PATH),
    )
    _, finding = findings(odd, cached("pandorasong.com", "0.0.0.0"))
    assert finding.strength is Strength.STRONG


# ---- What is known to be harmless


def excluded(
    limit: Strength, *observations: Observation, when: Conditions | None = None
) -> Finding:
    """The one finding, after one rule that holds on all or on what is given."""
    rule = Exclusion(
        id="weekly-scan",
        title="The weekly scan",
        reason="the weekly scan looks for it",
        when=when or Conditions(),
        limit=limit,
    )
    file = ExclusionsFile(exclusions="iocsweep.exclusions/1", version="1", rules=[rule])
    (chain,) = chains_of(matches_of(observations))
    finding, _ = found(chain, NOW)
    return Exclusions(file).apply(finding, basis_of(chain))


@pytest.mark.parametrize(
    ("observation", "strength"),
    [(connected(), "weak"), (cached("pandorasong.com"), "strong")],
    ids=["weak", "strong"],
)
def test_an_excluded_finding_says_what_it_would_be_and_which_rule_says_otherwise(
    observation: Observation, strength: str
) -> None:
    (before,) = findings(observation)
    after = excluded(Strength.STRONG, observation)
    assert (before.strength.value, after.strength.value) == (strength, "excluded")
    assert (after.excluded_by, after.score) == ("weekly-scan", 5)
    assert after.reasons == [
        *before.reasons,
        f"would be {strength}, but: the weekly scan looks for it (weekly-scan)",
    ]
    assert (after.title, after.evidence) == (before.title, before.evidence)


def test_a_rule_for_weak_findings_leaves_a_strong_one_as_it_is() -> None:
    strong = cached("pandorasong.com")
    assert excluded(Strength.WEAK, strong) == findings(strong)[0]


def test_a_confirmed_finding_is_left_as_it_is() -> None:
    confirmed = lying(pe=EXPORT)
    assert findings(confirmed)[0].strength is Strength.CONFIRMED
    assert excluded(Strength.CONFIRMED, confirmed) == findings(confirmed)[0]
