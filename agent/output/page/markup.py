"""Markup, put together of parts: a text becomes markup by being escaped, and in no other way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TypeVar

from ..escape import shown

T = TypeVar("T")
VOID = frozenset({"meta", "line", "path"})
"""Elements without an inside, of those that the pages have."""


class Html(str):
    """Markup as it is. Made here alone: of escaped texts and of our own tags."""

    __slots__ = ()


NOTHING = Html()
Inside = str | None
"""A text, which is escaped; :class:`Html`, which is not; None is left out."""


def tag(name: str, /, *inside: Inside, **attributes: str | float | None) -> Html:
    """``tag("td", path, class_="v")``. An attribute that is None is left out; of its name a last
    underscore is taken off, and others become hyphens."""
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escaped(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID:
        return Html(f"<{name}{given}/>")
    return Html(f"<{name}{given}>{joined(inside)}</{name}>")


def joined(inside: Iterable[Inside]) -> Html:
    """One behind the other."""
    return Html(
        "".join(part if isinstance(part, Html) else escaped(part) for part in inside if part)
    )


def escaped(text: str) -> str:
    """What is invisible or active is written out (see :func:`shown`), so that no character has a
    meaning for who reads the markup, nor for who looks at the page."""
    return escape(shown(text), quote=True)


def value(text: str, most: int = 4000) -> Html:
    """A text of the host: set apart, so that its direction and its blanks are its own, and cut with
    a word of how much is missing."""
    more = len(text) - most
    rest = f" … and {more:,} more characters in the data" if more > 0 else ""
    return joined([tag("bdi", text[:most], class_="v"), rest])


def section(name: str, title: str, *inside: Inside) -> Html:
    """A part of the page that the list of parts leads to."""
    head = tag("h2", title, id=f"{name}-head")
    return tag("section", head, *inside, id=name, aria_labelledby=f"{name}-head")


def facts(pairs: Iterable[tuple[str, Inside]]) -> Html:
    """What is what; those without a value are left out."""
    told = (joined([tag("dt", name), tag("dd", about)]) for name, about in pairs if about)
    return tag("dl", *told)


def table(
    caption: str, heads: Sequence[str], rows: Sequence[Sequence[Inside]], *, name: str | None = None
) -> Html:
    """The first cell of a row is its head. ``heads`` that begin with ``#`` are of numbers."""
    numbers = [head.startswith("#") for head in heads]
    top = tag("tr", *(_head(head) for head in heads))
    body = (tag("tr", *_cells(row, numbers)) for row in rows)
    whole = tag("table", tag("caption", caption), tag("thead", top), tag("tbody", *body), id=name)
    return tag("div", whole, class_="scroll", tabindex=0, role="region", aria_label=caption)


def _head(head: str) -> Html:
    number = "n" if head.startswith("#") else None
    return tag("th", head.removeprefix("#"), scope="col", class_=number)


def _cells(row: Sequence[Inside], numbers: Sequence[bool]) -> Iterable[Html]:
    for at, (cell, is_number) in enumerate(zip(row, numbers, strict=True)):
        kind = "n" if is_number else None
        if at:
            yield tag("td", cell, class_=kind)
        else:
            yield tag("th", cell, scope="row", class_=kind)


def some(rows: Sequence[T], most: int, what: str) -> tuple[Sequence[T], Html]:
    """As many as there is room for, and a word about the others."""
    more = len(rows) - most
    if more <= 0:
        return rows, NOTHING
    return rows[:most], tag("p", f"… and {more:,} more {what} in the data.", class_="more")
