"""The tokens of rules, and what the engine loses of hex strings."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

_TOKEN: Final = re.compile(
    r"""
      (?P<comment>//[^\n]*|/\*(?s:.*?)\*/)
    | (?P<open_comment>/\*(?s:.*))
    | (?P<string>"(?:[^"\\\n]|\\[^\n])*+")
    | (?P<regex>/(?:[^/\\\n]|\\[^\n])++/[a-z]*)
    | (?P<unclosed>["/][^\n]*)
    | (?P<hex>\{[0-9A-Fa-f?~\s()|\[\]\-]*+\})
    | (?P<word>[A-Za-z_]\w*)
    | (?P<other>[$\#@!]\w*|\d\w*|\.\.|[^\s\w]|\w)
    """,
    re.VERBOSE | re.ASCII,
)

_HEX_TOKEN: Final = re.compile(r"~?[0-9A-Fa-f?]{2}|\[[^\]]*\]|[()|]")


def loses_occurrences(text: str) -> str:
    """The first hex string of a rule's text that boreal 1.4 loses occurrences of; empty if none.

    Seen against YARA and YARA-X: it takes wildcards on both sides of a group's edge together, as if
    the group had no other alternative (``docs/decisions/scan-engine.md``).
    """
    tokens = Tokens(text)
    while (token := tokens.next()) is not None:
        if token.lastgroup == "hex" and _has_wild_edge(_HEX_TOKEN.findall(token[0])):
            return token[0]
    return ""


def _has_wild_edge(tokens: list[str]) -> bool:
    """Whether wildcards, jumps or groups meet at the edge of a group that holds such."""
    start = -1
    for at, piece in enumerate(tokens):
        if piece == "(":
            if start >= 0:
                return any(map(_is_wild, tokens))  # a group in a group: rare, and not tried
            start = at
        elif piece == ")" and start >= 0:
            inner, group = tokens[start : at + 1], start
            start = -1
            before = tokens[group - 1] if group else ""
            after = tokens[at + 1] if at + 1 < len(tokens) else ""
            first = any(_is_wild(b) for a, b in pairwise(inner) if a in "(|")
            last = any(_is_wild(a) for a, b in pairwise(inner) if b in "|)")
            if first and (_is_wild(before) or before == ")"):
                return True
            if last and (_is_wild(after) or after == "("):
                return True
    return False


def _is_wild(token: str) -> bool:
    return any(character in "?~[" for character in token)


class Tokens:
    """Reads tokens one by one; comments are noted and skipped."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.comments: list[tuple[int, int]] = []

    def next(self) -> re.Match[str] | None:
        while (match := _TOKEN.search(self.text, self.at)) is not None:
            self.at = match.end()
            if match.lastgroup != "comment":
                return match
            if not self.comments or match.start() >= self.comments[-1][1]:
                self.comments.append(match.span())  # not one that is read a second time
        return None
