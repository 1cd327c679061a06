"""Suppressing sets hits aside and says so; lifting brings them back; exports stream."""

from __future__ import annotations

import asyncio
import csv
import html
import io
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from agent.model.report import Strength
from collector.pages.describe import when
from collector.records import AuditRow, HostRow
from collector.store.database import StoreError
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import NOW, SWEEP, a_finding, a_report, new_sweep, put, received
from tests.collector.pages.shown import heading

SWEPT = f"/sweeps/{SWEEP}"
KEY = "id-ws-0421|ws-0421"


def suppress(pages: Pages, **changed: str) -> Any:
    """By default one confirmed finding on its host."""
    (finding,) = pages.run(pages.store.findings, SWEEP, indicator_id="dll-name", host_key=KEY)
    form = {
        "csrf": pages.csrf(), "indicator": "dll-name", "host": KEY, "finding": finding.finding_id,
        "reason": "a lab's own file", "seen": str(pages.now),
    }  # fmt: skip
    return pages.post(f"{SWEPT}/suppress", data={**form, **changed})


def suppress_tool(pages: Pages, **changed: str) -> Any:
    """By default all of an indicator with strong findings, until now."""
    return suppress(pages, **{"indicator": "tool", "host": "", "finding": "", **changed})


def meets(pages: Pages, name: str, *, at: int = NOW, **fields: Any) -> str:
    """A host with a finding of that indicator; gives its key."""
    fields = {"strength": Strength.STRONG, "indicator": "tool", "value": "psexec.exe", **fields}
    return pages.run(put, pages.store, a_report(name, a_finding(name, **fields)), at=at)


def lift(pages: Pages, page: str) -> Any:
    found = re.search(r'name="suppression" value="([^"]+)"', pages.text(page))
    assert found
    form = {"csrf": pages.csrf(), "suppression": found[1], "back": "audit"}
    return pages.post(f"{SWEPT}/lift", data=form)


def test_suppressing_one_by_one_and_lifting_change_the_counters(pages: Pages) -> None:
    assert pages.counters()["hit"] == "2"
    for row in pages.run(pages.store.findings, SWEEP, indicator_id="dll-name"):
        answer = suppress(pages, host=row.host_key, finding=row.finding_id)
        assert answer.status_code == 303
    text = pages.text(answer.headers["location"])
    assert "Suppressed. The counters no longer count" in text
    assert "all suppressed" in heading(text)
    assert "this finding alone" in text
    assert "1 finding on 1 host" in text
    assert (pages.counters()["hit"], pages.counters()["clean"]) == ("0", "7")
    overview = pages.text(SWEPT)
    told = "all hits of 2 hosts are suppressed, 2 findings in all"
    assert heading(overview) == f"No open hit so far: {told}"
    assert "All hits of 2 hosts are suppressed, 2 findings in all." in overview
    assert told in pages.text("/")
    assert "hits suppressed" in pages.text(f"{SWEPT}/hosts?suppressed=1")
    host = pages.text(f"{SWEPT}/hosts/id-ws-0421%7Cws-0421")
    assert heading(host) == "No open hit: all its hits are suppressed"
    assert lift(pages, f"{SWEPT}/audit").status_code == 303
    assert (pages.counters()["hit"], pages.counters()["clean"]) == ("1", "6")
    assert lift(pages, f"{SWEPT}/findings/dll-name").status_code == 303
    assert (pages.counters()["hit"], pages.counters()["clean"]) == ("2", "5")


def test_one_finding_is_chosen_on_its_host_s_page_and_on_its_indicator_s(pages: Pages) -> None:
    for page in (f"{SWEPT}/findings/dll-name", f"{SWEPT}/hosts/id-ws-0421%7Cws-0421"):
        link = next(
            html.unescape(one)
            for one in re.findall(r'href="([^"]+)#suppress"', pages.text(page))
            if "ws-0421" in one and "dll-name" in one
        )
        form = pages.text(link)
        (row,) = pages.run(pages.store.findings, SWEEP, indicator_id="dll-name", host_key=KEY)
        assert f'name="host" value="{KEY}"' in form
        assert f'name="finding" value="{row.finding_id}"' in form
        assert "This finding alone, confirmed, on WS-0421" in form
    suppress(pages)
    assert pages.counters()["hit"] == "1"
    assert "1 of 2 findings suppressed" in heading(pages.text(f"{SWEPT}/findings/dll-name"))


def test_confirmed_findings_are_offered_and_taken_one_by_one_only(pages: Pages) -> None:
    page = pages.text(f"{SWEPT}/findings/dll-name")
    assert "2 confirmed findings: confirmed ones are suppressed one by one" in page
    assert 'name="covers"' not in page
    answers = [suppress(pages, finding="", host=host, covers="later") for host in ("", KEY)]
    assert [one.status_code for one in answers] == [409, 409]
    assert "Those are suppressed one by one" in answers[0].text
    assert pages.run(pages.store.suppressions, SWEEP) == []
    meets(pages, "WS-0420", indicator="dll-name", path="p")
    page = pages.text(f"{SWEPT}/findings/dll-name")
    pages.later(3000)
    page = pages.text(f"{SWEPT}/findings/dll-name")
    assert "2 confirmed findings of this indicator are not covered by this, now or later" in page
    assert suppress(pages, finding="", host="", covers="later").status_code == 303
    assert pages.counters()["hit"] == "2"


class TestAnIndicator:
    def test_is_suppressed_on_these_hosts_until_now(self, pages: Pages) -> None:
        for name in ("WS-0701", "WS-0702"):
            meets(pages, name)
        assert 'name="covers" value="now" checked' in pages.text(f"{SWEPT}/findings/tool")
        assert suppress_tool(pages).status_code == 303
        assert pages.counters()["hit"] == "2"
        assert "weak and strong findings of reports received until 2026-11-24 14:02:00 UTC" in (
            pages.text(f"{SWEPT}/findings/tool")
        )
        pages.later(3000)
        meets(pages, "WS-0703", at=pages.now)
        assert pages.counters()["hit"] == "3"

    def test_what_came_after_the_page_was_made_is_not_covered(self, pages: Pages) -> None:
        meets(pages, "WS-0701")
        pages.later(3000)
        page = pages.text(f"{SWEPT}/findings/tool")
        (seen,) = re.findall(r'name="seen" value="(\d+)"', page)
        assert f"received until {when(int(seen))}, which this page tells of" in page
        pages.later(3000)
        meets(pages, "WS-0702", at=pages.now)
        pages.later(3000)
        assert suppress_tool(pages, seen=seen).status_code == 303
        assert pages.counters()["hit"] == "3", "the one that nobody has seen"
        for wrong in ("", "soon", "-1", "1" * 16):
            assert suppress_tool(pages, seen=wrong).status_code == 400

    def test_nor_is_what_had_come_and_was_not_listed_yet(self, pages: Pages) -> None:
        meets(pages, "WS-0701", at=NOW - 1000)
        report = a_report(
            "WS-0702", a_finding("WS-0702", strength=Strength.STRONG, indicator="tool")
        )
        row, listed = received(report, at=NOW)
        pages.run(pages.store.put, row)
        pages.later(3000)
        page = pages.text(f"{SWEPT}/findings/tool")
        (seen,) = re.findall(r'name="seen" value="(\d+)"', page)
        suppress_tool(pages, seen=seen)
        pages.run(pages.store.index, row.report_id, SWEEP, row.host_key, listed)
        pages.later(3000)
        assert pages.counters()["hit"] == "3"

    def test_covers_hosts_to_come_when_that_is_asked_for_and_the_pages_say_so(
        self, pages: Pages
    ) -> None:
        meets(pages, "WS-0701")
        suppress_tool(pages, covers="later")
        for page in (f"{SWEPT}/findings/tool", f"{SWEPT}/audit"):
            assert "every host: weak and strong findings, those to come included" in pages.text(
                page
            )
        pages.later(3000)
        meets(pages, "WS-0703", at=pages.now)
        assert pages.counters()["hit"] == "2"
        meets(pages, "WS-0704", at=pages.now, strength=Strength.CONFIRMED)
        pages.later(3000)
        assert pages.counters()["hit"] == "3"

    def test_until_a_time_that_is_to_come(self, pages: Pages) -> None:
        meets(pages, "WS-0701")
        for wrong in ("tomorrow", "2026-11-24T14:01"):
            answer = suppress_tool(pages, covers="later", until=wrong)
            assert answer.status_code == 400
        suppress_tool(pages, covers="later", until="2026-11-24T14:10")
        meets(pages, "WS-0702", at=NOW + 7 * 60_000)
        meets(pages, "WS-0703", at=NOW + 9 * 60_000)
        assert pages.counters()["hit"] == "3"

    def test_by_path_and_hash_that_are_offered(self, pages: Pages) -> None:
        meets(pages, "WS-0701", path=r"C:\a\psexec.exe")
        other = meets(pages, "WS-0702", path=r"D:\psexec.exe")
        page = pages.text(f"{SWEPT}/findings/tool")
        (digest,) = re.findall(r'<option value="([0-9a-f]{64})">', page)
        assert r'<option value="D:\psexec.exe">' in page
        suppress_tool(pages, path=r"C:\a\psexec.exe", hash=digest)
        assert r"weak and strong findings with the path C:\a\psexec.exe and with the hash" in (
            pages.text(f"{SWEPT}/audit")
        )
        assert pages.counters()["hit"] == "3"
        suppress_tool(pages, host=other)
        assert pages.counters()["hit"] == "2"


def test_lifting_one_of_two_that_cover_a_host_brings_nothing_back(pages: Pages) -> None:
    key = meets(pages, "WS-0701")
    suppress_tool(pages, host=key)
    suppress_tool(pages)
    first = next(
        one for one in pages.run(pages.store.suppressions, SWEEP) if one.host_key is not None
    )
    form = {"csrf": pages.csrf(), "suppression": first.suppression_id}
    pages.post(f"{SWEPT}/lift", data=form)
    assert pages.counters()["hit"] == "2"


def test_every_export_says_how_many_are_suppressed(pages: Pages) -> None:
    suppress(pages)
    for name in ("hosts", "findings", "missing"):
        for form in ("csv", "ndjson"):
            answer = pages.get(f"{SWEPT}/export/{name}.{form}")
            assert answer.headers["x-iocsweep-suppressed-hosts"] == "1"
            assert answer.headers["x-iocsweep-suppressed-findings"] == "1"
    hosts = [json.loads(line) for line in pages.text(f"{SWEPT}/export/hosts.ndjson").splitlines()]
    aside = {row["host_key"]: row["suppressed_findings"] for row in hosts}
    assert {key for key, count in aside.items() if count} == {KEY}
    found = pages.text(f"{SWEPT}/export/findings.ndjson").splitlines()
    rows = [json.loads(line) for line in found]
    assert [row["suppressed_because"] for row in rows if row["suppression_id"]] == [
        "a lab's own file"
    ]
    assert {row["suppressed_because"] for row in rows if not row["suppression_id"]} == {""}
    table = csv.DictReader(io.StringIO(pages.text(f"{SWEPT}/export/hosts.csv")))
    assert sorted(row["suppressed_findings"] for row in table)[-2:] == ["0", "1"]


class TestRoles:
    @pytest.fixture
    def reads(self, pages: Pages) -> Pages:
        """An analyst suppressed one; now a reader looks."""
        suppress(pages)
        secret = pages.run(
            pages.store.create_token, "reader", role="reader", label="Lou", who="test"
        )
        assert pages.log_in(secret).status_code == 303
        return pages

    def test_a_reader_sees_all_and_is_offered_nothing_to_change(self, reads: Pages) -> None:
        for page in (f"{SWEPT}/findings/dll-name", f"{SWEPT}/audit", f"{SWEPT}/hosts/{KEY}"):
            text = reads.text(page)
            assert "suppress" in text.lower()
            assert f'action="{SWEPT}/' not in text
            assert '#suppress"' not in text
        assert "Your token has the role reader" in reads.text(f"{SWEPT}/findings/dll-name")

    def test_a_reader_changes_nothing_and_the_try_is_written_down(self, reads: Pages) -> None:
        (one,) = reads.run(reads.store.suppressions, SWEEP)
        for answer in (
            suppress(reads),
            reads.post(
                f"{SWEPT}/lift",
                data={"csrf": reads.csrf(), "suppression": one.suppression_id},
            ),
        ):
            assert answer.status_code == 403
            assert heading(answer.text) == (
                "Your token has the role reader, this needs the role analyst: nothing was changed."
            )
        assert reads.run(reads.store.suppressions, SWEEP) == [one]
        log = reads.run(reads.store.audit_log, sweep_id=SWEEP)
        assert [(row.who, row.detail) for row in log if row.action == "refused by role"] == [
            ("Lou", "lift needs the role analyst, theirs is reader"),
            ("Lou", "suppress needs the role analyst, theirs is reader"),
        ]

    @pytest.mark.parametrize("role", ["analyst", "administrator"])
    def test_an_analyst_of_one_sweep_suppresses_in_that_one(self, pages: Pages, role: str) -> None:
        secret = pages.run(
            pages.store.create_token, "reader", role=role, sweep_id=SWEEP, who="test"
        )
        pages.run(new_sweep, pages.store, "other")
        pages.log_in(secret)
        assert suppress(pages).status_code == 303
        form = {"csrf": pages.csrf(), "indicator": "dll-name", "reason": "x"}
        assert pages.post("/sweeps/other/suppress", data=form).status_code == 404

    def test_without_a_role_a_token_reads(self, pages: Pages) -> None:
        secret = pages.run(pages.store.create_token, "reader", who="test")
        pages.log_in(secret)
        assert suppress(pages).status_code == 403
        assert pages.get(SWEPT).status_code == 200


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"reason": "  "}, 400),
        ({"reason": "x" * 501}, 400),
        ({"host": "nobody"}, 404),
        ({"indicator": "none"}, 404),
        ({"indicator": ""}, 404),
        ({"host": "id-ws-0001|ws-0001"}, 404),
        ({"host": ""}, 400),
        ({"finding": "none"}, 404),
        ({"finding": "x\0"}, 400),
        ({"host": "x\0"}, 400),
        ({"indicator": "x\0"}, 400),
        ({"reason": "x\0"}, 400),
        ({"finding": "", "path": "none"}, 404),
        ({"finding": "", "hash": "x" * 2001}, 404),
    ],
)
def test_what_cannot_be_suppressed_is_told(
    pages: Pages, changed: dict[str, str], status: int
) -> None:
    assert suppress(pages, **changed).status_code == status
    assert pages.run(pages.store.suppressions, SWEEP) == []


def test_a_suppression_is_lifted_in_its_own_sweep_and_once(pages: Pages) -> None:
    pages.run(new_sweep, pages.store, "other")
    assert suppress(pages).status_code == 303
    (one,) = pages.run(pages.store.suppressions, SWEEP)
    form = {"csrf": pages.csrf(), "suppression": one.suppression_id, "back": "audit"}
    assert pages.post("/sweeps/other/lift", data=form).status_code == 404
    assert pages.post(f"{SWEPT}/lift", data=form).headers["location"].endswith("done=lifted")
    assert pages.post(f"{SWEPT}/lift", data=form).headers["location"].endswith("done=gone")


def test_the_audit_says_who_did_what_and_why(pages: Pages) -> None:
    suppress(pages)
    text = pages.text(f"{SWEPT}/audit")
    assert heading(text) == "1 suppression in force"
    assert "a lab&#39;s own file" in text
    lift(pages, f"{SWEPT}/audit")
    text = pages.text(f"{SWEPT}/audit")
    assert heading(text) == "No suppression in force"
    log: list[AuditRow] = pages.run(pages.store.audit_log, sweep_id=SWEEP)
    assert [(row.who, row.action) for row in log if row.who == "Jo"] == [
        ("Jo", "lift suppression"), ("Jo", "suppress"),
    ]  # fmt: skip
    for row in log:
        assert row.action in text
    pages.run(new_sweep, pages.store, SWEEP + "-2")
    assert SWEEP + "-2" not in pages.text(f"{SWEPT}/audit")


def test_exports_come_in_pieces(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first piece is sent while the database is still being read."""
    rows = pages.run(pages.store.hosts, SWEEP)
    sent: list[int] = []

    async def many(_: str) -> AsyncIterator[HostRow]:
        for number in range(5000):
            sent.append(number)
            yield rows[0]

    monkeypatch.setattr(pages.store, "all_hosts", many)
    pieces: list[int] = []

    async def ask() -> None:
        app = pages.client._transport.app  # type: ignore[attr-defined]
        scope = {
            "type": "http", "method": "GET", "path": f"{SWEPT}/export/hosts.ndjson",
            "raw_path": b"", "query_string": b"", "root_path": "", "scheme": "https",
            "server": ("x", 443), "http_version": "1.1", "asgi": {"version": "3.0"},
            "headers": [(b"authorization", f"Bearer {pages.secret}".encode())],
        }  # fmt: skip

        async def receive() -> dict[str, Any]:
            await asyncio.sleep(60)
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            if message.get("body"):
                pieces.append(len(sent))

        await app(scope, receive, send)

    pages.run(ask)
    assert len(pieces) > 10
    assert pieces[0] < 1000


def test_an_unusable_database_is_said_and_not_taken_for_clean(
    pages: Pages, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise StoreError("disk gone")

    monkeypatch.setattr(pages.database, "fetch", broken)
    answer = pages.get(SWEPT)
    assert answer.status_code == 503
    assert heading(answer.text) == "The database cannot be used now. Try again in a minute."
    assert "disk gone" not in answer.text
