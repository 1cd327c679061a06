"""Suppressing sets hits aside and says so; lifting brings them back; exports stream."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest

from collector.records import AuditRow, HostRow
from collector.store.database import StoreError
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import SWEEP, a_finding, a_report, new_sweep, put
from tests.collector.pages.shown import heading

SWEPT = f"/sweeps/{SWEEP}"
KEY = "id-ws-0421|ws-0421"


def suppress(pages: Pages, **changed: str) -> Any:
    form = {"csrf": pages.csrf(), "indicator": "dll-name", "host": "", "reason": "a lab's own file"}
    return pages.post(f"{SWEPT}/suppress", data={**form, **changed})


def lift(pages: Pages, page: str) -> Any:
    found = re.search(r'name="suppression" value="([^"]+)"', pages.text(page))
    assert found
    form = {"csrf": pages.csrf(), "suppression": found[1], "back": "audit"}
    return pages.post(f"{SWEPT}/lift", data=form)


def test_suppressing_everywhere_and_lifting_change_the_counters(pages: Pages) -> None:
    assert pages.counters()["hit"] == "2"
    answer = suppress(pages)
    assert answer.status_code == 303
    text = pages.text(answer.headers["location"])
    assert "Suppressed. The counters no longer count" in text
    assert "all suppressed" in heading(text)
    assert (pages.counters()["hit"], pages.counters()["clean"]) == ("0", "7")
    overview = pages.text(SWEPT)
    assert heading(overview) == "No hit so far"
    assert "The hits of 2 hosts are suppressed." in overview
    assert "hits suppressed" in pages.text(f"{SWEPT}/hosts?suppressed=1")
    host = pages.text(f"{SWEPT}/hosts/id-ws-0421%7Cws-0421")
    assert "All its hits are suppressed" in host
    assert lift(pages, f"{SWEPT}/audit").status_code == 303
    assert (pages.counters()["hit"], pages.counters()["clean"]) == ("2", "5")


def test_suppressing_on_one_host_leaves_the_others(pages: Pages) -> None:
    page = pages.text(f"{SWEPT}/findings/dll-name")
    link = next(
        html.unescape(one)
        for one in re.findall(r'href="([^"]+)#suppress"', page)
        if "ws-0421" in one
    )
    assert f'name="host" value="{KEY}" checked' in pages.text(link)
    suppress(pages, host=KEY)
    assert pages.counters()["hit"] == "1"
    assert "1 of 2 findings suppressed" in heading(pages.text(f"{SWEPT}/findings/dll-name"))
    lift(pages, f"{SWEPT}/findings/dll-name")
    assert pages.counters()["hit"] == "2"


def test_lifting_one_of_two_that_cover_a_host_brings_nothing_back(pages: Pages) -> None:
    suppress(pages, host=KEY)
    suppress(pages)
    first = next(
        one for one in pages.run(pages.store.suppressions, SWEEP) if one.host_key is not None
    )
    form = {"csrf": pages.csrf(), "suppression": first.suppression_id}
    pages.post(f"{SWEPT}/lift", data=form)
    assert pages.counters()["hit"] == "0"


def test_what_comes_later_is_suppressed_too(pages: Pages) -> None:
    suppress(pages)
    pages.run(put, pages.store, a_report("WS-0777", a_finding("WS-0777")))
    pages.later(2000)
    assert pages.counters()["hit"] == "0"


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"reason": "  "}, 400),
        ({"reason": "x" * 501}, 400),
        ({"host": "nobody"}, 404),
        ({"indicator": "none"}, 404),
        ({"indicator": ""}, 404),
        ({"host": "id-ws-0001|ws-0001"}, 404),
    ],
)
def test_what_cannot_be_suppressed_is_told(
    pages: Pages, changed: dict[str, str], status: int
) -> None:
    assert suppress(pages, **changed).status_code == status
    assert pages.run(pages.store.suppressions, SWEEP) == []


def test_a_suppression_is_lifted_in_its_own_sweep_and_once(pages: Pages) -> None:
    pages.run(new_sweep, pages.store, "other")
    suppress(pages)
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
