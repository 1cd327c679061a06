"""Lists of Loki and THOR: ``filename-iocs``, ``hash-iocs`` and ``c2-iocs``.

Columns are separated by semicolons: an expression over whole paths, a score and an expression of
false positives; a hash, perhaps a score, and a text; a host, perhaps a score, and a text. The
comment above a line says what it is of. A score below 75 is weak, one from there on strong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from ...model.report import Strength
from .expressions import Globs, Unfit, globs_of
from .offer import HARMLESS, Offer, Wanted, left_out
from .scores import STRONG_FROM, scored
from .values import limited, made

_NUMBER = re.compile(r"-?[0-9]{1,4}")
_WIDER = "wider than the expression: weak"
_FALSE_POSITIVES = "its expression of false positives is not carried over: weak"


def read_filenames(text: str) -> Iterator[Offer]:
    """Expressions as names and paths."""
    for where, comment, line in _rows(text):
        columns = line.split(";")
        score = columns[1].strip() if len(columns) > 1 else ""
        harmless = columns[2].strip() if len(columns) > 2 else ""
        try:
            globs = globs_of(columns[0])
        except Unfit as error:
            yield left_out(where, "filename expression", columns[0], str(error))
            continue
        yield _paths(where, columns[0], globs, score, harmless, comment)


def _paths(where: str, written: str, globs: Globs, score: str, harmless: str, note: str) -> Offer:
    wanted, why = [], ""
    for value in globs.values:
        found = made("file_path" if "\\" in value else "file_name", value)
        if isinstance(found, str):
            why = found
            continue
        told = list(found.told)
        if not told and score.isdigit() and int(score) >= STRONG_FROM:
            found = _as(found, Strength.STRONG)
        if globs.is_wider:
            told.append(_WIDER)
        if harmless:
            told.append(_FALSE_POSITIVES)
        if globs.is_wider or harmless:
            found = limited(found, Strength.WEAK)
        found = Wanted(
            type=found.type,
            value=found.value,
            strength=found.strength,
            fields=found.fields,
            told=tuple(told),
        )
        wanted.append(scored(found, score))
    text = f"{note}; not at {harmless}" if harmless else note
    return Offer(
        where=where,
        kind="filename expression",
        written=written,
        wanted=tuple(wanted),
        why=why,
        note=text,
    )


def _as(wanted: Wanted, strength: Strength) -> Wanted:
    return Wanted(
        type=wanted.type,
        value=wanted.value,
        strength=strength,
        fields=wanted.fields,
        told=wanted.told,
    )


def read_hashes(text: str) -> Iterator[Offer]:
    """Hashes with a text."""
    yield from _listed(text, "hash", "hash")


def read_c2(text: str) -> Iterator[Offer]:
    """Domains and addresses with a text."""
    yield from _listed(text, "c2", "host")


def read_harmless(text: str) -> Iterator[Offer]:
    """What is listed to be passed over."""
    for where, _, line in _rows(text):
        value = line.partition(";")[0].strip()
        yield Offer(where=where, kind="hash", written=value, why=HARMLESS, harmless=value.lower())


def _listed(text: str, kind: str, as_kind: str) -> Iterator[Offer]:
    for where, comment, line in _rows(text):
        value, *rest = (column.strip() for column in line.split(";"))
        score = rest.pop(0) if rest and _NUMBER.fullmatch(rest[0]) else ""
        found = made(as_kind, value)
        if isinstance(found, str):
            yield left_out(where, kind, value, found)
            continue
        yield Offer(
            where=where,
            kind=kind,
            written=value,
            wanted=(scored(found, score),),
            note="; ".join(one for one in rest if one) or comment,
        )


def _rows(text: str) -> Iterator[tuple[str, str, str]]:
    """Where, the comment above, and the line."""
    comment = ""
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if bare.startswith("#"):
            comment = bare.strip("# ")
        elif not bare:
            comment = ""
        else:
            yield f"line {number}", comment, bare


_NAMES = (
    (re.compile(r"false[-_ ]?positive"), "loki-false-positives"),
    (re.compile(r"(?:^|[-_. ])filenames?(?:[-_. ]|$)"), "loki-filenames"),
    (re.compile(r"(?:^|[-_. ])hash(?:es)?(?:[-_. ]|$)"), "loki-hashes"),
    (re.compile(r"(?:^|[-_. ])c2(?:[-_. ]|$)"), "loki-c2"),
)
READERS: dict[str, tuple[str, Callable[[str], Iterator[Offer]]]] = {
    "loki-filenames": ("Loki's file names", read_filenames),
    "loki-hashes": ("Loki's hashes", read_hashes),
    "loki-c2": ("Loki's C2 servers", read_c2),
    "loki-false-positives": ("Loki's false positives", read_harmless),
}
"""Form to its name and its reader."""


def form_of(name: str, text: str) -> str:
    """Which list it is, by its file's name, as Loki itself tells them apart; empty if none."""
    if not name.lower().endswith((".txt", ".dat", ".ioc.txt")):
        return ""
    rows = [line for _, _, line in _rows(text)]
    form = next((form for pattern, form in _NAMES if pattern.search(name.lower())), "")
    if form == "loki-filenames":
        return form if any(";" in line or "\\" in line for line in rows) else ""
    return form if any(";" in line for line in rows) else ""
