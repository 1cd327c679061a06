"""Who is on it: the case of a host, or of one finding on a host, and what may stand in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

CaseState = Literal["new", "triaged", "contained", "closed"]
CASE_STATES: tuple[CaseState, ...] = ("new", "triaged", "contained", "closed")

MAX_OWNER = 100
MAX_TAGS = 16
MAX_TAG = 40
MAX_NOTE = 2000
"""Characters of one note."""
MAX_NOTES = 500
"""Of one case."""
REOPENED = "reopened"
"""Tag of a case that was closed, and whose host was hit again."""


class CaseError(ValueError):
    """What was asked cannot stand in a case; the message says why."""


class CaseKey(Struct, frozen=True):
    """What a case is of. A later report of the host that tells of the same thing has the same."""

    sweep_id: str
    host_key: str
    finding_id: str = ""
    """Empty: of the host itself."""


class Case(Struct, frozen=True, kw_only=True):
    """As it stands. What nobody has touched is new, of nobody, and of version 0."""

    sweep_id: str
    host_key: str
    finding_id: str
    state: CaseState = "new"
    owner: str = ""
    tags: tuple[str, ...] = ()
    """In order, each once, in lower case."""
    notes: int = 0
    """How many there are."""
    version: int = 0
    """How often it was changed."""
    changed: int | None = None
    """Milliseconds UTC."""
    changed_by: str = ""

    @property
    def key(self) -> CaseKey:
        """What it is of."""
        return CaseKey(self.sweep_id, self.host_key, self.finding_id)

    @property
    def untouched(self) -> bool:
        """Whether it is new and nobody's."""
        return self.state == "new" and not self.owner


class CaseNote(Struct, frozen=True, kw_only=True):
    """What somebody wrote. Nothing changes or removes it but the end of the sweep."""

    number: int
    at: int
    who: str
    text: str


class CaseChange(Struct, frozen=True, kw_only=True):
    """What is to be different; None: stays as it is."""

    state: CaseState | None = None
    owner: str | None = None
    tags: tuple[str, ...] | None = None
    note: str = ""
    """To be added; empty: none."""

    @property
    def is_note_alone(self) -> bool:
        """Whether it overwrites nothing."""
        return self.state is None and self.owner is None and self.tags is None


def nobodys(key: CaseKey) -> Case:
    """That of a host or finding which nobody has touched."""
    return Case(sweep_id=key.sweep_id, host_key=key.host_key, finding_id=key.finding_id)


def owner_key(owner: str) -> str:
    """Owners are one in any case of letters."""
    return owner.casefold()


def checked_change(
    *,
    state: str | None = None,
    owner: str | None = None,
    tags: Iterable[str] | None = None,
    note: str = "",
) -> CaseChange:
    """A change as it may be kept. Raises CaseError that says what is too long, too many or none."""
    named = next((one for one in CASE_STATES if one == state), None)
    if state is not None and named is None:
        raise CaseError(f"The state is none of {', '.join(CASE_STATES)}.")
    if owner is not None:
        owner = " ".join(_text("owner", owner, MAX_OWNER).split())
    text = _text("note", note.replace("\r\n", "\n").replace("\r", "\n"), MAX_NOTE).strip()
    return CaseChange(
        state=named, owner=owner, tags=None if tags is None else _tags(tags), note=text
    )


def tags_of(text: str) -> list[str]:
    """Tags as a form has them: with blanks or commas between."""
    return [part for part in re.split(r"[\s,;]+", text) if part]


def _tags(tags: Iterable[str]) -> tuple[str, ...]:
    found = dict.fromkeys(_tag(one) for one in tags)
    if len(found) > MAX_TAGS:
        raise CaseError(f"A case has at most {MAX_TAGS} tags, these are {len(found):,}.")
    return tuple(sorted(found))


def _tag(text: str) -> str:
    tag = _text("tag", text, MAX_TAG).strip().casefold()
    if not tag or len(tag) > MAX_TAG or re.search(r"[\s,;]", tag):
        raise CaseError(
            f"A tag is 1 to {MAX_TAG} characters without blanks, commas and semicolons."
        )
    return tag


def _text(what: str, text: str, longest: int) -> str:
    """What an engine keeps and a terminal bears."""
    if len(text) > longest:
        raise CaseError(f"The {what} is longer than {longest:,} characters.")
    extra = "\n\t" if what == "note" else ""
    if any(not char.isprintable() and char not in extra for char in text):
        raise CaseError(f"The {what} has characters that cannot be shown.")
    return text
