"""The pages in a real browser: by mouse, by keyboard alone, and without JavaScript.

Screenshots of every page lie in the folder that ``IOCSWEEP_SCREENSHOTS`` names, else in pytest's.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

import pytest
import uvicorn
from starlette.applications import Starlette

from agent.model.remembered import Behaviour, MemoryGap, Recorded, Remembered
from collector.pages import routes
from collector.searchable import Searchable
from collector.store.sqlite import SqliteDatabase
from collector.store.store import Store
from tests.collector.pages.seed import NOW, SWEEP, a_finding, a_report, fleet, put

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Request

playwright_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
        "--disable-component-update", "--no-first-run"]  # fmt: skip
SWEPT = f"/sweeps/{SWEEP}"
EVIL = "<script>alert(1)</script>\"'\u202e\x1b[2J" + "long" * 60


class Server:
    """A collector's pages on loopback, with a loop of their own in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self.secret = ""
        self.url = ""
        self.now = NOW

    async def _serve(self) -> None:
        database = await SqliteDatabase.open(self._path)
        self.store = Store(database)
        self.loop = asyncio.get_running_loop()
        self.secret = await fleet(self.store)
        evil = a_finding(
            EVIL, title=EVIL, path=EVIL, command_line=EVIL, indicator="x/y", value=EVIL
        )
        report = a_report(EVIL, evil, gap=EVIL, samples=(EVIL,))
        report.remembered = [
            Remembered(
                behaviour=behaviour, state=state, since=report.started, source="x", part=EVIL, why=EVIL,
                gaps=[MemoryGap(start=report.started, why=EVIL)],
            )
            for behaviour, state in zip(Behaviour, [*Recorded, *Recorded], strict=True)
        ]  # fmt: skip
        await put(self.store, report, at=NOW)
        app = Starlette(routes=routes(self.store, b"k" * 32, secure=False, clock=lambda: self.now))
        while await Searchable(self.store).once():
            pass
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            self._server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
            self._ready.set()
            await self._server.serve([listener])
        await database.close()

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(30)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(30)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "collector.db")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Debian's chromium")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


class Person:
    """Someone at a browser whose console must stay empty."""

    def __init__(self, browser: Browser, server: Server, **options: Any) -> None:
        self.server = server
        self.complaints: list[str] = []
        self.context = browser.new_context(base_url=server.url, **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.on("request", self._request)

    def _request(self, request: Request) -> None:
        if not request.url.startswith(self.server.url):
            self.complaints.append(f"asked {request.url}")

    def log_in(self, path: str = "/") -> None:
        self.page.goto(path)
        self.page.get_by_label("Reader token").fill(self.server.secret)
        self.page.get_by_role("button", name="Log in").click()

    def heading(self) -> str:
        return self.page.locator("h1").inner_text()

    def fits(self) -> bool:
        """Whether nothing makes the page itself scroll sideways."""
        fits: bool = self.page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        )
        return fits

    def tab_to(self, text: str) -> None:
        """With the Tab key, to the link or button that reads so."""
        focused = "(document.activeElement.innerText || document.activeElement.value || '').trim()"
        for _ in range(150):
            self.page.keyboard.press("Tab")
            if self.page.evaluate(focused) == text:
                return
        raise AssertionError(f"no way to {text!r} by keyboard")


@pytest.mark.parametrize("javascript", [True, False])
def test_from_the_sweep_to_a_report_and_a_suppression(
    browser: Browser, server: Server, javascript: bool
) -> None:
    person = Person(browser, server, java_script_enabled=javascript)
    person.log_in()
    page = person.page
    page.get_by_role("link", name="cyzfc, all workstations").click()
    assert person.heading() == "Hit on 3 hosts, new and owned by nobody"
    page.locator("#count-hit").click()
    page.get_by_role("link", name="WS-0421").click()
    page.get_by_role("link", name="Open the report that says so").click()
    assert person.heading() == "Hit: 1 confirmed, 1 weak, 1 excluded"
    page.get_by_role("link", name="rundll32.exe 4312 runs").click()
    assert page.locator("details.finding[open]").count() == 1, "the link opens what it leads to"
    page.get_by_role("link", name="file name cyzfc.dat").first.click()
    page.get_by_role("row", name="WS-0421").get_by_role("link", name="this finding").click()
    page.get_by_label("Reason").fill("the lab's own copy")
    page.get_by_role("button", name="Suppress").click()
    assert "1 of 2 findings suppressed" in person.heading()
    page.get_by_role("link", name="Overview").click()
    assert person.heading() == "Hit on 2 hosts, new and owned by nobody"
    page.get_by_role("link", name="Audit").click()
    page.get_by_role("button", name="Lift").click()
    assert person.heading() == "No suppression in force"
    page.get_by_role("button", name="Log out").click()
    page.goto(SWEPT)
    assert person.heading() == "Log in"
    assert person.complaints == []


def test_everything_by_keyboard_alone(browser: Browser, server: Server) -> None:
    person = Person(browser, server)
    page = person.page
    page.goto(SWEPT)
    page.locator("input:focus").wait_for()  # given when the page is first painted
    page.keyboard.type(server.secret)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{SWEPT}")
    page.keyboard.press("Tab")
    page.locator(".skip:focus").wait_for()
    page.keyboard.press("Enter")
    page.locator("#main:focus").wait_for()
    page.keyboard.press("Tab")
    page.locator(".hits .scroll:focus").wait_for()  # who is hit comes first
    person.tab_to("WS-0420")
    person.tab_to("All hosts by their first trace")
    page.keyboard.press("Tab")
    page.locator("#count-clean:focus").wait_for()
    page.keyboard.press("Tab")
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid", "the focus is seen"
    page.keyboard.press("Enter")
    page.wait_for_url("**/hosts?state=hit")
    person.tab_to("WS-0421")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    person.tab_to("suppress this finding")
    page.keyboard.press("Enter")
    page.wait_for_url("**#suppress")
    page.get_by_label("Reason").focus()
    page.keyboard.type("known")
    page.keyboard.press("Enter")
    page.wait_for_url("**done=suppressed")
    assert "1 of 2 findings suppressed" in person.heading()
    assert person.complaints == []


def test_the_overview_refreshes_itself_and_keeps_the_focus(
    browser: Browser, server: Server
) -> None:
    person = Person(browser, server)
    person.log_in(SWEPT)
    page = person.page
    page.locator("#count-failed").focus()
    coming = put(server.store, a_report("WS-0888", a_finding("WS-0888")))
    asyncio.run_coroutine_threadsafe(coming, server.loop).result(10)
    server.now += 5000
    page.get_by_role("heading", name="Hit on 4 hosts, new and owned by nobody").wait_for()
    assert page.evaluate("document.activeElement.id") == "count-failed"
    page.locator("#stale").wait_for(state="hidden")  # The swap comes before the end of its request.
    assert person.complaints == []


def test_a_page_that_cannot_refresh_says_how_old_it_is(browser: Browser, server: Server) -> None:
    person = Person(browser, server)
    person.page.clock.install()
    person.log_in(SWEPT)
    person.page.wait_for_load_state("load")
    person.page.route("**/summary*", lambda route: route.abort())
    person.page.clock.run_for(30_000)
    person.page.get_by_text("Not refreshed since").wait_for()


def test_an_ended_session_leads_to_the_log_in(browser: Browser, server: Server) -> None:
    person = Person(browser, server)
    person.log_in(SWEPT)
    person.page.locator("#standing").wait_for()
    person.context.clear_cookies()
    person.page.wait_for_url("**/login")
    assert person.heading() == "Log in"


def test_a_list_of_hosts_is_sent_by_hand(browser: Browser, server: Server, tmp_path: Path) -> None:
    """With the keyboard, on a phone, without JavaScript."""
    making = server.store.create_token("reader", role="administrator", label="Al", who="test")
    server.secret = asyncio.run_coroutine_threadsafe(making, server.loop).result(10)
    person = Person(
        browser, server, java_script_enabled=False, viewport={"width": 390, "height": 844}
    )
    folder = Path(os.environ.get("IOCSWEEP_SCREENSHOTS") or tmp_path)
    person.log_in(f"{SWEPT}/missing")
    person.page.get_by_role("link", name="Add").click()
    listed = tmp_path / "hosts.csv"
    listed.write_text("Computer Name,Site\nNEW-1,Ulm\nNEW-2.corp.example,Bern\n")
    file = person.page.get_by_label("A text file with a name a line")
    file.set_input_files(listed)
    file.focus()
    person.page.keyboard.press("Tab")
    person.page.keyboard.press("Enter")
    person.page.get_by_role("status").wait_for()
    assert "2 " in person.page.get_by_role("status").inner_text()
    person.page.screenshot(path=folder / "expect-phone-light.png", full_page=True)
    person.page.goto(f"{SWEPT}/missing?q=new-")
    assert person.page.get_by_text("NEW-2.corp.example").count() >= 1
    assert person.complaints == []


@pytest.mark.parametrize(
    ("media", "width"), [("print", 718), ("screen", 1280)], ids=["A4", "a small desktop"]
)
def test_every_column_is_seen_at_once(
    browser: Browser, server: Server, media: Literal["print", "screen"], width: int
) -> None:
    person = Person(browser, server, viewport={"width": width, "height": 1000})
    person.log_in()
    person.page.emulate_media(media=media)
    rows = asyncio.run_coroutine_threadsafe(server.store.hosts(SWEEP), server.loop).result(10)
    hit = next(row for row in rows if row.name == "WS-0421")
    host = quote(hit.host_key, safe="")
    for path in (f"/reports/{hit.report_id}", f"{SWEPT}/hosts/{host}"):
        person.page.goto(path)
        person.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        tables = person.page.locator(".scroll:visible").all()
        assert len(tables) >= 2, path
        beyond = [one.evaluate("e => e.scrollWidth - e.clientWidth") for one in tables]
        assert beyond == [0] * len(tables), path
    assert person.complaints == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_every_page_fits_and_nothing_acts(
    browser: Browser, server: Server, tmp_path: Path, device: str, scheme: str
) -> None:
    size = {"desktop": (1366, 860), "phone": (390, 844)}[device]
    person = Person(
        browser, server, viewport={"width": size[0], "height": size[1]}, color_scheme=scheme
    )
    folder = Path(os.environ.get("IOCSWEEP_SCREENSHOTS") or tmp_path)
    person.page.goto("/login")
    person.page.screenshot(path=folder / f"login-{device}-{scheme}.png")
    person.log_in()
    rows = asyncio.run_coroutine_threadsafe(server.store.hosts(SWEEP), server.loop).result(10)
    evil = next(row for row in rows if "script" in row.name)
    hit = next(row for row in rows if row.name == "WS-0421")
    places = {
        "sweeps": "/", "overview": SWEPT, "hosts": f"{SWEPT}/hosts", "missing": f"{SWEPT}/missing",
        "findings": f"{SWEPT}/findings", "search": "/search?q=cyzfc",
        "elsewhere": "/search?q=pandorasong.com&kind=domain&whole=1", "nothing": "/search?q=no-such",
        "indicator": f"{SWEPT}/findings/x/y",
        "audit": f"{SWEPT}/audit", "groups": f"{SWEPT}/groups",
        "host": f"{SWEPT}/hosts/{quote(hit.host_key, safe='')}",
        "case": f"{SWEPT}/case?host={quote(hit.host_key)}", "report": f"/reports/{hit.report_id}",
        "hostile-report": f"/reports/{evil.report_id}",
    }  # fmt: skip
    for name, path in places.items():
        person.page.goto(path)
        assert person.fits(), f"{name} scrolls sideways"
        assert "\u202e" not in person.page.content()
        person.page.screenshot(path=folder / f"{name}-{device}-{scheme}.png", full_page=True)
        person.page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        assert person.fits(), f"{name} scrolls sideways when all is open"
    person.page.goto(f"{SWEPT}/hosts?q=%3Cscript")
    person.page.goto(f"{SWEPT}/hosts")
    person.page.locator("tbody a").filter(has_text="script").or_(
        person.page.locator("tbody th a").filter(has_text="<script>")
    ).first.click()
    assert "alert(1)" in person.page.locator(".kicker").inner_text()
    assert person.fits(), "the hostile host's page scrolls sideways"
    assert person.complaints == []
