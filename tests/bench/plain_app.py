"""What a collector usually is: FastAPI, pydantic, SQLAlchemy, a commit per request.

The measure that the collector is held against: the same request, the same checks of its contents,
the same rows (a report and its host), as durable; findings are rows of the same transaction.
``PLAIN_DATABASE`` is SQLAlchemy's URL.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Header, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy import Engine, LargeBinary, create_engine, event, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

TOKEN = "plain-token-of-the-bench"
Strength = Literal["confirmed", "strong", "weak", "excluded"]
Count = Annotated[int, Field(ge=0)]


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Agent(Part):
    version: str
    build: str
    form: str = "source"
    sha256: str | None = None


class Host(Part):
    id: str
    name: str
    fqdn: str = ""
    domain: str = ""
    ip: list[str] = []
    architecture: str = ""
    elevated: bool | None = None


class Target(Part):
    kind: Literal["live", "folder", "image", "collection"]
    paths: list[str] = []


class Pack(Part):
    id: str
    version: str
    sha256: str
    indicators: Count
    origin: str = ""


class Reason(Part):
    reason: str
    count: Count = 1
    samples: Annotated[list[str], Field(max_length=5)] = []


class Coverage(Part):
    source: str
    required: bool
    state: Literal["complete", "partial", "unavailable", "skipped"]
    examined: Count = 0
    unread: Count = 0
    bytes: Count = 0
    elapsed_ms: Count = 0
    own: Count = 0
    reasons: list[Reason] = []
    notes: list[Reason] = []


class IndicatorCount(Part):
    id: str
    tested: Count
    matched: Count


class Indicator(Part):
    id: str
    type: str
    value: str
    pack: str
    reference: list[str] = []


class Hash(Part):
    md5: str | None = None
    sha1: str | None = None
    sha256: str | None = None


class File(Part):
    path: str
    name: str = ""
    size: Count | None = None
    hash: Hash | None = None


class Process(Part):
    pid: int
    name: str = ""
    executable: str = ""
    command_line: str = ""


class Evidence(Part):
    source: str
    seen: str
    indicator: str
    strength: Strength
    place: str
    time: datetime | None = None
    detail: str = ""


class Finding(Part):
    id: str
    time: datetime
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    strength: Strength
    score: Annotated[int, Field(ge=0, le=100)]
    title: str
    reasons: list[str]
    indicator: Indicator
    evidence: list[Evidence]
    excluded_by: str | None = None
    file: File | None = None
    process: Process | None = None


class Resources(Part):
    cpu_s: float = 0.0
    wall_s: float = 0.0
    peak_rss_bytes: Count = 0
    read_bytes: Count = 0


class Report(Part):
    schema_: Annotated[Literal["iocsweep.report/1"], Field(alias="schema")]
    report_id: str
    sweep_id: str | None = None
    agent: Agent
    host: Host
    target: Target
    packs: list[Pack]
    exclusions: dict[str, Any] | None = None
    started: datetime
    finished: datetime
    options: dict[str, Any]
    verdict: Literal["hit", "clean", "incomplete"]
    coverage: list[Coverage]
    indicators: list[IndicatorCount]
    findings: list[Finding]
    truncated: list[dict[str, Any]]
    resources: Resources

    @model_validator(mode="after")
    def _verdict_follows(self) -> Report:
        hit = any(one.strength in {"confirmed", "strong"} for one in self.findings)
        gaps = any(one.required and one.state != "complete" for one in self.coverage)
        if self.verdict != ("hit" if hit else "incomplete" if gaps else "clean"):
            raise ValueError("the verdict does not follow")
        return self


class Base(DeclarativeBase):
    pass


class ReportRow(Base):
    __tablename__ = "report"
    report_id: Mapped[str] = mapped_column(primary_key=True)
    host_key: Mapped[str] = mapped_column(index=True)
    verdict: Mapped[str]
    finished: Mapped[datetime]
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    body: Mapped[bytes] = mapped_column(LargeBinary)


class HostRow(Base):
    __tablename__ = "host"
    host_key: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    fqdn: Mapped[str]
    domain: Mapped[str]
    ip: Mapped[str]
    verdict: Mapped[str] = mapped_column(index=True)
    report_id: Mapped[str]
    reports: Mapped[int]


class FindingRow(Base):
    __tablename__ = "finding"
    report_id: Mapped[str] = mapped_column(primary_key=True)
    finding_id: Mapped[str] = mapped_column(primary_key=True)
    host_key: Mapped[str] = mapped_column(index=True)
    indicator_id: Mapped[str] = mapped_column(index=True)
    strength: Mapped[str]
    score: Mapped[int]
    title: Mapped[str]


def _connect(url: str) -> Engine:
    engine = create_engine(url, pool_size=20, max_overflow=0, pool_timeout=60)
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def _durable(connection: Any, _: object) -> None:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 30000"):
                connection.execute(f"PRAGMA {pragma}")

    return engine


def _keep(body: bytes, report_id: str) -> bool:
    """Whether it is new. Raises ValidationError, zlib.error."""
    unpacker = zlib.decompressobj(31)
    data = unpacker.decompress(body, 32 << 20)
    report = Report.model_validate_json(data)
    host, key = report.host, f"{report.host.id}|{report.host.name}".lower()
    with Session(engine) as session:
        session.add(
            ReportRow(report_id=report_id, host_key=key, verdict=report.verdict,
                      finished=report.finished, digest=hashlib.sha256(data).digest(), body=body)
        )  # fmt: skip
        known = session.get(HostRow, key)
        if known is None:
            session.add(HostRow(host_key=key, name=host.name, fqdn=host.fqdn, domain=host.domain,
                                ip=", ".join(host.ip), verdict=report.verdict,
                                report_id=report_id, reports=1))  # fmt: skip
        else:
            known.reports += 1
            if known.verdict != "hit":
                known.verdict, known.report_id = report.verdict, report_id
        session.add_all(
            FindingRow(report_id=report_id, finding_id=one.id, host_key=key,
                       indicator_id=one.indicator.id, strength=one.strength, score=one.score,
                       title=one.title)
            for one in report.findings
        )  # fmt: skip
        try:
            session.commit()
        except IntegrityError:
            return False
    return True


engine = _connect(os.environ["PLAIN_DATABASE"])
Base.metadata.create_all(engine)
app = FastAPI()


@app.post("/v1/reports/{report_id}")
async def bring(
    report_id: str, request: Request, response: Response, authorization: Annotated[str, Header()]
) -> dict[str, str]:
    if authorization != f"Bearer {TOKEN}":
        raise HTTPException(401)
    body = await request.body()
    try:
        new = await run_in_threadpool(_keep, body, report_id)
    except (ValidationError, zlib.error) as error:
        raise HTTPException(422, str(error)) from error
    response.status_code = 201 if new else 200
    return {"result": "new" if new else "known"}


@app.get("/healthz")
def health() -> dict[str, int]:
    with Session(engine) as session:
        return {"reports": session.scalar(select(func.count()).select_from(ReportRow)) or 0}
