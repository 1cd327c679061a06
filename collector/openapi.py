"""The collector's interface for agents, as an OpenAPI document."""

from __future__ import annotations

from typing import Any

from agent import __version__
from agent.output.schema import report_schema

from .intake import SCHEMAS

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
            "description": "Takes the reports of iocsweep agents. Sending one twice does no harm.",
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
        },
        "components": {
            "schemas": _moved(definitions),
            "securitySchemes": {"sweep": {"type": "http", "scheme": "bearer"}},
        },
    }


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
