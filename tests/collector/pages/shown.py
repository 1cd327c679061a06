"""What a page shows, read out of its HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from tests.collector.pages.conftest import Pages


def heading(text: str) -> str:
    """The first heading's text."""
    found = re.search(r"<h1[^>]*>(.*?)</h1>", text, re.DOTALL)
    assert found
    return html.unescape(re.sub(r"<[^>]+>", "", found[1])).strip()


def rows_of(text: str) -> list[str]:
    """The first cell of each row of the first table."""
    table = re.search(r"<table[^>]*>.*?</table>", text, re.DOTALL)
    cells = re.findall(r"<tr>\s*<t[hd][^>]*>(.*?)</t[hd]>", table[0] if table else "", re.DOTALL)[
        1:
    ]
    return [html.unescape(re.sub(r"<[^>]+>", "", cell)).split()[0] for cell in cells]


def follow(pages: Pages, path: str, pick: Callable[[str], list[str]]) -> list[str]:
    """All that the list shows, page by page to its end."""
    shown: list[str] = []
    for _ in range(50):
        text = pages.text(path)
        shown += pick(text)
        link = re.search(r'id="next-page" href="([^"]+)"', text)
        if link is None:
            return shown
        path = html.unescape(link[1])
    raise AssertionError("the list does not end")
