"""A report of 43 findings, as a host has that was hit and is full of mentions besides."""

from __future__ import annotations

from datetime import timedelta

from msgspec import structs

from agent.model.observation import Claim, Place, moments
from agent.model.report import Finding, Report, Strength
from tests.collector.pages.seed import a_finding, a_report

FOLDER = r"C:\Users\jo\AppData\Local"


def many_findings(host: str = "WS-0500") -> list[Finding]:
    """2 confirmed, 5 strong, 30 weak and 6 excluded; each with the seven sightings of the seed."""
    found = [a_finding(host, path=rf"{FOLDER}\{n}\cyzfc.dat") for n in range(2)]
    found += [
        _of(host, Strength.STRONG, "dll-export", "PointFunctionCall", rf"{FOLDER}\strong-{n}.dat")
        for n in range(5)
    ]
    found += [
        _of(host, Strength.WEAK, "domain", "pandorasong.com", rf"{FOLDER}\Temp\page-{n}.htm")
        for n in range(28)
    ]
    found += [
        _of(host, Strength.WEAK, "ip", "95.216.59.92", rf"{FOLDER}\Temp\log-{n}.txt")
        for n in range(2)
    ]
    found += [
        _of(host, Strength.EXCLUDED, "cmd", "a known task", rf"C:\Rules\rule-{n}.yar")
        for n in range(6)
    ]
    return found


def _of(host: str, strength: Strength, indicator: str, value: str, path: str) -> Finding:
    return a_finding(
        host, strength=strength, indicator=indicator, value=value, path=path,
        title=f"{value} in {path}",
    )  # fmt: skip


def a_report_of_many(host: str = "WS-0500") -> Report:
    """With two gaps."""
    return a_report(host, *many_findings(host), gap="access denied")


def with_records(finding: Finding, count: int) -> Finding:
    """With so many records of one log that say the same, an hour apart."""
    first = finding.evidence[5]
    finding.evidence = [
        structs.replace(
            first,
            claim=Claim.RAN,
            place=Place(text=f"Security.evtx, record {n}", path=first.place.path, record=str(n)),
            moments=list(moments(logged=finding.time - timedelta(hours=n))),
            event=None,
        )
        for n in range(count)
    ]
    return finding
