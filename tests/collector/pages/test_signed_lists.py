"""How reports are signed, and what is a drill, in every list that programs and people get."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from agent.model.report import DRILL, Strength
from agent.signing.attesting import attested
from collector.indexing import Indexer
from collector.records import FindingRow, HostRow
from collector.signatures import STATUSES
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import SWEEP, a_finding, a_report
from tests.collector.pages.shown import heading
from tests.collector.pages.test_report import text_of
from tests.collector.pages.test_signed import put
from tests.evidence.signing import KEY, OTHER

PUBLIC = KEY.public.raw
SWEPT = f"/sweeps/{SWEEP}"


def a_canary(name: str) -> Any:
    found = a_finding(name, strength=Strength.WEAK, path=r"C:\desk\canary.txt")
    return structs.replace(
        found, indicator=structs.replace(found.indicator, pack=DRILL, id="drill/canary")
    )


@pytest.fixture
def hosts(pages: Pages) -> Pages:
    """One of each kind; SIGNED has a canary, ALTERED a finding that is none."""
    for report, key in (
        (a_report("SIGNED", a_canary("SIGNED")), KEY), (a_report("ALTERED", a_finding("X")), OTHER),
        (a_report("PLAIN"), None),
    ):  # fmt: skip
        put(pages, attested(report, key) if key else report, PUBLIC)
    indexer = Indexer(pages.store)
    while pages.run(indexer.once):
        pass
    return pages


STATES = {"SIGNED": "verified", "ALTERED": "unknown_key", "PLAIN": "unsigned"}
LINES = {"SIGNED": KEY.public.id, "ALTERED": OTHER.public.id, "PLAIN": ""}


def as_json(pages: Pages) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pages.get(f"{SWEPT}/hosts.json").json()["hosts"]
    return found


def as_csv(pages: Pages) -> list[dict[str, Any]]:
    return [*csv.DictReader(io.StringIO(pages.text(f"{SWEPT}/export/hosts.csv")))]


def as_ndjson(pages: Pages) -> list[dict[str, Any]]:
    return [json.loads(one) for one in pages.text(f"{SWEPT}/export/hosts.ndjson").splitlines()]


@pytest.mark.parametrize("read", [as_json, as_csv, as_ndjson])
def test_hosts_tell_of_the_report_that_their_state_is_from(
    hosts: Pages, read: Callable[[Pages], list[dict[str, Any]]]
) -> None:
    rows = {row["name"]: row for row in read(hosts) if row["name"] in STATES}
    assert {name: row["signature_status"] for name, row in rows.items()} == STATES
    for name, id_ in LINES.items():
        assert rows[name]["signature_detail"].endswith(id_)
    assert rows["PLAIN"]["signature_detail"] == ""
    assert rows["ALTERED"]["signature_detail"].startswith("line ")
    assert {name: int(row["drills"]) for name, row in rows.items()} == {
        "SIGNED": 1, "ALTERED": 0, "PLAIN": 0,
    }  # fmt: skip


@pytest.mark.parametrize("form", ["csv", "ndjson"])
def test_findings_tell_of_their_report_and_whether_they_are_a_drill(
    hosts: Pages, form: str
) -> None:
    text = hosts.text(f"{SWEPT}/export/findings.{form}")
    rows: list[dict[str, Any]] = (
        [*csv.DictReader(io.StringIO(text))]
        if form == "csv"
        else [json.loads(one) for one in text.splitlines()]
    )
    told = {
        row["name"]: (row["signature_status"], str(row["drill"]).lower() in ("yes", "true"))
        for row in rows
        if row["name"] in STATES
    }
    assert told == {"SIGNED": ("verified", True), "ALTERED": ("unknown_key", False)}


def test_what_an_export_had_before_keeps_its_place(hosts: Pages) -> None:
    """Readers go by the places of columns: those of the collector before this, to the letter."""
    hosts.run(hosts.store.expect, SWEEP, ["SIGNED"], who="test")
    names = next(csv.reader(io.StringIO(hosts.text(f"{SWEPT}/export/hosts.csv"))))
    before = [
        "sweep_id",
        "host_key",
        "host_id",
        "name",
        "fqdn",
        "domain",
        "os",
        "ip",
        "agent",
        "state",
        "hit",
        "suppressed",
        "reasons",
        "strong",
        "weak",
        "reports",
        "report_id",
        "first_received",
        "last_received",
        "finished",
        "sources",
        "flagged",
        "limited",
        "limits",
        "hit_limits",
        "trouble",
        "cleared",
        "first_hit",
        "users",
        "elevated",
        "kind",
        "worth",
        "strongest",
        "best",
        "first_trace",
        "last_trace",
        "first_any",
        "last_any",
        "suppressed_findings",
        "case_state",
        "case_owner",
        "case_tags",
        "case_notes",
        "expected",
    ]
    assert names[: len(before)] == before
    end = ["signature_status", "signature_detail", "drills"]
    assert names[-3:] == end
    assert all(name.startswith("list: ") for name in names[len(before) : -3])
    assert set(HostRow.__struct_fields__) - set(names) == {"signature", "hit_signature"}
    found = next(csv.reader(io.StringIO(hosts.text(f"{SWEPT}/export/findings.csv"))))
    own = [*FindingRow.__struct_fields__, "suppressed_because", "case_state", "case_owner",
           "case_tags", "case_notes"]  # fmt: skip
    assert found == [*own, "signature_status", "signature_detail", "drill"]


@pytest.mark.parametrize("status", STATUSES)
def test_hosts_are_filtered_by_it(hosts: Pages, status: str) -> None:
    asked = hosts.get(f"{SWEPT}/hosts.json", params={"signature": status}).json()["hosts"]
    wanted = {row["name"] for row in as_json(hosts) if row["signature_status"] == status}
    assert {row["name"] for row in asked} == wanted
    assert ("SIGNED" in wanted) == (status == "verified")


def test_a_status_that_there_is_not_is_no_filter_and_refused(hosts: Pages) -> None:
    refused = hosts.get(f"{SWEPT}/hosts.json", params={"signature": "fine"})
    assert refused.status_code == 400
    assert refused.json()["error"].endswith(f"It is one of {', '.join(STATUSES)}.")


def test_the_timeline_and_a_search_tell_it_of_hosts(hosts: Pages) -> None:
    rows = hosts.get(f"{SWEPT}/timeline.json").json()["hosts"]
    told = {row["name"]: row["signature_status"] for row in rows if row["name"] in STATES}
    assert told == {"ALTERED": "unknown_key"}


def test_the_pages_mark_what_is_not_verified(hosts: Pages) -> None:
    table = hosts.text(f"{SWEPT}/hosts").split("<tr>")
    rows = {name: next(one for one in table if f">{name}<" in one) for name in STATES}
    assert '<span class="mark">not signed</span>' in rows["PLAIN"]
    assert '<span class="mark">signed by another key</span>' in rows["ALTERED"]
    assert '<span class="mark">drill</span>' in rows["SIGNED"]
    assert rows["SIGNED"].count('class="mark"') == 1


def test_a_host_s_page_says_so(hosts: Pages) -> None:
    keys = {row["name"]: row["host_key"] for row in as_json(hosts)}
    shown = {name: hosts.text(f"{SWEPT}/hosts/{keys[name].replace('|', '%7C')}") for name in STATES}
    assert "The report that says so is not signed" in shown["PLAIN"]
    assert "not as this sweep&#39;s key signed it" in shown["ALTERED"].replace("'", "&#39;")
    assert "1 finding is a canary of a drill" in shown["SIGNED"]
    assert "The report that says so is not" not in shown["SIGNED"]


def test_what_clean_is_worth_counts_them_and_the_answer_says_so(hosts: Pages) -> None:
    told = hosts.get(f"{SWEPT}/standing.json").json()
    assert (told["clean"]["verified"], told["clean"]["unsigned"]) == (1, 1)
    words = "1 clean host is so by reports that are not signed, or not verified."
    assert words in told["rest"]
    shown = hosts.text(SWEPT)
    assert words in shown
    assert 'verified 1, <a id="clean-unsigned"' in shown
    linked = hosts.get(f"{SWEPT}/hosts.json?state=clean&signature=unsigned").json()["hosts"]
    assert [row["name"] for row in linked] == ["PLAIN"]


def test_where_no_key_was_issued_the_answer_is_not_held_against_it(pages: Pages) -> None:
    put(pages, a_report("PLAIN"))
    told = pages.get(f"{SWEPT}/standing.json").json()
    assert told["clean"]["unsigned"] == 1
    assert "not signed" not in told["rest"]


def test_a_hit_by_a_wrongly_signed_report_says_so_once_and_where(hosts: Pages) -> None:
    page = hosts.text(f"{SWEPT}/hosts/id-altered%7Caltered")
    assert heading(page) == (
        "Hit: 1 strong or confirmed, by a report that is not signed as it has to be"
    )
    shown = text_of(page)
    where = f"signed by another key, {OTHER.public.id}"
    assert shown.count(where) == 2, "of the host, and of its report in the list"
    assert "Besides, not all of it was looked at" not in shown
    row = text_of(hosts.text(f"{SWEPT}/hosts")).partition("WS-0420")[0]
    assert row.count(where) == 1
    assert "by a report that is not signed as it has to be" in row
    assert "not asked for" not in row
