"""Who is on it and whom to call: pages, forms and JSON; who may, and who came second."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.model.report import Strength
from collector.casework import CaseChange, CaseKey
from collector.store.expecting import Expected
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import SWEEP, a_finding, a_report, new_sweep, put
from tests.collector.pages.shown import heading, rows_of
from tests.collector.pages.test_hostile import EVIL
from tests.collector.pages.test_token_pages import as_one

SWEPT = f"/sweeps/{SWEEP}"
KEY = "id-ws-0421|ws-0421"
HOST = f"{SWEPT}/hosts/id-ws-0421%7Cws-0421"
JSON = f"{SWEPT}/case.json?host=id-ws-0421%7Cws-0421"
DLL = a_finding().id


def save(pages: Pages, **changed: str) -> Any:
    """The host's case by the form, as it is filled in when nobody has touched it."""
    form = {
        "csrf": pages.csrf(), "host": KEY, "finding": "", "version": "0", "back": "",
        "state": "new", "owner": "", "tags": "", "note": "",
    }  # fmt: skip
    return pages.post(f"{SWEPT}/case", data={**form, **changed})


def send(pages: Pages, change: Any, *, secret: str | None = None, path: str = JSON) -> Any:
    """As a program does."""
    bearer = {"authorization": f"Bearer {secret or pages.secret}"}
    if isinstance(change, bytes):
        return pages.post(
            path, content=change, headers={**bearer, "content-type": "application/json"}
        )
    return pages.post(path, json=change, headers=bearer)


def case(pages: Pages, finding: str = "") -> Any:
    return pages.run(pages.store.case, CaseKey(SWEEP, KEY, finding))


class TestTheForms:
    def test_on_the_hosts_page_change_its_case_and_everybody_sees_it(self, pages: Pages) -> None:
        page = pages.text(HOST)
        assert 'name="version" value="0"' in page
        answer = save(pages, state="triaged", owner="Ann", tags="VIP, dc", note="called\r\nher")
        assert answer.status_code == 303
        page = pages.text(answer.headers["location"])
        assert "Saved." in page
        assert '<span class="case-state triaged">triaged</span>, Ann' in page
        assert '<span class="mark">vip</span>' in page
        assert "<div>called</div><div>her</div>" in page
        assert "Jo, <time" in page
        (row,) = [r for r in pages.run(pages.store.audit_log) if r.action == "case"]
        assert (row.who, row.subject) == ("Jo", f"{SWEEP} {KEY}")
        assert "state new to triaged" in html.unescape(pages.text(f"{SWEPT}/audit"))
        as_one(pages, "reader")
        page = pages.text(HOST)
        assert "Ann" in page
        assert 'name="note"' not in page

    def test_beside_a_finding_of_a_report_change_its_case_which_a_later_report_has_too(
        self, pages: Pages
    ) -> None:
        (first,) = pages.run(pages.store.reports_of_host, SWEEP, KEY)
        page = pages.text(f"/reports/{first.report_id}")
        assert f'name="finding" value="{DLL}"' in page
        answer = save(pages, finding=DLL, state="contained", back=first.report_id)
        assert answer.headers["location"] == f"/reports/{first.report_id}#f-{DLL}"
        later = a_report("WS-0421", a_finding(), gap="access denied")
        pages.run(put, pages.store, later)
        for path in (f"/reports/{first.report_id}", f"/reports/{later.report_id}", HOST):
            assert '<summary>Case: <span class="case-state contained">contained</span>' in (
                pages.text(path)
            )
        assert case(pages).untouched

    def test_take_it_with_one_press(self, pages: Pages) -> None:
        save(pages, take="1", owner="somebody")
        assert case(pages).owner == "Jo"

    def test_of_two_people_the_later_sees_what_the_earlier_wrote(self, pages: Pages) -> None:
        save(pages, owner="Ann", note="mine since two")
        answer = save(pages, owner="Bob", tags="x", note="typed for long")
        assert answer.status_code == 409
        assert "Jo has changed this case meanwhile" in answer.text
        assert heading(answer.text) == "New, owned by Ann"
        assert "mine since two" in answer.text
        assert "owner Bob" in answer.text
        assert re.search(r"<textarea[^>]*>\ntyped for long</textarea>", answer.text)
        assert 'name="version" value="1"' in answer.text
        assert case(pages).owner == "Ann"
        assert save(pages, version="1", owner="Bob").status_code == 303

    @pytest.mark.parametrize(
        ("changed", "told"),
        [
            ({"note": "x" * 2001}, "The note is longer than 2,000 characters."),
            ({"owner": "x" * 101}, "The owner is longer than 100 characters."),
            ({"tags": " ".join(f"t{n}" for n in range(17))}, "at most 16 tags, these are 17"),
            ({"tags": "t " * 5000}, "at most 16 tags of 40 characters"),
            ({"state": "gone"}, "none of new, triaged, contained, closed"),
            ({"version": "x"}, "Reload the page"),
            ({"note": "a\x1b[2J"}, "characters that cannot be shown"),
        ],
    )
    def test_what_is_too_much_is_said_and_nothing_is_changed(
        self, pages: Pages, changed: dict[str, str], told: str
    ) -> None:
        answer = save(pages, **{"note": "kept", **changed})
        assert answer.status_code == 400
        assert told in answer.text
        assert case(pages).version == 0

    def test_a_note_as_long_as_may_be_is_taken_in_any_script(self, pages: Pages) -> None:
        assert save(pages, note="\U0001f600" * 2000).status_code == 303

    def test_are_refused_to_readers_strangers_and_other_sites(self, pages: Pages) -> None:
        assert save(pages, csrf="0" * 64, owner="x").status_code == 403
        form = {"csrf": pages.csrf(), "host": KEY, "version": "0", "owner": "x"}
        cross = pages.post(f"{SWEPT}/case", data=form, headers={"sec-fetch-site": "cross-site"})
        assert cross.status_code == 403
        for host, finding in (("none", ""), (KEY, "none"), ("", "")):
            assert save(pages, host=host, finding=finding, owner="x").status_code == 404
        as_one(pages, "reader")
        assert save(pages, owner="x").status_code == 403
        actions = [row.action for row in pages.run(pages.store.audit_log)]
        assert "refused by role" in actions
        assert case(pages).version == 0
        pages.run(new_sweep, pages.store, "other")
        as_one(pages, "analyst", "other")
        csrf = pages.csrf("/sweeps/other")
        assert save_with(pages, csrf).status_code == 404

    def test_earlier_notes_are_a_page_away(self, pages: Pages) -> None:
        for n in range(7):
            save(pages, version=str(n), note=f"note number {n}")
        page = pages.text(HOST)
        assert "2 earlier notes" in page
        assert "note number 1<" not in page
        found = re.search(r'href="([^"]+)">2 earlier', page)
        assert found
        assert "note number 1<" in pages.text(html.unescape(found[1]))

    def test_a_report_after_the_case_was_closed_is_said(self, pages: Pages) -> None:
        save(pages, state="closed")
        assert "came after this case was closed" not in pages.text(HOST)
        pages.run(put, pages.store, a_report("WS-0421", a_finding()), at=case(pages).changed + 1)
        assert "A report came after this case was closed." in pages.text(HOST)


def save_with(pages: Pages, csrf: str) -> Any:
    return pages.post(
        f"{SWEPT}/case", data={"csrf": csrf, "host": KEY, "version": "0", "owner": "x"}
    )


class TestTheSweep:
    def test_says_how_many_hit_hosts_nobody_owns(self, pages: Pages) -> None:
        assert heading(pages.text(SWEPT)) == "Hit on 2 hosts, new and owned by nobody"
        save(pages, owner="Jo")
        text = pages.text(SWEPT)
        assert heading(text) == "Hit on 2 hosts, 1 of them new and owned by nobody"
        found = re.search(r'id="unowned" href="([^"]+)"', text)
        assert found
        assert rows_of(pages.text(html.unescape(found[1]))) == ["WS-0420"]
        pages.run(
            pages.store.change_case, CaseKey(SWEEP, "id-ws-0420|ws-0420"),
            CaseChange(state="triaged"), version=0, who="t",
        )  # fmt: skip
        pages.later(3000)
        assert heading(pages.text(SWEPT)) == "Hit on 2 hosts"

    def test_lists_hosts_by_state_owner_and_tag(self, pages: Pages) -> None:
        save(pages, owner="Jo", state="triaged", tags="vip")
        for query in ("case=triaged", "owner=jo", "tag=VIP", "owner=Jo&tag=vip&case=triaged"):
            text = pages.text(f"{SWEPT}/hosts?{query}")
            assert rows_of(text) == ["WS-0421"], query
            assert '<span class="case-state triaged">triaged</span>, Jo' in text
        assert heading(pages.text(f"{SWEPT}/hosts?owner=Jo")) == "Hosts that reported, owned by Jo"
        assert "WS-0421" not in rows_of(pages.text(f"{SWEPT}/hosts?nobody=1"))
        assert rows_of(pages.text(f"{SWEPT}/hosts?nobody=1&state=hit")) == ["WS-0420"]


class TestTheJson:
    def test_is_read_and_changed_by_a_program(self, visitor: Pages) -> None:
        bearer = {"authorization": f"Bearer {visitor.secret}"}
        told = visitor.get(JSON, headers=bearer).json()
        assert (told["host"], told["case"]["version"], told["notes"]) == ("WS-0421", 0, [])
        change = {"version": 0, "state": "triaged", "owner": "SOC", "tags": ["A"], "note": "n"}
        answer = send(visitor, change)
        assert answer.status_code == 200
        assert answer.json() == visitor.get(JSON, headers=bearer).json()
        now = answer.json()
        assert (now["case"]["state"], now["case"]["tags"], now["notes"][0]["who"]) == (
            "triaged", ["a"], "Jo",
        )  # fmt: skip
        assert send(visitor, {"note": "again"}).json()["case"]["version"] == 2
        rows = [r for r in visitor.run(visitor.store.audit_log) if r.action == "case"]
        assert len(rows) == 2

    def test_on_an_older_version_is_a_conflict_with_what_is_there(self, visitor: Pages) -> None:
        send(visitor, {"version": 0, "owner": "first"})
        answer = send(visitor, {"version": 0, "owner": "second"})
        assert answer.status_code == 409
        assert answer.json()["current"]["case"]["owner"] == "first"
        assert "changed this case meanwhile" in answer.json()["error"]

    @pytest.mark.parametrize(
        ("change", "status"),
        [
            ({"owner": "x"}, 400),
            ({"version": 0, "state": "gone"}, 400),
            ({"version": 0, "sate": "new"}, 400),
            ({"version": 0, "note": "x" * 2001}, 400),
            ({"version": 0, "tags": ["a b"]}, 400),
            ({"version": -1, "owner": "x"}, 400),
            ({"version": 1 << 70, "owner": "x"}, 409),
            (b"{", 400),
            (b"[" * 50_000, 400),
            (b'{"note": "\xff"}', 400),
            (b'{"note": "\\ud800"}', 400),
            (b"x" * 70_000, 413),
        ],
    )
    def test_what_cannot_be_taken_is_said_and_changes_nothing(
        self, visitor: Pages, change: Any, status: int
    ) -> None:
        answer = send(visitor, change)
        assert answer.status_code == status
        assert answer.json()["error"]
        assert case(visitor).version == 0

    def test_is_changed_by_bearers_of_the_role_alone(self, pages: Pages) -> None:
        change = {"version": 0, "owner": "x"}
        assert pages.post(JSON, json=change).status_code == 401
        reader = pages.run(pages.store.create_token, "reader", label="R", who="t")
        assert send(pages, change, secret=reader).status_code == 403
        assert send(pages, change, secret="wrong").status_code == 401
        pages.run(new_sweep, pages.store, "other")
        theirs = pages.run(
            pages.store.create_token, "reader", role="analyst", sweep_id="other", who="t"
        )
        assert send(pages, change, secret=theirs).status_code == 404
        assert send(pages, change, path=f"{SWEPT}/case.json").status_code == 404
        text = pages.post(JSON, content=b"{}", headers={"authorization": f"Bearer {pages.secret}"})
        assert text.status_code == 415
        assert pages.run(pages.client.put, JSON, json=change).status_code == 405
        assert case(pages).version == 0
        refused = [r for r in pages.run(pages.store.audit_log) if r.action == "refused by role"]
        assert [row.who for row in refused] == ["R"]

    def test_lists_cases_page_by_page(self, pages: Pages) -> None:
        weak = [a_finding(path=f"p{n}", strength=Strength.WEAK, indicator="w") for n in range(150)]
        pages.run(put, pages.store, a_report("WS-0421", *weak))
        for one in weak:
            key = CaseKey(SWEEP, KEY, one.id)
            pages.run(pages.store.change_case, key, CaseChange(owner="Jo"), version=0, who="t")
        save(pages, state="closed")
        told = pages.get(f"{SWEPT}/cases.json?owner=jo").json()
        assert len(told["cases"]) == 100
        rest = pages.get(told["follow"]).json()
        assert (len(rest["cases"]), rest["follow"]) == (50, "")
        assert len({one["finding_id"] for one in told["cases"] + rest["cases"]}) == 150
        (closed,) = pages.get(f"{SWEPT}/cases.json?state=closed").json()["cases"]
        assert (closed["host_key"], closed["finding_id"]) == (KEY, "")


class TestTheExports:
    def test_say_who_is_on_it_and_whom_to_call(self, pages: Pages) -> None:
        hosts = [Expected("WS-0421", (("Site", "Berlin"), ("Owner", "=1+1"))), "LAB-01"]
        pages.run(pages.store.expect, SWEEP, hosts, who="t")
        pages.run(pages.store.expect, SWEEP, [Expected("LAB-02", (("Site", "Rome"),))], who="t")
        save(pages, owner="Jo", tags="b a", note="x")
        save(pages, finding=DLL, state="closed")
        rows = csv.DictReader(io.StringIO(pages.get(f"{SWEPT}/export/hosts.csv").text))
        found = {row["name"]: row for row in rows}
        row = found["WS-0421"]
        assert {name for name, one in found.items() if one["expected"] == "no"} == {"STRANGER"}
        assert row["worth"] == "cyzfc-2018-11 2026.11.24, 80 indicators; the whole host"
        assert (row["case_state"], row["case_owner"], row["case_tags"], row["case_notes"]) == (
            "new", "Jo", "a b", "1",
        )  # fmt: skip
        assert (row["list: Site"], row["list: Owner"]) == ("Berlin", "'=1+1")
        assert (found["WS-0420"]["case_owner"], found["WS-0420"]["list: Site"]) == ("", "")
        lines = pages.get(f"{SWEPT}/export/hosts.ndjson").text.splitlines()
        (line,) = [json.loads(one) for one in lines if '"WS-0421"' in one]
        assert line["list"] == {"Site": "Berlin", "Owner": "=1+1"}
        lines = pages.get(f"{SWEPT}/export/findings.ndjson").text.splitlines()
        (line,) = [json.loads(one) for one in lines if DLL in one]
        assert (line["case_state"], line["case_notes"]) == ("closed", 0)
        rows = csv.DictReader(io.StringIO(pages.get(f"{SWEPT}/export/missing.csv").text))
        assert {row["name"]: row["list: Site"] for row in rows}["LAB-02"] == "Rome"


class TestWhomToCall:
    def test_is_on_the_host_in_the_table_and_beside_silent_names(self, pages: Pages) -> None:
        told = (("Site", "Berlin"), ("Owner", "Jo Doe"))
        hosts = [Expected("WS-0421", told), Expected("LAB-01", (("Site", "Rome"),))]
        pages.run(pages.store.expect, SWEEP, hosts, who="t")
        words = '<span class="quiet">Site</span> Berlin, <span class="quiet">Owner</span> Jo Doe'
        assert words in pages.text(HOST)
        assert words in pages.text(f"{SWEPT}/hosts")
        assert '<span class="quiet">Site</span> Rome' in pages.text(f"{SWEPT}/missing")
        assert rows_of(pages.text(f"{SWEPT}/hosts?column=Site&value=Berlin")) == ["WS-0421"]
        text = pages.text(f"{SWEPT}/missing?column=Site&value=Rome")
        assert ("LAB-01" in text, "LAB-02" in text) == (True, False)

    def test_is_grouped_with_six_counters(self, pages: Pages) -> None:
        text = pages.text(f"{SWEPT}/groups")
        assert heading(text) == "The list of expected hosts says nothing beside names"
        hosts = [
            Expected(name, (("Asset", name), ("Site", site)))
            for name, site in (
                ("WS-0420", "Berlin"), ("WS-0001", "Berlin"), ("LAB-01", "Berlin"), ("WS-0422", "Rome"),
            )
        ]  # fmt: skip
        pages.run(pages.store.expect, SWEEP, hosts, who="t")
        told = pages.get(f"{SWEPT}/groups.json").json()
        assert (told["by"], told["columns"], told["more"]) == ("Site", ["Asset", "Site"], False)
        assert [(g["value"], g["hit"], g["clean"], g["not_reported"]) for g in told["groups"]] == [
            ("", 1, 4, 3), ("Berlin", 1, 1, 1), ("Rome", 0, 0, 0),
        ]  # fmt: skip
        text = pages.text(f"{SWEPT}/groups?by=Site")
        assert heading(text) == "Hosts by Site"
        link = re.search(r'href="([^"]+state=hit[^"]+value=Berlin)"', text)
        assert link
        assert rows_of(pages.text(html.unescape(link[1]))) == ["WS-0420"]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    note=st.text(max_size=60), owner=st.text(max_size=60), tags=st.text(max_size=60),
    state=st.sampled_from(["new", "triaged", "contained", "closed", "x"]),
)  # fmt: skip
def test_whatever_is_written_is_kept_as_it_is_or_refused_with_the_reason(
    pages: Pages, note: str, owner: str, tags: str, state: str
) -> None:
    before = case(pages)
    answer = save(
        pages, version=str(before.version), note=note, owner=owner, tags=tags, state=state
    )
    assert answer.status_code in (303, 400)
    after = case(pages)
    if answer.status_code == 400:
        assert after == before
        return
    assert (after.state, after.owner) == (state, " ".join(owner.split()))
    if kept := note.replace("\r\n", "\n").replace("\r", "\n").strip():
        notes = pages.run(pages.store.notes, after.key)
        assert notes[-1].text == kept
    text = pages.text(HOST)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_nothing_that_is_written_acts(pages: Pages) -> None:
    evil = f"{EVIL}".replace("\x1b", "").replace("\u202e", "").replace("\x07", "")
    save(pages, owner=evil[:90], tags="<b>,\"'>", note=f"{evil}\n</textarea><script>x")
    hosts = [Expected("WS-0421", ((EVIL, EVIL),)), Expected("LAB-01", ((EVIL, f"{EVIL}2"),))]
    pages.run(pages.store.expect, SWEEP, hosts, who=EVIL)
    conflict = save(pages, note="</textarea><script>alert(1)")
    assert conflict.status_code == 409
    (first,) = pages.run(pages.store.reports_of_host, SWEEP, KEY)
    texts = [conflict.text] + [
        pages.text(path)
        for path in (
            HOST, f"{SWEPT}/hosts", f"{SWEPT}/missing", f"{SWEPT}/groups", f"{SWEPT}/audit",
            f"{SWEPT}/case?host=id-ws-0421%7Cws-0421", f"/reports/{first.report_id}",
            f"{SWEPT}/hosts?column=%22%3E%3Cscript%3E&value=%22%3E%3Cscript%3E&owner=%3Cscript%3E",
        )
    ]  # fmt: skip
    for text in texts:
        for bad in ("<script>alert", "<script>x", "<img", "\u202e", "\x1b", "</textarea><"):
            assert bad not in text.replace("</textarea></label>", "")
