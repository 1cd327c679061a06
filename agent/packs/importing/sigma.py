"""Rules of Sigma about processes, loaded images, DNS, files, pipes and connections.

Source: Sigma rules specification 2.1 (conditions, lists and mappings of selections) and Sigma
modifiers 2.1. A selection's values are compared without case, as packs do. ``high`` and
``critical`` rules are as strong as their values, all others weak.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

from .and_or import OverWords
from .expressions import Unfit
from .offer import Offer, left_out
from .terms import (
    ONE,
    STAR,
    Choices,
    Text,
    TooMany,
    both,
    compared,
    either,
    none_of,
    offered_choices,
    told,
)
from .yaml_text import NoYaml, read_documents

_STRONG = ("high", "critical")
_HASHES = {"hashes": "hash", "md5": "hash", "sha1": "hash", "sha256": "hash", "imphash": "fuzzy"}
_FILE = {"targetfilename": "path", **_HASHES}
_FIELDS = {
    "process_creation": {
        "image": "image", "commandline": "command_line", "originalfilename": "other", **_HASHES
    },
    "image_load": {"image": "image", "imageloaded": "path", **_HASHES},
    "dns_query": {"image": "image", "queryname": "domain", "queryresults": "address"},
    "dns": {"query": "domain", "answer": "address"},
    "network_connection": {
        "image": "image", "destinationhostname": "domain", "destinationip": "address"
    },
    "pipe_created": {"pipename": "pipe"},
    "create_stream_hash": _FILE,
    **dict.fromkeys(
        ("file_event", "file_rename", "file_delete", "file_access", "file_change"), _FILE
    ),
}  # fmt: skip
"""Of each category of log source, what its fields are; fields in lower case."""
_HOW = ("contains", "startswith", "endswith")
_KEPT = frozenset((*_HOW, "all", "windash", "cased", "cidr"))
"""Modifiers that are carried over; ``cased``: without case."""
_DASHES = ("-", "/", "\u2013", "\u2014", "\u2015")
"""Under ``windash``: hyphen, slash, en dash, em dash, horizontal bar."""
_COMMON_DASHES = _DASHES[:2]
_PARAMETER = re.compile(r"\B[-/]\b")
_MOST_PARAMETERS = 3
"""Of one value under ``windash``, as Sigma's own converter has it."""
_MOST_OF_ALL = 2
"""Parameters before which each of the five dashes is asked: of three they are 125 command lines,
which take half a minute to prove."""
_FEWER_DASHES = "with a hyphen or a slash alone: longer dashes would be too many choices"
_WORD = re.compile(r"\s*(\(|\)|\||[^\s()|]+)")
_MOST_WORDS = 1_000


def is_sigma(text: str) -> bool:
    """Whether a text has what every rule has."""
    return bool(
        re.search(r"^(?:detection|correlation)\s*:", text, re.MULTILINE)
        and re.search(r"^title\s*:", text, re.MULTILINE)
    )


def read_sigma(text: str) -> Iterator[Offer]:
    """All rules of a file."""
    try:
        documents = read_documents(text)
    except NoYaml as error:
        yield left_out("file", "Sigma", "", f"no YAML: {error}")
        return
    for number, rule in enumerate(documents, 1):
        if isinstance(rule, dict):
            yield from _rule(rule, number)


def _rule(rule: dict[str, Any], number: int) -> Iterator[Offer]:
    title = str(rule.get("title") or f"rule {number}")
    where = f"rule {rule.get('id') or number}"
    source = rule.get("logsource")
    category = str(source.get("category") or "") if isinstance(source, dict) else ""
    kind = f"Sigma {category or 'rule'}"
    product = str(source.get("product") or "windows") if isinstance(source, dict) else "windows"
    detection = rule.get("detection")
    if not isinstance(detection, dict):
        yield left_out(where, kind, title, "a rule over other rules, or without a detection")
    elif product.lower() != "windows":
        yield left_out(where, kind, title, f"a rule for {product}")
    elif category not in _FIELDS:
        named = source.get("service") or "no category" if isinstance(source, dict) else "none"
        yield left_out(where, kind, title, f"log source {category or named}: no such evidence")
    else:
        yield from _detected(rule, detection, category, where, kind)


def _detected(
    rule: dict[str, Any], detection: dict[str, Any], category: str, where: str, kind: str
) -> Iterator[Offer]:
    title, level = str(rule.get("title") or ""), str(rule.get("level") or "").lower()
    conditions = detection.get("condition")
    selections = {k: v for k, v in detection.items() if k not in ("condition", "timeframe")}
    for condition in conditions if isinstance(conditions, list) else [conditions]:
        try:
            choices = _read(str(condition or ""), selections, category)
        except Unfit as error:
            yield left_out(where, kind, f"{title}: {condition}", str(error))
            continue
        yield from offered_choices(
            choices,
            where,
            kind,
            is_weak="" if level in _STRONG else f"level {level or 'of none'}: weak",
            note=_note(rule, title),
            source=_source(rule),
        )


def _read(condition: str, selections: dict[str, Any], category: str) -> Choices:
    """With fewer dashes, which is told, rather than not at all. Raises Unfit."""
    try:
        return _Condition(condition, selections, category).read()
    except TooMany:
        return _Condition(condition, selections, category, _COMMON_DASHES).read()


def _note(rule: dict[str, Any], title: str) -> str:
    status = str(rule.get("status") or "")
    return f"{title} ({status})" if status in ("deprecated", "unsupported") else title


def _source(rule: dict[str, Any]) -> str:
    found = rule.get("references")
    return "; ".join(str(one) for one in found) if isinstance(found, list) else ""


class _Condition(OverWords):
    """``selection and not 1 of filter*``."""

    def __init__(
        self,
        text: str,
        selections: dict[str, Any],
        category: str,
        dashes: Sequence[str] = _DASHES,
    ) -> None:
        """``dashes``: that parameters may begin with under ``windash``."""
        super().__init__(_WORD.findall(text), any_case=True)
        self._selections, self._fields, self._dashes = selections, _FIELDS[category], dashes

    def read(self) -> Choices:
        """Raises Unfit."""
        if not self.words or len(self.words) > _MOST_WORDS:
            raise Unfit("a rule without a condition, or with one that is too long")
        found = self.any_of()
        if self.at < len(self.words):
            word = self.words[self.at]
            raise Unfit("a count over events" if word == "|" else f"the condition at {word!r}")
        return found

    def unclosed(self) -> str:
        return "a condition with brackets that do not close"

    def negated(self, depth: int) -> Choices:
        start = self.at - 1
        self.one(depth)
        what = " ".join(self.words[start : self.at])
        return none_of(what, f"what it excludes is not asked ({what}): wider, weak")

    def leaf(self, _depth: int) -> Choices:
        word, start = self.word(), self.at
        self.at += 1
        if word in ("1", "any", "all") and self.word() == "of":
            self.at += 2
            if self.at > len(self.words):
                raise Unfit(f"a condition that ends behind {word} of")
            return self._several(self.words[self.at - 1], of_all=word == "all")
        name = self.words[start] if start < len(self.words) else ""
        if name not in self._selections:
            raise Unfit(f"the condition at {name!r}")
        return self._selection(self._selections[name])

    def _several(self, pattern: str, *, of_all: bool) -> Choices:
        names = [
            name
            for name in self._selections
            if (pattern == "them" and not name.startswith("_"))
            or fnmatch.fnmatchcase(name, pattern)
        ]
        if not names:
            raise Unfit(f"no selection is called {pattern!r}")
        found = [self._selection(self._selections[name]) for name in names]
        return both(found) if of_all else either(found)

    def _selection(self, value: Any) -> Choices:
        if isinstance(value, dict):
            return both([self._field(str(key), one) for key, one in _whole(value).items()])
        if isinstance(value, list) and value:
            return either(self._selection(one) for one in value)
        return none_of(f"keyword {value}", "a keyword in any field: no indicator type")

    def _field(self, key: str, value: Any) -> Choices:
        field, *modifiers = key.split("|")
        kind = self._fields.get(field.lower())
        other = [one for one in modifiers if one not in _KEPT]
        values = _listed(value)
        shown = f"{key}: {', '.join(str(one) for one in values)}"
        if kind is None or kind == "other":
            return none_of(shown, f"{field} is not asked: wider, weak")
        if other or not all(isinstance(one, str) for one in values):
            none = "a field that is empty" if None in values else "a value that is no text"
            why = f"modifier {other[0]}" if other else none
            return none_of(shown, f"{field}, {why}, is not asked: wider, weak")
        how = next((one for one in modifiers if one in _HOW), "is")
        found = []
        for one in values:
            shown = f"{key}: {one}"
            texts = self._spellings(one) if "windash" in modifiers else [one]
            if not texts:
                why = f"windash over more than {_MOST_PARAMETERS} parameters"
                found.append(none_of(shown, f"{field}, {why}, is not asked: wider, weak"))
                continue
            some = either(compared(kind, shown, how, _text(text)) for text in texts)
            fewer = len(texts) > 1 and not any(_DASHES[-1] in text for text in texts)
            found.append(told(some, _FEWER_DASHES) if fewer else some)
        return both(found) if "all" in modifiers else either(found)

    def _spellings(self, value: str) -> list[str]:
        """Under ``windash``: with each dash before each parameter; none if these are too many."""
        pieces = _PARAMETER.split(value)
        if len(pieces) - 1 > _MOST_PARAMETERS:
            return []
        marks = _PARAMETER.findall(value)
        dashes = self._dashes if len(marks) <= _MOST_OF_ALL else _COMMON_DASHES
        ways = [dict.fromkeys((mark, *dashes)) for mark in marks]
        return [
            "".join(part for both in zip(pieces, (*some, ""), strict=True) for part in both)
            for some in product(*ways)
        ]


def _whole(selection: dict[str, Any]) -> dict[str, Any]:
    """How a path begins and how it ends is one value: a beginning or an end alone is many files."""
    found = dict(selection)
    for field in dict.fromkeys(key.partition("|")[0] for key in selection):
        begins, ends = f"{field}|startswith", f"{field}|endswith"
        first, last = _listed(found.get(begins)), _listed(found.get(ends))
        if field not in found and all(isinstance(one, str) for one in (*first, *last)):
            del found[begins], found[ends]
            # A backslash before the star would take its meaning from it.
            first = [f"{one}\\" if str(one).endswith("\\") else one for one in first]
            found[field] = [f"{one}*{other}" for one in first for other in last]
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(value: str) -> Text:
    r"""``*`` and ``?`` are wildcards unless a backslash stands before them; ``\\`` is one."""
    parts: list[str] = []
    literal, at = "", 0
    while at < len(value):
        one = value[at]
        if one == "\\" and value[at + 1 : at + 2] in ("*", "?", "\\"):
            literal += value[at + 1]
            at += 1
        elif one in "*?":
            parts += [literal] if literal else []
            parts.append(STAR if one == "*" else ONE)
            literal = ""
        else:
            literal += one
        at += 1
    return tuple([*parts, literal] if literal else parts)
