"""Which sightings a finding keeps, what each says that the finding does not, and whose they are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

from agent.findings import chains
from agent.findings.chains import Chain
from agent.findings.finding import MAX_EVIDENCE, finding_of
from agent.indicators import Domain, FileName
from agent.matching.matcher import Match
from agent.model.objects import Dns, File, Process
from agent.model.observation import Claim, Observation, Place, moments
from agent.model.report import Finding, Strength

NOW = datetime(2026, 11, 24, 14, 2, tzinfo=timezone.utc)
NAME = FileName(id="name", value="cyzfc.dat", strength=Strength.WEAK, reference=["S"], status="SRC")


def sighting(
    place: int | str,
    *,
    time: datetime | None = None,
    claim: Claim = Claim.EXISTS,
    process: Process | None = None,
    file: File | None = None,
) -> Observation:
    return Observation(
        source="files",
        claim=claim,
        seen="file",
        place=Place(text=str(place)),
        moments=moments(happened=time),
        process=process,
        file=file,
    )


def found(seen: Sequence[Observation], strengths: Sequence[Strength] = ()) -> tuple[Finding, int]:
    each = [*strengths, *[Strength.WEAK] * (len(seen) - len(strengths))]
    matches = [
        Match(one, NAME, strength, "file name", "")
        for one, strength in zip(seen, each, strict=True)
    ]
    return finding_of(Chain(matches, []), "host", {}, NOW)


def places(finding: Finding) -> list[str]:
    return [one.place.text for one in finding.evidence]


def test_what_the_finding_shows_its_sightings_do_not_repeat() -> None:
    shown, other = File(path="C:\\a", size=1, hash=None), File(path="C:\\b", size=2)
    finding, _ = found([sighting(1, file=shown), sighting(2, file=other)])
    assert finding.file == shown
    assert [one.file for one in finding.evidence] == [None, other]


def test_as_many_as_there_is_room_for_are_kept_as_they_came() -> None:
    seen = [sighting(n, time=NOW - timedelta(days=n)) for n in range(MAX_EVIDENCE)]
    finding, more = found(seen)
    assert places(finding) == [str(n) for n in range(MAX_EVIDENCE)]
    assert more == 0


def test_where_there_is_no_room_for_all_the_first_and_last_in_time_stay() -> None:
    first, last = MAX_EVIDENCE + 1, MAX_EVIDENCE + 3
    days = {first: -9, last: 9}
    seen = [sighting(n, time=NOW + timedelta(days=days.get(n, 0))) for n in range(last + 1)]
    finding, more = found(seen)
    assert places(finding) == [*map(str, range(MAX_EVIDENCE - 2)), str(first), str(last)]
    assert more == last + 1 - MAX_EVIDENCE


def test_an_early_one_among_the_first_is_kept_once() -> None:
    seen = [sighting(n, time=NOW + timedelta(days=n)) for n in range(MAX_EVIDENCE + 5)]
    finding, more = found(seen)
    last = MAX_EVIDENCE + 4
    assert places(finding) == [*map(str, range(1, MAX_EVIDENCE - 1)), "0", str(last)]
    assert more == 5


def test_those_that_stay_are_told_strongest_first() -> None:
    count = MAX_EVIDENCE + 1
    strengths = [Strength.CONFIRMED, Strength.STRONG, *[Strength.WEAK] * (count - 3)]
    finding, _ = found([sighting(n) for n in range(count)], [*strengths, Strength.STRONG])
    ranks = [one.strength.rank for one in finding.evidence]
    assert ranks == sorted(ranks, reverse=True)
    assert ranks[0] > ranks[-1]


def test_a_time_without_a_zone_is_utc_among_the_others() -> None:
    early = datetime(2018, 11, 14, 18, 4, 2)  # noqa: DTZ001 - the field's own times may lack a zone
    seen = [sighting(n, time=NOW) for n in range(MAX_EVIDENCE)]
    east = timezone(timedelta(hours=9))
    later = (early + timedelta(hours=5)).replace(tzinfo=east)  # 14:04 UTC, before the other
    finding, _ = found([*seen, sighting("utc", time=early), sighting("east", time=later)])
    assert "east" in places(finding)
    assert "utc" not in places(finding)


def test_a_process_of_a_sighting_of_another_kind_is_shown() -> None:
    writer = Process(pid=7, name="winword.exe")
    finding, _ = found([sighting(1, claim=Claim.DOWNLOADED, process=writer)])
    assert finding.process == writer


def test_a_process_is_one_by_its_entity_where_both_tell_it() -> None:
    logged = Process(pid=7, name="a.exe", entity_id="{1}", command_line="as logged")
    again = Process(pid=9, name="a.exe", entity_id="{1}", command_line="as it ran")
    other = Process(pid=7, name="b.exe", entity_id="{2}", command_line="another's")
    kept, _ = found(
        [
            sighting(1, claim=Claim.LOADED, process=logged),
            sighting(2, claim=Claim.RAN, process=other),
            sighting(3, claim=Claim.RAN, process=again),
        ]
    )
    assert kept.process == again


def test_an_entity_that_only_one_tells_leaves_it_to_the_pid() -> None:
    logged = Process(pid=7, name="a.exe", entity_id="{1}")
    running = Process(pid=7, name="a.exe", command_line="a.exe cyzfc.dat")
    seen = [
        sighting(1, claim=Claim.LOADED, process=logged),
        sighting(2, claim=Claim.RUNNING, process=running),
    ]
    assert found(seen)[0].process == running
    turned = [
        sighting(1, claim=Claim.LOADED, process=running),
        sighting(2, claim=Claim.RUNNING, process=logged),
    ]
    assert found(turned)[0].process == logged


def test_a_resolution_without_its_question_is_judged_like_any_other() -> None:
    domain = Domain(
        id="c2", value="example.com", strength=Strength.WEAK, reference=["S"], status="SRC"
    )

    def resolved(dns: Dns | None, claim: Claim) -> Match:
        seen = Observation(source="x", claim=claim, seen="x", place=Place(text=f"{dns}"), dns=dns)
        return Match(seen, domain, Strength.STRONG, "domain name", "")

    blocked = resolved(Dns(question="example.com", answers=["0.0.0.0"]), Claim.BLOCKED)
    built = chains.build([blocked, resolved(None, Claim.RESOLVED)], [])
    strengths = [m.strength for chain in built for m in chain.matches if m.observation.dns is None]
    assert strengths == [Strength.STRONG]
