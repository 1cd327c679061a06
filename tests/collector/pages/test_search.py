"""Where else: the page, its JSON, and the ways that lead there."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import quote

import pytest

from agent.model.report import Strength
from collector.pages import elsewhere, search
from collector.pages.elsewhere import kind_of
from collector.searchable import Searchable
from collector.terms import KINDS, MAX_VALUE
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import SWEEP, a_finding, a_report, new_sweep, put
from tests.collector.pages.shown import heading
from tests.collector.pages.test_hostile import EVIL
from tests.collector.pages.test_report import text_of

DAT = r"C:\Users\jo\AppData\Local\cyzfc.dat"


def all_searchable(pages: Pages) -> None:
    async def run() -> None:
        while await Searchable(pages.store).once():
            pass

    pages.run(run)


@pytest.fixture
def found(pages: Pages) -> Pages:
    """The fleet, all searchable, and another sweep with a host of its own."""
    pages.run(new_sweep, pages.store, "other")
    pages.run(put, pages.store, a_report("ELSEWHERE", a_finding("ELSEWHERE")), sweep_id="other")
    all_searchable(pages)
    return pages


def ask(pages: Pages, query: str) -> dict[str, Any]:
    answer = pages.get(f"/search.json?{query}")
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


def values(told: dict[str, Any]) -> dict[str, list[str]]:
    return {one["kind"]: [value["value"] for value in one["values"]] for one in told["groups"]}


class TestThePage:
    @pytest.mark.parametrize("asked", ["", "%20%20", "%00", "+%09"])
    def test_of_nothing_nothing_is_said(self, found: Pages, asked: str) -> None:
        assert heading(found.text(f"/search?q={asked}")) == "Search"
        assert ask(found, f"q={asked}&whole=1")["groups"] == []

    def test_a_path_that_ends_with_a_blank_is_found_by_its_own_link(self, found: Pages) -> None:
        path = DAT + " "
        found.run(put, found.store, a_report("BLANK", a_finding("BLANK", path=path)))
        all_searchable(found)
        told = ask(found, f"q={quote(path)}&kind=path&whole=1")
        assert path in values(told)["path"]

    def test_hosts_first_then_findings_by_what_they_are_about(self, found: Pages) -> None:
        text = found.text("/search?q=cyzfc")
        assert heading(text) == "Found “cyzfc”"
        assert re.findall(r"<h2[^>]*>([^<]+)", text) == ["Findings"]
        assert re.findall(r"<h3[^>]*>([^<]+)", text) == ["Paths ", "Indicators "]
        text = found.text("/search?q=ws-042")
        assert re.findall(r"<h2[^>]*>([^<]+)", text) == ["Hosts"]
        assert "WS-0420" in text

    def test_on_how_many_hosts_and_links_to_them(self, found: Pages) -> None:
        text = found.text("/search?q=cyzfc.dat&kind=path")
        assert ">3 hosts</td>" in text
        links = [
            html.unescape(one) for one in re.findall(r'href="(/sweeps/[^"]+/hosts/[^"]+)"', text)
        ]
        assert len(links) == 3
        for one in links:
            assert found.get(one).status_code == 200
        link = re.search(r'href="(/reports/[^"#]+)#(f-[^"]+)"', text)
        assert link
        assert f'id="{link[2]}"' in found.text(link[1])

    def test_a_suppressed_finding_is_found_and_marked(self, found: Pages) -> None:
        assert '<span class="mark">suppressed</span>' not in found.text(f"/search?q={quote(DAT)}")
        found.run(found.store.suppress, SWEEP, "ip", host_key=None, reason="ours", who="t")
        text = text_of(found.text("/search?q=x&kind=path&whole=1"))
        assert "WS-0421 hit 1 finding , weak suppressed" in re.sub(r"\s+", " ", text)
        (path,) = ask(found, "q=x&kind=path&whole=1")["groups"][0]["values"]
        assert [one["suppressed"] for one in path["where"]] == ["all"]

    def test_only_some_of_a_hosts_findings_are_suppressed(self, found: Pages) -> None:
        found.run(found.store.suppress, SWEEP, "ip", host_key=None, reason="ours", who="t")
        (domain,) = ask(found, "q=pandorasong.com&kind=domain&whole=1")["groups"][0]["values"]
        marks = {(one["sweep_id"], one["name"]): one["suppressed"] for one in domain["where"]}
        assert marks == {
            (SWEEP, "WS-0420"): "none", (SWEEP, "WS-0421"): "some", ("other", "ELSEWHERE"): "none",
        }  # fmt: skip

    @pytest.mark.parametrize("asked", ["evil[.]example", "no-such", "%", '"', "zz", "'--"])
    def test_nothing_is_said_to_be_nothing_and_makes_no_host_clean(
        self, found: Pages, asked: str
    ) -> None:
        text = found.text(f"/search?q={quote(asked)}")
        assert heading(text).startswith("Nothing found")
        assert "That alone makes no host clean." in text

    def test_a_defanged_question_says_how_it_was_read(self, found: Pages) -> None:
        text = found.text("/search?q=hxxp://pandorasong%5B.%5Dcom")
        assert "Read as" in text
        assert ">pandorasong.com</a>" in text
        assert "Read as" not in found.text("/search?q=PandoraSong.com")

    def test_two_characters_find_beginnings_and_the_page_says_so(self, found: Pages) -> None:
        words = "Only values that begin so are found: it has fewer than three characters."
        assert words in found.text("/search?q=ws")
        assert words not in found.text("/search?q=ws-")

    def test_a_database_without_an_index_of_parts_says_so(self, found: Pages) -> None:
        found.run(
            found.store.database.transact,
            [("DROP TRIGGER term_text_added", ()), ("DROP TRIGGER term_text_removed", ())],
        )
        text = found.text("/search?q=0420")
        assert "Only values that begin so are found: this database has no index of parts." in text
        assert "has a value that begins so" in text
        assert "WS-0420" in found.text("/search?q=ws-0420")

    def test_what_is_not_searchable_yet_is_told(self, found: Pages) -> None:
        found.run(put, found.store, a_report("LATE"))
        assert "1 report cannot be searched yet." in found.text("/search?q=late")
        all_searchable(found)
        text = found.text("/search?q=late")
        assert "cannot be searched yet" not in text
        assert "LATE" in text

    def test_what_is_never_searchable_is_told(self, found: Pages) -> None:
        found.run(put, found.store, a_report("BROKEN", report_id="broken"))
        found.run(
            found.store.database.transact,
            [("UPDATE report SET body = ? WHERE report_id = 'broken'", (b"x",))],
        )
        all_searchable(found)
        assert "1 report has values that cannot be searched" in found.text("/search?q=late")

    def test_expected_hosts_that_have_not_reported(self, found: Pages) -> None:
        text = found.text("/search?q=lab-")
        assert "Expected, not reported" in text
        assert [one["name"] for one in ask(found, "q=lab-")["not_reported"]] == [
            "LAB-01", "LAB-02", "LAB-03", "LAB-04",
        ]  # fmt: skip

    def test_of_many_it_says_how_many_and_leads_to_more(
        self, found: Pages, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(search, "SHOWN", 3)
        text = found.text("/search?q=ws-")
        assert "3 of 9 are shown." in text
        more = re.search(r'href="([^"]+)">More of these', text)
        assert more
        assert found.text(html.unescape(more[1])).count("<tr role=") == 1 + 9

    def test_all_hosts_of_one_value_page_by_page(
        self, found: Pages, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("collector.store.searching.PAGE", 2)
        names: list[str] = []
        path = "/search?q=PANDORASONG.com&kind=domain&whole=1"
        for _ in range(3):
            text = found.text(path)
            assert heading(text).startswith("Where else")
            names += re.findall(r'/hosts/[^"]+">([^<]+)</a>', text)
            follow = re.search(r'id="next-page" href="([^"]+)"', text)
            if follow is None:
                break
            path = html.unescape(follow[1])
        assert names == ["WS-0420", "WS-0421", "ELSEWHERE"]

    def test_the_json_pages_lead_on_too(
        self, found: Pages, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("collector.store.searching.PAGE", 2)
        first = ask(found, "q=pandorasong.com&kind=domain&whole=1")
        assert first["follow"].startswith("/search.json?")
        second = found.get(first["follow"]).json()
        assert second["follow"] == ""
        (one,) = second["groups"][0]["values"]
        assert [host["name"] for host in one["where"]] == ["ELSEWHERE"]

    def test_an_empty_question_explains_itself(self, found: Pages) -> None:
        text = found.text("/search")
        assert heading(text) == "Search"
        assert "Part of a host's name, id or address" in html.unescape(text)
        assert ask(found, "q=%20")["groups"] == []


class TestWhoMaySeeWhat:
    def test_a_token_of_one_sweep_finds_what_is_of_it_alone(self, found: Pages) -> None:
        secret = found.run(found.store.create_token, "reader", sweep_id="other", label="", who="t")
        found.client.cookies.clear()
        found.log_in(secret)
        assert values(ask(found, "q=id-")) == {"id": ["id-ELSEWHERE"]}
        (path,) = ask(found, "q=cyzfc.dat&kind=path")["groups"][0]["values"]
        assert (path["hosts"], [one["name"] for one in path["where"]]) == (1, ["ELSEWHERE"])
        whole = ask(found, f"q={quote(DAT)}&whole=1")["groups"][0]["values"][0]
        assert (whole["hosts"], len(whole["where"])) == (1, 1)
        assert ask(found, "q=lab-")["not_reported"] == []
        found.run(put, found.store, a_report("NEW"))
        assert ask(found, "q=x")["waiting"] == 0
        assert found.get(f"/search.json?q=ws&sweep={SWEEP}").status_code == 404
        assert "WS-0420" not in found.text("/search?q=ws-")
        assert "all workstations" in found.text("/search")

    def test_nobody_without_a_token(self, found: Pages) -> None:
        found.client.cookies.clear()
        assert found.get("/search.json?q=ws").status_code == 401
        assert found.get("/search?q=ws").status_code == 401

    def test_one_sweep_if_it_is_asked_for(self, found: Pages) -> None:
        assert values(ask(found, "q=id-&sweep=other")) == {"id": ["id-ELSEWHERE"]}
        assert found.get("/search?q=x&sweep=none").status_code == 404

    def test_a_kind_that_there_is_not(self, found: Pages) -> None:
        answer = found.get("/search.json?q=x&kind=colour")
        assert answer.status_code == 400
        assert "path" in answer.json()["error"]


class TestTheWaysThere:
    @pytest.mark.parametrize("path", ["/", f"/sweeps/{SWEEP}", "/tokens", "/search", "/nowhere"])
    def test_a_field_in_every_pages_head(self, found: Pages, path: str) -> None:
        text = found.get(path).text
        there = 'action="/search" role="search"' in text
        assert there == (path != "/nowhere")

    def test_none_before_the_log_in(self, empty: Pages) -> None:
        assert 'action="/search"' not in empty.text("/login")

    def test_beside_paths_hashes_users_and_domains_of_a_report(self, found: Pages) -> None:
        text = found.text(f"/reports/{self._of(found, 'WS-0420')}")
        links = {
            html.unescape(one) for one in re.findall(r'class="elsewhere" href="([^"]+)"', text)
        }
        kinds = {re.search(r"kind=(\w+)", one)[1] for one in links}  # type: ignore[index]
        assert kinds >= {"path", "hash", "user", "domain", "url"}
        for one in links:
            assert "ELSEWHERE" in found.text(one), one

    def test_in_lists(self, found: Pages) -> None:
        host = next(one for one in found.run(found.store.hosts, SWEEP) if one.name == "WS-0420")
        for path in (
            f"/sweeps/{SWEEP}/hosts/{quote(host.host_key)}", f"/sweeps/{SWEEP}/findings/dll-name",
        ):  # fmt: skip
            text = found.text(path)
            links = [html.unescape(one) for one in re.findall(r'href="(/search\?[^"]+)"', text)]
            assert {re.search(r"kind=(\w+)", one)[1] for one in links} >= {"path", "hash"}  # type: ignore[index]
            for one in links:
                assert "ELSEWHERE" in found.text(one), one

    def _of(self, pages: Pages, name: str) -> str:
        host = next(one for one in pages.run(pages.store.hosts, SWEEP) if one.name == name)
        return str(host.report_id)

    def test_no_kind_is_left_out(self) -> None:
        assert set(search.WORDS) == set(KINDS)

    def test_not_beside_what_is_cut_or_no_value(self) -> None:
        assert kind_of("SHA-1", "ab") == "hash"
        assert kind_of("size", "294,400 bytes") == ""
        assert kind_of("File", "") == ""
        assert kind_of("File", "x" * MAX_VALUE) == ""

    def test_every_kind_of_a_fact_is_one_that_is_searched(self) -> None:
        assert set(elsewhere._KINDS.values()) <= set(KINDS)


@pytest.fixture
def hostile(pages: Pages) -> Pages:
    finding = a_finding(
        strength=Strength.STRONG, title=f"t {EVIL}", path=rf"C:\{EVIL}", value=EVIL,
        indicator=f"id/{EVIL}",
    )  # fmt: skip
    pages.run(put, pages.store, a_report(f"EVIL{EVIL}", finding, report_id="evil"))
    all_searchable(pages)
    return pages


def test_what_a_host_says_cannot_act(hostile: Pages) -> None:
    for query in ("q=script", "q=" + quote(EVIL), "q=evil&kind=host", "q=%22%3E%3Cimg%20src=x%3E"):
        for whole in ("", "&whole=1"):
            text = hostile.text(f"/search?{query}{whole}")
            assert "<script>alert" not in text
            assert "<img" not in text
            assert "\u202e" not in text
            assert "\x1b" not in text
    text = hostile.text("/search?q=script")
    assert "\\u202etxt.exe\\x1b[2J\\x07{{7*7}}" in text
    links = re.findall(r'href="(/search\?[^"]+whole=1[^"]*)"', text)
    assert links
    for one in links:
        assert "evil" in hostile.text(html.unescape(one)).lower()
