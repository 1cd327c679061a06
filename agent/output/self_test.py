"""A self-test as a person and as a deployment tool sees it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from ..model.self_test import Attempt, Proof, SelfTest, Summed
from .escape import shown
from .layout import wrapped
from .summary import MAX_BYTES

_WIDTH = 100


def self_test_text(told: SelfTest) -> str:
    """By type, by source, what failed and why, what stays; the verdict last."""
    return "\n".join(line.rstrip() for line in _lines(told))


def _lines(told: SelfTest) -> Iterator[str]:
    host = told.host
    rights = {True: "elevated", False: "NOT elevated", None: ""}[host.elevated]
    system = shown(host.os.name) if host.os else ""
    where = ", ".join(filter(None, (shown(host.name), system, rights)))
    seconds = (told.finished - told.started).total_seconds()
    yield f"iocsweep {told.agent.version}   self-test   {where}   took {seconds:,.1f} s"
    for head, rows in (("Types of indicators", told.types), ("Sources", told.sources)):
        yield from ("", head)
        for row in rows:
            yield from _row(row, told.attempts)
    for head, texts in (("Stays on this host", told.left), ("NOT removed", told.not_removed)):
        if texts:
            yield from ("", head)
            yield from (f"  {shown(text)}" for text in texts)
    yield from ("", verdict(told))


def _row(row: Summed, attempts: Sequence[Attempt]) -> Iterator[str]:
    first = f"  {row.proof.value:<13} {row.name:<25} "
    its = [one for one in attempts if row.name in (one.type, one.source)]
    why = _why(its, row.proof) if row.proof is not Proof.PROVED else ", ".join(row.by)
    yield from wrapped(shown(why), _WIDTH, first=first)


def _why(attempts: Iterable[Attempt], proof: Proof) -> str:
    """Each reason once, with what it is the reason for."""
    its = (one for one in attempts if one.proof is proof)
    return "; ".join(dict.fromkeys(f"{one.what}: {one.reason}" for one in its))


def verdict(told: SelfTest) -> str:
    """The line that matters."""
    failed = _failed(told.attempts)
    if failed:
        return f"NOT PROVED: {', '.join(failed)}"
    if told.not_removed:
        return "PROVED, but not all that was planted could be removed"
    nothing = sum(one.proof is Proof.NOTHING_HERE for one in told.sources)
    rest = f"; of {nothing:,} sources there is nothing on this host" if nothing else ""
    return f"PROVED: all that can fire on this host does{rest}"


def _failed(attempts: Iterable[Attempt]) -> list[str]:
    """Sources, each with the types that it did not find."""
    told: dict[str, list[str]] = {}
    for one in attempts:
        if one.proof is Proof.NOT_PROVED:
            told.setdefault(one.source, []).append(one.type or "all of it")
    return [f"{source} ({', '.join(dict.fromkeys(types))})" for source, types in told.items()]


def self_test_line(told: SelfTest, code: int, path: str | None) -> str:
    """JSON, ASCII, at most 1,500 bytes; names that have no room are counted under ``cut``."""
    failed = _failed(told.attempts)
    line = {
        "v": 1,
        "selftest": "proved" if told.is_proved else "not proved",
        "failed": failed,
        "types": _counted(told.types),
        "sources": _counted(told.sources),
        "left": len(told.left),
        "not_removed": len(told.not_removed),
        "host": told.host.name[:64],
        "path": path,
        "sec": round((told.finished - told.started).total_seconds(), 1),
        "agent": told.agent.version[:32],
        "exit": code,
    }
    while len(text := json.dumps(line, separators=(",", ":"))) > MAX_BYTES:
        if failed:
            failed.pop()
            line["cut"] = len(_failed(told.attempts)) - len(failed)
        else:
            line["path"] = None
    return text


def _counted(rows: Iterable[Summed]) -> dict[str, int]:
    counts = {proof.value: 0 for proof in Proof}
    for row in rows:
        counts[row.proof.value] += 1
    return counts
