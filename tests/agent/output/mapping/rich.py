"""One report with every field of a finding filled in, each with a value of its own.

``python -m tests.agent.output.mapping.rich`` writes the golden files under tests/data/mapping anew.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from agent.model.objects import (
    Destination,
    Dll,
    Dns,
    Event,
    File,
    Hash,
    Lnk,
    Parent,
    Pe,
    Pipe,
    Process,
    Registry,
    Service,
    Task,
    Url,
    User,
)
from agent.model.observation import Place, moments
from agent.model.report import (
    Agent,
    Coverage,
    Evidence,
    Finding,
    Host,
    IndicatorRef,
    Os,
    PackRef,
    Report,
    Resources,
    Scope,
    State,
    Strength,
    Target,
    TargetKind,
    Verdict,
    verdict_of,
)
from agent.output.mapping import cef, defender, ecs, sentinel, splunk, webhook

GOLDEN = Path(__file__).parents[3] / "data" / "mapping"
NOW = datetime(2026, 11, 24, 14, 5, 0, 250_000, tzinfo=timezone.utc)
DLL_SHA1 = "9858d5cb2a6614be3c48e33911bf9f7978b441bf"
PATH = "C:\\Users\\jo\\AppData\\Local\\cyzfc.dat"


def ago(minutes: int) -> datetime:
    return NOW - timedelta(minutes=minutes)


def rich_finding() -> Finding:
    return Finding(
        id="0b6f7d0e-6a58-5d0c-8a83-5a1f5b3c9d11",
        time=NOW,
        first_seen=ago(90),
        last_seen=ago(3),
        strength=Strength.CONFIRMED,
        score=93,
        title="rundll32.exe 4312 runs cyzfc.dat, PointFunctionCall",
        reasons=["module with the campaign's hash", "a = b | c \\ d"],
        indicator=IndicatorRef(
            id="cyzfc:dll-sha1",
            type="hash",
            value=DLL_SHA1,
            pack="cyzfc-2018-11",
            reference=["S1", "S2"],
        ),
        evidence=[
            Evidence(
                source="modules",
                seen="loaded module",
                indicator="cyzfc:dll-sha1",
                strength=Strength.CONFIRMED,
                place=Place(text="rundll32.exe[4312]"),
                moments=[*moments(happened=ago(80))],
                detail="first detail",
            ),
            Evidence(
                source="dns_cache",
                seen="name in the cache",
                indicator="cyzfc:c2-domain",
                strength=Strength.STRONG,
                place=Place(text="pandorasong.com"),
                moments=[*moments(happened=ago(5))],
                detail="second detail",
            ),
        ],
        file=File(
            path=PATH,
            name="cyzfc.dat",
            size=294_400,
            hash=Hash(md5="16bbc967a8b6a365871a05c74a4f345b", sha1=DLL_SHA1, sha256="ab" * 32),
            created=ago(1001),
            mtime=ago(1002),
            accessed=ago(1003),
            stream="hidden",
            inode="40-5",
            recycled="C:\\$Recycle.Bin\\S-1-5-21\\$R1.dat",
            member_of="C:\\ds7002.zip",
            pe=Pe(
                machine="amd64",
                dll=True,
                exports=["PointFunctionCall"],
                original_file_name="AudioSes.dll",
                compiled=ago(1004),
            ),
            lnk=Lnk(
                arguments="-noni -ep bypass",
                target="C:\\Windows\\powershell.exe",
                machine_id="user-pc",
                mac="08:00:27:92:24:e5",
                volume_serial="C4B2-BD1C",
                droid_time=ago(1005),
                droid_sequence=13_273,
            ),
            zone_url=["https://www.jmj.com/personal/a", "https://mail.example/b"],
            signer="Signer Of File",
        ),
        process=Process(
            pid=4312,
            entity_id="{11112222-3333-4444-0000-001000000000}",
            name="rundll32.exe",
            executable="C:\\Windows\\System32\\rundll32.exe",
            command_line='"C:\\Windows\\System32\\rundll32.exe" cyzfc.dat, PointFunctionCall',
            start=ago(81),
            user=User(name="CORP\\jo", id="S-1-5-21-1-2-3-1001"),
            parent=[
                Parent(
                    pid=4120,
                    name="powershell.exe",
                    executable="C:\\Windows\\powershell.exe",
                    command_line="powershell.exe -noni",
                    start=ago(82),
                ),
                Parent(
                    pid=3388,
                    name="explorer.exe",
                    executable="C:\\Windows\\explorer.exe",
                    command_line="explorer.exe /x",
                    start=ago(83),
                ),
            ],
            hash=Hash(md5="cd" * 16, sha1="cd" * 20, sha256="cd" * 32),
            original_file_name="RUNDLL32.EXE.MUI",
            signer="Signer Of Process",
        ),
        dll=Dll(
            path="C:\\Users\\jo\\AppData\\Local\\Loaded.dat",
            name="Loaded.dat",
            size=294_912,
            hash=Hash(md5="ef" * 16, sha1="ef" * 20, sha256="ef" * 32),
            pe=Pe(
                machine="x86",
                dll=True,
                exports=["OtherExport"],
                original_file_name="Other.dll",
                compiled=ago(1006),
            ),
            on_disk=False,
        ),
        dns=Dns(question="pandorasong.com", type="A, AAAA", answers=["95.216.59.93"]),
        destination=Destination(
            ip="95.216.59.92",
            port=443,
            domain="cdn.pandorasong.com",
            state="established",
            local="10.0.0.5:50123",
        ),
        registry=Registry(path="HKCU\\Software\\Run", value="Updater", data="rundll32 run-me"),
        event=Event(channel="Security", id=4688, record=77_001, provider="Microsoft-Auditing"),
        url=Url(full="https://pandorasong.com/access/?version=4"),
        user=User(name="CORP\\another", id="S-1-5-21-9-9-9-1002"),
        pipe=Pipe(name="evil-pipe"),
        task=Task(name="\\EvilTask", command="rundll32 task-me"),
        service=Service(
            name="EvilService", display_name="An Evil Service", executable="C:\\evil-service.exe"
        ),
    )


def excluded_finding() -> Finding:
    return Finding(
        id="5d1f3a52-1a5b-5a3e-9d57-1a2b3c4d5e6f",
        time=NOW,
        strength=Strength.EXCLUDED,
        score=5,
        title="a scanner's rule file mentions the domain",
        reasons=["only a mention"],
        indicator=IndicatorRef(
            id="cyzfc:c2-domain", type="domain", value="pandorasong.com", pack="cyzfc-2018-11"
        ),
        evidence=[],
        excluded_by="known-rules",
    )


def report_of(
    *findings: Finding, report_id: str = "018f6a3c-9a5e-7c11-8a83-5a1f5b3c9d11"
) -> Report:
    coverage = [Coverage(source="files", required=True, state=State.COMPLETE, examined=1)]
    return Report(
        report_id=report_id,
        sweep_id="autumn-2026",
        agent=Agent(version="0.1.0", build="release", form="one-dir", sha256="12" * 32),
        host=Host(
            id="6f9619ff-8b86-d011-b42d-00cf4fc964ff",
            name="WS-0421",
            os=Os(name="Windows 11 Enterprise", version="10.0.22631", platform="windows"),
            fqdn="ws-0421.corp.example",
            domain="corp.example",
            ip=["10.0.0.5", "fe80::1%4", "not an address"],
            architecture="amd64",
            elevated=True,
            utc_offset_minutes=60,
        ),
        target=Target(kind=TargetKind.LIVE),
        scope=Scope(whole_host=True),
        packs=[PackRef(id="cyzfc-2018-11", version="3", sha256="34" * 32, indicators=91)],
        started=ago(10),
        finished=NOW,
        options={},
        verdict=verdict_of(findings, coverage),
        coverage=coverage,
        indicators=[],
        findings=list(findings),
        truncated=[],
        resources=Resources(),
    )


def golden() -> dict[str, str]:
    """Every golden file's name and text."""
    found, excluded = rich_finding(), excluded_finding()
    report = report_of(found, excluded)
    assert report.verdict is Verdict.HIT
    return {
        "ecs.json": _json(ecs.document(report, found)),
        "ecs-excluded.json": _json(ecs.document(report, excluded)),
        "splunk.json": _json(splunk.event(report, found)),
        "sentinel-finding.json": _json(sentinel.finding_row(report, found)),
        "sentinel-asim.json": _json(sentinel.asim_alert_row(report, found)),
        "cef.txt": cef.syslog_message(report, found) + "\n",
        "cef-excluded.txt": cef.syslog_message(report, excluded) + "\n",
        "defender.json": _json(defender.rows(report, found)),
        "webhook.json": _json(webhook.payload(report)),
    }


def _json(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, text in golden().items():
        (GOLDEN / name).write_text(text, encoding="utf-8")
