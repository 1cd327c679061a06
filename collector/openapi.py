"""The collector's interfaces for agents and for programs that read, as an OpenAPI document."""

from __future__ import annotations

from typing import Any

import msgspec

from agent import __version__
from agent.output.schema import report_schema

from .intake import SCHEMAS
from .pages.asking import CASE, CASES, GROUPS, HOSTS, SEARCH, TIMELINE, Query
from .pages.casework import CaseConflict, CaseList, CaseRequest, CaseView
from .pages.comparing import Comparison
from .pages.data import Problem, ReportSummary
from .pages.fleet_timeline import FleetTimeline
from .pages.groups import GroupList
from .pages.hosts import HostPage
from .pages.outputs import OutputList
from .pages.search import SearchAnswer
from .pages.sweeps import SweepStanding

_ANSWERS = {
    "200": "It was here already, the same.",
    "201": "It is kept: on the disk before this was sent.",
    "400": "The request is broken, or its sender went away.",
    "401": "No valid token of a sweep.",
    "405": "Not a POST.",
    "408": "The body did not arrive in time.",
    "409": "Another report is kept under this id, or this is kept for another sweep, or it is of a"
    " schema that is not taken: then the answer names those that are.",
    "413": "The body, or what it unpacks to, is too large.",
    "415": "Not JSON, or compressed otherwise than by gzip.",
    "422": "Not a valid report, or not the one that the address names.",
    "503": "Busy, or the store is down: come back after Retry-After seconds.",
}


_REFUSALS = {
    "400": "A parameter that there is not, for which the answer names those that there are; a value"
    " that is not as described; or two hosts.",
    "401": "No valid reader token.",
    "404": "There is no such thing, or it is not this reader's.",
    "405": "Neither GET nor HEAD.",
    "422": "The report is kept, and cannot be read.",
    "503": "The database cannot be used now.",
}
_CHANGE_REFUSALS = {
    "400": "Not as described, longer or more than may be, or without the version.",
    "401": "No valid reader token as bearer.",
    "403": "The token's role is less than analyst.",
    "404": "There is no such thing, or it is not this reader's.",
    "413": "More than 64 KiB.",
    "415": "Not JSON.",
    "503": "The database cannot be used now.",
}
_REPORT = {"report_id": "The id of a report."}
_SWEEP = {"sweep_id": "The id of a sweep."}
_CASE = "/sweeps/{sweep_id}/case.json"


class _Read(msgspec.Struct, frozen=True):
    """Something that readers get."""

    path: str
    name: str
    summary: str
    parameters: dict[str, str]
    query: Query
    refusals: tuple[str, ...]


_READS: tuple[tuple[_Read, type[msgspec.Struct]], ...] = (
    (
        _Read(
            "/reports/{report_id}/summary.json", "reportSummary",
            "A report in short: verdict, findings without evidence, what to do",
            _REPORT, {}, ("400", "401", "404", "422", "503"),
        ),
        ReportSummary,
    ),
    (
        _Read(
            "/reports/{report_id}/against/{other_id}.json", "compareReports",
            "Two reports of one host: what is new, gone, changed",
            {**_REPORT, "other_id": "The id of another, in either order."}, {},
            ("400", "401", "404", "422", "503"),
        ),
        Comparison,
    ),
    (
        _Read(
            "/sweeps/{sweep_id}/timeline.json", "fleetTimeline",
            "The hosts of a sweep by their first trace",
            _SWEEP, TIMELINE, ("400", "401", "404", "503"),
        ),
        FleetTimeline,
    ),
    (
        _Read(
            _CASE, "readCase", "Who is on a host or a finding, and what they wrote",
            _SWEEP, CASE, ("400", "401", "404", "503"),
        ),
        CaseView,
    ),
    (
        _Read(
            "/sweeps/{sweep_id}/cases.json", "listCases",
            "The cases of hosts and findings that somebody has touched, 100 at a time",
            _SWEEP, CASES, ("400", "401", "404", "503"),
        ),
        CaseList,
    ),
    (
        _Read(
            "/sweeps/{sweep_id}/groups.json", "groupHosts",
            "Hosts by what the list of expected hosts says of them: six counters for each",
            _SWEEP, GROUPS,
            ("400", "401", "404", "503"),
        ),
        GroupList,
    ),
    (
        _Read(
            "/sweeps/{sweep_id}/standing.json", "sweepStanding",
            "How a sweep stands: counters, hit hosts, what its clean is worth, what to run next",
            _SWEEP, {}, ("400", "401", "404", "503"),
        ),
        SweepStanding,
    ),
    (
        _Read(
            "/sweeps/{sweep_id}/hosts.json", "sweepHosts",
            "The hosts of a sweep that reported, a page at a time, the worst first",
            _SWEEP, HOSTS, ("400", "401", "404", "503"),
        ),
        HostPage,
    ),
    (
        _Read(
            "/outputs.json", "outputs",
            "How each output is doing: last success, last error, lag, dead letters",
            {}, {}, ("400", "401", "404", "503"),
        ),
        OutputList,
    ),
    (
        _Read(
            "/search.json", "search",
            "Where else: hosts by any part of their name, id or address, or of a finding",
            {}, SEARCH, ("400", "401", "404", "503"),
        ),
        SearchAnswer,
    ),
)  # fmt: skip


def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    schema = report_schema()
    for own in ("$id", "$schema"):  # with these, its references would be to itself
        del schema[own]
    definitions = schema.pop("$defs", {})
    answer = {
        "type": "object",
        "properties": {
            "result": {"type": "string"},
            "report_id": {"type": "string", "format": "uuid"},
            "why": {"type": "string"},
        },
        "required": ["result"],
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "iocsweep collector",
            "version": __version__,
            "description": "Takes the reports of iocsweep agents, and tells readers what they say."
            " Sending one twice does no harm.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/v1/reports/{report_id}": {
                "post": {
                    "operationId": "putReport",
                    "summary": "Keep one report",
                    "security": [{"sweep": []}],
                    "parameters": [
                        {
                            "name": "report_id",
                            "in": "path",
                            "required": True,
                            "schema": {"type": "string", "format": "uuid"},
                        },
                        {
                            "name": "Content-Encoding",
                            "in": "header",
                            "required": False,
                            "schema": {"type": "string", "enum": ["gzip", "identity"]},
                        },
                    ],
                    "requestBody": {
                        "required": True,
                        "description": f"A report of {SCHEMAS[-1]}, as described; taken as well:"
                        f" {', '.join(SCHEMAS[:-1])}. Fields that are not described are kept with"
                        " the report, and not read.",
                        "content": {"application/json": {"schema": _moved(schema)}},
                    },
                    "responses": {
                        status: {
                            "description": words,
                            "content": {"application/json": {"schema": answer}},
                        }
                        for status, words in _ANSWERS.items()
                    },
                }
            },
            "/healthz": {
                "get": {
                    "operationId": "health",
                    "summary": "Whether reports can be kept",
                    "responses": {
                        status: {
                            "description": words,
                            "content": {"application/json": {"schema": {"type": "object"}}},
                        }
                        for status, words in {"200": "Yes.", "503": "No."}.items()
                    },
                }
            },
            **{
                read.path: {
                    "get": _read(read, kind),
                    **({"post": _take()} if read.path == _CASE else {}),
                }
                for read, kind in _READS
            },
        },
        "components": {
            "schemas": {**_moved(definitions), **_read_schemas()},
            "securitySchemes": {
                "sweep": {"type": "http", "scheme": "bearer"},
                "reader": {"type": "http", "scheme": "bearer"},
            },
        },
    }


def _read(read: _Read, kind: type[msgspec.Struct]) -> dict[str, Any]:
    answers = {"200": (kind.__name__, read.summary)} | {
        status: (Problem.__name__, _REFUSALS[status]) for status in read.refusals
    }
    return {
        "operationId": read.name,
        "summary": read.summary,
        "security": [{"reader": []}],
        "parameters": [
            _parameter(name, "path", words, {"type": "string", "minLength": 1})
            for name, words in read.parameters.items()
        ]
        + [
            _parameter(name, "query", words, _text(pattern))
            for name, (words, pattern) in read.query.items()
        ],
        "responses": {
            status: {
                "description": words,
                "content": {
                    "application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}
                },
            }
            for status, (name, words) in answers.items()
        },
    }


def _take() -> dict[str, Any]:
    """The change of a case."""
    schemas = "#/components/schemas/"
    answers = {
        "200": (CaseView.__name__, "The case as it is now."),
        "409": (CaseConflict.__name__, "Somebody has changed it since that version: as it is."),
    } | {status: (Problem.__name__, words) for status, words in _CHANGE_REFUSALS.items()}
    return {
        "operationId": "changeCase",
        "summary": "Change who is on a host or a finding, or add a note",
        "security": [{"reader": []}],
        "parameters": [
            *(_parameter(name, "path", words, _text("")) for name, words in _SWEEP.items()),
            *(
                _parameter(name, "query", words, _text(pattern))
                for name, (words, pattern) in CASE.items()
            ),
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"$ref": schemas + CaseRequest.__name__}}},
        },
        "responses": {
            status: {
                "description": words,
                "content": {"application/json": {"schema": {"$ref": schemas + name}}},
            }
            for status, (name, words) in sorted(answers.items())
        },
    }


def _text(pattern: str) -> dict[str, Any]:
    return {"type": "string", **({"pattern": pattern} if pattern else {})}


def _parameter(name: str, place: str, words: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": words,
        "schema": schema,
    }


def _read_schemas() -> dict[str, Any]:
    """Of what readers get; none has the name of a part of the report."""
    kinds = [*(kind for _, kind in _READS), Problem, CaseRequest, CaseConflict]
    _, schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    return schemas


def _moved(value: Any) -> Any:
    """References as they are within this document."""
    if isinstance(value, dict):
        return {
            key: item.replace("#/$defs/", "#/components/schemas/")
            if key == "$ref" and isinstance(item, str)
            else _moved(item)
            for key, item in value.items()
        }
    return [_moved(item) for item in value] if isinstance(value, list) else value
