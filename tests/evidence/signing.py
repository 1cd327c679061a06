"""Keys, and signed reports and journals."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from agent.model.codec import encode
from agent.model.journal_record import Header, PlannedSource
from agent.model.observation import Place
from agent.model.report import (
    Agent,
    Coverage,
    Evidence,
    Host,
    PackRef,
    Report,
    Scope,
    State,
    Strength,
    Target,
    TargetKind,
)
from agent.signing.attesting import attested
from agent.signing.keys import PrivateKey
from agent.sweep.journal import Journal

from .reports import finding, report

KEY, OTHER = PrivateKey(bytes(range(32))), PrivateKey(bytes(range(1, 33)))
KEYS = {KEY.public.id: KEY.public.verify}


def signed_report(*, key: PrivateKey = KEY) -> Report:
    """With two findings, so that it has lines that differ."""
    return attested(report(finding(), finding(title="another"), gap="locked"), key)


def signed_bytes(*, key: PrivateKey = KEY) -> bytes:
    """As they are written."""
    return encode(signed_report(key=key))


def killed_journal(folder: Path, key: PrivateKey | None = KEY) -> Path:
    """Of a sweep that found a file, ended one source, and was killed in the next: six lines."""
    header = Header(
        report_id="018f0000-0000-7000-8000-000000000000",
        agent=Agent(version="0.1.0", build="release"),
        host=Host(id="h", name="WS-0421"),
        target=Target(kind=TargetKind.LIVE),
        scope=Scope(whole_host=True),
        packs=[PackRef(id="p", version="1", sha256="0" * 64, indicators=80)],
        started=datetime(2026, 11, 24, 14, tzinfo=timezone.utc),
        options={},
        sources=[PlannedSource("files", True), PlannedSource("pipes", True)],
    )
    journal = Journal.create(folder / "r.json", header, key=key)
    for n in range(4):
        seen = Evidence(
            source="files", seen="file name", indicator="i", strength=Strength.STRONG,
            place=Place(text=f"C:\\{n}.dat"),
        )  # fmt: skip
        journal.evidence(seen, title=f"C:\\{n}.dat: file name")
    journal.coverage(Coverage(source="files", required=True, state=State.COMPLETE, examined=3))
    journal.close()
    return journal.path
