"""Each fact that a responder acts on is there, at the width of any terminal."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from msgspec import structs

from agent.model.objects import Destination, Dll, Dns, Event, File, Hash, Registry, Url, User
from agent.model.report import Reach, State, Strength, Target, TargetKind
from agent.output.console import MAX_COMMAND_LINE, render
from agent.targets.every_windows import NOT_HERE
from tests.evidence.reports import PATH, finding, report

EARLIER = datetime(2026, 10, 2, 8, 30, tzinfo=timezone.utc)
SHA1 = "9858d5cb2a6614be3c48e33911bf9f7978b441bf"


def test_a_module_that_is_gone_from_disk_is_told_with_size_and_hash() -> None:
    dll = Dll(path=PATH, size=294_400, hash=Hash(sha1=SHA1), on_disk=False)
    text = render(report(structs.replace(finding(), dll=dll)))
    assert f"module         {PATH}   294,400 bytes   no longer on disk" in text
    assert f"SHA-1          {SHA1}" in text


def test_a_member_names_its_archive_and_where_it_came_from() -> None:
    file = File(path="ds7002.lnk", member_of="C:\\ds7002.zip", zone_url=["https://a.example/x"])
    text = render(report(structs.replace(finding(), file=file)))
    assert "file           ds7002.lnk   in C:\\ds7002.zip" in text
    assert "came from      https://a.example/x" in text


def test_who_ran_it_what_it_talks_to_and_what_it_asked_for() -> None:
    made = finding()
    assert made.process is not None
    made = structs.replace(
        made,
        process=structs.replace(
            made.process, executable="C:\\Windows\\rundll32.exe", user=User(name="CORP\\jo")
        ),
        destination=Destination(ip="95.216.59.92", port=443, state="established"),
        dns=Dns(question="pandorasong.com", answers=["95.216.59.92"]),
        url=Url(full="https://pandorasong.com/x"),
        registry=Registry(path="HKCU\\Run", value="x", data="y"),
        event=Event(channel="Security", id=4688, record=7),
    )
    text = render(report(made))
    assert "program        C:\\Windows\\rundll32.exe   as CORP\\jo" in text
    assert "talks to       95.216.59.92:443   established" in text
    assert "DNS            pandorasong.com   95.216.59.92" in text
    assert "URL            https://pandorasong.com/x" in text
    assert "registry       HKCU\\Run   x   y" in text
    assert "event          Security   id 4688   record 7" in text


def test_a_command_line_of_30_000_characters_is_shortened_and_says_so() -> None:
    made = finding()
    assert made.process is not None
    long = structs.replace(made.process, command_line="A" * 30_000)
    text = render(report(structs.replace(made, process=long)))
    assert f"and {30_000 - MAX_COMMAND_LINE:,} more characters in the report" in text


def test_how_far_back_a_source_reaches_is_told() -> None:
    made = report()
    made.coverage[0] = structs.replace(made.coverage[0], reach=Reach(oldest=EARLIER))
    assert "reach: files back to 2026-10-02 08:30:00 UTC" in render(made)


def test_weak_findings_are_not_called_no_trace() -> None:
    text = render(report(finding(Strength.WEAK), gap="denied"))
    assert "INCOMPLETE, no strong trace found in what could be seen   1 weak" in text
    assert "CLEAN, nothing left unlooked at   1 weak" in render(report(finding(Strength.WEAK)))


def test_a_source_that_was_left_out_is_named_in_what_to_do() -> None:
    made = report(gap="left out by --skip")
    made.coverage[0] = structs.replace(made.coverage[0], state=State.SKIPPED)
    assert "close the gaps above: do not leave out files" in " ".join(render(made).split())


@pytest.mark.parametrize(
    ("gap", "way"),
    [
        ("--max-runtime was over; not looked at from here on", "ask again with a longer --max-runtime"),
        ("locked by BitLocker", "unlock the volume"),
        ("larger than --max-file-size", "read larger files with --max-file-size"),
        ("event log: access denied", 'give an image of the disk to "iocsweep offline"'),
        ("in use by another program (sharing violation)", 'give an image of the disk to "iocsweep offline"'),
        ("cloud placeholder, not recalled", "ask where the content is kept"),
        ("7z archive: not looked into", "unpack or mount what is named and give it by its path"),
        ("transaction log: access is lost", "collect the hives with their .LOG1 and .LOG2"),
        ("event log: blank, nothing of it is there", "collect the files that are named again"),
        ("own rules: not asked any more", "mend or leave out the rules that are named"),
        ("no volume to walk", "see that the evidence is there, and mounted"),
        ("registry: dirty, and its logs are missing", "collect the hives with their .LOG1 and .LOG2"),
        ("withheld by antivirus", "except the agent in the antivirus"),
        (
            "name that the cache could not be asked for: name not allowed by the system",
            "ask the DNS server's logs for the packs' names",
        ),
        (
            "the table could not be read: the cache was asked for the packs' own names only",
            "ask the DNS server's logs for the packs' names",
        ),
        ("read error on the disk", "read what is damaged from another copy"),
        ("hive: malformed", "read what is damaged from another copy"),
        ("SRUM database: cut short", "read what is damaged from another copy"),
        ("event log: chunks that it counts are not there", "read what is damaged from another copy"),
        ("$LogFile: page written in part", "read what is damaged from another copy"),
        (
            "event logs are written to a place that is not here",
            "sweep the drives or folders that are named, too",
        ),
        ("something that nobody foresaw", ""),
    ],
)  # fmt: skip
def test_how_each_kind_of_gap_is_closed_is_said(gap: str, way: str) -> None:
    text = " ".join(render(report(gap=gap)).split())
    assert f"close the gaps above{': ' * bool(way)}{way}; " in text


@pytest.mark.parametrize(
    ("gap", "way"),
    [
        ("locked by BitLocker", "give what opens the volume in --keys FILE"),
        ("locked by BitLocker: no key that was given fits", "give what opens the volume in --keys FILE"),
        (
            "given file: of a kind that no source looks into",
            'say "--as memory" if it is memory, unpack or mount what is named and give it by its path',
        ),
        (
            "collection encrypted by acquire to the public key with SHA-256 0a",
            "give the private key of what is encrypted in --keys FILE, unpack or mount what is named and give it by its path",
        ),
        (NOT_HERE, "collect what is named, too"),
        ("access denied", "read the evidence with the rights of its owner"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [TargetKind.IMAGE, TargetKind.FOLDER])
def test_gaps_of_evidence_at_rest_have_ways_of_their_own(
    gap: str, way: str, kind: TargetKind
) -> None:
    made = structs.replace(report(gap=gap), target=Target(kind=kind))
    text = " ".join(render(made).split())
    assert f"close the gaps above: {way}; " in text
    assert "unlock the volume" not in text


def test_refusals_are_no_more_than_the_lack_of_rights() -> None:
    text = " ".join(render(report(gap="access denied", elevated=False)).split())
    assert "close the gaps above: run as administrator; " in text
    at_rest = report(gap="access denied")
    made = structs.replace(at_rest, target=Target(kind=TargetKind.FOLDER))
    text = " ".join(render(made).split())
    assert "close the gaps above: read the evidence with the rights of its owner; " in text


def test_a_gap_without_a_reason_is_listed_all_the_same() -> None:
    made = report(gap="denied")
    made.coverage[0] = structs.replace(made.coverage[0], reasons=[])
    assert "files        partial: no reason recorded" in render(made)


def test_the_sources_are_wrapped_between_and_never_within() -> None:
    made = report()
    made.coverage[:] = [
        structs.replace(made.coverage[0], source=f"source_number_{n}") for n in range(12)
    ]
    lines = [line for line in render(made, width=80).splitlines() if "source_number" in line]
    assert len(lines) > 1
    assert all(len(line) <= 80 for line in lines)
    assert sum(line.count(" 1,204,331") for line in lines) == 12


def test_a_time_at_the_edge_of_the_calendar_is_shown_and_no_crash() -> None:
    made = report()
    first = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))
    made.coverage[0] = structs.replace(made.coverage[0], reach=Reach(oldest=first))
    assert "files back to" in render(made)
