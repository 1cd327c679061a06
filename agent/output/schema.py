"""The JSON Schema of a report: ``python -m agent.output.schema [FILE]``.

Generated from :mod:`agent.model` and committed as ``agent/model/report.schema.json``, so that
others can check reports without this program. It also says how the verdict follows from the rest.
"""

from __future__ import annotations

import argparse
import inspect
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..model.report import SCHEMA, Report

ID = "urn:iocsweep:report:2"


def report_schema() -> dict[str, Any]:
    """The schema, JSON Schema draft 2020-12."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": ID,
        "title": f"iocsweep report ({SCHEMA})",
        **schema_of(Report),
        "allOf": _verdict_rules(),
    }


def schema_of(kind: type[Any]) -> dict[str, Any]:
    """A struct's schema, the same under every Python: 3.13 takes the indent from docstrings."""
    made: dict[str, Any] = _unindented(msgspec.json.schema(kind))
    return made


def _unindented(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: inspect.cleandoc(item)
            if key == "description" and isinstance(item, str)
            else _unindented(item)
            for key, item in value.items()
        }
    return [_unindented(item) for item in value] if isinstance(value, list) else value


def schema_text() -> str:
    """As committed: indented, ASCII, with a line end."""
    return json.dumps(report_schema(), indent=2) + "\n"


def _verdict_rules() -> list[dict[str, Any]]:
    """What ``Report.__post_init__`` enforces, which msgspec cannot know."""
    strong = {"strength": {"enum": ["confirmed", "strong"]}}
    hit = _has("findings", strong, in_window={"const": True})
    required = _has("coverage", {"required": {"const": True}})
    gap = _has(
        "coverage",
        {"required": {"const": True}, "state": {"enum": ["partial", "unavailable", "skipped"]}},
    )
    covered = {"allOf": [required, {"not": gap}]}
    return [
        _verdict_if(hit, "hit"),
        _verdict_if({"allOf": [{"not": hit}, covered]}, "clean"),
        _verdict_if({"not": {"anyOf": [hit, covered]}}, "incomplete"),
    ]


def _has(field: str, properties: dict[str, Any], **defaults: Any) -> dict[str, Any]:
    """``defaults``: of fields that are left out where they have their default, which fits."""
    item = {"properties": {**properties, **defaults}, "required": list(properties)}
    return {"properties": {field: {"contains": item}}}


def _verdict_if(condition: dict[str, Any], verdict: str) -> dict[str, Any]:
    return {"if": condition, "then": {"properties": {"verdict": {"const": verdict}}}}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the schema, or write it to the given file."""
    parser = argparse.ArgumentParser(prog="python -m agent.output.schema", description=__doc__)
    parser.add_argument("file", nargs="?", type=Path, help="write here instead of printing")
    file: Path | None = parser.parse_args(arguments).file
    if file is None:
        sys.stdout.write(schema_text())
    else:
        file.write_text(schema_text(), encoding="ascii", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
