"""What belongs together, how much it proves, and what a finding shows of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import pytest
from msgspec import structs

from agent.findings import chains
from agent.findings.chains import Chain
from agent.findings.exclusions import Exclusions
from agent.findings.finding import Basis, Text, basis_of, evidence_of, finding_of, reference_of
from agent.indicators import (
    Address,
    ChainRule,
    Clause,
    Conditions,
    Content,
    Domain,
    Exclusion,
    ExclusionsFile,
    FileName,
    Indicator,
    Layout,
)
from agent.matching.matcher import Match, UserRuleHit
from agent.model.objects import Destination, Dll, Dns, File, Hash, Parent, Pe, Process, Url
from agent.model.observation import Claim, Observation, Place, moments
from agent.model.report import Evidence, Finding, IndicatorRef, Strength
from tests.evidence.claims import CLAIMS, together

NOW = datetime(2026, 11, 24, 14, 2, tzinfo=timezone.utc)
PATH = r"C:\Users\jo\cyzfc.dat"
RUNDLL32 = r"C:\Windows\System32\rundll32.exe"
WEAK, STRONG, CONFIRMED = Strength.WEAK, Strength.STRONG, Strength.CONFIRMED


def name(identifier: str = "name-a") -> FileName:
    return FileName(
        id=identifier, value="cyzfc.dat", strength=WEAK, reference=["S1", "S2"], status="SRC"
    )


def domain(*resolves_to: str) -> Domain:
    return Domain(
        id="c2-domain",
        value="example.com",
        resolves_to=list(resolves_to),
        strength=WEAK,
        reference=["S1"],
        status="SRC",
    )


def address(identifier: str = "c2-address") -> Address:
    return Address(
        id=identifier, value="192.0.2.0/24", strength=WEAK, reference=["S1"], status="SRC"
    )


def seen(
    source: str = "files",
    place: str = PATH,
    time: datetime | None = None,
    mention: bool = False,
    file: File | None = None,
    process: Process | None = None,
    dll: Dll | None = None,
    dns: Dns | None = None,
    destination: Destination | None = None,
    url: Url | None = None,
    remarks: Sequence[str] = (),
) -> Observation:
    """A sighting; without objects, one of those that belong together by their place."""
    return Observation(
        source=source,
        claim=Claim.MENTIONED if mention else CLAIMS.get(source, Claim.EXISTS),
        seen="file",
        place=Place(text=place),
        moments=moments(happened=time),
        file=file,
        process=process,
        dll=dll,
        dns=dns,
        destination=destination,
        url=url,
        remarks=tuple(remarks),
    )


def match(
    observation: Observation | None = None,
    indicator: Indicator | UserRuleHit | str = "name-a",
    strength: Strength = WEAK,
    reason: str = "file name",
    detail: str = "",
) -> Match:
    if isinstance(indicator, str):
        indicator = name(indicator)
    return Match(observation or seen(), indicator, strength, reason, detail)


def rule(
    *clauses: Clause,
    strength: Strength = STRONG,
    title: str = "more together",
    process: Sequence[str] = (),
    same_file: bool = False,
) -> ChainRule:
    return ChainRule(
        id="rule",
        title=title,
        strength=strength,
        all=list(clauses) or [Clause(any=["name-a"])],
        process=list(process),
        same_file=same_file,
    )


def made(matches: Sequence[Match], *rules: ChainRule) -> Finding:
    """The finding of matches that belong together, each rule holding on them."""
    return finding_of(Chain(list(matches), list(rules)), "host", {}, NOW)[0]


def about(*observations: Observation) -> Finding:
    """The finding of these sightings of one indicator."""
    return made([match(one) for one in observations])


def process(pid: int, line: str = "", image: str = RUNDLL32) -> Process:
    return Process(pid=pid, name=image.rpartition("\\")[2], executable=image, command_line=line)


def grouped(*matches: Match) -> list[list[str]]:
    """The places of what belongs together, in the order of the findings."""
    return [
        [one.place.text for one in chain.observations] for chain in chains.build(list(matches), [])
    ]


def holds(one: ChainRule, *matches: Match) -> bool:
    """Whether the rule holds on these matches, which belong together."""
    (chain,) = chains.build(list(matches), [one])
    return chain.rules == [one]


# ---- How much it proves


@pytest.mark.parametrize(
    ("strength", "indicators", "score"),
    [
        (WEAK, 1, 20),
        (WEAK, 2, 23),
        (WEAK, 3, 26),
        (WEAK, 17, 68),
        (WEAK, 18, 69),
        (STRONG, 1, 70),
        (STRONG, 2, 73),
        (STRONG, 7, 88),
        (STRONG, 8, 89),
        (CONFIRMED, 1, 90),
        (CONFIRMED, 2, 93),
        (CONFIRMED, 4, 99),
        (CONFIRMED, 5, 100),
        (CONFIRMED, 9, 100),
    ],
)
def test_each_further_indicator_adds_three_and_never_reaches_the_next_strength(
    strength: Strength, indicators: int, score: int
) -> None:
    matches = [match(indicator=f"name-{n}", strength=strength) for n in range(indicators)]
    assert (made(matches).strength, made(matches).score) == (strength, score)


def test_many_sightings_of_one_indicator_score_as_one() -> None:
    assert about(*[seen(place=f"C:\\{n}") for n in range(9)]).score == 20


@pytest.mark.parametrize(
    ("matched", "ruled", "strength"),
    [
        ([WEAK, STRONG], [], STRONG),
        ([STRONG, CONFIRMED, WEAK], [], CONFIRMED),
        ([WEAK], [STRONG], STRONG),
        ([WEAK], [STRONG, CONFIRMED], CONFIRMED),
        ([CONFIRMED], [STRONG], CONFIRMED),
        ([STRONG], [WEAK], STRONG),
    ],
)
def test_a_finding_is_as_strong_as_the_strongest_of_its_matches_and_rules(
    matched: list[Strength], ruled: list[Strength], strength: Strength
) -> None:
    finding = made([match(strength=one) for one in matched], *[rule(strength=one) for one in ruled])
    assert finding.strength is strength


def test_a_finding_is_named_after_the_first_of_its_strongest_matches() -> None:
    finding = made(
        [
            match(seen(place="C:\\weak"), "name-weak"),
            match(seen(place="C:\\strong"), "name-strong", STRONG),
            match(seen(place="C:\\second"), "name-second", STRONG),
        ]
    )
    assert finding.indicator.id == "name-strong"
    assert finding.title == "C:\\strong file name"
    assert [one.place.text for one in finding.evidence] == ["C:\\strong", "C:\\second", "C:\\weak"]


# ---- When it was


def test_first_and_last_seen_are_the_earliest_and_latest_time_of_the_evidence() -> None:
    days = [NOW - timedelta(days=day) for day in (3, 9, 1, 5)]
    finding = about(*[seen(time=day) for day in days], seen())
    assert (finding.first_seen, finding.last_seen) == (days[1], days[2])
    assert finding.time == NOW


def test_evidence_without_a_time_leaves_first_and_last_seen_open() -> None:
    finding = about(seen())
    assert (finding.first_seen, finding.last_seen) == (None, None)


# ---- Its evidence


def test_a_sighting_says_who_saw_what_where_and_when() -> None:
    observation = seen("registry", time=NOW, remarks=["carved", "deleted"])
    assert evidence_of(match(observation, "name-b", STRONG, "file path", "…cyzfc.dat")) == Evidence(
        source="registry",
        seen="file path",
        claim=Claim.EXISTS,
        indicator="name-b",
        strength=STRONG,
        place=Place(text=PATH),
        moments=[*moments(happened=NOW)],
        detail="…cyzfc.dat; carved; deleted",
    )


def test_the_detail_of_a_sighting_is_cut_at_512_characters_and_says_so() -> None:
    whole = "x" * 511 + "y"
    assert evidence_of(match(detail=whole)).detail == whole
    assert evidence_of(match(detail=whole + "z")).detail == "x" * 511 + "…"


def test_the_same_sighting_twice_is_evidence_once() -> None:
    finding, more = finding_of(Chain([match(), match(), match()], []), "host", {}, NOW)
    assert (len(finding.evidence), more) == (1, 0)


def test_the_first_200_sightings_are_kept_and_the_others_counted() -> None:
    matches = [match(seen(place=f"C:\\{n}")) for n in range(203)]
    finding, more = finding_of(Chain(matches, []), "host", {}, NOW)
    assert [one.place.text for one in finding.evidence] == [f"C:\\{n}" for n in range(200)]
    assert more == 3


def test_the_indicator_comes_with_its_type_value_references_and_pack() -> None:
    assert reference_of(match(), {"name-a": "pack-1"}) == IndicatorRef(
        id="name-a", type="file_name", value="cyzfc.dat", pack="pack-1", reference=["S1", "S2"]
    )
    assert reference_of(match(), {}).pack == ""


def test_an_own_rule_is_named_as_such() -> None:
    own = UserRuleHit("my_rule", "looks bad", STRONG)
    assert reference_of(match(indicator=own), {}) == IndicatorRef(
        id="my_rule", type="yara", value="looks bad", pack="own rules"
    )


# ---- Its objects


@pytest.mark.parametrize(
    ("source", "other"),
    [
        ("modules", "connections"),
        ("modules", "processes"),
        ("connections", "processes"),
        ("connections", "memory"),
        ("processes", "memory"),
        ("memory", "event_logs"),
    ],
)
def test_the_process_is_that_of_the_source_that_is_closest_to_the_deed(
    source: str, other: str
) -> None:
    finding = about(
        seen(),
        seen(other, process=process(1)),
        seen(source, process=process(2)),
        seen(source, process=process(3)),
    )
    assert finding.process is not None
    assert finding.process.pid == 2


@pytest.mark.parametrize("source", ["modules", "connections"])
def test_the_process_is_shown_as_the_processes_source_describes_it(source: str) -> None:
    finding = about(
        seen("processes", process=process(1, "cmd.exe")),
        seen(source, process=process(2)),
        seen("event_logs", process=process(2, "from a log")),
        seen("processes", process=process(2, "rundll32.exe x")),
    )
    assert finding.process == process(2, "rundll32.exe x")


def test_the_first_process_is_shown_where_no_running_one_was_seen() -> None:
    finding = about(
        seen(), seen("prefetch", process=process(7)), seen("prefetch", process=process(8))
    )
    assert finding.process == process(7)


def test_a_finding_without_a_process_shows_none() -> None:
    finding = about(seen("modules"), seen("connections"))
    assert finding.process is None


HASHED = Hash(sha1="9858d5cb2a6614be3c48e33911bf9f7978b441bf")
PLAIN = File(path="C:\\plain")
MEMBER = File(path="member", member_of="C:\\a.zip")
KNOWN = File(path="C:\\known", hash=HASHED)
KNOWN_MEMBER = File(path="known", member_of="C:\\a.zip", hash=HASHED)


@pytest.mark.parametrize(
    ("files", "best"),
    [
        ([PLAIN, KNOWN], KNOWN),
        ([MEMBER, PLAIN], PLAIN),
        ([KNOWN_MEMBER, KNOWN], KNOWN),
        ([PLAIN, KNOWN_MEMBER, MEMBER], KNOWN_MEMBER),
        ([File(path="C:\\first"), PLAIN], File(path="C:\\first")),
    ],
    ids=[
        "hashed",
        "no member",
        "hashed and no member",
        "a hash counts more",
        "the first of equals",
    ],
)
def test_the_file_that_is_known_best_is_shown(files: list[File], best: File) -> None:
    assert about(seen("registry"), *[seen(file=file) for file in files]).file == best


def test_of_everything_else_the_first_is_shown() -> None:
    finding = about(
        seen(),
        seen(dll=Dll(path="C:\\1.dll")),
        seen(dll=Dll(path="C:\\2.dll")),
        seen(dns=Dns(question="1.example")),
        seen(dns=Dns(question="2.example")),
        seen(destination=Destination(ip="192.0.2.1")),
        seen(destination=Destination(ip="192.0.2.2")),
        seen(url=Url(full="https://1.example/")),
        seen(url=Url(full="https://2.example/")),
    )
    assert finding.dll == Dll(path="C:\\1.dll")
    assert finding.dns == Dns(question="1.example")
    assert finding.destination == Destination(ip="192.0.2.1")
    assert finding.url == Url(full="https://1.example/")


def test_what_was_not_seen_is_not_shown() -> None:
    finding = about(seen())
    assert (finding.file, finding.dll, finding.dns) == (None, None, None)
    assert (finding.destination, finding.url) == (None, None)


# ---- What it rests on, for known-benign rules

A_FILE, A_DLL = File(path="C:\\a"), Dll(path="C:\\b.dll")


def basis(matches: Sequence[Match], *rules: ChainRule) -> Basis:
    return basis_of(Chain(list(matches), list(rules)))


def test_a_finding_rests_on_the_sources_of_every_sighting() -> None:
    matches = [match(seen("files"), strength=STRONG), match(seen("memory", mention=True))]
    assert basis(matches).sources == {"files", "memory"}


def test_a_finding_rests_on_the_file_or_module_behind_each_sighting() -> None:
    observations = [seen(file=A_FILE), seen(dll=A_DLL), seen("dns_cache")]
    assert basis([match(one) for one in observations]).parts == (A_FILE, A_DLL, None)


def test_a_finding_rests_on_what_makes_it_strong() -> None:
    matches = [match(seen(dll=A_DLL)), match(seen(file=A_FILE), strength=STRONG)]
    assert basis(matches).parts == (A_FILE,)
    assert basis(matches, rule(strength=WEAK)).parts == (A_FILE,)


def test_a_finding_that_a_rule_makes_strong_rests_on_all() -> None:
    matches = [match(seen(dll=A_DLL)), match(seen(file=A_FILE), strength=STRONG)]
    assert basis(matches, rule(strength=STRONG)).parts == (A_DLL, A_FILE)
    assert basis(matches, rule(strength=WEAK), rule(strength=STRONG)).parts == (A_DLL, A_FILE)


@pytest.mark.parametrize(
    ("file", "told"),
    [
        (File(path="C:\\a.txt:b.kql", name="a.txt", stream="b.kql"), "b.kql"),
        (File(path="C:\\x.bin", name="a.txt"), "a.txt"),
        (File(path="C:\\a.txt"), "a.txt"),
    ],
    ids=["stream", "name", "path"],
)
def test_a_finding_rests_on_the_text_under_its_own_name(file: File, told: str) -> None:
    one = structs.replace(seen(mention=True, file=file), text="of it")
    assert basis([match(one, strength=STRONG)]).texts == (Text(told, "of it"),)


def test_what_is_no_text_of_a_file_is_none_that_a_finding_rests_on() -> None:
    itself = structs.replace(seen(file=File(path=PATH)), text="of it")
    elsewhere = structs.replace(seen("memory", mention=True), text="of it")
    without = seen(mention=True, file=File(path=PATH))
    for one in (itself, elsewhere, without):
        assert basis([match(one, strength=STRONG)]).texts == (None,)


def test_a_weak_finding_does_not_rest_on_mentions() -> None:
    matches = [match(seen(file=A_FILE, mention=True)), match(seen(dll=A_DLL))]
    assert basis(matches).parts == (A_DLL,)


def test_of_a_mention_that_makes_it_strong_the_file_is_not_what_it_rests_on() -> None:
    matches = [match(seen(file=A_FILE, mention=True), strength=STRONG)]
    assert basis(matches).parts == (None,)


# ---- What belongs together


def answered(place: str, name: str, *answers: str) -> Match:
    return match(seen("dns_cache", place=place, dns=Dns(question=name, answers=list(answers))))


def test_sightings_belong_together_through_any_key_that_they_share() -> None:
    matches = [
        answered("first", "a.example", "192.0.2.1", "192.0.2.2"),
        answered("apart", "x.example", "192.0.2.9", "0.0.0.0"),
        answered("by the last key", "d.example", "192.0.2.4", "192.0.2.2"),
        answered("by the second key", "e.example", "192.0.2.1"),
        answered("by the first key", "A.example.", "0.0.0.0"),
    ]
    assert grouped(*matches) == [
        ["first", "by the last key", "by the second key", "by the first key"],
        ["apart"],
    ]


def test_a_long_row_of_shared_keys_is_one_finding() -> None:
    row = [answered(str(n), f"{n}.example", f"192.0.2.{n}", f"192.0.2.{n + 1}") for n in range(50)]
    assert grouped(*row[::2], *row[1::2]) == [
        [str(n) for n in (*range(0, 50, 2), *range(1, 50, 2))]
    ]


def test_what_has_no_keys_belongs_with_what_was_seen_in_the_same_place() -> None:
    def at(place: str) -> Match:
        return match(
            Observation(source="files", claim=Claim.EXISTS, seen="file", place=Place(text=place))
        )

    assert grouped(at("here"), at("there"), at("here")) == [["here", "here"], ["there"]]


def running(line: str, *, mention: bool = False) -> Match:
    return match(seen("processes", place="process", process=process(1, line), mention=mention))


def lying(path: str, *, member_of: str = "", user: Process | None = None) -> Match:
    file = File(path=path, member_of=member_of)
    return match(seen("files", place="file", file=file, process=user))


@pytest.mark.parametrize(
    ("line", "path"),
    [
        (rf"rundll32 {PATH},Run", PATH),
        (rf'rundll32 "{PATH.upper()}"', PATH),
        (rf"rundll32 {PATH}", PATH.swapcase()),
        ("rundll32 C:/Users/jo/cyzfc.dat", PATH),
        (rf"rundll32 {PATH}", "C:/Users/jo/cyzfc.dat"),
    ],
)
def test_a_process_belongs_with_the_file_in_its_command_line(line: str, path: str) -> None:
    assert grouped(running(line), lying(path)) == [["process", "file"]]


def test_a_process_belongs_with_the_module_in_its_command_line() -> None:
    module = match(seen("modules", "of 7", dll=Dll(path=PATH), process=process(7)))
    command = match(seen("processes", "of 8", process=process(8, f"tool.exe {PATH}")))
    (chain,) = chains.build([module, command], [])
    assert len(chain.observations) == 2


def test_the_key_of_a_file_alone_is_its_path() -> None:
    assert Chain([match(seen(file=File(path=PATH)))], []).key == f"file:{PATH.upper()}"


def test_a_process_does_not_belong_with_a_file_that_its_command_line_does_not_name() -> None:
    assert grouped(running("rundll32 C:\\b.dat"), lying(PATH)) == [["process"], ["file"]]
    assert grouped(running(""), lying(PATH)) == [["process"], ["file"]]


def test_a_command_line_that_is_only_mentioned_joins_nothing() -> None:
    line = f"rundll32 {PATH}"
    assert grouped(running(line, mention=True), lying(PATH)) == [["process"], ["file"]]


def test_the_path_inside_an_archive_is_no_path_of_a_command_line() -> None:
    member = lying("cyzfc.dat", member_of="C:\\a.zip")
    assert grouped(running(f"rundll32 {PATH}"), member) == [["process"], ["file"]]


def test_a_file_in_use_belongs_with_the_process_that_names_it() -> None:
    used = lying(PATH, user=process(2))
    assert grouped(running(f"rundll32 {PATH}"), used) == [["process", "file"]]


def connected(source: str = "connections", identifier: str = "c2-address") -> Match:
    return match(
        seen(source, place="connection", destination=Destination(ip="192.0.2.1")),
        address(identifier),
    )


def cached(*resolves_to: str, source: str = "dns_cache") -> Match:
    return match(seen(source, place="name", dns=Dns(question="example.com")), domain(*resolves_to))


def test_a_cached_name_belongs_with_the_connection_to_its_address() -> None:
    assert grouped(connected(), cached("c2-address")) == [["connection", "name"]]
    assert grouped(cached("other", "c2-address"), connected()) == [["name", "connection"]]


@pytest.mark.parametrize(
    ("name", "connection"),
    [
        (cached("c2-address", source="url_history"), connected()),
        (cached("c2-address"), connected("event_logs")),
        (cached("other"), connected()),
        (cached(), connected()),
    ],
    ids=["name elsewhere", "address elsewhere", "another address", "no address"],
)
def test_other_names_and_addresses_stay_apart(name: Match, connection: Match) -> None:
    assert grouped(name, connection) == [["name"], ["connection"]]


def test_an_address_among_the_answers_in_the_cache_joins_no_name() -> None:
    answer = match(seen("dns_cache", place="answer", dns=Dns(question="other.com")), address())
    assert grouped(answer, cached("c2-address")) == [["answer"], ["name"]]


def test_a_connection_joins_nothing_by_what_is_no_address() -> None:
    other = match(
        seen("connections", place="connection", process=Process(pid=1)), name("c2-address")
    )
    assert grouped(other, cached("c2-address")) == [["connection"], ["name"]]


# ---- When a rule holds


def in_process(own: Process | None, source: str = "processes") -> Match:
    return match(seen(source, process=own))


@pytest.mark.parametrize(
    "own",
    [
        Process(pid=1, executable=r"C:\Windows\RunDLL32.exe"),
        Process(pid=1, executable="C:/Windows/rundll32.exe"),
        Process(pid=1, executable=r"C:\x\svch.exe", name="rundll32.exe"),
        Process(pid=1, name="RUNDLL32.EXE"),
        Process(pid=1, executable=r"C:\x\a.exe", name="a.exe", original_file_name="rundll32.exe"),
        Process(pid=1, executable=r"C:\x\a.exe", original_file_name="RUNDLL32.EXE.MUI"),
        Process(pid=1, executable=r"C:\x\a.exe", original_file_name="Rundll32.exe.mui"),
    ],
    ids=["image", "slashes", "name", "name alone", "original", "its MUI", "its MUI in lower case"],
)
def test_a_process_is_known_by_image_name_and_original_name(own: Process) -> None:
    assert holds(rule(process=["rundll32.exe"]), in_process(own))
    assert holds(rule(process=["regsvr32.exe", "Rundll32.EXE"]), in_process(own))
    assert not holds(rule(process=["regsvr32.exe"]), in_process(own))


@pytest.mark.parametrize(
    "own",
    [
        None,
        Process(pid=1),
        Process(pid=1, executable=r"C:\rundll32.exe\a.exe", name="a.exe"),
        Process(pid=1, executable=r"C:\x\rundll32.exe.mui", name="rundll32.exe.bak"),
        Process(pid=1, executable=r"C:\x\a.exe", command_line="rundll32.exe"),
    ],
    ids=["none", "unnamed", "a folder", "other endings", "its command line"],
)
def test_no_other_process_will_do(own: Process | None) -> None:
    assert not holds(rule(process=["rundll32.exe"]), in_process(own))


def test_one_such_process_in_the_chain_is_enough() -> None:
    matches = [in_process(process(1, image=r"C:\cmd.exe")), in_process(process(2)), match()]
    assert holds(rule(process=["rundll32.exe"]), *together(*matches))
    assert not holds(rule(process=["rundll32.exe"]), *together(matches[0], matches[2]))


def test_such_a_process_alone_does_not_fulfil_the_clauses() -> None:
    only = rule(Clause(any=["name-b"]), process=["rundll32.exe"])
    assert not holds(only, in_process(process(1)))


def test_every_clause_has_to_hold_by_any_of_its_indicators() -> None:
    two = rule(Clause(any=["name-a", "name-b"]), Clause(any=["name-c"]))
    assert holds(two, match(indicator="name-b"), match(indicator="name-c"))
    assert not holds(two, match(indicator="name-a"), match(indicator="name-b"))
    assert not holds(two, match(indicator="name-c"))


def test_a_clause_with_sources_counts_what_one_of_them_saw() -> None:
    clause = rule(Clause(any=["name-a"], sources=["modules", "memory"]))
    assert holds(clause, match(seen("modules")))
    assert not holds(clause, match(seen("files")))
    assert not holds(clause, match(seen("modules"), "name-b"), match(seen("files")))


@pytest.mark.parametrize("sources", [[], ["memory"]])
def test_a_mention_counts_only_where_a_clause_says_so(sources: list[str]) -> None:
    mention = match(seen("memory", mention=True))
    assert not holds(rule(Clause(any=["name-a"], sources=sources)), mention)
    counted = Clause(any=["name-a"], sources=sources, claims=[Claim.MENTIONED])
    assert holds(rule(counted), mention)
    assert holds(rule(Clause(any=["name-a"])), mention, match())


@pytest.mark.parametrize(
    "indicator",
    [
        Content(id="bytes", value="$ptgt=", strength=WEAK, reference=["S1"], status="SRC"),
        Layout(
            id="bytes",
            value="x",
            parts={"0": "4d5a"},
            strength=WEAK,
            reference=["S1"],
            status="SRC",
        ),
    ],
    ids=["content", "layout"],
)
def test_bytes_are_the_thing_itself_wherever_they_are(indicator: Content | Layout) -> None:
    assert holds(rule(Clause(any=["bytes"])), match(seen("memory", mention=True), indicator))
    assert holds(rule(Clause(any=["bytes"])), match(seen("files"), indicator))


def test_a_rule_about_one_file_does_not_hold_on_two() -> None:
    def on(path: str, indicator: str) -> Match:
        return match(seen(file=File(path=path)), indicator)

    one = rule(Clause(any=["name-a"]), Clause(any=["name-b"]), same_file=True)
    assert holds(one, on("C:\\1", "name-a"), on("c:/1", "name-b"))
    assert holds(
        one, *together(on("C:\\0", "name-a"), on("C:\\1", "name-a"), on("C:\\1", "name-b"))
    )
    assert not holds(one, *together(on("C:\\1", "name-a"), on("C:\\2", "name-b")))
    assert not holds(one, match(indicator="name-a"), match(indicator="name-b"))


def test_a_loaded_module_and_its_file_are_one_file() -> None:
    one = rule(Clause(any=["name-a"]), Clause(any=["name-b"]), same_file=True)
    loaded = match(seen("modules", dll=Dll(path=PATH)), "name-a")
    assert holds(one, loaded, match(seen(file=File(path=PATH)), "name-b"))
    assert not holds(one, *together(loaded, match(seen(file=File(path="C:\\other")), "name-b")))


def test_only_rules_that_hold_are_named() -> None:
    rules = [rule(title="holds"), rule(Clause(any=["name-x"]), title="does not"), rule(title="too")]
    (chain,) = chains.build([match()], rules)
    assert [one.title for one in chain.rules] == ["holds", "too"]


# ---- When a known-benign rule holds

SCANNER = Process(
    pid=1,
    name="scan.exe",
    executable=r"C:\Tools\renamed.exe",
    command_line="renamed.exe /Quick ^^^",
    parent=[Parent(pid=2, name="near.exe"), Parent(pid=3, name="far.exe")],
    signer="Example Ltd",
)


def excused(when: Conditions, *observations: Observation) -> bool:
    """Whether a rule with these conditions excludes the finding."""
    one = Exclusion(id="scan", title="Scan", reason="the scan looks for it", when=when)
    file = ExclusionsFile(exclusions="iocsweep.exclusions/1", version="1", rules=[one])
    matches = [match(observation) for observation in observations]
    return Exclusions(file).apply(made(matches), basis(matches)).excluded_by == "scan"


@pytest.mark.parametrize(
    ("when", "excludes"),
    [
        (Conditions(process=["SCAN.exe"]), True),
        (Conditions(process=["renamed.exe"]), True),
        (Conditions(process=["other.exe"]), False),
        (Conditions(path=["C:\\tools\\*"]), True),
        (Conditions(path=["C:\\other\\*"]), False),
        (Conditions(signer=["example *"]), True),
        (Conditions(signer=["Other Ltd"]), False),
        (Conditions(path=["C:\\other\\*"], signer=["Example Ltd"]), True),
        (Conditions(path=["C:\\tools\\*"], signer=["Other Ltd"]), True),
        (Conditions(path=["C:\\other\\*"], signer=["Other Ltd"]), False),
        (Conditions(parent=["near.exe"]), True),
        (Conditions(parent=["far.exe"]), False),
        (Conditions(command_line=["/quick"]), True),
        (Conditions(command_line=["/full"]), False),
        (Conditions(not_command_line=["/full"]), True),
        (Conditions(not_command_line=["/QUICK"]), False),
        (Conditions(not_command_line=['renamed.exe "/quick"']), False),
        (Conditions(not_command_line=["^^^"]), False),
        (Conditions(not_command_line=['"']), True),
        (Conditions(sources=["processes", "memory"]), True),
        (Conditions(sources=["memory"]), False),
        (Conditions(process=["scan.exe"], command_line=["/full"]), False),
    ],
)
def test_every_condition_on_the_process_has_to_hold(when: Conditions, excludes: bool) -> None:
    assert excused(when, seen("processes", process=SCANNER)) is excludes


@pytest.mark.parametrize(
    "when",
    [
        Conditions(process=["*"]),
        Conditions(path=["*"]),
        Conditions(signer=["*"]),
        Conditions(parent=["*"]),
        Conditions(command_line=["x"]),
        Conditions(command_line=["#"]),
        Conditions(exports=["Run"]),
        Conditions(not_exports=["Run"]),
    ],
)
def test_a_condition_does_not_hold_on_what_is_not_known(when: Conditions) -> None:
    assert not excused(when, seen())
    if not when.process:
        assert not excused(when, seen("processes", process=Process(pid=1, name="a.exe")))


def test_the_image_is_known_by_its_base_name_with_either_slash() -> None:
    slashes = Process(pid=1, name="x", executable="C:/Tools/scan.exe")
    assert excused(Conditions(process=["scan.exe"]), seen("processes", process=slashes))


def exporting(*exports: str) -> Observation:
    return seen(file=File(path=PATH, pe=Pe(machine="amd64", exports=list(exports))))


@pytest.mark.parametrize(
    ("when", "exports", "excludes"),
    [
        (Conditions(exports=["A", "B"]), ["B", "A"], True),
        (Conditions(exports=["A"]), ["A", "B"], False),
        (Conditions(exports=["A"]), ["a"], False),
        (Conditions(not_exports=["A"]), ["B"], True),
        (Conditions(not_exports=["A"]), ["B", "A"], False),
        (Conditions(not_exports=["A"]), [], True),
    ],
)
def test_exports_are_judged_whole(when: Conditions, exports: list[str], excludes: bool) -> None:
    assert excused(when, exporting(*exports)) is excludes


def test_exports_are_judged_of_every_file_and_hold_of_no_file_without() -> None:
    when = Conditions(not_exports=["A"])
    assert excused(when, exporting("B"), exporting("C"))
    assert not excused(when, exporting("B"), exporting("A"))
    assert not excused(when, exporting("B"), seen(file=A_FILE))
    assert not excused(when, seen("memory", mention=True))
