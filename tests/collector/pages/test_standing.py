"""The page of a sweep in its order: who is hit, what clean is worth, who was first, what lacks."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from agent.model.remembered import Behaviour, Recorded, Remembered
from agent.model.report import Strength
from collector.casework import CaseChange, CaseKey
from collector.judging import usual_demand
from collector.outputs.state import OutputState, keep_value
from collector.pages.advice import ways_of_fleet
from collector.pages.counters import FRESH_MS, MAX_HITS
from collector.pages.visits import MAX_SWEEPS, SITTING_MS
from collector.records import Sweep
from collector.reopening import Reopener
from collector.store.standing import GapGroup
from collector.store.store import PAGE
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import NOW, SWEEP, a_finding, a_report, new_sweep, put
from tests.collector.pages.shown import heading, rows_of
from tests.collector.pages.test_report import EVIL, text_of
from tests.collector.pages.test_token_pages import as_one

SWEPT = f"/sweeps/{SWEEP}"
STANDING = f"{SWEPT}/standing.json"
MINUTE = 60_000


def told(pages: Pages, sweep_id: str = SWEEP, **named: Any) -> Any:
    answer = pages.get(f"/sweeps/{sweep_id}/standing.json", **named)
    assert answer.status_code == 200
    return answer.json()


class TestHits:
    def test_stand_under_the_headline_with_user_finding_and_time(self, pages: Pages) -> None:
        page = pages.text(SWEPT)
        assert rows_of(page) == ["WS-0420", "WS-0421"]
        assert r"CORP\jo, jo" in text_of(page)
        first = told(pages)["hits"]["hosts"][0]
        assert (first["name"], first["strength"], first["users"]) == (
            "WS-0420", "confirmed", r"CORP\jo, jo",
        )  # fmt: skip
        assert first["title"].startswith("rundll32.exe 4312 runs")
        assert first["first_seen"] == "2026-11-17T14:02:00Z"
        where = f"/reports/{first['report_id']}#f-{first['finding_id']}"
        assert where in page
        assert f'id="f-{first["finding_id"]}"' in pages.text(where.partition("#")[0])

    def test_the_page_has_the_order_of_what_is_asked_first(self, pages: Pages) -> None:
        page = pages.text(SWEPT)
        parts = ["<h1", 'id="hits"', 'id="worth"', 'id="first"', 'class="counters"', 'id="top"']
        places = [page.index(part) for part in parts]
        assert places == sorted(places)

    def test_beyond_twenty_there_is_a_way_to_the_others(self, pages: Pages) -> None:
        for number in range(MAX_HITS):
            finding = a_finding(strength=Strength.STRONG, path=str(number))
            pages.run(put, pages.store, a_report(f"A{number:02}", finding))
        page = pages.text(SWEPT)
        listed = rows_of(page)
        assert (len(listed), listed[:3]) == (MAX_HITS, ["WS-0420", "WS-0421", "A00"])
        assert 'id="all-hits" href="/sweeps/cyzfc-2026/hosts?state=hit"' in page
        assert "All 22 hit hosts" in text_of(page)
        assert told(pages)["hits"]["more"] == 2

    def test_what_is_not_listed_yet_is_hit_all_the_same(self, pages: Pages) -> None:
        from tests.collector.pages.seed import received

        row, _ = received(a_report("FRESH", a_finding("FRESH")))
        pages.run(pages.store.put, row)
        line = told(pages)["hits"]["hosts"][-1]
        assert (line["name"], line["title"], line["report_id"]) == ("FRESH", "", row.report_id)
        assert "in its report, not listed yet" in pages.text(SWEPT)

    def test_nobody_is_named_where_nobody_is_hit(self, empty: Pages) -> None:
        empty.run(new_sweep, empty.store)
        empty.run(put, empty.store, a_report())
        empty.log_in(empty.run(empty.store.create_token, "reader", who="t"))
        assert 'id="hits"' not in empty.text(SWEPT)


def test_hosts_whose_closed_case_was_opened_by_a_hit_are_told_and_listed(pages: Pages) -> None:
    assert told(pages)["reopened"] == 0
    assert 'id="reopened"' not in pages.text(SWEPT)
    key = CaseKey(SWEEP, "id-ws-0421|ws-0421")
    change = CaseChange(state="closed")
    case = pages.run(pages.store.change_case, key, change, version=0, who="ann")
    pages.run(put, pages.store, a_report("WS-0421", a_finding()), at=(case.changed or 0) + 1)
    assert pages.run(Reopener(pages.store).once) == 1
    pages.later(FRESH_MS)
    assert told(pages)["reopened"] == 1
    page = pages.text(SWEPT)
    assert "1 host hit again after the case was closed" in text_of(page)
    assert f'id="reopened" href="{SWEPT}/hosts?tag=reopened"' in page
    assert rows_of(pages.text(f"{SWEPT}/hosts?tag=reopened")) == ["WS-0421"]


class TestNew:
    def hit(self, pages: Pages, name: str) -> None:
        pages.run(put, pages.store, a_report(name, a_finding(name)), at=pages.now)

    def new(self, pages: Pages, page: str) -> list[str]:
        return re.findall(r'>([^<]+)</a> <strong class="mark new">', page)

    def test_is_what_came_since_the_sitting_before_and_stays_so_for_this_one(
        self, pages: Pages
    ) -> None:
        assert "From your next visit on" in pages.text(SWEPT)
        pages.later(SITTING_MS)
        self.hit(pages, "LATER")
        page = pages.text(SWEPT)
        assert self.new(pages, page) == ["LATER"]
        assert "New: since 2026-11-24 14:02:00 UTC" in text_of(page)
        assert 'id="new-hits"' in page
        assert "1 new" in text_of(page)
        pages.later(SITTING_MS - 1)
        for path in (SWEPT, f"{SWEPT}/summary", SWEPT):
            assert self.new(pages, pages.text(path)) == ["LATER"]
        pages.later(SITTING_MS)
        assert self.new(pages, pages.text(SWEPT)) == []

    def test_a_page_that_refreshes_itself_is_no_new_visit(self, pages: Pages) -> None:
        pages.text(SWEPT)
        for _ in range(3):
            pages.later(SITTING_MS)
            pages.text(f"{SWEPT}/summary")
        self.hit(pages, "MEANWHILE")
        pages.later(FRESH_MS)
        assert self.new(pages, pages.text(SWEPT)) == ["MEANWHILE"]

    def test_what_came_just_before_a_look_and_was_not_on_the_page_yet_is_new_to_the_next(
        self, pages: Pages
    ) -> None:
        pages.text(SWEPT)
        self.hit(pages, "JUST-NOW")
        assert "JUST-NOW" not in pages.text(SWEPT), "its counters are a moment old"
        pages.later(SITTING_MS)
        page = pages.text(SWEPT)
        assert self.new(pages, page) == ["JUST-NOW"]
        assert "1 new" in text_of(page)

    def test_is_of_this_person_and_this_sweep(self, pages: Pages) -> None:
        pages.run(new_sweep, pages.store, "other")
        pages.text(SWEPT)
        pages.later(SITTING_MS)
        self.hit(pages, "LATER")
        assert told(pages)["hits"]["new"] == 1
        assert told(pages, "other")["hits"]["looked"] is None
        as_one(pages, "reader")
        assert told(pages)["hits"]["looked"] is None

    def test_a_bearer_has_no_visit(self, pages: Pages) -> None:
        header = {"authorization": f"Bearer {pages.secret}"}
        answer = pages.get(SWEPT, headers=header)
        assert "looked" not in answer.headers.get("set-cookie", "")
        assert told(pages, headers=header)["hits"]["looked"] is None

    def test_the_cookie_is_for_the_server_alone_and_bounded(self, pages: Pages) -> None:
        for number in range(MAX_SWEEPS + 5):
            pages.run(new_sweep, pages.store, f"s{number}")
            answer = pages.get(f"/sweeps/s{number}")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-iocsweep-looked=")
        for word in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"):
            assert word in cookie
        assert len(cookie) < 2500
        assert cookie.partition(";")[0].count(".") == MAX_SWEEPS - 1

    @pytest.mark.parametrize("value", ["", "x", "." * 9000, "0" * 12 + "-1-" + "f" * 12, "é"])
    def test_a_cookie_that_is_none_of_ours_is_a_first_visit(self, pages: Pages, value: str) -> None:
        session = pages.client.cookies["__Host-iocsweep"]
        pages.client.cookies.clear()
        header = {"cookie": f"__Host-iocsweep={session}; __Host-iocsweep-looked={value}".encode()}
        answer = pages.get(SWEPT, headers=header)
        assert answer.status_code == 200
        assert "From your next visit on" in answer.text


class TestCleanWorth:
    def test_tells_packs_scope_age_rights_memory_and_weak_traces(self, pages: Pages) -> None:
        report = a_report("OLD", a_finding(strength=Strength.WEAK, path="w"))
        report.packs[0].version = "2026.1"
        report.host.elevated = None
        report.finished -= timedelta(days=9)
        report.remembered = [
            Remembered(
                behaviour=Behaviour.RAN, state=Recorded.RECORDED, source="prefetch",
                part="Prefetch", since=report.started - timedelta(days=40),
            )
        ]  # fmt: skip
        pages.run(put, pages.store, report)
        clean = told(pages)["clean"]
        assert (clean["hosts"], clean["weak"], clean["more_hosts"]) == (6, 1, 0)
        assert [(one["version"], one["hosts"]) for one in clean["packs"]] == [
            ("2026.11.24", 5), ("2026.1", 1),
        ]  # fmt: skip
        assert clean["scopes"] == [{"scope": "", "hosts": 6}]
        assert clean["oldest"] == "2026-11-15T14:02:00Z"
        assert clean["youngest"] == "2026-11-24T14:02:00Z"
        rights = (clean["elevated"], clean["not_elevated"], clean["elevation_unknown"])
        assert rights == (5, 0, 1)
        (memory,) = clean["memories"]
        assert memory["deed"] == "run"
        told_of = dict(zip(clean["bands"], memory["hosts"], strict=True))
        assert {words: count for words, count in told_of.items() if count} == {
            "30 to 89 days": 1, "not told": 5,
        }  # fmt: skip
        page = text_of(pages.text(SWEPT))
        assert "What “clean” is worth on 6 hosts" in page
        assert "cyzfc-2018-11 2026.1, 80 indicators: 1 host" in page
        assert "on 1 clean host" in page
        assert rows_of(pages.text(f"{SWEPT}/hosts?state=clean&weak=1")) == ["OLD"]

    def test_no_clean_host_no_word_of_it(self, empty: Pages) -> None:
        empty.run(new_sweep, empty.store)
        empty.log_in(empty.run(empty.store.create_token, "reader", who="t"))
        assert 'id="worth"' not in empty.text(SWEPT)
        assert told(empty)["clean"] is None

    def test_what_hosts_claim_cannot_act(self, pages: Pages) -> None:
        report = a_report(EVIL)
        report.packs[0].id = report.packs[0].version = EVIL
        pages.run(put, pages.store, report)
        page = pages.text(SWEPT)
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert" in page
        assert "\u202e" not in page


class TestWays:
    def test_each_with_its_hosts_reasons_and_a_command(self, pages: Pages) -> None:
        (again, admin) = sorted(told(pages)["ways"], key=lambda way: way["what"] != "run as administrator")  # fmt: skip
        assert (again["what"], again["command"], again["hosts"]) == (
            "run as administrator", "iocsweep.exe", 3,
        )  # fmt: skip
        assert ["processes partial (protected by Windows (PPL))", 2] in again["because"]
        assert admin["what"]
        page = pages.text(SWEPT)
        assert 'aria-label="Command: run as administrator" value="iocsweep.exe"' in page

    def test_a_host_with_two_gaps_of_one_way_is_one_host(self) -> None:
        groups = [
            group("files partial (3 larger than --max-file-size); hives partial (1,204 larger than"
                  " --max-file-size)", hosts=5),
            group("files partial (2 larger than --max-file-size, 7 vanished)", hosts=2),
            group("files partial (the max-runtime was over)"),
        ]  # fmt: skip
        larger, longer = ways_of_fleet(groups)
        assert (larger.what, larger.hosts, larger.command) == (
            "read larger files with --max-file-size", 7, "iocsweep.exe --max-file-size 2G",
        )  # fmt: skip
        assert larger.because == [
            ("files partial (larger than --max-file-size)", 5),
            ("hives partial (larger than --max-file-size)", 5),
            ("files partial (larger than --max-file-size, vanished)", 2),
        ]
        assert (longer.hosts, longer.command) == (1, "iocsweep.exe --max-runtime 4h")

    @pytest.mark.parametrize(
        ("reasons", "state", "elevated", "ways"),
        [
            ("memory skipped", "incomplete", True, ["ask again without leaving anything out"]),
            ("x partial (y)", "incomplete", True, ["read the reason: no way to close it is known"]),
            ("x partial (y)", "incomplete", False, ["run as administrator"]),
            ("x partial (access denied)", "incomplete", False, ["run as administrator"]),
            ("x partial (access denied)", "incomplete", None,
             ['give an image of the disk to "iocsweep offline"']),
            ("", "incomplete", True, ["read the reason: no way to close it is known"]),
        ],
    )  # fmt: skip
    def test_go_by_the_reason_and_the_rights(
        self, reasons: str, state: str, elevated: bool | None, ways: list[str]
    ) -> None:
        found = ways_of_fleet([group(reasons, state=state, elevated=elevated)])
        assert [way.what for way in found] == ways

    def test_a_sweep_that_was_cut_off_is_run_again(self) -> None:
        found = ways_of_fleet([group("files partial (sweep was interrupted)", state="failed")])
        assert [way.command for way in found] == ["iocsweep.exe"]

    def test_no_command_holds_what_a_host_says(self, pages: Pages) -> None:
        pages.run(put, pages.store, a_report("E", gap=f"{EVIL} access denied; rm -rf /"))
        commands = re.findall(r'class="command"[^>]*value="([^"]*)"', pages.text(SWEPT))
        assert commands
        assert all(re.fullmatch(r"(iocsweep\.exe|manage-bde)[\w\s.:\\-]*", one) for one in commands)


def group(
    reasons: str, *, state: str = "incomplete", elevated: bool | None = True, hosts: int = 1
) -> GapGroup:
    return GapGroup(reasons=reasons, state=state, elevated=elevated, kind="live", hosts=hosts)


class TestTable:
    def test_every_column_leads_to_its_order_and_back(self, pages: Pages) -> None:
        page = pages.text(f"{SWEPT}/hosts?state=clean")
        keys = re.findall(r'<th scope="col"[^>]*><a href="[^"]*[;?]sort=([\w-]+)">', page)
        assert keys == ["name", "-worst", "found", "trace", "last", "system", "sender", "reports"]
        assert page.count("aria-sort=") == 1
        for key in keys:
            sorted_page = pages.text(f"{SWEPT}/hosts?state=clean&sort={key}")
            assert sorted(rows_of(sorted_page)) == [f"WS-000{n}" for n in range(1, 6)]
            assert sorted_page.count("aria-sort=") == 1
        assert 'aria-sort="ascending"' in pages.text(f"{SWEPT}/hosts?sort=name")
        assert 'aria-sort="descending"' in pages.text(f"{SWEPT}/hosts?sort=-name")
        assert rows_of(pages.text(f"{SWEPT}/hosts?sort=-name"))[0] == "WS-0423"

    def test_an_order_that_is_none_is_refused(self, pages: Pages) -> None:
        assert pages.get(f"{SWEPT}/hosts?sort=x").status_code == 400
        assert pages.get(f"{SWEPT}/hosts.json?sort=--name").status_code == 400

    def test_the_same_as_json_to_its_end(self, pages: Pages) -> None:
        for number in range(PAGE):
            pages.run(put, pages.store, a_report(f"P-{number:03}"))
        first = pages.get(f"{SWEPT}/hosts.json?sort=-last").json()
        rest = pages.get(first["follow"]).json()
        assert rest["follow"] == ""
        names = [one["name"] for one in first["hosts"] + rest["hosts"]]
        assert len(names) == len(set(names)) == PAGE + 10
        assert names[0] == "WS-0001"
        worst = pages.get(f"{SWEPT}/hosts.json").json()["hosts"][0]
        assert (worst["name"], worst["state"], worst["users"]) == ("WS-0420", "hit", r"CORP\jo, jo")

    def test_a_time_that_no_calendar_has_is_no_error(self, pages: Pages) -> None:
        from tests.collector.pages.seed import received

        row, _ = received(a_report("ODD"))
        pages.run(pages.store.put, structs.replace(row, finished=-(1 << 60)))
        assert pages.get(f"{SWEPT}/hosts.json?sort=name").status_code == 200
        assert pages.get(STANDING).json()["clean"]["oldest"].startswith("0001-")


class TestClosed:
    def test_says_so_on_its_page_and_in_the_list(self, pages: Pages) -> None:
        pages.run(pages.store.create_token, "sweep", sweep_id=SWEEP, who="t")
        for path in ("/", SWEPT):
            assert "closed" not in pages.text(path)
        assert told(pages)["closed"] is None
        pages.run(pages.store.close_sweep, SWEEP, who="t")
        assert "no more reports are taken" in pages.text("/")
        assert 'id="closed"' in pages.text(SWEPT)
        assert told(pages)["closed"]


@pytest.fixture
def unpinned(empty: Pages) -> Pages:
    """A sweep that asks for no pack yet; its first report names one."""
    demand = usual_demand("open", NOW - 9 * MINUTE)
    empty.run(
        empty.store.create_sweep,
        Sweep(sweep_id="open", title="", pack="", created=NOW, deadline=None, demand=demand),
        who="t",
    )
    empty.run(put, empty.store, a_report(), sweep_id="open")
    return empty


class TestAcceptingAPack:
    FORM = {"pack": "cyzfc-2018-11", "version": "2026.11.24"}

    def test_an_administrator_asks_for_the_one_that_is_proposed(self, unpinned: Pages) -> None:
        boss = as_one(unpinned, "administrator")
        page = boss.text("/sweeps/open")
        assert 'id="accept-pack"' in page
        assert told(boss, "open")["proposal"] == {
            "pack": "cyzfc-2018-11", "version": "2026.11.24",
        }  # fmt: skip
        form = {**self.FORM, "csrf": boss.csrf("/sweeps/open")}
        answer = boss.post("/sweeps/open/accept-pack", data=form)
        assert (answer.status_code, answer.headers["location"]) == (
            303, "/sweeps/open?done=accepted",
        )  # fmt: skip
        sweep = boss.run(boss.store.sweep, "open")
        assert sweep is not None
        assert (sweep.demand.pack, sweep.demand.pack_version) == tuple(self.FORM.values())
        assert sweep.demand.kinds == ("live",)
        page = boss.text("/sweeps/open?done=accepted")
        assert "The pack is asked for from now on" in page
        assert 'id="accept-pack"' not in page
        done = [(row.who, row.action) for row in boss.run(boss.store.audit_log)]
        assert ("the administrator", "ask for") in done
        assert boss.post("/sweeps/open/accept-pack", data=form).status_code == 409

    def test_nobody_else_does_and_the_try_is_written_down(self, unpinned: Pages) -> None:
        analyst = as_one(unpinned, "analyst")
        assert 'id="accept-pack"' not in analyst.text("/sweeps/open")
        form = {**self.FORM, "csrf": analyst.csrf("/")}
        assert analyst.post("/sweeps/open/accept-pack", data=form).status_code == 403
        sweep = analyst.run(analyst.store.sweep, "open")
        assert sweep is not None
        assert sweep.demand.pack == ""
        assert "refused by role" in [row.action for row in analyst.run(analyst.store.audit_log)]

    def test_another_pack_than_the_proposed_is_refused(self, unpinned: Pages) -> None:
        boss = as_one(unpinned, "administrator")
        form = {**self.FORM, "version": "2020", "csrf": boss.csrf("/")}
        assert boss.post("/sweeps/open/accept-pack", data=form).status_code == 409
        form = {**self.FORM, "csrf": "0" * 64}
        assert boss.post("/sweeps/open/accept-pack", data=form).status_code == 403


class TestOutputs:
    def keep(self, pages: Pages, **fields: Any) -> None:
        import msgspec

        state = OutputState(**fields)
        pages.run(keep_value, pages.store, f"output/{state.name}", msgspec.json.encode(state))

    def test_tell_how_each_does(self, pages: Pages) -> None:
        assert heading(pages.text("/outputs")) == "No output has run"
        self.keep(pages, name="siem", last_success=NOW, updated=NOW)
        self.keep(
            pages, name="chat", last_error=EVIL, last_error_at=NOW, failing_since=NOW - MINUTE,
            dead_letters=3, dead_since=NOW, notice="mend it", updated=NOW,
        )  # fmt: skip
        self.keep(pages, name="dead", dead_letters=1, updated=NOW)
        pages.run(pages.store.move_cursor, "file", 4)
        pages.run(
            pages.store.database.transact, [("UPDATE sink SET updated = ?", (NOW - 9 * MINUTE,))]
        )
        page = pages.text("/outputs")
        assert heading(page) == "3 outputs of 4 need a look"
        assert "<script>alert" not in page
        lines = {one["name"]: one for one in pages.get("/outputs.json").json()["outputs"]}
        assert {name: line["state"] for name, line in lines.items()} == {
            "siem": "works", "chat": "fails", "dead": "has dead letters", "file": "stands still",
        }  # fmt: skip
        assert lines["chat"]["dead_letters"] == 3
        assert lines["chat"]["failing_since"] == "2026-11-24T14:01:00Z"
        assert lines["file"]["lag"] == 7
        shown = text_of(page)
        assert "3 findings refused for good" in shown
        assert "7 reports wait" in shown
        assert "mend it" in shown

    def test_are_not_for_a_reader_of_one_sweep(self, visitor: Pages) -> None:
        one = as_one(visitor, "reader", SWEEP)
        assert one.get("/outputs").status_code == 404
        assert one.get("/outputs.json").status_code == 404
        assert 'href="/outputs"' not in one.text("/")
        assert (
            visitor.get("/outputs.json", headers={"authorization": "Bearer x"}).status_code == 401
        )
