"""From a request's body to a checked report: every bound, and every reason for a refusal.

Nothing here touches the network or the database. A report is hostile until it has passed: its size
is bounded before and after decompression, its JSON is decoded strictly against the agent's model,
and what goes into columns is made printable.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any

import msgspec
from msgspec import Struct

from agent.model.codec import ReportError, decode
from agent.model.report import INTERRUPTED, SCHEMA, Coverage, Report, State, Strength, Verdict
from agent.model.version_1 import SCHEMA_1
from agent.output.escape import shown

from . import signatures
from .judging import packed_question
from .records import Base, NewReport, Question, host_key
from .worth import indicators_of, users_of_hit, worth_of

MAX_BODY = 4 << 20
"""Bytes of a body as it comes."""
MAX_JSON = 32 << 20
"""Bytes of a report's JSON."""
_CELL = 300
_KEY = 400
"""Bytes of a name once case-folded: PostgreSQL's indexes refuse entries of more than 2,704 bytes,
and the database keys hosts by their id, name, domain and sweep together."""
_MAX_NAMED = 200
"""Packs, sources and limits of a question that are kept."""
_NAME = 100
"""Characters of each."""
SCHEMAS = (SCHEMA_1, SCHEMA)
"""That are taken."""
_FAMILY = SCHEMA.partition("/")[0] + "/"
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Refused(Exception):
    """The report is not taken; ``status`` and the text go back to the agent."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


class Arrival(Struct, frozen=True, kw_only=True):
    """A request as far as it matters."""

    report_id: str
    """From the URL: the idempotency key."""
    sweep_id: str
    """Of the token."""
    body: bytes
    encoding: str
    """Content-Encoding, lower case; empty for none."""
    content_type: str
    source: str
    received: int
    """Milliseconds UTC."""
    keys: tuple[bytes, ...] = ()
    """Public ones of the sweep, that it may be signed by."""
    revoked: tuple[bytes, ...] = ()
    """Those that were, and are not any more."""
    signature: str | None = None
    """What was found of its signature when it came; None: it comes now."""


def is_report_id(text: str) -> bool:
    """Whether this is a UUID in its usual form."""
    return _UUID.fullmatch(text) is not None


def check(arrival: Arrival, *, max_json: int = MAX_JSON) -> NewReport:
    """The report, ready to be kept. Raises Refused."""
    return checked(arrival, max_json=max_json)[0]


def checked(arrival: Arrival, *, max_json: int = MAX_JSON) -> tuple[NewReport, Report]:
    """As :func:`check`, and what it says. Raises Refused."""
    if not is_report_id(arrival.report_id):
        raise Refused(422, "the id in the address is no UUID in lower case")
    if arrival.content_type.partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "Content-Type must be application/json")
    data, body = _unpacked(arrival, max_json)
    try:
        report = decode(data, max_bytes=max_json)
    except ReportError as error:
        raise _not_a_report(data, str(error)) from error
    if report.report_id != arrival.report_id:
        raise Refused(422, "the report's own id is not the one in the address")
    return new_report(report, arrival, data, body), report


class _Named(Struct):
    """As much of a report as says which schema it is of, whatever else that brings."""

    schema: str


_NAMED = msgspec.json.Decoder(_Named)


def _not_a_report(data: bytes, why: str) -> Refused:
    try:
        schema = _NAMED.decode(data).schema
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        schema = ""
    if schema.startswith(_FAMILY) and schema not in SCHEMAS:
        # An agent of another schema is no broken one: it waits for its collector.
        taken = " or ".join(SCHEMAS)
        return Refused(409, f"a report of the schema {shown(schema)[:_CELL]}, not {taken}")
    return Refused(422, f"not an iocsweep report: {shown(why)[:_CELL]}")


def _unpacked(arrival: Arrival, max_json: int) -> tuple[bytes, bytes]:
    """The JSON, and the gzip body that is kept."""
    if arrival.encoding in ("", "identity"):
        if len(arrival.body) > max_json:
            raise Refused(413, f"more than {max_json} bytes of JSON")
        packer = zlib.compressobj(6, zlib.DEFLATED, 31)
        return arrival.body, packer.compress(arrival.body) + packer.flush()
    if arrival.encoding != "gzip":
        raise Refused(415, "Content-Encoding must be gzip or absent")
    return bounded_gunzip(arrival.body, max_json), arrival.body


def bounded_gunzip(body: bytes, limit: int) -> bytes:
    """The content of one gzip member; never holds more than ``limit`` bytes. Raises Refused."""
    unpacker = zlib.decompressobj(31)
    try:
        data = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise Refused(422, f"broken gzip: {error}") from error
    if len(data) > limit:
        raise Refused(413, f"more than {limit} bytes of JSON")
    if not unpacker.eof:
        raise Refused(422, "broken gzip: it ends too early")
    if unpacker.unused_data:
        raise Refused(422, "broken gzip: something follows it")
    return data


def new_report(report: Report, arrival: Arrival, data: bytes, body: bytes) -> NewReport:
    """What the store keeps of a report; the same again from the same bytes and arrival."""
    host, agent = report.host, report.agent
    host_id, name = key_text(host.id), host_name(report)
    finished = min(milliseconds(report.finished), arrival.received)
    strong = weak = excluded = 0
    if report.findings:
        strengths = [finding.strength for finding in report.findings]
        strong = sum(strength.rank >= Strength.STRONG.rank for strength in strengths)
        weak, excluded = strengths.count(Strength.WEAK), strengths.count(Strength.EXCLUDED)
    base, reasons = _base(report)
    signature = arrival.signature
    if signature is None:
        found = signatures.judged(data, report, arrival.keys, arrival.revoked)
        signature = signatures.kept(found)
    verdict = signatures.verdict_kept(signature)
    if verdict.state == "wrong":  # what it found counts, what it did not find does not
        base = "incomplete" if base == "clean" else base
        reasons = _cell("; ".join(filter(None, (f"signature: {verdict.detail}", reasons))))
    # A clock that runs ahead must not make its report the last word for ever.
    started = min(milliseconds(report.started), finished)
    return NewReport(
        report_id=report.report_id,
        sweep_id=arrival.sweep_id,
        host_key=host_key(host_id, name),
        host_id=host_id,
        name=name,
        fqdn=key_text(host.fqdn),
        domain=key_text(host.domain),
        os=_cell(f"{host.os.name} {host.os.version}".strip()) if host.os else "",
        ip=_cell(", ".join(host.ip)),
        agent=_cell(f"{agent.version} {agent.build} {agent.form}"),
        hit=strong > 0,
        base=base,
        reasons=reasons,
        strong=strong,
        weak=weak,
        excluded=excluded,
        started=started,
        finished=finished,
        received=arrival.received,
        source=_cell(arrival.source),
        digest=hashlib.sha256(data).digest(),
        size=len(data),
        body=body,
        schema=schema_of(report),
        whole_host=report.scope.whole_host,
        question=_asked(report),
        users=users_of_hit(report) if strong else "",
        elevated=None if host.elevated is None else int(host.elevated),
        kind=report.target.kind.value,
        worth=worth_of(report),
        signature=signature,
    )


def question_of(report: Report) -> Question:
    """What it says that it was asked. What is beyond the bounds counts as not asked."""
    return _question(*_told(report))


def _asked(report: Report) -> bytes:
    """The same, packed."""
    return _packed_question(*_told(report))


_Packs = tuple[tuple[str, str, str, int], ...]
_Told = tuple[_Packs, tuple[str, ...], str, int | None, str, str]


def _told(report: Report) -> _Told:
    """What a question is made of, as the report has it, but not more of it than can be kept."""
    return (
        tuple(
            [
                (one.id[:_NAME], one.version[:_NAME], one.sha256[:_NAME], indicators_of(one))
                for one in report.packs[:_MAX_NAMED]
            ]
        ),
        tuple(
            [
                one.source[:_NAME]
                for one in report.coverage[:_MAX_NAMED]
                if one.required or (one.examined and one.state is State.COMPLETE)
            ]
        ),
        scope_of(report),
        None if report.since is None else milliseconds(report.since),
        (report.sweep_id or "")[:_NAME],
        report.target.kind.value,
    )


def _question(
    packs: _Packs, sources: tuple[str, ...], scope: str, since: int | None, sweep_id: str, kind: str
) -> Question:
    return Question(
        packs=tuple([(_name(a), _name(b), _name(c), count) for a, b, c, count in packs]),
        sources=tuple([_name(one) for one in sources]),
        scope=scope,
        since=since,
        sweep_id=_name(sweep_id),
        kind=kind,
    )


@lru_cache(64)
def _packed_question(*told: Any) -> bytes:
    """Made once for all reports of a fleet that were asked the same."""
    return packed_question(_question(*told))


@lru_cache(2048)
def _name(text: str) -> str:
    """As :func:`key_text`, of what all reports of a fleet name alike."""
    return key_text(text, _NAME)


def scope_of(report: Report) -> str:
    """What limited its question, in one line; empty: nothing."""
    scope = report.scope
    told = _cell("; ".join(scope.limited_to[:_MAX_NAMED])) if scope.limited_to else ""
    return told or ("" if scope.whole_host else "a part")


def _base(report: Report) -> tuple[Base, str]:
    """What the report says, hits aside, and why it is not clean."""
    if report.verdict is Verdict.CLEAN:  # it follows from the coverage: nothing lacks
        return "clean", ""
    required = [one for one in report.coverage if one.required]
    gaps = [one for one in required if one.state is not State.COMPLETE]
    reasons = _cell("; ".join(map(_gap, gaps)))
    if any(reason.reason == INTERRUPTED for gap in gaps for reason in gap.reasons):
        return "failed", reasons
    return "incomplete" if gaps or not required else "clean", reasons


def _gap(coverage: Coverage) -> str:
    reasons = [f"{r.count:,} {r.reason}" if r.count > 1 else r.reason for r in coverage.reasons[:2]]
    return f"{coverage.source} {coverage.state.value}" + (
        f" ({', '.join(reasons)})" if reasons else ""
    )


def schema_of(report: Report) -> str:
    """The one that it was made by, which a report of today's may state in any words."""
    return _cell(report.made_as or report.schema)


def _cell(text: str) -> str:
    """Printable and short, for a column; the whole text is in the body."""
    if len(text) <= _CELL and text.isprintable():  # most are: see shown
        return text
    return shown(text)[:_CELL]


def key_text(text: str, most: int = _CELL, octets: int = _KEY) -> str:
    """Printable, at most so many characters, and so many bytes in any case."""
    if len(text) <= most <= octets and text.isascii() and text.isprintable():
        return text
    cut = shown(text)[:most]
    while len(cut.casefold().encode()) > octets:
        cut = cut[: len(cut) * 7 // 8]
    return cut


def host_name(report: Report) -> str:
    """What the host is called in every list."""
    return key_text(report.host.name) or "unnamed"


def milliseconds(when: datetime) -> int:
    """Since 1970 UTC, which a time without a zone is in: hosts have no say in ours."""
    if when.tzinfo is None:
        when = when.replace(tzinfo=timezone.utc)
    return int(when.timestamp() * 1000)
