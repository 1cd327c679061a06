"""Pages as they are read at three in the morning: short, by keyboard, on a telephone, by anybody."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import pytest

from agent.model.report import Report
from tests.collector.browser.test_pages import SWEPT, Person, Server, browser, server
from tests.collector.pages.many import a_report_of_many
from tests.collector.pages.seed import SWEEP, a_finding, put
from tests.collector.pages.test_report import DAY

if TYPE_CHECKING:
    from playwright.sync_api import Browser

__all__ = ["browser", "server"]
T = TypeVar("T")
AXE = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
    .filter(v => ['serious', 'critical'].includes(v.impact))
    .map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 200)).join(' | '))"""
OPEN = "document.querySelectorAll('details').forEach(d => d.open = true)"


def done(server: Server, work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run_coroutine_threadsafe(work, server.loop).result(20)


def two_of_many(server: Server) -> tuple[Report, Report]:
    """Two reports of 43 findings of one host, kept; they differ in one finding."""
    first, second = a_report_of_many(), a_report_of_many()
    second.finished = DAY + timedelta(days=1)
    second.findings = [*second.findings[1:], a_finding("WS-0500", path="new", title="what came")]
    for report in (first, second):
        done(server, put(server.store, report))
    return first, second


def places(server: Server) -> dict[str, str]:
    """Every page, by its name."""
    first, second = two_of_many(server)
    rows = {row.name: row for row in done(server, server.store.hosts(SWEEP))}
    evil = next(row for name, row in rows.items() if "script" in name)
    return {
        "sweeps": "/", "overview": f"{SWEPT}?still=1", "hosts": f"{SWEPT}/hosts",
        "missing": f"{SWEPT}/missing", "findings": f"{SWEPT}/findings",
        "indicator": f"{SWEPT}/findings/x/y", "audit": f"{SWEPT}/audit",
        "host": f"{SWEPT}/hosts/{quote(rows['WS-0500'].host_key, safe='')}",
        "timeline": f"{SWEPT}/timeline", "many": f"/reports/{second.report_id}",
        "report": f"/reports/{rows['WS-0421'].report_id}",
        "compare": f"/reports/{first.report_id}/against/{second.report_id}",
        "incomplete": f"/reports/{rows['WS-0423'].report_id}",
        "clean": f"/reports/{rows['WS-0001'].report_id}",
        "hostile": f"/reports/{evil.report_id}", "outputs": "/outputs",
        "groups": f"{SWEPT}/groups",
        "case": f"{SWEPT}/case?host={quote(rows['WS-0421'].host_key)}",
        "search": "/search?q=cyzfc", "nothing": "/search?q=no-such",
        "elsewhere": "/search?q=pandorasong.com&kind=domain&whole=1",
    }  # fmt: skip


@pytest.mark.parametrize(("width", "most"), [(1400, 3500), (390, 6000)])
def test_a_report_of_43_findings_is_a_few_screens_high(
    browser: Browser, server: Server, width: int, most: int
) -> None:
    _, report = two_of_many(server)
    person = Person(browser, server, viewport={"width": width, "height": 900})
    person.log_in()
    person.page.goto(f"/reports/{report.report_id}")
    assert person.page.evaluate("document.documentElement.scrollHeight") < most
    assert person.page.locator("#gist").is_visible()


def test_all_of_a_report_opens_by_keyboard_and_without_javascript(
    browser: Browser, server: Server
) -> None:
    _, report = two_of_many(server)
    person = Person(browser, server, java_script_enabled=False)
    person.log_in()
    page = person.page
    page.goto(f"/reports/{report.report_id}")
    group = page.locator("details.group").first
    assert page.locator("details.finding.weak:visible").count() == 2
    group.locator("> summary").focus()
    page.keyboard.press("Enter")
    assert page.locator("details.finding.weak:visible").count() == 30
    group.locator("details.finding > summary").first.focus()
    page.keyboard.press("Space")
    assert group.get_by_role("region", name="Evidence").first.is_visible()
    assert person.complaints == []


def test_a_link_to_a_finding_opens_it_and_the_group_it_is_in(
    browser: Browser, server: Server
) -> None:
    _, report = two_of_many(server)
    weak = next(one for one in report.findings if one.strength.value == "weak")
    person = Person(browser, server)
    person.log_in()
    person.page.goto(f"/reports/{report.report_id}#f-{weak.id}")
    person.page.locator(f"[id='f-{weak.id}']").wait_for(state="visible")
    assert person.page.locator("details[open]").count() == 2


def test_a_command_is_chosen_whole_by_one_key(browser: Browser, server: Server) -> None:
    two_of_many(server)
    rows = {row.name: row for row in done(server, server.store.hosts(SWEEP))}
    person = Person(browser, server)
    person.log_in()
    person.page.goto(f"/reports/{rows['WS-0423'].report_id}")
    person.tab_to("iocsweep.exe")
    assert person.page.evaluate("getSelection().toString()") == "iocsweep.exe"


def test_on_a_telephone_no_column_of_a_report_is_off_the_screen(
    browser: Browser, server: Server
) -> None:
    everywhere = places(server)
    person = Person(browser, server, viewport={"width": 390, "height": 844})
    person.log_in()
    for name in ("report", "hostile", "compare", "timeline"):
        person.page.goto(everywhere[name])
        person.page.evaluate(OPEN)
        assert person.fits(), name
        for table in person.page.locator(".scroll:has(table.stacked)").all():
            assert table.evaluate("e => e.scrollWidth - e.clientWidth") == 0, name


@pytest.mark.parametrize(("width", "scheme"), [(1400, "dark"), (390, "light")])
def test_no_page_has_a_serious_barrier(
    browser: Browser, server: Server, width: int, scheme: str
) -> None:
    everywhere = places(server)
    axe = Path(str(files("axe_playwright_python") / "axe.min.js")).read_text(encoding="utf-8")
    person = Person(browser, server, viewport={"width": width, "height": 900}, color_scheme=scheme)
    barriers = {}
    person.page.goto("/login")
    person.page.evaluate(axe)
    barriers["login"] = person.page.evaluate(AXE)
    person.log_in()
    for name, path in everywhere.items():
        person.page.goto(path)
        person.page.evaluate(axe)
        barriers[name] = person.page.evaluate(AXE)
        if name in ("report", "clean"):
            person.page.evaluate(OPEN)
            barriers[f"{name}, opened"] = person.page.evaluate(AXE)
    assert {name: found for name, found in barriers.items() if found} == {}
