"""Reports to deliver: whole, with findings of every strength, large where that is asked for."""

from __future__ import annotations

import random
import uuid
from datetime import datetime, timezone

from agent.model.observation import Place
from agent.model.report import (
    Agent,
    Coverage,
    Evidence,
    Finding,
    Host,
    IndicatorRef,
    Report,
    Resources,
    Scope,
    State,
    Strength,
    Target,
    TargetKind,
    Verdict,
)

NOW = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)


def report_id(number: int) -> str:
    return str(uuid.UUID(int=number))


def finding(strength: Strength, number: int, evidence: int, chance: random.Random) -> Finding:
    return Finding(
        id=report_id(number),
        time=NOW,
        strength=strength,
        score=50,
        title=f"{strength.value} {number} {chance.randbytes(120).hex()}",
        reasons=["because"],
        indicator=IndicatorRef(id="i", type="file_name", value="cyzfc.dat", pack="p"),
        evidence=[
            Evidence(
                source="files",
                seen="file name",
                indicator="i",
                strength=Strength.WEAK if strength is Strength.EXCLUDED else strength,
                place=Place(text=f"C:\\{n}"),
                detail=chance.randbytes(250).hex(),
            )
            for n in range(evidence)
        ],
        excluded_by="rule" if strength is Strength.EXCLUDED else None,
    )


def report(number: int, *, findings: list[Finding] | None = None) -> Report:
    hit = any(f.strength.rank >= Strength.STRONG.rank for f in findings or [])
    return Report(
        report_id=report_id(number),
        agent=Agent(version="1", build="source"),
        host=Host(id="h", name="WS-0421"),
        target=Target(kind=TargetKind.FOLDER, paths=["/e"]),
        scope=Scope(whole_host=True),
        packs=[],
        started=NOW,
        finished=NOW,
        options={},
        verdict=Verdict.HIT if hit else Verdict.CLEAN,
        coverage=[Coverage(source="files", required=True, state=State.COMPLETE, examined=3)],
        indicators=[],
        findings=findings or [],
        truncated=[],
        resources=Resources(),
    )


def large(number: int, count: int = 40, evidence: int = 20) -> Report:
    """Findings of each strength, strongest first, with details that do not compress."""
    chance = random.Random(number)
    strengths = (Strength.CONFIRMED, Strength.STRONG, Strength.WEAK, Strength.EXCLUDED)
    return report(
        number,
        findings=[
            finding(strength, index, evidence, chance)
            for strength in strengths
            for index in range(count)
        ],
    )
