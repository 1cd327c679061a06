"""Findings and reports, whole and small."""

from __future__ import annotations

from datetime import datetime, timezone

from agent.model.objects import File, Parent, Process, User
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
    Reason,
    Report,
    Resources,
    Scope,
    State,
    Strength,
    Target,
    TargetKind,
    Truncation,
    Verdict,
)

NOW = datetime(2026, 11, 24, 14, 2, tzinfo=timezone.utc)
PATH = r"C:\Users\jo\AppData\Local\cyzfc.dat"


def finding(
    strength: Strength = Strength.CONFIRMED, title: str = PATH, evidence: int = 1
) -> Finding:
    """A DLL that rundll32 has loaded, with so many pieces of evidence."""
    return Finding(
        id="3f0c1d64-58a2-5a11-9d8f-0c1f3c9d8a11",
        time=NOW,
        strength=strength,
        score=50,
        title=title,
        reasons=["rundll32 has cyzfc.dat loaded"],
        indicator=IndicatorRef(id="i", type="file_name", value="cyzfc.dat", pack="p"),
        evidence=[
            Evidence(
                source="files",
                seen="file name",
                indicator="i",
                strength=strength,
                place=Place(text=f"{n}"),
                moments=[*moments(happened=NOW)],
            )
            for n in range(evidence)
        ],
        excluded_by="a-rule" if strength is Strength.EXCLUDED else None,
        file=File(path=PATH, size=3_000_000),
        process=Process(
            pid=4312,
            name="rundll32.exe",
            command_line="rundll32 x,y",
            start=NOW,
            user=User(name="CORP\\jo"),
            parent=[Parent(pid=4120, name="powershell.exe")],
        ),
    )


def report(
    *findings: Finding, gap: str = "", elevated: bool = True, host: str = "WS-0421"
) -> Report:
    """A live sweep that found this; ``gap``: why it could not see all files."""
    state = State.PARTIAL if gap else State.COMPLETE
    strong = any(f.strength.rank >= Strength.STRONG.rank for f in findings)
    verdict = Verdict.HIT if strong else Verdict.INCOMPLETE if gap else Verdict.CLEAN
    return Report(
        report_id="018f0000-0000-7000-8000-000000000000",
        agent=Agent(version="0.1.0", build="release", form="one-dir"),
        host=Host(id="h", name=host, os=Os(name="Windows 11 23H2"), elevated=elevated),
        target=Target(kind=TargetKind.LIVE),
        scope=Scope(whole_host=True),
        packs=[PackRef(id="cyzfc-2018-11", version="1", sha256="0" * 64, indicators=80)],
        started=NOW,
        finished=NOW,
        options={},
        verdict=verdict,
        coverage=[
            Coverage(
                source="files",
                required=True,
                state=state,
                examined=1_204_331,
                unread=3 if gap else 0,
                reasons=[Reason(reason=gap, count=3, samples=["C:\\x"])] if gap else [],
            ),
            Coverage(
                source="pipes",
                required=False,
                state=State.UNAVAILABLE,
                reasons=[Reason(reason="not this platform")],
            ),
        ],
        indicators=[],
        findings=list(findings),
        truncated=[Truncation(what="evidence", kept=1, total=2)] if findings else [],
        resources=Resources(),
    )
