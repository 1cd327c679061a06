"""What is on the host already, for the sources that nothing can be planted for.

Of each kind of evidence in files the first one that can be opened is read, and a rare word of it
is looked for as any indicator is. So nothing has to be written where Windows and its users keep
their own, and what is proved is the same: the files are listed, opened, understood and scanned,
and what is in them becomes a finding. The words are in no report. None is used that a built-in
pack looks for.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import structs

from ..coverage import Ledger
from ..formats import FormatError, user_assist
from ..indicators import Content, Domain, Gate
from ..matching.byte_rules import RulesError, ScanFailed
from ..matching.matcher import Matcher, type_of, value_of
from ..model.report import Strength
from ..packs.proof import disproved, flaw
from ..reading.opening import read_up_to, reason_of
from ..sources.artefact_source import ArtefactSource
from ..sources.network.hosts_file import HostsEntry, HostsFile, parse_hosts
from ..sources.whereabouts import HELD_BY_EVERY_WINDOWS
from ..targets.live.system import NOT_THIS_PLATFORM, DnsRecord, LiveSystem, Unreadable
from .probe import REFERENCE, Probe, identified

if TYPE_CHECKING:
    from ..sources.artefact import Artefact
    from ..targets import Target
    from ..targets.evidence import EvidenceFile

NONE = "none on this host"
NO_WORD = "its files hold no text that could be looked for"
NOT_LISTED = "none was found, and every Windows has them"
NOT_UNDERSTOOD = "it is not empty, and its reader sees no text in it"
MOST_FILES = 16
MOST_WORDS = 4
"""Looked for at once: one of them is enough."""
MAX_BYTES = 4 << 20
"""Read of one file that need not be read whole."""
_WORDS = (
    re.compile(rb"[A-Za-z][A-Za-z0-9_]{5,30}"),
    re.compile(rb"(?:[A-Za-z]\0)(?:[A-Za-z0-9_]\0){5,30}"),
)
_PARTS = re.compile(r"[a-z0-9]{5,}")
"""Of an indicator's value: a shorter one stands in words of any kind."""
_TELLING_DIGITS = 4
"""Of a word: with so many it is hardly a word of Windows' own, which would be in every record."""


class Existing:
    """Looks for words on one target."""

    def __init__(self, target: Target, campaigns: Matcher, word: str) -> None:
        """``campaigns``: what must not be used, nor any part of it; ``word``: begins the ids."""
        self.target, self.campaigns, self.word = target, campaigns, word
        self._parts = {
            part
            for indicator in campaigns.indicators
            for part in _PARTS.findall(value_of(indicator).casefold())
        }

    def probe(self, source: ArtefactSource) -> Probe:
        """For one source of evidence in files."""
        probe = Probe(source=source.name, type="content", what="a text of what was there")
        ledger = Ledger(source.name, required=False)
        files = self.target.evidence(source.known.patterns(self.target), ledger)
        refused, seen = "", 0
        for file in itertools.islice(files, MOST_FILES):
            seen += 1
            try:
                data, is_hidden = _plain(file, source.artefact, ledger)
            except OSError as error:
                refused = f"{file.path}: {reason_of(error)}"
                continue
            except FormatError as error:
                refused = f"{file.path}: {error}"
                continue
            found = [*self._fit(source.name, data)]
            if found:
                return _with(probe, found)
            if is_hidden:
                refused = f"{file.path}: {NOT_UNDERSTOOD}"
        if refused:
            return probe.failed(refused)
        if seen:
            return probe.absent(NO_WORD)
        gaps = "; ".join(reason.reason for reason in ledger.close().reasons)
        is_lacking = self.target.platform == "windows" and source.name in HELD_BY_EVERY_WINDOWS
        why = gaps or (NOT_LISTED if is_lacking else "")
        return probe.failed(why) if why else probe.absent(NONE)

    def _fit(self, source: str, data: bytes) -> list[Content | Domain]:
        """Those that no pack looks for, and that are fit to be looked for."""
        made: Iterator[Content | Domain] = self._contents(source, data)
        if source == HostsFile.name:
            made = self._names(data)
        return self._proved([*itertools.islice(filter(self._may_be, made), 2 * MOST_WORDS)])

    def _proved(self, made: Sequence[Content | Domain]) -> list[Content | Domain]:
        try:
            wrong = {number for number, _ in disproved(made)}
        except RulesError:
            return []
        return [one for number, one in enumerate(made) if number not in wrong][:MOST_WORDS]

    def _contents(self, source: str, data: bytes) -> Iterator[Content]:
        for number, word in enumerate(_words(data)):
            gate = Gate(extensions=[".txt"])
            yield Content(value=word, gate=gate, **self._id(f"{source}-{number}"))

    def _names(self, data: bytes) -> Iterator[Domain]:
        """Of a hosts file nothing else is compared."""
        for number, entry in enumerate(parse_hosts(data)):
            if isinstance(entry, HostsEntry):
                yield Domain(value=entry.name.casefold(), **self._id(f"hosts-{number}"))

    def _id(self, part: str) -> dict[str, Any]:
        return {
            "id": identified(self.word, part),
            "strength": Strength.WEAK,
            "reference": [REFERENCE],
            "status": "DRV",
        }

    def _is_campaigns(self, word: str) -> bool:
        """Whether it is a part of what a pack looks for, or has one, also as the registry turns
        names (ROT13)."""
        return any(
            part in text or text in part
            for text in (word, user_assist.turned(word))
            for part in self._parts
        )

    def _may_be(self, indicator: Content | Domain) -> bool:
        if flaw(indicator) or self._is_campaigns(indicator.value):
            return False
        try:
            return not self.campaigns.scan(f" {indicator.value} ".encode())
        except ScanFailed:
            return False

    def cached_name(self, system: LiveSystem, own_names: Sequence[str]) -> Probe:
        """For the DNS cache: this host's own name, if that is in it, else any that is. Nothing is
        resolved: the cache alone is asked."""
        probe = Probe(source="dns_cache", type="domain", what="a name in the cache")
        if self.target.platform != "windows":
            return probe.absent(NOT_THIS_PLATFORM)
        try:
            known = {record.name.rstrip(".") for record in _table(system)}
        except Unreadable as error:
            return probe.failed(f"the cache cannot be read: {error.reason}")
        own = [name for name in own_names if name and _is_cached(system, name)]
        for name in (*own, *sorted(known)):
            made = Domain(value=name.casefold(), **self._id("cached"))
            if self._may_be(made) and (found := self._proved([made])):
                return _with(probe, found)
        # Nor is it for a sweep: where nothing was examined, nothing is known.
        return probe.failed("the cache holds no name that could be looked for")


def _with(probe: Probe, found: Sequence[Content | Domain]) -> Probe:
    return structs.replace(
        probe, type=type_of(found[0]), indicator=found[0], alternatives=tuple(found[1:])
    )


def _table(system: LiveSystem) -> list[DnsRecord]:
    """Raises Unreadable, of the first way."""
    try:
        return system.dns_table()
    except Unreadable as error:
        try:
            return system.dns_table_by_wmi()
        except Unreadable:
            raise error from None


def _is_cached(system: LiveSystem, name: str) -> bool:
    try:
        return system.dns_answers(name, "A") is not None
    except Unreadable:
        return False


def _plain(file: EvidenceFile, artefact: Artefact, ledger: Ledger) -> tuple[bytes, bool]:
    """The bytes that its source scans, or the first of them; whether its reader leaves out all
    that is in the file. Raises OSError, FormatError."""
    with file.open() as opened:
        whole = not (artefact.piece or artefact.never_held) and file.size <= artefact.max_bytes
        data = read_up_to(opened, artefact.max_bytes if whole else MAX_BYTES)
    if not whole:
        return data[artefact.header :], False
    made = bytes(artefact.reader(file, ledger.part(file.path)).plain(data))
    is_hidden = bool(_words(data)) or (not made and bool(data.strip(b"\0")))
    return made, is_hidden and not _words(made)


def _words(data: bytes) -> list[str]:
    """The rarest and longest first."""
    counted: Counter[str] = Counter()
    for form in _WORDS:
        counted.update(
            one.group().replace(b"\0", b"").decode("ascii").casefold()
            for one in form.finditer(data)
        )

    def common(word: str) -> tuple[int, int, int, str]:
        digits = sum(character.isdigit() for character in word)
        return (counted[word], -min(digits, _TELLING_DIGITS), -len(word), word)

    return sorted(counted, key=common)[: 8 * MOST_WORDS]
