"""XML as Windows writes it for itself (tasks, what ran at a logon): elements, texts, attributes.

Not more of XML 1.0 than those files have: a document type is refused, entities are the five of XML
and characters by their number, namespaces are left out. A document that is torn gives what is
whole of it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

from . import FormatError

MAX_DEPTH = 64
MAX_TOKENS = 1_000_000
_TOKEN = re.compile(
    r"(?P<open><!--|<\?|<!\[CDATA\[)"
    r"|<(?P<close>/?)(?P<name>[\w.:-]++)(?P<rest>(?:[\s/][^<>]*+)?)>|(?P<text>[^<]++)|<"
)
_ENDS = {"<!--": "-->", "<?": "?>", "<![CDATA[": "]]>"}
_ATTRIBUTE = re.compile(r"(?<![\w.:-])([\w.:-]++)\s*+=\s*+(?:\"([^\"<>]*+)\"|'([^'<>]*+)')")
_DOCTYPE = re.compile(r"<!\s*DOCTYPE", re.IGNORECASE)


class Element(NamedTuple):
    """One element, when it ends; what is in it came before."""

    path: tuple[str, ...]
    """Names from the top on, its own last, without namespaces."""
    text: str
    """Directly in it, blanks at both ends left out."""
    attributes: dict[str, str]


class _Open(NamedTuple):
    name: str
    texts: list[str]
    attributes: dict[str, str]


def elements(text: str) -> Iterator[Element]:
    """Each as it ends, so those inside first.

    Raises FormatError for a document type, too many or too deep elements, and, when all else was
    given, for elements that do not end.
    """
    if _DOCTYPE.search(text):
        raise FormatError("XML with a document type", "prolog")
    open_ones: list[_Open] = []
    at = 0
    for _ in range(MAX_TOKENS):
        token = _TOKEN.match(text, at)
        if token is None:
            break
        at = token.end()
        if token["open"] is not None:
            start, end = at, text.find(_ENDS[token["open"]], at)
            if end < 0:
                raise FormatError("XML that does not end", f"character {start}")
            at = end + len(_ENDS[token["open"]])
            if open_ones and token["open"] == "<![CDATA[":
                open_ones[-1].texts.append(text[start:end])
        elif token["name"] is not None:
            yield from _tag(token, open_ones)
        elif open_ones and token["text"] is not None:
            open_ones[-1].texts.append(html.unescape(token["text"]))
    else:
        raise FormatError("more XML than such a file has", f"character {at}")
    if open_ones:
        raise FormatError("XML that does not end", f"in {open_ones[-1].name}")


def _tag(token: re.Match[str], open_ones: list[_Open]) -> Iterator[Element]:
    name = token["name"].rpartition(":")[2]
    if not token["close"]:
        if len(open_ones) >= MAX_DEPTH:
            raise FormatError("XML deeper than such a file is", f"character {token.start()}")
        told = {
            one[1]: html.unescape(one[2] or one[3] or "")
            for one in _ATTRIBUTE.finditer(token["rest"])
        }
        open_ones.append(_Open(name, [], told))
        if not token["rest"].rstrip().endswith("/"):
            return
    while any(one.name == name for one in open_ones):
        path = tuple(one.name for one in open_ones)
        last = open_ones.pop()
        yield Element(path, "".join(last.texts).strip(), last.attributes)
        if last.name == name:
            return
