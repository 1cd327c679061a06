"""A page as a reader of markup sees it."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = {"meta", "line", "path"}


class Read(HTMLParser):
    """Elements, their attributes, and the texts of those with an id; every tag must be closed."""

    def __init__(self, data: bytes) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, str]] = []
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.by_id: dict[str, str] = {}
        self.scripts: list[str] = []
        self.rows: dict[str, list[list[str]]] = {}
        self.text = ""
        self.ids: list[str] = []
        self.feed(data.decode("utf-8"))
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: text or "" for name, text in attrs}
        assert len(given) == len(attrs), f"an attribute twice: {attrs}"
        self.elements.append((tag, given))
        if "id" in given:
            self.ids.append(given["id"])
            self.by_id[given["id"]] = ""
        if tag == "script":
            self.scripts.append("")
        table = next((name for one, name in reversed(self.open) if one == "table"), "")
        if tag == "tr":
            self.rows.setdefault(table, []).append([])
        if tag in ("td", "th"):
            self.rows[table][-1].append("")
        self.open.append((tag, given.get("id", "")))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in VOID
        self.elements.append((tag, {name: text or "" for name, text in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        names = [tag for tag, _ in self.open]
        if "script" in names:
            self.scripts[-1] += data
            return
        if "style" in names:
            return
        self.text += data
        for _, name in self.open:
            if name:
                self.by_id[name] += data
        if "td" in names or "th" in names:
            table = next((name for one, name in reversed(self.open) if one == "table"), "")
            self.rows[table][-1][-1] += data
