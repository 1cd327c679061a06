"""What of a report can be searched for, and how what is asked for is read.

A value is folded: as it is shown, in one case of letters. Two that fold alike are one term.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b85encode
from collections.abc import Iterator
from itertools import chain
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

from agent.model.objects import Hash, Objects, User
from agent.model.report import Finding, Report
from agent.output.escape import shown
from agent.spelling import domain_forms

Kind = Literal[
    "host", "id", "address",
    "path", "hash", "user", "domain", "remote", "url", "indicator", "name",
]  # fmt: skip
OF_HOSTS: tuple[Kind, ...] = ("host", "id", "address")
OF_FINDINGS: tuple[Kind, ...] = (
    "path", "hash", "user", "domain", "remote", "url", "indicator", "name",
)  # fmt: skip
KINDS: tuple[Kind, ...] = OF_HOSTS + OF_FINDINGS
"""No two begin with the same two letters, by which the index of parts tells them."""
MAX_VALUE = 4000
"""Characters of a value that are kept and searched."""
MAX_TERMS = 20_000
"""Of one report; one with more says so (``unsearchable``)."""
MAX_IDS = 8
"""Findings named for each term of a report, the strongest."""
MIN_PART = 3
"""Characters of a part that is not the beginning."""
_DOTS = re.compile(r"\[(?:\.|dot)\]|\((?:\.|dot)\)|\{(?:\.|dot)\}", re.IGNORECASE)
_SCHEME = re.compile(r"\bh(?:xx|\*\*)p(s?)(?=\[?:)", re.IGNORECASE)
_COLON = re.compile(r"\[(:(?://)?)\]|\[(//)\]")
_DOMAIN = re.compile(r"[^\s\\/:@\"]+\.[^\s\\/:@\"]*")
_MAX_DOMAIN = 254
_AT = re.compile(r"\[(?:@|at)\]|\((?:@|at)\)", re.IGNORECASE)


class Term(Struct, frozen=True, kw_only=True):
    """One value of a report."""

    digest: str
    """Of kind and folded value, uncut."""
    kind: Kind
    value: str
    folded: str
    strength: int = 0
    """The rank of the strongest finding that has it; 0 of what is said of the host."""
    findings: int = 0
    """How many have it; 0: it is said of the host."""
    finding_ids: tuple[str, ...] = ()
    """The strongest of them, at most MAX_IDS."""


class _Found:
    """Findings that have one value; the strongest come first."""

    __slots__ = ("count", "ids", "rank", "value")

    def __init__(self, value: str, rank: int) -> None:
        self.value, self.rank, self.count = value, rank, 0
        self.ids: list[str] = []

    def add(self, finding_id: str) -> None:
        self.count += 1
        if len(self.ids) < MAX_IDS:
            self.ids.append(finding_id)


def fold(text: str) -> str:
    """In one case, as every page shows it: what no engine keeps is written as an escape."""
    return shown(text).casefold()


def refanged(text: str) -> str:
    """``hxxps://evil[.]com`` as what it stands for."""
    text = _SCHEME.sub(r"http\1", text)
    text = _COLON.sub(lambda found: found[1] or found[2], text)
    return _AT.sub("@", _DOTS.sub(".", text))


def readings(text: str, *, whole: bool = False) -> list[str]:
    """What is asked for, folded: as it was meant if it is defanged, as it was typed, of a URL the
    host, and a domain as it may be written otherwise. ``whole``: blanks at its ends are part of a
    value, too, as of a file ``notes.exe ``."""
    typed = text.strip()
    if not typed:
        return []
    meant = refanged(typed)
    host = _host_of(meant) if "://" in meant else ""
    every = [meant, typed, host, *_spelled(host or meant), *([text] if whole else [])]
    return [one for one in dict.fromkeys(fold(one)[:MAX_VALUE] for one in every) if one]


def _spelled(name: str) -> Iterator[str]:
    """A domain without the dot at its end, in the letters that DNS has, and in those of people."""
    if len(name) > _MAX_DOMAIN or not _DOMAIN.fullmatch(name):
        return
    yield name.rstrip(".")
    if not name.isascii():
        yield from domain_forms(name)
    elif "xn--" in name.casefold():
        try:
            yield name.lower().encode("ascii").decode("idna")
        except UnicodeError:  # its label is no IDNA 2003
            return


def digest_of(kind: str, folded: str) -> str:
    """By which a term is known: 128 bits, so that nobody can make two values share one."""
    whole = f"{kind}\0{folded}".encode()
    return b85encode(hashlib.blake2b(whole, digest_size=16).digest()).decode()


def terms_of(report: Report, source: str) -> tuple[list[Term], int]:
    """What is said of the host, then what its findings are about, strongest first; at most
    MAX_TERMS, and how many more there are. ``source``: the address that the report came from.
    """
    host = report.host
    said: tuple[tuple[Kind, str], ...] = (
        ("host", host.name or "unnamed"), ("host", host.fqdn), ("id", host.id),
        *(("address", one) for one in host.ip), ("address", source),
    )  # fmt: skip
    terms: dict[tuple[Kind, str], Term] = {}
    for kind, value in said:
        if value.strip():
            folded = fold(value)
            terms[kind, folded] = _term(kind, value, folded)
    found: dict[tuple[Kind, str], _Found] = {}
    for finding in sorted(report.findings, key=lambda one: (-one.strength.rank, -one.score)):
        finding_id, rank = shown(finding.id)[:500], finding.strength.rank
        for kind, value in _values(finding):
            key = (kind, fold(value))
            known = found.get(key)
            if known is None:
                known = found[key] = _Found(value, rank)
            if not known.ids or known.ids[-1] != finding_id:
                known.add(finding_id)
    room = MAX_TERMS - len(terms)
    kept = [
        _term(kind, one.value, folded, one)
        for (kind, folded), one in list(found.items())[: max(room, 0)]
    ]
    return [*list(terms.values())[:MAX_TERMS], *kept], max(len(terms) + len(found) - MAX_TERMS, 0)


def _term(kind: Kind, value: str, folded: str, found: _Found | None = None) -> Term:
    return Term(
        digest=digest_of(kind, folded),
        kind=kind,
        value=shown(value)[:MAX_VALUE],
        folded=folded[:MAX_VALUE],
        strength=found.rank if found else 0,
        findings=found.count if found else 0,
        finding_ids=tuple(found.ids) if found else (),
    )


def _values(finding: Finding) -> Iterator[tuple[Kind, str]]:
    """Each once, of a finding and all its sightings."""
    indicator = finding.indicator
    every: list[tuple[Kind, str]] = [("indicator", indicator.value), ("indicator", indicator.id)]
    every += _of_objects(finding)
    for sighting in finding.evidence:
        every += _of_objects(sighting)
        every.append(("user", sighting.place.owner))
    for kind, value in dict.fromkeys(every):
        if value and not value.isspace():
            yield kind, value


def _of_objects(about: Objects) -> Iterator[tuple[Kind, str]]:
    return chain(_files(about), _programs(about), _network(about), _remembered(about))


def _files(about: Objects) -> Iterator[tuple[Kind, str]]:
    if about.file is not None:
        file = about.file
        yield "path", file.path + (f":{file.stream}" if file.stream else "")
        yield "path", file.member_of
        yield "path", file.recycled
        if file.lnk is not None:
            yield "path", file.lnk.target
        for url in file.zone_url:
            yield "url", url
            yield "domain", _host_of(url)
        yield from _hashes(file.hash)
    if about.dll is not None:
        yield "path", about.dll.path
        yield from _hashes(about.dll.hash)


def _programs(about: Objects) -> Iterator[tuple[Kind, str]]:
    if about.process is not None:
        process = about.process
        yield "path", process.executable
        yield from _hashes(process.hash)
        yield from _user(process.user)
        for parent in process.parent:
            yield "path", parent.executable
    yield from _user(about.user)


def _network(about: Objects) -> Iterator[tuple[Kind, str]]:
    if about.dns is not None:
        yield "domain", about.dns.question.rstrip(".")
        for answer in about.dns.answers:
            yield "remote", answer
    if about.destination is not None:
        yield "domain", about.destination.domain.rstrip(".")
        yield "remote", about.destination.ip
    if about.url is not None:
        yield "url", about.url.full
        yield "domain", _host_of(about.url.full)


def _remembered(about: Objects) -> Iterator[tuple[Kind, str]]:
    if about.registry is not None:
        yield "path", about.registry.path
    for named in (about.pipe, about.task, about.service):
        if named is not None:
            yield "name", named.name


def _hashes(digest: Hash | None) -> Iterator[tuple[Kind, str]]:
    if digest is not None:
        for value in (digest.sha256, digest.sha1, digest.md5):
            yield "hash", value or ""


def _user(user: User | None) -> Iterator[tuple[Kind, str]]:
    if user is not None:
        yield "user", user.name
        yield "user", user.id


def _host_of(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:  # what a host calls a URL need not be one
        return ""


__all__ = [
    "KINDS", "MAX_VALUE", "MIN_PART", "OF_FINDINGS", "OF_HOSTS", "Kind", "Term", "digest_of",
    "fold", "readings", "refanged", "terms_of",
]  # fmt: skip
