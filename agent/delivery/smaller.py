"""A report in a smaller form, for a collector or proxy that refuses the whole one.

What proves least goes first, and ``truncated`` says what went. Coverage, verdict and counts stay;
the whole report stays on the host. The same report always gives the same bytes, so that it can be
sent twice under one id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import structs

from ..model.codec import decode, encode
from ..model.report import Evidence, Finding, Report, Strength, Truncation
from ..signing.attesting import attested
from ..signing.keys import PrivateKey
from .parcel import unpacked
from .spool import packed

GZIP_BYTES = 512 << 10
"""Fits through a proxy with the usual bound of 1 MiB (nginx, ``client_max_body_size``)."""
JSON_BYTES = 8 << 20
_MINOR = frozenset({Strength.WEAK, Strength.EXCLUDED})
_MAJOR = frozenset({Strength.STRONG, Strength.CONFIRMED})
_Findings = Sequence[Finding]


def smaller(body: bytes, key: PrivateKey | None = None) -> bytes:
    """The gzip body of the same report in at most half the size, or as small as it gets. ``key``:
    signs it anew; without one it is no longer signed, and says so.

    Raises ReportError if the body is no report.
    """
    data = unpacked(body)
    whole = decode(data)
    gzip_bound = min(GZIP_BYTES, len(body) // 2)
    json_bound = min(JSON_BYTES, len(data) // 2)
    findings: _Findings = whole.findings
    small = body
    for step in _STEPS:
        findings = step(findings)
        json = encode(_signed(_with(whole, findings), whole, key))
        small = packed(json)
        if len(small) <= gzip_bound and len(json) <= json_bound:
            break
    return small


def _signed(small: Report, whole: Report, key: PrivateKey | None) -> Report:
    """It follows the whole one, which stays on the host."""
    of = whole.attestation
    if key is not None:
        return attested(small, key, after=of.fingerprint.value if of is not None else "")
    if of is None:
        return small
    lost = Truncation(what="signature, for the collector", kept=0, total=1)
    return structs.replace(small, attestation=None, truncated=[*small.truncated, lost])


def _with(whole: Report, findings: _Findings) -> Report:
    lost = [
        Truncation(what=f"{what}, for the collector", kept=kept, total=total)
        for what, count in (
            ("findings", len),
            ("evidence", _evidence),
            ("evidence details", _details),
        )
        if (kept := count(findings)) < (total := count(whole.findings))
    ]
    return structs.replace(whole, findings=list(findings), truncated=[*whole.truncated, *lost])


def _evidence(findings: _Findings) -> int:
    return sum(len(finding.evidence) for finding in findings)


def _details(findings: _Findings) -> int:
    return sum(bool(item.detail) for finding in findings for item in finding.evidence)


def _plain(item: Evidence) -> Evidence:
    return structs.replace(item, detail="")


def _without_details(of: frozenset[Strength]) -> Callable[[_Findings], _Findings]:
    return lambda findings: [
        structs.replace(f, evidence=[_plain(item) for item in f.evidence])
        if f.strength in of
        else f
        for f in findings
    ]


def _at_most_evidence(of: frozenset[Strength], most: int) -> Callable[[_Findings], _Findings]:
    """The strongest of each finding."""

    def cut(finding: Finding) -> Finding:
        if finding.strength not in of or len(finding.evidence) <= most:
            return finding
        kept = sorted(finding.evidence, key=lambda item: -item.strength.rank)[:most]
        return structs.replace(finding, evidence=kept)

    return lambda findings: [cut(finding) for finding in findings]


def _at_most(of: frozenset[Strength], most: int) -> Callable[[_Findings], _Findings]:
    """The first of them: findings are sorted with what proves most in front."""

    def cut(findings: _Findings) -> _Findings:
        kept: list[Finding] = []
        count = 0
        for finding in findings:
            count += finding.strength in of
            if finding.strength not in of or count <= most:
                kept.append(finding)
        return kept

    return cut


_STEPS = (
    _without_details(_MINOR),
    _at_most_evidence(_MINOR, 1),
    _without_details(_MAJOR),
    _at_most_evidence(_MAJOR, 4),
    _at_most(frozenset({Strength.EXCLUDED}), 100),
    _at_most(frozenset({Strength.WEAK}), 100),
    _at_most(_MAJOR, 1000),
    _at_most(_MAJOR, 100),
)
