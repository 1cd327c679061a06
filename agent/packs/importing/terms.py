"""Conditions of rules about events as values of packs: what Sigma and Kusto queries have in common.

A rule is read as its choices: each of conditions that hold together. A condition that no indicator
is for (a parent process, a port, a negation) is left away from its choice: what is left matches
more, is told, and proves no more than a weak trace, but for a file's hash.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import permutations, product
from typing import Any

from msgspec import Struct, structs

from ...model.report import Strength
from ...spelling import base_name, is_glob
from .expressions import Unfit, globs_of
from .offer import Offer, Wanted, left_out
from .values import NO_TYPE, limited, made
from .warned import of_windows

MOST = 256
"""Choices of one rule."""
STAR, ONE = "\0*", "\0?"
"""Parts of a :data:`Text`: any characters, one character."""
Text = tuple[str, ...]
"""A value: its literal pieces, and the wildcards between them."""
ANYWHERE = "anywhere in a command line"
_WIDER = "wider than the expression: weak"
_LABELS = "whole labels of a domain alone"
_HASH = re.compile(r"(?i)\b(md5|sha1|sha256|imphash)=([0-9a-f]+)\b")
_LISTED = 16
"""Pieces of one command line."""
_ORDERED = 3
"""Pieces whose order is not asked, of which every order is written out."""
_LEFT_AWAY = ": wider, weak"


class Term(Struct, frozen=True):
    """One condition."""

    what: str
    """As it is shown."""
    wanted: Wanted | None = None
    why: str = ""
    """Why it is no indicator."""
    is_implied: bool = False
    """It says little more than the others beside it."""
    process: str = ""
    """It says the name of the process's image, and nothing else."""
    gate: dict[str, Any] | None = None
    """It says what the file is that the others are in."""


Choices = list[tuple[Term, ...]]


class TooMany(Unfit):
    """More choices than are written out."""


def none_of(what: str, why: str, *, is_implied: bool = False) -> Choices:
    """A condition that no indicator is for."""
    return [(Term(what, None, why, is_implied),)]


def told(choices: Choices, what: str) -> Choices:
    """With a word to who reads the table, which changes no strength."""
    return [
        tuple(
            term
            if term.wanted is None
            else structs.replace(term, wanted=_told(term.wanted, [what], weak=False))
            for term in choice
        )
        for choice in choices
    ]


def either(parts: Iterable[Choices]) -> Choices:
    """Raises Unfit if there are too many."""
    found = [choice for part in parts for choice in part]
    if len(found) > MOST:
        raise TooMany(f"more than {MOST} choices")
    return found


def both(parts: Sequence[Choices]) -> Choices:
    """Raises Unfit if there are too many."""
    count = 1
    for part in parts:
        count *= len(part)
    if count > MOST:
        raise TooMany(f"more than {MOST} choices")
    return [tuple(term for choice in some for term in choice) for some in product(*parts)]


def offered_choices(
    choices: Choices,
    where: str,
    kind: str,
    *,
    is_weak: str = "",
    note: str = "",
    source: str = "",
    same_file: bool = False,
) -> Iterator[Offer]:
    """``is_weak``: why all of the rule is. ``source``: what the rule itself names as one.
    ``same_file``: conditions of one choice are of one file."""
    for choice in choices:
        written = " and ".join(term.what for term in choice)
        processes = {term.process for term in choice if term.process}
        others = [term for term in choice if term.wanted is not None and not term.process]
        process = next(iter(processes)) if len(processes) == 1 and others else ""
        kept = {
            (term.wanted.type, term.wanted.value): term.wanted
            for term in choice
            if term.wanted is not None and not (process and term.process)
        }
        lost = [term for term in choice if term.wanted is None]
        wider = [term.why for term in lost if not term.is_implied]
        reasons = [one.removesuffix(_LEFT_AWAY) for one in dict.fromkeys(t.why for t in lost)]
        if not kept:
            yield left_out(where, kind, written, "; ".join(reasons) or "nothing in it is compared")
            continue
        if lost and all(map(_every_host_has, kept.values())):
            why = f"{'; '.join(reasons)}; what is left is a name that every Windows has"
            yield left_out(where, kind, written, why)
            continue
        told = [*dict.fromkeys(term.why for term in lost), *([is_weak] if is_weak else [])]
        for wanted in _ordered(list(kept.values())):
            yield Offer(
                where=where,
                kind=kind,
                written=written,
                wanted=tuple(_told(one, told, weak=bool(wider or is_weak)) for one in wanted),
                together=Strength.WEAK if wider or is_weak else Strength.STRONG,
                process=process,
                same_file=same_file,
                note=note,
                reference=source,
            )


def _ordered(wanted: list[Wanted]) -> Iterator[list[Wanted]]:
    """Of pieces of one command line, whose order nobody asked, each order is one value: a piece by
    itself stands in too many command lines."""
    lines = [one for one in wanted if one.type == "command_line"]
    pieces = [tuple(one.fields.get("value", [one.value])) for one in lines]
    if not 1 < len(lines) <= _ORDERED or sum(map(len, pieces)) > _LISTED:
        yield wanted
        return
    others = [one for one in wanted if one.type != "command_line"]
    told = tuple(dict.fromkeys(told for one in lines for told in one.told))
    for order in permutations(pieces):
        joined = [piece for some in order for piece in some]
        one = Wanted(
            type="command_line",
            value=" … ".join(joined),
            strength=Strength.STRONG,
            fields={"value": joined},
            told=told,
        )
        yield [*others, one]


def _every_host_has(wanted: Wanted) -> bool:
    return wanted.type in ("file_name", "file_path") and bool(of_windows(base_name(wanted.value)))


def _told(wanted: Wanted, told: Sequence[str], *, weak: bool) -> Wanted:
    kept = limited(wanted, Strength.WEAK) if weak and wanted.type != "hash" else wanted
    return Wanted(
        type=kept.type,
        value=kept.value,
        strength=kept.strength,
        fields=kept.fields,
        told=(*kept.told, *told),
    )


def compared(kind: str, what: str, how: str, text: Text) -> Choices:
    """A value of a kind: of ``path``, ``image`` and ``image_name`` (a process's), ``file_name``,
    ``command_line``, ``domain``, ``address``, ``hash``, ``pipe``, or one of :data:`NO_TYPE`.

    ``how``: ``is``, ``contains``, ``has`` (as a word), ``startswith``, ``endswith``.
    """
    if kind in NO_TYPE:
        return none_of(what, NO_TYPE[kind])
    if not any(part not in (STAR, ONE) and part.strip() for part in text):
        return none_of(what, f"{what.partition(':')[0]} of nothing but wildcards")
    found = _OF_KIND[kind](how, text)
    return [(_term(what, one, is_image=kind.startswith("image")),) for one in found]


def _term(what: str, found: Wanted | str, *, is_image: bool) -> Term:
    if isinstance(found, str):
        return Term(what, None, found)
    is_name = is_image and found.type == "file_name" and not is_glob(found.value)
    return Term(what, found, process=found.value.lower() if is_name else "")


def _path(how: str, text: Text) -> list[Wanted | str]:
    plain = "".join(text)
    if how == "has" and "." in plain and not set(plain) & set("\\/"):
        found = made("file_name", plain)
        return [found if isinstance(found, str) else _told(found, ["a whole name"], weak=False)]
    start = "^" if how in ("is", "startswith") else ""
    end = "$" if how in ("is", "endswith") else ""
    return list(_globs(start + _expression(text) + end))


def _file_name(how: str, text: Text) -> list[Wanted | str]:
    start = r"\\" if how in ("is", "startswith") else r"\\[^\\]*"
    end = "$" if how in ("is", "endswith") else r"[^\\]*$"
    return list(_globs(start + _expression(text, r"[^\\]*") + end))


def _expression(text: Text, star: str = ".*") -> str:
    return "".join({STAR: star, ONE: "."}.get(part, re.escape(part)) for part in text)


def _globs(expression: str) -> Iterator[Wanted | str]:
    try:
        globs = globs_of(expression)
    except Unfit as error:
        yield str(error)
        return
    told = [_WIDER] if globs.is_wider else []
    for glob in globs.values:
        if re.fullmatch(r"[*?]*(?:\.\w+)?", glob):
            yield "every file of a kind"
            continue
        found = made("file_path" if "\\" in glob else "file_name", glob)
        yield found if isinstance(found, str) else _told(found, told, weak=globs.is_wider)


def _command(how: str, text: Text) -> list[Wanted | str]:
    pieces = [part for part in text if part not in (STAR, ONE) and part.strip()]
    if len(pieces) > _LISTED:
        return [f"more than {_LISTED} pieces of a command line"]
    found = made("command_line", " … ".join(pieces))
    if isinstance(found, str):
        return [found]
    told = [] if how == "contains" else [ANYWHERE]
    if ONE in text:
        told.append("? is any text")
    fields = {"value": pieces} if len(pieces) > 1 else {}
    one = Wanted(type=found.type, value=found.value, strength=found.strength, fields=fields)
    return [_told(one, told, weak=False)]


def _domain(how: str, text: Text) -> list[Wanted | str]:
    parts = list(text)
    if how in ("is", "endswith", "contains", "has") and parts[0] == STAR:
        del parts[0]
        how = "endswith" if how == "is" else how
    value = "".join(parts)
    if STAR in parts or ONE in parts or how == "startswith":
        return ["a part of a domain: no indicator type"]
    if "/" in value:
        found = made("url", value)
        told = [] if how == "is" else ["from its beginning on alone"]
    else:
        found = made("domain", value.lstrip(".") if how != "is" else value)
        told = [] if how == "is" or value.startswith(".") else [_LABELS]
    return [found if isinstance(found, str) else _told(found, told, weak=False)]


def _address(how: str, text: Text) -> list[Wanted | str]:
    if how not in ("is", "has") or len(text) > 1:
        return ["a part of an address: no indicator type"]
    return [made("address", text[0])]


def _hash(how: str, text: Text) -> list[Wanted | str]:
    plain = "".join(part for part in text if part != STAR)
    listed = [
        made("hash", value) if name.lower() != "imphash" else NO_TYPE["fuzzy"]
        for name, value in _HASH.findall(plain)
    ]
    if listed:
        return listed
    return [made("hash", plain) if how == "is" or len(plain) >= 32 else "a part of a hash"]


def _pipe(_how: str, text: Text) -> list[Wanted | str]:
    if STAR in text or ONE in text:
        return ["wildcards in the name of a pipe"]
    return [made("pipe", "".join(text))]


_OF_KIND = {
    "path": _path, "image": _path, "file_name": _file_name, "image_name": _file_name,
    "command_line": _command,
    "domain": _domain, "address": _address, "hash": _hash, "pipe": _pipe,
}  # fmt: skip
