"""Every page says first what matters, and no list ends before its end."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest

from agent.model.report import Strength
from collector.pages import found as found_page
from collector.pages.counters import FRESH_MS
from collector.records import Counts, NewReport, host_key
from collector.store.state_counts import StateCounts
from collector.store.store import PAGE, Store
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import NOW, SWEEP, a_finding, a_report, new_sweep, put, received
from tests.collector.pages.shown import follow, heading, rows_of

SWEPT = f"/sweeps/{SWEEP}"
HIT_HOST = f"{SWEPT}/hosts/id-ws-0421%7Cws-0421"


def test_the_first_page_lists_sweeps_with_their_answer(pages: Pages) -> None:
    text = pages.text("/")
    assert "Hit on 2 hosts" in text
    assert "Not known to be clean: 2 incomplete, 1 failed, 4 not reported." in text
    assert "9 of 13 expected hosts reported, and 1 that nobody expected" in text


def test_without_a_sweep_it_says_so(empty: Pages) -> None:
    secret = empty.run(empty.store.create_token, "reader", who="t")
    empty.log_in(secret)
    assert "There is no sweep yet." in empty.text("/")


def test_a_sweep_shows_the_six_counters_and_their_shares(pages: Pages) -> None:
    text = pages.text(SWEPT)
    assert heading(text) == "Hit on 2 hosts, new and owned by nobody"
    assert pages.counters() == {
        "clean": "5", "hit": "2", "incomplete": "2", "failed": "1", "limited": "0",
        "not reported": "4",
    }  # fmt: skip
    for share in ("38.5 % of expected", "15.4 % of expected", "0 % of expected", "30.8 %"):
        assert share in text
    assert "0 % of expected: 0 of 13" in text  # the one that failed is not on the list
    assert "(1 failed); counted above, and left out of the shares" in text
    for link in ("hosts?state=clean", "hosts?state=hit", "hosts?state=incomplete",
                 "hosts?state=failed", "missing", "hosts?unexpected=1", "hosts?flagged=1"):  # fmt: skip
        assert f'href="{SWEPT}/{link}"' in text, link


def test_a_sweep_tells_deadline_and_estimate_and_reasons_and_indicators(pages: Pages) -> None:
    text = pages.text(SWEPT)
    assert "2026-11-24 16:02 UTC, in 2 h" in text
    assert "2026-11-24 14:05 UTC at 1.1 reports/min, the pace of the last 10 min" in text
    assert "processes partial (protected by Windows (PPL))" in text
    assert rows_of(text[text.index('id="top"') :]) == ["confirmed", "weak", "excluded"]
    assert '<title id="curve-title">' in text
    assert "11 reports from 2026-11-24 13:53:00 UTC" in text


def test_without_an_expected_list_silence_is_unknown_and_not_zero(pages: Pages) -> None:
    pages.run(new_sweep, pages.store, "open")
    pages.run(put, pages.store, a_report("A"), sweep_id="open")
    text = pages.text("/sweeps/open")
    assert pages.counters("open")["not reported"] == "unknown"
    assert heading(text) == "Clean: 1 host reported, no gap"
    assert "silent ones cannot be counted" in text
    assert "Who has not reported is not known" in pages.text("/sweeps/open/missing")


def test_clean_is_said_only_when_everyone_has_answered(pages: Pages) -> None:
    pages.run(new_sweep, pages.store, "two")
    pages.run(pages.store.expect, "two", ["A", "B"], who="t")
    assert heading(pages.text("/sweeps/two")) == "No report yet"
    pages.run(put, pages.store, a_report("A"), sweep_id="two")
    pages.later(FRESH_MS)
    text = pages.text("/sweeps/two")
    assert heading(text) == "No hit so far"
    assert "Not known to be clean: 1 not reported." in text
    pages.run(put, pages.store, a_report("B"), sweep_id="two")
    pages.later(FRESH_MS)
    text = pages.text("/sweeps/two")
    assert heading(text) == "Clean: 2 expected hosts reported, nothing left unlooked at"
    assert "all expected hosts have reported" in text


def test_the_page_refreshes_only_what_has_changed(pages: Pages) -> None:
    text = pages.text(SWEPT)
    poll = re.search(r'hx-get="([^"]+)" hx-trigger="every 5s"', text)
    assert poll
    assert pages.get(html.unescape(poll[1])).status_code == 204
    pages.run(put, pages.store, a_report("WS-0999"))
    pages.later(FRESH_MS)
    fragment = pages.get(html.unescape(poll[1]))
    assert fragment.status_code == 200
    assert fragment.text.strip().startswith('<div id="standing"')
    assert "hx-get" not in pages.text(f"{SWEPT}?still=1")


def test_many_viewers_cost_one_query(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    counts = pages.store.counts

    async def counting(sweep_id: str) -> Counts:
        asked.append(sweep_id)
        return await counts(sweep_id)

    monkeypatch.setattr(pages.store, "counts", counting)
    for _ in range(20):
        pages.text(SWEPT)
        pages.text(f"{SWEPT}/hosts")
    assert asked == [SWEEP]
    pages.later(FRESH_MS)
    pages.text(SWEPT)
    assert asked == [SWEEP, SWEEP]


def test_a_list_counts_no_more_than_it_shows(pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    counts, states = pages.store.counts, pages.store.state_counts

    async def all_of_them(sweep_id: str) -> Counts:
        asked.append("all")
        return await counts(sweep_id)

    async def six(sweep_id: str) -> StateCounts:
        asked.append("six")
        return await states(sweep_id)

    monkeypatch.setattr(pages.store, "counts", all_of_them)
    monkeypatch.setattr(pages.store, "state_counts", six)
    for _ in range(3):
        hosts, missing = pages.text(f"{SWEPT}/hosts"), pages.text(f"{SWEPT}/missing")
    assert asked == ["six"]
    pages.text(SWEPT)
    assert (pages.text(f"{SWEPT}/hosts"), pages.text(f"{SWEPT}/missing")) == (hosts, missing)
    assert asked == ["six", "all", "six"], "what the sweep's page has counted is not counted again"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("state=hit", ["WS-0420", "WS-0421"]),
        ("state=failed", ["STRANGER"]),
        ("state=incomplete", ["WS-0422", "WS-0423"]),
        ("q=ws-000", [f"WS-000{n}" for n in range(1, 6)]),
        ("q=WS-042&state=incomplete", ["WS-0422", "WS-0423"]),
        ("flagged=1", ["WS-0423"]),
        ("unexpected=1", ["STRANGER"]),
        ("suppressed=1", []),
        ("q=%25", []),
        ("state=nonsense&q=stranger", ["STRANGER"]),
    ],
)
def test_hosts_are_filtered(pages: Pages, query: str, names: list[str]) -> None:
    assert rows_of(pages.text(f"{SWEPT}/hosts?{query}")) == names


def test_a_list_of_hosts_names_its_filter_and_its_number(pages: Pages) -> None:
    assert heading(pages.text(f"{SWEPT}/hosts")) == "Hosts that reported: 10"
    assert heading(pages.text(f"{SWEPT}/hosts?state=hit")) == "Hosts with a hit: 2"
    text = pages.text(f"{SWEPT}/hosts?state=clean&flagged=1&q=ws")
    assert heading(text) == "Clean hosts, flagged named “ws…”"


def test_hosts_are_paged_to_the_end(pages: Pages) -> None:
    async def more() -> None:
        for number in range(2 * PAGE + 7):
            await put(pages.store, a_report(f"P-{number // 2:04}{'ab'[number % 2]}"))

    pages.run(more)
    worst = follow(pages, f"{SWEPT}/hosts", rows_of)
    assert worst[:5] == ["WS-0420", "WS-0421", "STRANGER", "WS-0422", "WS-0423"]
    names = follow(pages, f"{SWEPT}/hosts?sort=name", rows_of)
    assert len(names) == len(set(names)) == len(set(worst)) == len(worst) == 10 + 2 * PAGE + 7
    assert names == sorted(names, key=str.casefold)


def test_hosts_of_one_name_are_all_listed(pages: Pages) -> None:
    row, _ = received(a_report("CLONE"))

    async def more() -> None:
        from msgspec import structs

        for number in range(PAGE + 20):
            clone: NewReport = structs.replace(
                row, report_id=f"clone-{number}", host_id=f"c{number}",
                host_key=host_key(f"c{number}", "CLONE"), digest=bytes([number]) * 32,
            )  # fmt: skip
            await pages.store.put(clone)

    pages.run(more)
    assert len(follow(pages, f"{SWEPT}/hosts?q=clone", rows_of)) == PAGE + 20


def test_missing_names_are_paged_to_the_end_and_filtered(pages: Pages) -> None:
    extra = [f"SILENT-{number:04}.corp.example." for number in range(2 * PAGE + 3)]
    pages.run(pages.store.expect, SWEEP, extra, who="t")

    def names(text: str) -> list[str]:
        return re.findall(r"<li>([^<]+)</li>", text)

    assert follow(pages, f"{SWEPT}/missing", names) == [f"LAB-0{n}" for n in range(1, 5)] + extra
    assert follow(pages, f"{SWEPT}/missing?q=lab", names) == [f"LAB-0{n}" for n in range(1, 5)]
    assert heading(pages.text(f"{SWEPT}/missing")) == "207 expected hosts have not reported"


def test_findings_are_grouped_by_indicator(pages: Pages) -> None:
    text = pages.text(f"{SWEPT}/findings")
    assert heading(text) == "3 indicators seen"
    assert rows_of(text) == ["confirmed", "weak", "excluded"]
    assert "2 hosts" in text


def test_an_indicator_lists_every_host(pages: Pages) -> None:
    async def more() -> None:
        for number in range(PAGE + 30):
            name = f"F-{number:04}"
            await put(pages.store, a_report(name, a_finding(name)))

    pages.run(more)
    assert (
        heading(pages.text(f"{SWEPT}/findings/dll-name")) == "Seen on 132 hosts, confirmed at most"
    )
    names = follow(pages, f"{SWEPT}/findings/dll-name", rows_of)
    assert len(names) == len(set(names)) == PAGE + 32


def test_a_host_page_says_state_and_why_first(pages: Pages) -> None:
    text = pages.text(HIT_HOST)
    assert heading(text) == "Hit: 1 strong or confirmed, 1 weak"
    assert rows_of(text) == ["confirmed", "weak", "excluded"]
    text = pages.text(f"{SWEPT}/hosts/id-ws-0423%7Cws-0423")
    assert heading(text) == "Incomplete: processes partial (3 protected by Windows (PPL))"
    assert "Flagged: its reports came from more than one address" in text
    assert "2 reports" in text


def test_a_host_with_many_findings_is_paged(pages: Pages) -> None:
    found = [
        a_finding("M", path=f"p{number}", indicator=f"i{number}") for number in range(PAGE + 9)
    ]
    pages.run(put, pages.store, a_report("M", *found))
    shown = follow(
        pages,
        f"{SWEPT}/hosts/id-m%7Cm",
        lambda t: re.findall(r'wide"><a href="[^"]+#f-([0-9a-f-]{36})', t),
    )
    assert sorted(shown) == sorted(one.id for one in found)


def test_a_thing_that_two_reports_tell_of_is_one_row(pages: Pages) -> None:
    pages.run(put, pages.store, a_report("WS-0421", a_finding()), at=NOW + 1)
    assert rows_of(pages.text(HIT_HOST)) == ["confirmed", "weak", "excluded"]
    assert sorted(rows_of(pages.text(f"{SWEPT}/findings/dll-name"))) == ["WS-0420", "WS-0421"]


def test_a_report_shows_verdict_chain_and_coverage(pages: Pages) -> None:
    found = re.search(r'href="(/reports/[^"#]+)"', pages.text(HIT_HOST))
    assert found
    text = pages.text(found[1])
    assert heading(text) == "Hit: 1 confirmed, 1 weak, 1 excluded"
    kinds = re.findall(r'class="kind">([^<]+)<', text)[:7]
    assert kinds == ["Parent", "Parent", "Process", "Module", "File", "DNS name", "Connection"]
    for fact in ("explorer.exe 3388", "powershell.exe 4120", "rundll32.exe 4312",
                 "294,400 bytes", "9858d5cb2a6614be3c48e33911bf9f7978b441bf", "95.216.59.92:443",
                 "pandorasong.com", "PointFunctionCall", "Known to be benign by the rule a-rule",
                 "Cut short by the agent: evidence, 5 of 9 kept.", "1,204,331", "UTC+01:00",
                 "1 indicator with nothing", "not this platform"):  # fmt: skip
        assert fact in text, fact


def test_an_incomplete_report_names_its_gaps_with_examples(pages: Pages) -> None:
    report = a_report("GAP", gap="access denied", samples=(r"C:\secret",), report_id="gap-1")
    pages.run(put, pages.store, report)
    text = pages.text("/reports/gap-1")
    assert heading(text) == "Incomplete, no strong trace found in what could be seen"
    assert "3 of 4 required sources wholly looked at; not wholly: processes (partial)." in text
    assert "3 × access denied" in text
    assert r"C:\secret" in text


def test_a_huge_report_is_shown_up_to_its_bounds(pages: Pages) -> None:
    count = found_page.MAX_FINDINGS + 5
    found = [a_finding(path=f"p{n}", command_line="x" * 9000) for n in range(count)]
    pages.run(put, pages.store, a_report("BIG", *found, report_id="big"))
    text = pages.text("/reports/big")
    assert text.count('class="finding ') == found_page.MAX_FINDINGS
    assert "5 more findings in the download" in text
    assert "and 5,000 more characters in the download" in text


@pytest.mark.parametrize(
    "body", [b"", b"not gzip", b"\x1f\x8b\x08\x00", "empty", "bomb", "backwards"]
)
def test_a_report_that_cannot_be_read_still_has_its_page(pages: Pages, body: bytes | str) -> None:
    import gzip

    from msgspec import structs

    from agent.model.codec import encode

    if body == "bomb":
        body = gzip.compress(bytes(80 << 20))
    elif body == "empty":
        body = gzip.compress(b"{}")
    elif body == "backwards":  # one end with a time zone, one without
        report = a_report("BAD", report_id="bad")
        report.started = report.started.replace(tzinfo=None)
        body = gzip.compress(encode(report))
    row, _ = received(a_report("BAD", report_id="bad"))
    pages.run(pages.store.put, structs.replace(row, body=body))
    text = pages.text("/reports/bad")
    assert heading(text) == "Clean, and the report itself cannot be shown"
    assert pages.get("/reports/bad.json.gz").content == body


def test_reports_keep_a_late_time_zone(pages: Pages) -> None:
    report = a_report("LATE", finished=a_report().finished + timedelta(days=1), report_id="late")
    pages.run(put, pages.store, report)
    assert "2026-11-25 14:02:00 UTC" in pages.text("/reports/late")


@pytest.mark.parametrize(
    "path",
    [
        "/sweeps/none", f"{SWEPT}/hosts/none", f"{SWEPT}/findings/none", f"{SWEPT}/export/hosts.xls",
        f"{SWEPT}/export/passwd", f"{SWEPT}/export/..%2f..%2fetc%2fpasswd", "/reports/none",
        "/reports/none.json", "/reports/..%2f..%2fetc%2fpasswd", "/reports/%00",
        f"{SWEPT}/hosts/%00", f"{SWEPT}/hosts/../../../etc/passwd",
        f"{SWEPT}/hosts/..%2f..%2f..%2fetc%2fpasswd", "/static/..%2fsite.py",
        "/static/%2e%2e%2ftemplates%2fbase.html", "/static/../templates/base.html",
        "/static/none.js", f"/reports/{'a' * 5000}", f"/sweeps/{'a' * 5000}",
        "/sweeps/%ff%fe", "/reports/<script>", "/static/style.css%00",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(pages: Pages, path: str) -> None:
    answer = pages.get(path)
    assert answer.status_code == 404
    assert "root:" not in answer.text
    assert "<script>" not in answer.text


def test_static_files_are_the_pages_own(pages: Pages) -> None:
    text = pages.text(SWEPT)
    links = re.findall(r'(?:href|src)="(/static/[^"]+)"', text)
    assert len(links) == 4
    for link in links:
        answer = pages.get(link)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    outside = re.findall(r'(?:src|href|action)="(?!/|#)[^"]*"', text)
    assert outside == []


def test_the_strongest_findings_come_first(pages: Pages) -> None:
    found = [
        a_finding(strength=strength, path=strength.value, title=f"a {strength.value} one")
        for strength in (Strength.EXCLUDED, Strength.WEAK, Strength.CONFIRMED, Strength.STRONG)
    ]
    pages.run(put, pages.store, a_report("ORDER", *found, report_id="order"))
    order = re.findall(r'<details class="finding (\w+)"', pages.text("/reports/order"))
    assert order == ["confirmed", "strong", "weak", "excluded"]


async def more_strangers_than_expected(store: Store) -> str:
    await new_sweep(store)
    await store.expect(SWEEP, ["WS-1", "WS-2"], who="test")
    for name in ("WS-1", "LAB-1", "LAB-2", "LAB-3"):
        await put(store, a_report(name), at=NOW)
    await put(store, a_report("LAB-4", a_finding("LAB-4")), at=NOW)
    return await store.create_token("reader", label="Jo", who="test")


def test_no_share_is_more_than_all_and_strangers_are_apart(empty: Pages) -> None:
    empty.secret = empty.run(more_strangers_than_expected, empty.store)
    empty.log_in()
    text = empty.text(f"/sweeps/{SWEEP}")
    shares = [float(found) for found in re.findall(r'class="share">([\d.]+) %', text)]
    assert shares == [50.0, 0.0, 0.0, 0.0, 0.0, 50.0]
    assert empty.counters()["clean"] == "4"
    assert "Hit on 1 host" in text
    assert "(1 hit, 3 clean); counted above, and left out of the shares" in text
    assert "clean 50.0 %, hit 0 %" in text  # the bar, told


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(0, "UTC+00:00"), (330, "UTC+05:30"), (-210, "UTC-03:30"), (-30, "UTC-00:30")],
)
def test_a_host_s_zone_is_as_far_from_utc_as_it_says(
    pages: Pages, minutes: int, words: str
) -> None:
    report = a_report("ZONE", report_id="zone")
    report.host.utc_offset_minutes = minutes
    pages.run(put, pages.store, report)
    assert f">{words}<" in pages.text("/reports/zone")


def test_no_host_that_owes_an_answer_is_no_word_of_the_silent_ones(pages: Pages) -> None:
    assert pages.counters()["not reported"] == "4"
    text = pages.text(f"{SWEPT}/missing?owing=1")
    assert heading(text).startswith("0 expected hosts have sent something else")
    assert "All expected hosts have reported" not in text
