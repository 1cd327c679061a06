"""Reports, and journals of sweeps, that were made in the schema before this one.

``iocsweep.report/1``: a sighting had one ``time`` and its ``place`` as a text, nothing said how far
the question went, and the id of a finding came from its indicator. It is kept as it was received.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec

from .report import SCHEMA, Report, Scope

SCHEMA_1: Final = "iocsweep.report/1"
_MARK = SCHEMA_1.encode()
_BEGINNING = 64
_SMALL = 16 << 10
"""Bytes that are read before it is known whether there are findings."""
_NO_FINDINGS = b'"findings":[]'


class WithoutFindings(Report, kw_only=True):
    """A report of version 1 that has none, as those of most hosts are. The same fields as today's:
    :func:`straight` makes it one."""

    schema: Literal["iocsweep.report/1"]  # type: ignore[assignment]
    scope: Any = None
    findings: Annotated[list[msgspec.Raw], msgspec.Meta(max_length=0)]  # type: ignore[assignment]


def may_be_version_1(data: bytes) -> bool:
    """Whether the bytes name that schema."""
    return _MARK in data


def begins_as_version_1(data: bytes) -> bool:
    """Whether the bytes name that schema where our own reports name theirs."""
    return _MARK in data[:_BEGINNING]


def straight(data: bytes, decoder: msgspec.json.Decoder[Report]) -> Report | None:
    """The report of version 1 that these bytes are, as :func:`upgraded` would make it; None: the
    long way has to tell, what it is or what is wrong with it. ``decoder``: of
    :class:`WithoutFindings`."""
    if len(data) > _SMALL and _NO_FINDINGS not in data:
        return None
    try:
        report = decoder.decode(data)
    except (ValueError, RecursionError):  # of msgspec as well
        return None
    target, options = report.target, report.options
    report.scope = Scope(whole_host=True)
    if target.paths or "only" in options or "skip" in options:
        told = {"kind": target.kind.value, "paths": target.paths}
        report.scope = Scope(**_scope({"target": told, "options": options}))
    report.schema, report.made_as = SCHEMA, SCHEMA_1
    report.__class__ = Report  # Python refuses it where the fields are not the same
    return report


def upgraded(value: Any) -> Any:
    """A report, a journal's header or one of its records, as decoded JSON, in today's schema; what
    is none of version 1 is left as it is, for the validation to judge."""
    if not isinstance(value, dict):
        return value
    value = dict(value)
    if value.get("schema") == SCHEMA_1:
        value.update(schema=SCHEMA, made_as=SCHEMA_1, scope=_scope(value))
    if isinstance(value.get("findings"), list):
        value["findings"] = [_finding(one) for one in value["findings"]]
    for name, change in (("finding", _finding), ("evidence", _evidence), ("report", upgraded)):
        if name in value:
            value[name] = change(value[name])
    return value


def _scope(value: dict[str, Any]) -> dict[str, Any]:
    """As the sweep would have told it, from what was asked of it."""
    target, options = value.get("target"), value.get("options")
    live = isinstance(target, dict) and target.get("kind") == "live"
    paths = target.get("paths") if isinstance(target, dict) and live else None
    asked = options if isinstance(options, dict) else {}
    limits = [
        f"{word} {', '.join(map(str, names))}"
        for word, names in (
            ("paths", paths),
            ("only", asked.get("only")),
            ("without", asked.get("skip")),
        )
        if isinstance(names, list) and names
    ]
    return {"whole_host": not limits, "limited_to": limits}


def _finding(value: Any) -> Any:
    if not isinstance(value, dict) or not isinstance(value.get("evidence"), list):
        return value
    return {**value, "evidence": [_evidence(one) for one in value["evidence"]]}


def _evidence(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    value = dict(value)
    if isinstance(value.get("place"), str):
        value["place"] = {"text": value["place"]}
    if (time := value.pop("time", None)) is not None:
        value["moments"] = [{"time": time}]
    return value
