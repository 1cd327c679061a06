"""The tokens of a query of Kusto, and a reader that goes from one to the next.

Source: Kusto Query Language reference (scalar literals, statements). A statement ends at a
semicolon, and in files of several queries at a blank line, as the editors of Defender and Sentinel
have it; in brackets a blank line ends nothing.
"""

from __future__ import annotations

import re

from msgspec import Struct

from .expressions import Unfit

MOST_TOKENS = 100_000
_MOST_DEEP = 32
_TOKEN = re.compile(
    r"""(?P<blank>[\s\u200b\ufeff]+|//[^\r\n]*)
    |(?P<verbatim>[hH]?@(?:"(?:[^"]|"")*"|'(?:[^']|'')*'))
    |(?P<text>[hH]?(?:"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*'))
    |(?P<number>[0-9]+(?:\.[0-9]+)?[a-z]*)
    |(?P<operator>![A-Za-z_]+~?|in~)
    |(?P<word>[A-Za-z_$][A-Za-z0-9_]*)
    |(?P<sign>=~|!~|==|!=|<=|>=|<>|\.\.|[|;(),=<>\[\]{}.+*/%:?@-])""",
    re.VERBOSE,
)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}
_OPEN, _CLOSE = ("(", "[", "{"), (")", "]", "}")


class Token(Struct, frozen=True):
    """A part of a query."""

    kind: str
    """``text``, ``number``, ``operator``, ``word``, ``sign``."""
    text: str
    """Of a text what it says."""
    begins: bool = False
    """A blank line or the beginning of the file stands before it."""


def tokens_of(text: str) -> list[Token]:
    """Raises Unfit."""
    found: list[Token] = []
    at, begins = 0, True
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Unfit(
                f"line {text.count(chr(10), 0, at) + 1}: {text[at]!r} is no part of a query"
            )
        at, kind, word = match.end(), str(match.lastgroup), match[0]
        if kind == "blank":
            begins |= word.count("\n") > 1
            continue
        found.append(_token(kind, word, begins=begins))
        begins = False
        if len(found) > MOST_TOKENS:
            raise Unfit("too long a query")
    return found


def _token(kind: str, word: str, *, begins: bool) -> Token:
    if kind == "verbatim":
        body = word[word.index("@") + 1 :]
        return Token("text", body[1:-1].replace(body[0] * 2, body[0]), begins)
    if kind == "text":
        body = word[1:] if word[0] in "hH" else word
        plain = re.sub(r"\\(.)", lambda one: _ESCAPED.get(one[1], one[0]), body[1:-1])
        return Token("text", plain, begins)
    return Token(kind, word, begins)


class Cursor:
    """Goes over tokens."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens, self._at = tokens, 0
        self._inside = 0
        """Brackets around what is read."""

    def _token(self, ahead: int = 0) -> Token | None:
        place = self._at + ahead
        return self._tokens[place] if place < len(self._tokens) else None

    def _token_kind(self) -> str:
        token = self._token()
        return token.kind if token is not None else ""

    def _is(self, *words: str, ahead: int = 0) -> bool:
        token = self._token(ahead)
        return token is not None and token.kind != "text" and token.text.lower() in words

    def takes(self, word: str) -> bool:
        """Whether this comes next; it is read then."""
        found = self._is(word)
        self._at += found
        return found

    def _shown(self) -> str:
        token = self._token()
        return repr(token.text if token else "the end")

    def _expect(self, word: str) -> None:
        if not self.takes(word):
            raise Unfit(f"{word!r} is missing at {self._shown()}")

    def _word(self) -> str:
        token = self._token()
        if token is None or token.kind != "word":
            raise Unfit(f"a name is missing at {self._shown()}")
        self._at += 1
        return token.text

    def _ends(self) -> bool:
        """Whether the statement is over."""
        token = self._token()
        if token is None or self._is(";"):
            return True
        return not self._inside and token.begins and not self._is("|", "and", "or")

    def _skip(self, *ends: str) -> str:
        """To the first of these that is in no brackets of its own, the bracket that closes what is
        around, or the end of the statement; gives what was skipped, in few words."""
        depth, start = 0, self._at
        while not self._ends() and not (depth == 0 and (self._is(*ends) or self._is(*_CLOSE))):
            step = self._is(*_OPEN) - self._is(*_CLOSE)
            depth, self._inside = depth + step, self._inside + step
            self._at += 1
        self._inside -= depth
        return " ".join(token.text for token in self._tokens[start : self._at][:16])

    def _skip_statement(self) -> None:
        while self._token() is not None and not self._ends():
            self._skip()
            self._at += not self._ends()  # a bracket that closes nothing
