"""The pages in a real browser: they ask nobody, complain of nothing, fit a phone, and print."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest
from msgspec import structs

from agent.model.codec import encode
from agent.output.page import page, page_of
from agent.output.page.told import Told

from .test_case import CLEAN, EARLY, GAP, LATE, WEAK
from .test_hostile import PIECES, of
from .test_page import full

if TYPE_CHECKING:
    from playwright.sync_api import Browser

playwright_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
        "--disable-component-update", "--no-first-run"]  # fmt: skip
AXE = """async () => (await axe.run(document, {resultTypes: ['violations']})).violations
    .filter(v => ['serious', 'critical'].includes(v.impact))
    .map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 200)).join(' | '))"""
PAPERS = {"A4": (595, 842), "Letter": (612, 792)}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not Path(CHROMIUM).exists():
        pytest.skip("needs Debian's chromium")
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("pages")
    told = [LATE, EARLY, WEAK, CLEAN, structs.replace(GAP, report_id="gap")]
    made = {
        "hit": page(full()),
        "clean": page(CLEAN),
        "hostile": page(of("".join(PIECES) + "long" * 60)),
        "case": page_of([Told(one, encode(one), "x.json") for one in told]),
    }
    for name, data in made.items():
        (folder / f"{name}.html").write_bytes(data)
    return [(folder / f"{name}.html").as_uri() for name in made]


@pytest.mark.parametrize("width", [1400, 800, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_they_ask_nobody_run_nothing_fit_and_can_be_read_by_everyone(
    browser: Browser, pages: list[str], width: int, scheme: Literal["light", "dark"]
) -> None:
    axe = Path(str(files("axe_playwright_python") / "axe.min.js")).read_text(encoding="utf-8")
    complaints: list[str] = []
    barriers: dict[str, Any] = {}
    shape: Any = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    for uri in pages:
        as_it_is = browser.new_context(**shape).new_page()
        as_it_is.on("console", lambda message: complaints.append(message.text))
        as_it_is.on("dialog", lambda dialog: complaints.append(dialog.message))
        as_it_is.on("request", lambda request: complaints.append(request.url))
        as_it_is.goto(uri)
        assert complaints == [uri]
        complaints.clear()
        assert as_it_is.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, uri
        as_it_is.context.close()
        looked_at = browser.new_context(**shape, bypass_csp=True).new_page()
        looked_at.goto(uri)
        looked_at.evaluate(axe)
        barriers[uri] = looked_at.evaluate(AXE)
        looked_at.context.close()
    assert {uri: found for uri, found in barriers.items() if found} == {}


@pytest.mark.parametrize("paper", PAPERS)
def test_they_print_on_the_paper_that_is_there(
    browser: Browser, pages: list[str], paper: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    for uri in pages:
        sheet = context.new_page()
        sheet.goto(uri)
        data = sheet.pdf(format=paper, prefer_css_page_size=True)
        sizes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)
        assert sizes
        for size, wanted in zip(
            map(float, sum(sizes, ())), PAPERS[paper] * len(sizes), strict=True
        ):
            assert abs(size - wanted) < 2
        sheet.close()
    context.close()
