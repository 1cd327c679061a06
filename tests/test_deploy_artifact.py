"""The artifact of the deployment kit has the fields that Velociraptor reads, each of its type.

Velociraptor, ``artifacts/proto/artifact.proto``; "Artifacts: Basic Fields", "Advanced Fields" of its
documentation. The server refuses an artifact with a field that it does not know.
"""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

PATH = Path(__file__).parents[1] / "build/deploy/velociraptor/Custom.Windows.IocSweep.yaml"

Kind = type | str
"""A type of Python, or of a message below; with ``*`` before it: a list of these."""
MESSAGES: dict[str, dict[str, Kind]] = {
    "Artifact": {
        "name": str, "aliases": "*str", "description": str, "author": str, "reference": "*str",
        "references": "*str", "required_permissions": "*str", "implied_permissions": "*str",
        "impersonate": str, "resources": "Resources", "tools": "*Tool", "precondition": str,
        "parameters": "*Parameter", "type": str, "sources": "*Source", "imports": "*str",
        "export": str, "column_types": "*Column",
    },
    "Resources": {
        "timeout": int, "ops_per_second": float, "cpu_limit": float, "iops_limit": float,
        "max_rows": int, "max_upload_bytes": int, "max_batch_wait": int, "max_batch_rows": int,
        "max_batch_rows_buffer": int,
    },
    "Tool": {
        "name": str, "url": str, "github_project": str, "github_asset_regex": str,
        "serve_locally": bool, "expected_hash": str, "version": str,
    },
    "Parameter": {
        "name": str, "default": str, "description": str, "type": str, "choices": "*str",
        "friendly_name": str, "validating_regex": str, "artifact_type": str, "sources": bool,
    },
    "Source": {
        "name": str, "description": str, "precondition": str, "query": str, "queries": "*str",
        "notebook": "*Cell",
    },
    "Column": {"name": str, "type": str, "description": str},
    "Cell": {"template": str, "type": str, "name": str, "output": str},
}  # fmt: skip
"""What an author writes; the fields that the server keeps for itself are left out."""
ONE_OF = {
    ("Artifact", "type"): {"CLIENT", "CLIENT_EVENT", "SERVER", "SERVER_EVENT", "INTERNAL"},
    ("Parameter", "type"): {
        "string", "regex", "int", "int64", "integer", "float", "bool", "timestamp", "csv", "json",
        "json_array", "choices", "multichoice", "hidden", "yara", "upload", "upload_file",
        "artifactset", "server_metadata", "redacted", "starl", "xml", "yaml",
    },
}  # fmt: skip
FORMS = {
    ("Artifact", "name"): r"Custom(\.[A-Z]\w*)+",
    ("Tool", "name"): r"\w+",
    ("Tool", "url"): r"https://\S+",
    ("Tool", "expected_hash"): "[0-9a-f]{64}",
    ("Parameter", "name"): r"[A-Za-z_]\w*",
}
NEEDED = {
    "Artifact": {"name", "sources"}, "Tool": {"name"}, "Parameter": {"name"}, "Source": {"query"},
}  # fmt: skip


def faults(value: Any, kind: Kind = "Artifact", place: str = "") -> list[str]:
    """What is not as the messages have it, by its place."""
    if isinstance(kind, type):
        of_type = type(value) is kind or (kind is float and type(value) is int)
        return [] if of_type else [f"{place}: {value!r} is no {kind.__name__}"]
    if kind.startswith("*"):
        if not isinstance(value, list):
            return [f"{place}: {value!r} is no list"]
        inner: Kind = str if kind == "*str" else kind[1:]
        each = [faults(one, inner, f"{place}[{at}]") for at, one in enumerate(value)]
        return [one for some in each for one in some]
    if not isinstance(value, dict):
        return [f"{place}: {value!r} is no {kind}"]
    found = [f"{place}.{name} is missing" for name in NEEDED.get(kind, set()) - value.keys()]
    for name, one in value.items():
        where = f"{place}.{name}"
        if name not in MESSAGES[kind]:
            found.append(f"{where} is no field of {kind}")
            continue
        wrong = faults(one, MESSAGES[kind][name], where)
        allowed = ONE_OF.get((kind, name))
        if not wrong and allowed is not None and one not in allowed:
            wrong = [f"{where}: {one!r} is none of those that there are"]
        if not wrong and not re.fullmatch(FORMS.get((kind, name), "(?s).*"), str(one)):
            wrong = [f"{where}: {one!r} is of another form"]
        found += wrong
    return found


def artifact() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(PATH.read_text("utf-8"))
    return loaded


def test_the_artifact_has_the_fields_of_velociraptor_each_of_its_type() -> None:
    assert faults(artifact()) == []


def test_the_artifact_is_of_clients_and_has_its_tool_by_url_and_hash() -> None:
    told = artifact()
    assert told["name"] == PATH.stem
    assert told["type"] == "CLIENT"
    assert "EXECVE" in told["required_permissions"]
    (tool,) = told["tools"]
    assert {"name", "url", "expected_hash"} <= tool.keys()
    (source,) = told["sources"]
    query = source["query"]
    assert f'ToolName="{tool["name"]}"' in query
    for parameter in told["parameters"]:
        assert re.search(rf"(?<!\w){parameter['name']}(?!\w)", query)
    plain = re.sub(r"\"[^\"\n]*\"", '""', query)
    for opening, closing in ("()", "{}", "[]"):
        assert plain.count(opening) == plain.count(closing)
    assert plain.count('"') % 2 == 0


def test_its_time_is_longer_than_the_sweeps() -> None:
    """Else it is killed instead of saying what it did not reach."""
    told = artifact()
    (longest,) = (one["default"] for one in told["parameters"] if one["name"] == "MaxRuntime")
    hours = re.fullmatch(r"(\d+)h", longest)
    assert hours is not None
    assert told["resources"]["timeout"] > int(hours[1]) * 3600


WRONG: list[tuple[list[str | int], Any, str]] = [
    (["tols"], [], ".tols is no field of Artifact"),
    (["tools", 0, "hash"], "a", ".tools[0].hash is no field of Tool"),
    (["tools", 0, "expected_hash"], 0, ".tools[0].expected_hash: 0 is no str"),
    (["tools", 0, "expected_hash"], "AB", ".tools[0].expected_hash: 'AB' is of another form"),
    (["tools", 0, "serve_locally"], "yes", ".tools[0].serve_locally: 'yes' is no bool"),
    (["tools", 0, "url"], "a.exe", ".tools[0].url: 'a.exe' is of another form"),
    (["type"], "client", ".type: 'client' is none of those that there are"),
    (["resources", "timeout"], "2h", ".resources.timeout: '2h' is no int"),
    (["resources", "timeout"], True, ".resources.timeout: True is no int"),
    (["resources", "max_bytes"], 1, ".resources.max_bytes is no field of Resources"),
    (["required_permissions"], "EXECVE", ".required_permissions: 'EXECVE' is no list"),
    (["parameters", 0, "default"], 2, ".parameters[0].default: 2 is no str"),
    (["parameters", 0, "name"], "a b", ".parameters[0].name: 'a b' is of another form"),
    (["parameters", 2, "type"], "boolean",
     ".parameters[2].type: 'boolean' is none of those that there are"),
    (["sources", 0, "query"], ["SELECT"], ".sources[0].query: ['SELECT'] is no str"),
    (["sources", 0], {"queries": ["SELECT"]}, ".sources[0].query is missing"),
    (["sources"], {"query": "SELECT"}, ".sources: {'query': 'SELECT'} is no list"),
    (["name"], "Windows.IocSweep", ".name: 'Windows.IocSweep' is of another form"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "fault"), WRONG, ids=[fault for *_, fault in WRONG])
def test_an_artifact_that_is_wrong_has_not(path: list[str | int], value: Any, fault: str) -> None:
    told = copy.deepcopy(artifact())
    *outer, last = path
    place: Any = told
    for step in outer:
        place = place[step]
    place[last] = value
    assert faults(told) == [fault]
