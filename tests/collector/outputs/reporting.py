"""Reports in a store, and findings as a runner hands them to an output."""

from __future__ import annotations

import gzip
import hashlib

from msgspec import structs

from agent.model.codec import encode
from agent.model.report import Finding, Report, Strength
from collector.outputs.output import Item
from collector.records import NewReport, host_key
from collector.store.store import Store
from tests.agent.output.mapping.rich import report_of, rich_finding

STRONG_ENOUGH = Strength.STRONG.rank


def findings(count: int, *, strength: Strength = Strength.CONFIRMED) -> list[Finding]:
    return [
        structs.replace(rich_finding(), id=f"finding-{n}", title=f"finding {n}", strength=strength)
        for n in range(count)
    ]


def report(
    report_id: str, count: int = 1, *, host: str = "ws-1", strength: Strength = Strength.CONFIRMED
) -> Report:
    made = report_of(*findings(count, strength=strength), report_id=report_id)
    return structs.replace(made, host=structs.replace(made.host, id=host, name=host))


def items(count: int) -> list[Item]:
    """Findings of one report each, numbered from 1."""
    made = []
    for n in range(count):
        one = report(f"report-{n}")
        made.append(Item(n + 1, one, one.findings[0]))
    return made


async def put(
    store: Store, made: Report, *, body: bytes | None = None, sweep_id: str = "s1",
    source: str = "127.0.0.1",
) -> None:  # fmt: skip
    data = encode(made)
    strong = sum(finding.strength.rank >= STRONG_ENOUGH for finding in made.findings)
    result = await store.put(
        NewReport(
            report_id=made.report_id, sweep_id=sweep_id,
            host_key=host_key(made.host.id, made.host.name), host_id=made.host.id,
            name=made.host.name, fqdn=made.host.fqdn, domain=made.host.domain, os="", ip="",
            agent="", hit=strong > 0, base="clean", reasons="", strong=strong,
            weak=len(made.findings) - strong, excluded=0, started=1, finished=2, received=3,
            source=source, digest=hashlib.sha256(data).digest(), size=len(data),
            body=gzip.compress(data) if body is None else body,
            schema=made.schema, whole_host=made.scope.whole_host,
        )
    )  # fmt: skip
    assert result == "new"
