"""Whether a report is what its sweep asks for, and in what it is not.

A demand limits what *clean* is worth, never a hit: findings of any report count. What is compared
is what the report says of itself; who makes a report up whole makes that up as well, and is for the
senders to show. One that is not as it was signed is never what any sweep asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from functools import lru_cache

import msgspec

from agent.model.version_1 import SCHEMA_1

from . import signatures
from .records import EVERY_LIVE, NOTHING_ASKED, Demand, Limit, NewReport, Question

SKEW_MS = 10 * 60_000
"""That a host's clock may be slow against ours: a domain's own bound is five minutes."""
_SEEN = 200
"""Characters of what was seen."""
WHOLE = "the whole host"
_LIMITS = msgspec.json.Decoder(tuple[Limit, ...])
_QUESTIONS = msgspec.msgpack.Decoder(Question)
_ENCODER = msgspec.msgpack.Encoder()
_DEMANDS = msgspec.json.Decoder(Demand)
_DIGITS = re.compile(r"([0-9]+)")


def limits_of(report: NewReport, demand: Demand) -> tuple[Limit, ...]:
    """All that the report is short of; empty: it counts."""
    short = _asked(report.question, report.whole_host, report.schema, demand)
    signature = signatures.verdict_kept(report.signature)
    if signature.state == "wrong" or (demand.signed and signature.state != "signed"):
        asked = "one by a key of this sweep" if demand.signed else "as its agent wrote it"
        short = (*short, Limit("signature", (signature.words or "nobody looked")[:_SEEN], asked))
    if demand.after is not None and report.started < demand.after - SKEW_MS:
        age = Limit("age", _minute(report.started), f"{_minute(demand.after)} or later")
        return (*short, age)
    return short


def limits_text(report: NewReport, demand: Demand) -> str:
    """The same as the store keeps it."""
    late = demand.after is not None and report.started < demand.after - SKEW_MS
    if demand.signed or late or report.signature.startswith("wrong"):
        return packed(limits_of(report, demand))
    return _text(report.question, report.whole_host, report.schema, demand)


@lru_cache(64)
def _text(asked: bytes, whole_host: bool, schema: str, demand: Demand) -> str:  # noqa: FBT001 - a key
    return packed(_asked(asked, whole_host, schema, demand))


@lru_cache(64)
def _asked(asked: bytes, whole_host: bool, schema: str, demand: Demand) -> tuple[Limit, ...]:  # noqa: FBT001 - a key
    question = _QUESTIONS.decode(asked) if asked else Question()
    return (
        *_pack(question, demand),
        *_scope(question, demand, whole_host=whole_host),
        *_sources(question, schema, demand),
        *_rest(question, demand),
    )


def _pack(question: Question, demand: Demand) -> Iterator[Limit]:
    used = [one for one in question.packs if one[3] > 0]
    if not demand.pack:
        if not demand.any_pack:
            yield Limit("pack", _packs(question), "no pack was asked for")
        elif sum(one[3] for one in used) < demand.indicators:
            yield Limit("pack", _packs(question), f"any with {_indicators(demand.indicators)}")
        return
    named = [one for one in used if one[0] == demand.pack and one[3] >= demand.indicators]
    if not named:
        yield Limit("pack", _packs(question), demand.pack)
    elif demand.pack_sha256:
        if all(one[2] != demand.pack_sha256 for one in named):
            seen = ", ".join(f"SHA-256 {one[2][:12]}" for one in named)
            yield Limit("pack version", seen[:_SEEN], f"SHA-256 {demand.pack_sha256[:12]}")
    elif demand.pack_version:
        least = in_order(demand.pack_version)
        if all(in_order(one[1]) < least for one in named):
            seen = ", ".join(one[1] for one in named)
            yield Limit("pack version", seen[:_SEEN], f"{demand.pack_version} or later")


def _packs(question: Question) -> str:
    told = ", ".join(
        f"{id_} {version}" + ("" if count else " (0 indicators)")
        for id_, version, _, count in question.packs
    )
    return told[:_SEEN] or "none"


def _indicators(count: int) -> str:
    return "an indicator" if count == 1 else f"{count:,} indicators"


def _scope(question: Question, demand: Demand, *, whole_host: bool) -> Iterator[Limit]:
    if demand.whole_host and not whole_host:
        yield Limit("scope", (question.scope or "a part")[:_SEEN], WHOLE)
    if demand.all_time and question.since is not None:
        yield Limit("scope", f"since {_minute(question.since)}", "all that is there")


def _sources(question: Question, schema: str, demand: Demand) -> Iterator[Limit]:
    absent = [one for one in demand.sources if one not in question.sources]
    if not absent:
        return
    if schema == SCHEMA_1:
        yield Limit("schema", SCHEMA_1, "one that has the sources asked for")
    names = ", ".join(question.sources) or "none"
    yield Limit("sources", f"only {names}"[:_SEEN], ", ".join(absent)[:_SEEN])


def _rest(question: Question, demand: Demand) -> Iterator[Limit]:
    if demand.sweep_id is not None and question.sweep_id not in ("", demand.sweep_id):
        yield Limit("sweep id", question.sweep_id, f"{demand.sweep_id} or none")
    if demand.kinds and question.kind not in demand.kinds:
        yield Limit("kind", question.kind or "not told", " or ".join(demand.kinds))


def _minute(time: int) -> str:
    try:
        return f"{datetime.fromtimestamp(time / 1000, timezone.utc):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, OSError, ValueError):
        return "a time that no calendar has"


def in_order(version: str) -> list[tuple[int, int, str]]:
    """A version as a sequence that sorts as people mean it: 2026.9 before 2026.11."""
    parts = [part for part in _DIGITS.split(version.strip().casefold()) if part not in ("", ".")]
    return [(1, int(part), "") if _DIGITS.fullmatch(part) else (0, 0, part) for part in parts]


def packed_question(question: Question) -> bytes:
    """As it goes to the writer, whose sweep's demand it is held against."""
    return _ENCODER.encode(question)


def packed(limits: Sequence[Limit]) -> str:
    """As the store keeps them; empty for none."""
    return msgspec.json.encode(limits).decode() if limits else ""


def unpacked_limits(text: str) -> tuple[Limit, ...]:
    """Raises msgspec.MsgspecError: somebody else wrote it."""
    return _LIMITS.decode(text) if text else ()


def demand_text(demand: Demand) -> str:
    """As the store keeps it."""
    return msgspec.json.encode(demand).decode()


def demand_of(text: str) -> Demand:
    """Raises msgspec.MsgspecError: somebody else wrote it."""
    return _DEMANDS.decode(text)


def unpinned(demand: Demand) -> bool:
    """Whether a pack is still to be chosen, by people."""
    return not demand.pack and (demand == NOTHING_ASKED or not demand.any_pack)


def usual_demand(sweep_id: str, created: int) -> Demand:
    """Of a new sweep, before anybody pins a pack: whole running hosts, from now on."""
    return Demand(sources=EVERY_LIVE, after=created, sweep_id=sweep_id, kinds=("live",))


__all__ = [
    "SKEW_MS", "demand_of", "demand_text", "in_order", "limits_of", "limits_text", "packed",
    "packed_question", "unpacked_limits", "unpinned", "usual_demand",
]  # fmt: skip
