"""A hit on one screen: what goes on now first, every value with its name, and what to do."""

from __future__ import annotations

import json
import re
from datetime import datetime, timezone
from typing import Any

import pytest
from msgspec import structs

from agent.model.objects import Destination, Dll, Dns, File, Hash, Parent, Process, Url, User
from agent.model.observation import Claim, Place, moments
from agent.model.remembered import Behaviour, Recorded, Remembered
from agent.model.report import COLLECTED, Evidence, Finding, Scope, Strength, Target, TargetKind
from agent.output.console import render
from agent.output.next_steps import MOST
from agent.output.summary import MAX_BYTES, summary_line
from tests.evidence.reports import NOW, PATH, finding, report

HASH = Hash(md5="0" * 32, sha1="1" * 40, sha256="2" * 64)
CREATED = datetime(2018, 11, 14, 9, 30, tzinfo=timezone.utc)


def sighting(claim: Claim, seen: str = "file name", **more: Any) -> Evidence:
    place = more.pop("place", Place(text="x"))
    return Evidence(
        source=more.pop("source", "files"), seen=seen, indicator="i", strength=Strength.STRONG,
        claim=claim, place=place, **more,
    )  # fmt: skip


def running(title: str = "rundll32.exe 4312", **more: Any) -> Finding:
    made = structs.replace(finding(Strength.STRONG, title), **more)
    made.evidence = [sighting(Claim.RUNNING, "command line", source="processes")]
    return made


def logged(title: str = "logged") -> Finding:
    made = finding(Strength.CONFIRMED, title)
    place = Place(text="Sysmon record 7", path="C:\\x.evtx", record="7")
    made.evidence = [sighting(Claim.LOADED, "DLL", source="event_logs", place=place)]
    return made


def lines_of(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines()]


def next_of(*findings: Finding, kind: TargetKind = TargetKind.LIVE) -> dict[str, list[str]]:
    """What stands behind each label of "Next"."""
    made = structs.replace(report(*findings), target=Target(kind=kind))
    block = render(made, report_path="r.json").partition("\nNext   ")[2].partition("\n\n")[0]
    told: dict[str, list[str]] = {}
    label = ""
    for line in block.splitlines()[1:-1]:
        label = line[7:24].strip() or label
        told.setdefault(label, []).append(line[24:])
    return told


def test_what_goes_on_now_comes_before_what_is_stronger_and_over() -> None:
    found = report(
        finding(title="at rest"),
        logged(),
        running(),
        finding(Strength.WEAK, "weak one"),
        finding(Strength.EXCLUDED, "benign one"),
    )
    text = render(found)
    order = ["rundll32.exe 4312", "at rest", "logged", "weak one", "benign one"]
    at = [text.index(title) for title in order]
    assert at == sorted(at)
    assert json.loads(summary_line(found))["top"] == order


def test_hashes_and_times_have_their_names_and_sha_1_is_first() -> None:
    file = File(path=PATH, size=294_400, hash=HASH, created=CREATED, mtime=NOW)
    lines = lines_of(render(report(structs.replace(finding(), file=file))))
    at = lines.index(f"file           {PATH}   294,400 bytes")
    assert lines[at + 1 : at + 5] == [
        f"SHA-1          {HASH.sha1}",
        f"SHA-256        {HASH.sha256}",
        f"MD5            {HASH.md5}",
        "times          created 2018-11-14 09:30:00 UTC, modified 2026-11-24 14:02:00 UTC",
    ]


def test_the_hashes_of_one_file_are_told_once() -> None:
    made = structs.replace(
        finding(), file=File(path=PATH, hash=HASH), dll=Dll(path=PATH, hash=HASH)
    )
    assert render(report(made)).count(f"SHA-1          {HASH.sha1}") == 1


def test_the_parents_are_told_with_their_command_lines() -> None:
    parents = [
        Parent(pid=4120, name="powershell.exe", command_line="powershell -enc " + "A" * 1000),
        Parent(pid=1, name="explorer.exe"),
    ]
    made = finding()
    assert made.process is not None
    made.process = structs.replace(made.process, parent=parents)
    lines = lines_of(render(report(made)))
    at = lines.index("parents        powershell.exe 4120 < explorer.exe 1")
    assert lines[at + 1].startswith("powershell.exe 4120: powershell -enc AAA")
    assert lines[at + 1].endswith("… and 716 more characters in the report")


@pytest.mark.parametrize("findings", [[], [finding()], [finding(Strength.WEAK)]])
def test_the_verdict_is_the_last_line_too(findings: list[Finding]) -> None:
    lines = render(report(*findings)).splitlines()
    assert re.match("HIT |CLEAN, ", lines[-1])
    assert lines.count(lines[-1]) == 2


def test_next_names_what_to_dump_to_collect_to_ask_and_to_search_for() -> None:
    made = running(
        dll=Dll(path=PATH, on_disk=True),
        file=None,
        dns=Dns(question="pandorasong.com"),
        destination=Destination(ip="95.216.59.92", port=443),
    )
    dropped = finding(title="C:\\a.zip → ds7002.lnk")
    dropped.process = None
    dropped.file = File(path="ds7002.lnk", member_of="C:\\a.zip", zone_url=["https://x.example/a"])
    dropped.evidence = [sighting(Claim.EXISTS, place=Place(text="x", owner="CORP\\ann"))]
    assert next_of(made, dropped) == {
        "dump memory of": ["rundll32.exe 4312"],
        "collect": [PATH, "C:\\a.zip"],
        "users": ["CORP\\jo", "CORP\\ann"],
        "search logs for": ["pandorasong.com", "95.216.59.92", "https://x.example/a"],
    }


def test_a_user_is_named_once_and_by_sid_only_where_no_name_is_known() -> None:
    known, unknown = "S-1-5-21-1-2-3-1001", "S-1-5-21-1-2-3-1002"
    users = [User(id=known), User(name="CORP\\jo", id=known), User(id=unknown)]
    made = [
        running(str(n), file=None, process=Process(pid=n, name="a.exe", user=user))
        for n, user in enumerate(users)
    ]
    assert next_of(*made)["users"] == ["CORP\\jo", unknown]


def test_a_file_that_prefetch_spells_in_upper_case_is_collected_once() -> None:
    made = running(dll=Dll(path=PATH, on_disk=True), file=None)
    upper = running(dll=Dll(path=PATH.upper(), on_disk=True), file=None)
    assert next_of(made, upper)["collect"] == [PATH]
    assert next_of(upper)["collect"] == [PATH.upper()]


def test_next_names_nothing_that_is_gone_or_was_only_remembered() -> None:
    gone = finding(title="deleted")
    gone.process = Process(pid=7, name="old.exe", user=User(name="CORP\\jo"))
    gone.evidence = [sighting(Claim.WAS_THERE), sighting(Claim.RAN)]
    deleted = finding(title="record")
    deleted.process = None
    deleted.evidence = [sighting(Claim.EXISTS, place=Place(text="x", view="deleted"))]
    unmapped = finding(title="mapped")
    unmapped.process, unmapped.file = None, None
    unmapped.dll = Dll(path=PATH, on_disk=False)
    assert next_of(gone, deleted, unmapped, logged()) == {"users": ["CORP\\jo"]} | {
        "collect": [PATH]  # a DLL that was loaded when it was logged may be there still
    }


def test_weak_and_excluded_findings_are_no_next_step() -> None:
    assert set(next_of(running(file=None), finding(Strength.WEAK), finding(Strength.EXCLUDED))) == {
        "dump memory of",
        "users",
    }


def test_no_memory_is_dumped_of_what_ran_on_another_machine() -> None:
    assert "dump memory of" not in next_of(running(), kind=TargetKind.FOLDER)


def test_a_long_list_of_steps_is_counted() -> None:
    many = [
        structs.replace(running(f"p {n}", file=None), process=Process(pid=n, name="rundll32.exe"))
        for n in range(MOST + 3)
    ]
    listed = next_of(*many)["dump memory of"]
    assert len(listed) == MOST + 1
    assert listed[-1] == "… and 3 more in the report"


def test_what_a_host_names_cannot_act_on_the_terminal_in_the_next_steps() -> None:
    made = running("x", dns=Dns(question="a\x1b[2J\u202e.example"))
    assert next_of(made)["search logs for"] == ["a\\x1b[2J\\u202e.example"]


def test_a_mention_beside_the_thing_itself_is_not_told_whenever_it_was_seen() -> None:
    made = finding()
    made.evidence = [
        sighting(Claim.EXISTS, "content", moments=[*moments(happened=NOW)]),
        sighting(Claim.MENTIONED, "content: only mentioned"),
        sighting(Claim.MENTIONED, "file name: only mentioned"),
    ]
    text = render(report(made))
    assert "content: only mentioned" not in text
    assert "file name: only mentioned" in text


@pytest.mark.parametrize("separator", ["\\", "/"])
@pytest.mark.parametrize("behind", ["", ": file name", " → ds7002.lnk"])
def test_top_keeps_the_name_of_a_file_in_a_long_path(separator: str, behind: str) -> None:
    title = f"C:{separator}" + separator.join(["folder"] * 60) + f"{separator}cyzfc.dat{behind}"
    (top,) = json.loads(summary_line(report(finding(title=title))))["top"]
    assert top.startswith(f"C:{separator}folder")
    assert top.endswith(f"{separator}cyzfc.dat{behind}")
    assert len(top) <= 160


def test_top_names_something_however_little_room_there_is() -> None:
    titles = ["C:\\" + "ü" * 200 + "\\" + "я" * 200 + ".dat" for _ in range(5)]
    found = report(*[finding(title=title) for title in titles], host="щ" * 64)
    line = summary_line(found, report_path="п" * 100)
    assert len(line) <= MAX_BYTES
    top = json.loads(line)["top"]
    assert top
    assert top[0].endswith("яя.dat")


def test_bare_mentions_stand_behind_other_weak_findings_however_many_they_are() -> None:
    raw = finding(Strength.WEAK, "raw bytes")
    raw.evidence = [sighting(Claim.MENTIONED)]
    ran = finding(Strength.WEAK, "ran")
    ran.evidence = [sighting(Claim.RAN), sighting(Claim.MENTIONED)]
    text = render(report(*[raw] * 30, ran))
    assert text.index("weak       ran") < text.index("weak       raw bytes")
    assert "and 11 more weak findings" in text


def test_the_site_of_the_mail_is_nothing_to_search_logs_for() -> None:
    site, link = "https://mail.example/", "https://www.example.org/personal/x"
    led = finding()
    led.process = None
    led.file = File(path=PATH, zone_url=[site, link])
    assert next_of(led)["search logs for"] == [link]
    led.file = File(path=PATH, zone_url=[site])
    assert next_of(led)["search logs for"] == [site]
    # Of a browser and of Sysmon each address is a sighting of its own.
    led.file = None
    led.evidence = [
        sighting(Claim.DOWNLOADED, seen, file=File(path=PATH), url=Url(full=full))
        for seen, full in (("file name", site), ("URL", link))
    ]
    assert next_of(led)["search logs for"] == [link]
    led.evidence[0].seen = "host of a URL"
    assert next_of(led)["search logs for"] == [site, link]


def test_the_host_of_evidence_at_rest_may_run_still() -> None:
    made = structs.replace(report(finding()), target=Target(kind=TargetKind.IMAGE))
    assert "keep this evidence as it is\n       isolate the host that it is of" in render(made)


def test_what_has_no_time_says_why_it_counts_whatever_since_says() -> None:
    told = "nobody knows since when: it counts"
    made = structs.replace(report(finding()), since=NOW)
    assert told in render(made)
    assert told not in render(report(finding()))
    assert told not in render(structs.replace(report(running(last_seen=None)), since=NOW))


def test_clean_where_no_deed_is_remembered_says_so_and_where_to_ask() -> None:
    nothing = [
        Remembered(behaviour=Behaviour.RAN, state=state, source="x", part="Prefetch", why="off")
        for state in (Recorded.NOT_RECORDED, Recorded.UNKNOWN)
    ]
    text = " ".join(render(structs.replace(report(), remembered=nothing)).split())
    assert "CLEAN, nothing left unlooked at; but nothing here is sure to remember a deed" in text
    assert "Next what is over is told, if at all, by the logs of mail" in text
    known = Remembered(
        behaviour=Behaviour.RAN, state=Recorded.RECORDED, source="x", part="Prefetch", since=NOW
    )
    text = render(structs.replace(report(), remembered=[*nothing, known]))
    assert "sure to remember" not in text
    collected = Scope(whole_host=False, limited_to=[COLLECTED])
    text = render(structs.replace(report(), remembered=nothing, scope=collected))
    assert "CLEAN, as far as asked (what was collected): nothing left unlooked at; but" in text
    assert "nothing here is sure to remember a deed" in " ".join(text.split())
    asked = Scope(whole_host=False, limited_to=[COLLECTED, "only files"])
    assert "sure to rem" not in render(structs.replace(report(), remembered=nothing, scope=asked))
