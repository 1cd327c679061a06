"""What is asked of an endpoint in JSON is what it answers, or is refused."""

from __future__ import annotations

from typing import Any

import pytest

from collector.openapi import document
from collector.pages.hosts import FLAGS
from collector.store.expecting import Expected
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import SWEEP, a_finding, a_report, put

HOSTS = f"/sweeps/{SWEEP}/hosts.json"


@pytest.fixture
def fleet(pages: Pages) -> Pages:
    for report in (a_report("HIT", a_finding()), a_report("CLEAN")):
        pages.run(put, pages.store, report)
    return pages


def refused(pages: Pages, path: str) -> str:
    answer = pages.get(path)
    assert answer.status_code == 400, answer.text
    words: str = answer.json()["error"]
    return words


def test_a_parameter_that_there_is_not_is_named_with_those_that_there_are(fleet: Pages) -> None:
    words = refused(fleet, f"{HOSTS}?stat=hit")
    assert words.startswith("There is no parameter 'stat'. There are: sort, state, q, sender, ")
    for name in (*FLAGS, "case", "owner", "tag", "column", "value", "after", "key"):
        assert f", {name}" in words


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("state=hti", "It is one of hit, failed, incomplete, limited, clean."),
        ("sort=x", "It is one of worst, "),
        ("weak=yes", "weak cannot be 'yes': 1: only those"),
        ("state=hit&state=clean", "state is there more than once."),
        ("value=Rome", "A value is of a column, and none is named."),
        ("%1B%5B31m=1", "There is no parameter '"),
    ],
)
def test_a_value_that_is_none_is_refused(fleet: Pages, query: str, told: str) -> None:
    words = refused(fleet, f"{HOSTS}?{query}")
    assert told in words
    assert "\x1b" not in words


def test_an_empty_value_is_no_filter_and_the_address_of_a_next_page_is_taken(fleet: Pages) -> None:
    every = fleet.get(HOSTS).json()["hosts"]
    assert len(every) > 2
    names = document()["paths"]["/sweeps/{sweep_id}/hosts.json"]["get"]["parameters"]
    query = "&".join(f"{one['name']}=" for one in names if one["in"] == "query")
    assert fleet.get(f"{HOSTS}?{query}").json()["hosts"] == every
    assert fleet.get(f"{HOSTS}?after=5:&key=zzz&sort=worst").status_code == 200


def reads() -> list[str]:
    paths: dict[str, dict[str, Any]] = document()["paths"]
    return [path for path in paths if path.endswith(".json") and "get" in paths[path]]


@pytest.mark.parametrize("path", reads())
def test_every_endpoint_knows_what_is_described_and_no_more(fleet: Pages, path: str) -> None:
    described = document()["paths"][path]["get"]
    assert "400" in described["responses"]
    names = [one["name"] for one in described["parameters"] if one["in"] == "query"]
    there = f"There are: {', '.join(names)}." if names else "There is none here."
    place = path.format(sweep_id=SWEEP, report_id="r", other_id="o")
    assert refused(fleet, f"{place}?colour=red") == f"There is no parameter 'colour'. {there}"


def test_a_column_that_no_list_has_groups_nothing_else(fleet: Pages) -> None:
    fleet.run(expects, fleet)
    assert refused(fleet, f"/sweeps/{SWEEP}/groups.json?by=Town") == (
        "There is no such column. There are: Site."
    )
    assert fleet.get(f"/sweeps/{SWEEP}/groups.json?by=Site").json()["by"] == "Site"
    assert fleet.get(f"/sweeps/{SWEEP}/groups.json").json()["by"] == "Site"


async def expects(pages: Pages) -> None:
    await pages.store.expect(SWEEP, [Expected("HIT", (("Site", "Rome"),))], who="test")


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_an_export_is_of_all_and_takes_no_filter(fleet: Pages, form: str) -> None:
    path = f"/sweeps/{SWEEP}/export/hosts.{form}"
    assert fleet.get(path).status_code == 200
    assert fleet.get(f"{path}?state=hit").status_code == 400


def test_a_page_that_knows_no_such_filter_does_not_look_filtered(fleet: Pages) -> None:
    page = fleet.get(f"/sweeps/{SWEEP}/hosts?stat=hit&state=hti").text
    assert "<h1>Hosts that reported" in page
    assert "CLEAN" in page
    assert "hti" not in page
