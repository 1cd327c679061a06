"""The published description and the server say the same: Schemathesis against the real one."""

from __future__ import annotations

import gzip
import json
import re
import uuid
from typing import Any
from urllib.parse import quote

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from agent.model.codec import encode
from agent.output.schema import report_schema
from collector.openapi import document
from tests.collector.pages.seed import a_finding, a_report
from tests.collector.server import CollectorServer, server

__all__ = ["server"]


@pytest.fixture(scope="module")
def description(server: CollectorServer) -> dict[str, Any]:
    found: dict[str, Any] = server.get("/openapi.json").json()
    return found


@pytest.fixture(scope="module")
def published(server: CollectorServer) -> Any:
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json")


def report_validator(description: dict[str, Any]) -> jsonschema.Draft202012Validator:
    """Of reports, by the schema where it stands in the document."""
    place = "/paths/~1v1~1reports~1{report_id}/post/requestBody/content/application~1json/schema"
    resource = Resource.from_contents(description, DRAFT202012)
    registry: Registry[Any] = Registry().with_resource("urn:description", resource)
    schema = {"$ref": f"urn:description#{place}"}
    return jsonschema.Draft202012Validator(schema, registry=registry)


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
    ignored_auth,
]


@pytest.mark.parametrize("mode", [*GenerationMode])
@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/v1/reports/{report_id}", "POST"),
        ("/healthz", "GET"),
        ("/reports/{report_id}/summary.json", "GET"),
        ("/reports/{report_id}/against/{other_id}.json", "GET"),
        ("/sweeps/{sweep_id}/timeline.json", "GET"),
        ("/sweeps/{sweep_id}/case.json", "GET"),
        ("/sweeps/{sweep_id}/case.json", "POST"),
        ("/sweeps/{sweep_id}/cases.json", "GET"),
        ("/sweeps/{sweep_id}/groups.json", "GET"),
        ("/sweeps/{sweep_id}/standing.json", "GET"),
        ("/sweeps/{sweep_id}/hosts.json", "GET"),
        ("/outputs.json", "GET"),
        ("/search.json", "GET"),
    ],
)
def test_every_answer_is_one_that_the_description_knows(
    server: CollectorServer, published: Any, path: str, method: str, mode: GenerationMode
) -> None:
    # Not by Schemathesis' own fixture: its 4.32 does not know pytest 9.2.
    operation = published[path][method]
    if mode is GenerationMode.NEGATIVE and path == "/healthz":
        pytest.skip("it takes nothing that could be wrong")
    statuses = set()
    token = server.sweep_token if path.startswith("/v1") else server.reader_token

    @settings(
        max_examples=150 if path.startswith("/v1") else 30,
        deadline=None,
        suppress_health_check=[*HealthCheck],
        database=None,
        derandomize=True,  # Once in many runs none of thirty asks for what there is not.
    )
    @given(operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {token}"})
        statuses.add(answer.status_code)
        case.validate_response(answer, checks=CHECKS)

    ask()
    assert statuses <= {
        int(status) for status in document()["paths"][path][method.lower()]["responses"]
    }
    found = path.startswith(("/v1", "/healthz", "/outputs", "/search"))
    # What is no change, or no value of a filter, is refused before it is asked of what.
    nothing = {400, 404} if method == "POST" or path.endswith("/hosts.json") else {404}
    assert statuses & ({200, 422} if found else nothing)


def test_what_readers_get_is_as_described(
    server: CollectorServer, description: dict[str, Any]
) -> None:
    first, second = a_report("READ", a_finding("READ")), a_report("READ", gap="access denied")
    for report in (first, second):
        assert server.send(report).status_code == 201
    registry: Registry[Any] = Registry().with_resource(
        "urn:description", Resource.from_contents(description, DRAFT202012)
    )
    short = server.get(f"/reports/{first.report_id}/summary.json", token=server.reader_token)
    sweep = f"/sweeps/{short.json()['gist']['sweep_id']}"
    case = f"{sweep}/case.json?host={quote(short.json()['gist']['host_key'])}"
    reads = {
        f"/reports/{first.report_id}/summary.json": "ReportSummary",
        f"/reports/{first.report_id}/against/{second.report_id}.json": "Comparison",
        f"{sweep}/timeline.json": "FleetTimeline",
        case: "CaseView",
        f"{sweep}/cases.json": "CaseList",
        f"{sweep}/groups.json": "GroupList",
        f"{sweep}/timeline.json?from=x": "Problem",
        f"{sweep}/standing.json": "SweepStanding",
        f"{sweep}/hosts.json?sort=-last": "HostPage",
        f"{sweep}/hosts.json?sort=x": "Problem",
        "/outputs.json": "OutputList",
        "/search.json?q=read": "SearchAnswer",
        "/search.json?q=read&kind=x": "Problem",
        "/reports/none/summary.json": "Problem",
    }
    for path, name in reads.items():
        told = server.get(path, token=server.reader_token).json()
        schema = {"$ref": f"urn:description#/components/schemas/{name}"}
        jsonschema.Draft202012Validator(schema, registry=registry).validate(told)
        assert set(told) == set(description["components"]["schemas"][name]["properties"])


def test_what_a_program_changes_is_as_described(
    server: CollectorServer, description: dict[str, Any]
) -> None:
    report = a_report("CHANGED", a_finding("CHANGED"))
    assert server.send(report).status_code == 201
    analyst, reader = (
        re.findall(r"[\w-]{43}", server.run("token", "create", "--role", role).stdout)[0]
        for role in ("analyst", "reader")
    )
    gist = server.get(
        f"/reports/{report.report_id}/summary.json", token=server.reader_token
    ).json()["gist"]
    path = f"/sweeps/{gist['sweep_id']}/case.json?host={quote(gist['host_key'])}"
    operation = description["paths"]["/sweeps/{sweep_id}/case.json"]["post"]
    registry: Registry[Any] = Registry().with_resource(
        "urn:description", Resource.from_contents(description, DRAFT202012)
    )
    change = {"version": 0, "state": "triaged", "tags": ["vip"], "note": "by a program"}
    for token, sent, status in (
        (analyst, change, "200"), (analyst, change, "409"), (analyst, {"version": -1}, "400"),
        (reader, change, "403"), ("wrong", change, "401"),
    ):  # fmt: skip
        answer = server.ask("POST", path, token=token, json=sent)
        assert str(answer.status_code) == status
        schema = operation["responses"][status]["content"]["application/json"]["schema"]
        jsonschema.Draft202012Validator(
            {"$ref": f"urn:description{schema['$ref']}"}, registry=registry
        ).validate(answer.json())
    assert server.get(path, token=server.reader_token).json()["case"]["tags"] == ["vip"]


def test_no_name_of_what_readers_get_hides_a_part_of_the_report() -> None:
    parts = set(report_schema()["$defs"])
    assert parts <= set(document()["components"]["schemas"])
    for name in parts:
        described = document()["components"]["schemas"][name]
        assert described["title"] == report_schema()["$defs"][name]["title"]
        assert set(described.get("properties", ())) == set(
            report_schema()["$defs"][name].get("properties", ())
        )


def test_a_report_made_up_from_the_description_is_taken(
    server: CollectorServer, published: Any, description: dict[str, Any]
) -> None:
    validator = report_validator(description)
    times = {"started": "2026-11-24T14:00:00Z", "finished": "2026-11-24T14:02:00Z"}
    taken = []

    # The same examples each time: how many of them are valid is a matter of luck.
    @settings(
        max_examples=100, deadline=None, suppress_health_check=[*HealthCheck], derandomize=True
    )
    @given(published["/v1/reports/{report_id}"]["POST"].as_strategy())
    def ask(case: Any) -> None:
        report = {**case.body, "report_id": str(uuid.uuid4()), **times}
        assume(validator.is_valid(report))
        answer = server.send_bytes(report["report_id"], json.dumps(report).encode())
        # What no JSON Schema says: matched of tested, excluded by which rule, 1.0 as no whole number.
        assert answer.status_code in (201, 422)
        if answer.status_code == 201:
            taken.append(report["report_id"])

    ask()
    assert len(taken) > 10
    for report_id in taken:
        assert server.get(f"/reports/{report_id}", token=server.reader_token).status_code == 200


def test_the_description_is_the_published_one(description: dict[str, Any]) -> None:
    assert description == document()
    body = description["paths"]["/v1/reports/{report_id}"]["post"]["requestBody"]
    # with a name of its own, the schema's references would be into itself and not the document
    assert "$id" not in body["content"]["application/json"]["schema"]


def test_it_is_for_everyone(server: CollectorServer) -> None:
    assert server.get("/openapi.json").headers["content-type"] == "application/json"


def test_a_report_that_the_description_allows_is_taken(
    server: CollectorServer, description: dict[str, Any]
) -> None:
    operation = description["paths"]["/v1/reports/{report_id}"]["post"]
    validator = report_validator(description)
    for report in (a_report(), a_report("WS", a_finding()), a_report(gap="access denied")):
        validator.validate(json.loads(encode(report)))
        answer = server.send(report)
        assert str(answer.status_code) in operation["responses"]
        assert answer.status_code == 201


def test_a_report_that_the_description_forbids_is_not_taken(
    server: CollectorServer, description: dict[str, Any]
) -> None:
    validator = report_validator(description)
    good = json.loads(encode(a_report()))
    changes: list[dict[str, Any]] = [
        {"verdict": "hit"},
        {"findings": None},
        {"coverage": []},
    ]
    for change in changes:
        report = {**good, "report_id": str(uuid.uuid4()), **change}
        assert not validator.is_valid(report)
        data = json.dumps(report).encode()
        assert server.send_bytes(report["report_id"], data).status_code == 422


def test_a_report_with_fields_of_tomorrow_is_allowed_taken_and_kept_with_them(
    server: CollectorServer, description: dict[str, Any]
) -> None:
    report = json.loads(encode(a_report("WS", a_finding())))
    report["tomorrow"] = report["findings"][0]["tomorrow"] = {"x": ["y"]}
    report["findings"][0]["evidence"][0]["place"]["tomorrow"] = 1
    assert report_validator(description).is_valid(report)
    data = json.dumps(report).encode()
    assert server.send_bytes(report["report_id"], data).status_code == 201
    kept = server.get(f"/reports/{report['report_id']}.json", token=server.reader_token)
    assert kept.content == data
    page = server.get(f"/reports/{report['report_id']}", token=server.reader_token)
    assert "1 confirmed" in page.text


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        (401, {"token": "wrong"}),
        (405, {"method": "PUT"}),
        (413, {"data": bytes(5 << 20)}),
        (415, {"headers": {"Content-Type": "text/plain"}}),
        (422, {"data": gzip.compress(b"{}")}),
    ],
)
def test_every_refusal_is_described(
    server: CollectorServer, description: dict[str, Any], status: int, fields: dict[str, Any]
) -> None:
    asked = {
        "method": "POST", "token": server.sweep_token, "data": b"x",
        "headers": {"Content-Type": "application/json", "Content-Encoding": "gzip"}, **fields,
    }  # fmt: skip
    answer = server.ask(path=f"/v1/reports/{uuid.uuid4()}", **asked)
    assert answer.status_code == status
    described = description["paths"]["/v1/reports/{report_id}"]["post"]["responses"][str(status)]
    jsonschema.validate(answer.json(), described["content"]["application/json"]["schema"])
    assert answer.json()["result"] == "refused"
