"""Reports, and journals of sweeps, that were made in the schema before this one.

``iocsweep.report/1``: a sighting had one ``time`` and its ``place`` as a text, nothing said how far
the question went, and the id of a finding came from its indicator. It is kept as it was received.
"""

from __future__ import annotations

from typing import Any, Final

from .report import SCHEMA

SCHEMA_1: Final = "iocsweep.report/1"
_MARK = SCHEMA_1.encode()
_BEGINNING = 64


def may_be_version_1(data: bytes) -> bool:
    """Whether the bytes name that schema."""
    return _MARK in data


def begins_as_version_1(data: bytes) -> bool:
    """Whether the bytes name that schema where our own reports name theirs."""
    return _MARK in data[:_BEGINNING]


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
