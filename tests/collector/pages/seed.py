"""Reports as agents send them, and a store that has received some."""

from __future__ import annotations

import gzip
import hashlib
import uuid
from datetime import datetime, timedelta, timezone

from msgspec import structs

from agent.model.codec import encode
from agent.model.objects import (
    Destination,
    Dll,
    Dns,
    Event,
    File,
    Hash,
    Parent,
    Pe,
    Process,
    User,
)
from agent.model.observation import Claim, Moment, MomentOf, Place, moments
from agent.model.report import (
    Agent,
    Coverage,
    CoveragePart,
    Evidence,
    Finding,
    Host,
    IndicatorCount,
    IndicatorRef,
    Os,
    PackRef,
    Reach,
    Reason,
    Report,
    Resources,
    Scope,
    State,
    Strength,
    Target,
    TargetKind,
    Truncation,
    verdict_of,
)
from collector.intake import question_of
from collector.judging import packed_question
from collector.listing import rows_of
from collector.records import Base, FindingRow, NewReport, Sweep, host_key
from collector.store.store import Store
from collector.worth import users_of_hit, worth_of

NOW = 1_795_528_920_000
"""2026-11-24 14:02:00 UTC."""
SWEEP = "cyzfc-2026"
_TIME = datetime.fromtimestamp(NOW / 1000, timezone.utc)
_SHA1 = "9858d5cb2a6614be3c48e33911bf9f7978b441bf"


def a_finding(
    host: str = "WS-0421",
    *,
    strength: Strength = Strength.CONFIRMED,
    indicator: str = "dll-name",
    value: str = "cyzfc.dat",
    title: str = r"rundll32.exe 4312 runs C:\Users\jo\AppData\Local\cyzfc.dat",
    path: str = r"C:\Users\jo\AppData\Local\cyzfc.dat",
    command_line: str = r"rundll32.exe C:\Users\jo\AppData\Local\cyzfc.dat,PointFunctionCall",
) -> Finding:
    """Everything that the campaign does, in one finding."""
    day = timedelta(days=1)
    dated = moments(created=_TIME - 4 * day, modified=_TIME - 5 * day, accessed=_TIME)
    log = r"C:\Windows\System32\winevt\Logs\Security.evtx"
    prefetch = r"C:\Windows\Prefetch\RUNDLL32.EXE-9B5B0C3A.pf"
    seen = [
        (
            "processes",
            "command line",
            Claim.RUNNING,
            Place(text=f"rundll32.exe[4312] on {host}"),
            moments(happened=_TIME),
            command_line,
        ),
        ("modules", "loaded module", Claim.LOADED, Place(text=path), moments(happened=_TIME), ""),
        ("files", "SHA-1", Claim.EXISTS, Place(text=path, owner="jo"), dated, _SHA1),
        (
            "connections",
            "connection",
            Claim.CONNECTED,
            Place(text="95.216.59.92:443"),
            moments(connected=_TIME),
            "established",
        ),
        (
            "dns_cache",
            "resolved name",
            Claim.RESOLVED,
            Place(text="pandorasong.com"),
            (),
            "95.216.59.92",
        ),
        (
            "event_logs",
            "event 4688",
            Claim.RAN,
            Place(
                text="Security.evtx, record 4711",
                path=log,
                record="4711",
                view="2026-11-20 03:00 UTC",
            ),
            moments(logged=_TIME),
            command_line,
        ),
        (
            "prefetch",
            "prefetch of rundll32.exe",
            Claim.RAN,
            Place(text=prefetch, owner="jo"),
            tuple(Moment(time=_TIME - n * day, of=MomentOf.RAN) for n in range(8)),
            "",
        ),
    ]
    digest = Hash(
        sha1=_SHA1, sha256="b77ff307ea74a3ab41c92036aea4a049b3c2e69b12a857d26910e535544dfb05"
    )
    return Finding(
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"{host} {indicator} {path}")),
        time=_TIME,
        first_seen=_TIME - 7 * day,
        last_seen=_TIME,
        strength=strength,
        score=95 if strength is Strength.CONFIRMED else 40,
        title=title,
        reasons=["rundll32 has cyzfc.dat loaded", "the process talks to the campaign's address"],
        indicator=IndicatorRef(
            id=indicator, type="file_name", value=value, pack="cyzfc-2018-11",
            reference=["Microsoft hunting query 1"],
        ),
        excluded_by="a-rule" if strength is Strength.EXCLUDED else None,
        evidence=[
            Evidence(source=source, seen=what, claim=claim, indicator=indicator, strength=strength,
                     place=place, moments=[*times], detail=detail,
                     event=Event(channel="Security", id=4688, record=4711) if what == "event 4688" else None)
            for source, what, claim, place, times, detail in seen
        ],
        process=Process(
            pid=4312, name="rundll32.exe", executable=r"C:\Windows\System32\rundll32.exe",
            command_line=command_line, start=_TIME, user=User(name=r"CORP\jo"),
            parent=[
                Parent(pid=4120, name="powershell.exe", command_line="powershell.exe -noni -ep bypass $"),
                Parent(pid=3388, name="explorer.exe"),
            ],
        ),
        dll=Dll(path=path, name="cyzfc.dat", size=294_400, hash=digest, on_disk=True,
                pe=Pe(machine="amd64", dll=True, exports=["PointFunctionCall"])),
        file=File(path=path, name="cyzfc.dat", size=294_400, hash=digest, created=_TIME, mtime=_TIME,
                  zone_url=["https://www.jmj.com/personal/nauerthn_state_gov.php"]),
        dns=Dns(question="pandorasong.com", type="A", answers=["95.216.59.92"]),
        destination=Destination(ip="95.216.59.92", port=443, domain="pandorasong.com",
                                state="established", local="10.4.1.21:50211"),
    )  # fmt: skip


def a_report(
    name: str = "WS-0421",
    *findings: Finding,
    gap: str = "",
    report_id: str | None = None,
    samples: tuple[str, ...] = (r"C:\pagefile.sys",),
    finished: datetime = _TIME,
) -> Report:
    """One sweep of one host."""
    coverage = [
        Coverage(source="files", required=True, state=State.COMPLETE, examined=1_204_331,
                 bytes=4_000_000_000, elapsed_ms=2100,
                 reach=Reach(oldest=_TIME, newest=_TIME)),
        Coverage(source="processes", required=True,
                 state=State.PARTIAL if gap else State.COMPLETE, examined=214,
                 unread=3 if gap else 0, elapsed_ms=310, own=1,
                 reasons=[Reason(reason=gap, count=3, samples=list(samples))] if gap else []),
        Coverage(source="dns_cache", required=True, state=State.COMPLETE, examined=118),
        Coverage(source="event_logs", required=True, state=State.COMPLETE, examined=21_456,
                 reach=Reach(oldest=_TIME - timedelta(days=53), newest=_TIME), parts=[
                     CoveragePart(name="Security.evtx", examined=21_344,
                                  reach=Reach(oldest=_TIME - timedelta(days=53), newest=_TIME)),
                     CoveragePart(name="Microsoft-Windows-Sysmon%4Operational.evtx", examined=112,
                                  state=State.COMPLETE,
                                  reach=Reach(oldest=_TIME - timedelta(days=9),
                                              newest=_TIME - timedelta(days=4))),
                 ]),
        Coverage(source="pipes", required=False, state=State.UNAVAILABLE,
                 reasons=[Reason(reason="not this platform")]),
    ]  # fmt: skip
    return Report(
        report_id=report_id or str(uuid.uuid4()),
        sweep_id=SWEEP,
        agent=Agent(version="0.1.0", build="release", form="one-dir", sha256="0" * 64),
        host=Host(id=f"id-{name}", name=name, os=Os(name="Windows 11 23H2", version="10.0.22631"),
                  domain="corp.example", ip=["10.4.1.21", "fe80::1"], elevated=not gap,
                  architecture="amd64", utc_offset_minutes=60),
        target=Target(kind=TargetKind.LIVE), scope=Scope(whole_host=True),
        packs=[PackRef(id="cyzfc-2018-11", version="2026.11.24", sha256="1" * 64, indicators=80)],
        started=_TIME,
        finished=finished,
        options={"memory": "candidates", "thorough": False},
        verdict=verdict_of(findings, coverage),
        coverage=coverage,
        indicators=[
            IndicatorCount(id="dll-name", tested=1_204_331, matched=len(findings)),
            IndicatorCount(id="mail-header", tested=0, matched=0),
        ],
        findings=list(findings),
        truncated=[Truncation(what="evidence", kept=5, total=9)] if findings else [],
        resources=Resources(cpu_s=3.2, wall_s=7.9, peak_rss_bytes=98_000_000, read_bytes=900_000_000),
    )  # fmt: skip


def received(
    report: Report, *, at: int = NOW, source: str = "10.4.1.21", failed: bool = False,
    sweep_id: str = SWEEP,
) -> tuple[NewReport, list[FindingRow]]:  # fmt: skip
    """As the intake hands it on, and as its findings are listed afterwards."""
    data = encode(report)
    key = host_key(report.host.id, report.host.name)
    base: Base = "failed" if failed else "clean"
    reasons = "; ".join(
        f"{c.source} {c.state.value} ({r.count} {r.reason})"
        for c in report.coverage
        if c.required
        for r in c.reasons
    )
    if reasons and not failed:
        base = "incomplete"
    strengths = [one.strength for one in report.findings]
    strong = sum(1 for one in strengths if one.rank >= Strength.STRONG.rank)
    row = NewReport(
        report_id=report.report_id, sweep_id=sweep_id, host_key=key, host_id=report.host.id,
        name=report.host.name, fqdn=report.host.fqdn, domain=report.host.domain,
        os=report.host.os.name if report.host.os else "", ip=",".join(report.host.ip),
        agent="0.1.0 one-dir release", hit=strong > 0, base=base, reasons=reasons, strong=strong,
        weak=strengths.count(Strength.WEAK), excluded=strengths.count(Strength.EXCLUDED),
        started=NOW, finished=int(report.finished.timestamp() * 1000), received=at, source=source,
        digest=hashlib.sha256(data).digest(), size=len(data), body=gzip.compress(data, mtime=0),
        schema=report.made_as or report.schema, whole_host=report.scope.whole_host,
        question=packed_question(question_of(report)), users=users_of_hit(report),
        elevated=None if report.host.elevated is None else int(report.host.elevated),
        kind=report.target.kind.value, worth=worth_of(report),
    )  # fmt: skip
    said = {one.id: one for one in report.findings}
    findings = [
        structs.replace(  # as they came: pages must not rely on what the listing cleans
            listed, title=one.title, indicator_id=one.indicator.id,
            indicator_value=one.indicator.value, place=one.evidence[0].place.text, time=NOW,
        )
        for listed in rows_of(report, sweep_id, key, report.host.name)
        for one in (said[listed.finding_id],)
    ]  # fmt: skip
    return row, findings


async def put(
    store: Store, report: Report, *, at: int = NOW, source: str = "10.4.1.21", failed: bool = False,
    sweep_id: str = SWEEP,
) -> str:  # fmt: skip
    """Keep and list one; gives the host's key."""
    row, findings = received(report, at=at, source=source, failed=failed, sweep_id=sweep_id)
    assert await store.put(row) == "new"
    await store.index(row.report_id, row.sweep_id, row.host_key, findings)
    return row.host_key


async def new_sweep(store: Store, sweep_id: str = SWEEP, deadline: int | None = None) -> None:
    sweep = Sweep(
        sweep_id=sweep_id, title="cyzfc, all workstations", pack="cyzfc-2018-11",
        created=NOW - 3_600_000, deadline=deadline,
    )  # fmt: skip
    await store.create_sweep(sweep, who="test")


async def fleet(store: Store) -> str:
    """A small sweep with one of everything; gives a reader's secret.

    5 clean, 2 hits, 2 incomplete, 1 failed, 4 of 13 expected not reported, 1 unexpected.
    """
    await new_sweep(store, deadline=NOW + 2 * 3_600_000)
    names = [f"WS-{n:04}" for n in (1, 2, 3, 4, 5, 420, 421, 422, 423)]
    silent = [f"LAB-{n:02}" for n in range(1, 5)]
    await store.expect(SWEEP, names + silent, who="test")
    for number in range(1, 6):
        await put(store, a_report(f"WS-{number:04}"), at=NOW - 600_000 + 60_000 * number)
    await put(store, a_report("WS-0420", a_finding("WS-0420")), at=NOW - 200_000)
    weak = a_finding(strength=Strength.WEAK, indicator="ip", value="95.216.59.92",
                     title="95.216.59.92 in the DNS cache", path="x")  # fmt: skip
    benign = a_finding(strength=Strength.EXCLUDED, indicator="cmd", title="a known task", path="y")
    await put(store, a_report("WS-0421", a_finding(), weak, benign), at=NOW - 100_000)
    gap = "protected by Windows (PPL)"
    await put(store, a_report("WS-0422", gap=gap), at=NOW - 90_000)
    await put(store, a_report("WS-0423", gap=gap), at=NOW - 80_000, source="10.4.1.23")
    await put(store, a_report("WS-0423", gap=gap), at=NOW - 70_000, source="10.9.9.9")
    await put(store, a_report("STRANGER", gap="the sweep was cut off"), at=NOW, failed=True)
    return await store.create_token("reader", role="analyst", label="Jo", who="test")
