"""Packs to look-ups: exact ones for names, hashes, domains and addresses; patterns for bytes."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from msgspec import Struct, structs

from ..indicators import (
    Address,
    CommandLine,
    Domain,
    FileHash,
    FileName,
    Indicator,
    LnkTrait,
    PeTrait,
    Pipe,
    Url,
)
from ..model.objects import Dll, File, Hash, Lnk, Pe
from ..model.observation import ByteHit, Claim, Observation
from ..model.report import IndicatorCount, Strength
from ..spelling import fold, fold_domain, is_address, originals_of_copy, url_parts
from . import links, wording
from .accounts import Accounts
from .byte_rules import ByteRules, ScanFailed, WindowedScan
from .command_lines import CommandLines
from .hidden_commands import HiddenScan, Reading, readings
from .look_ups import Domains, Networks, Urls
from .record_rules import RecordRules
from .selection import Selector

if TYPE_CHECKING:
    from ..engine.patterns import BytePattern
    from ..engine.rule_files import UserRule
    from .own_rules import OwnRules

__all__ = ["Match", "Matcher", "ScanFailed", "fold", "fold_domain"]

_T = TypeVar("_T")
MENTIONED = "only mentioned"
_OF_THE_PROCESS = frozenset({Claim.RUNNING, Claim.RAN})
"""Claims about the process itself; with others, or with a module, it is the one that did it."""
_OF_THE_ADDRESS = frozenset({Claim.CONNECTED, Claim.VISITED, Claim.DOWNLOADED})
_PROVES_LITTLE = frozenset({Claim.LOGGED, Claim.BLOCKED})
"""Claims of which no match is more than weak (DESIGN, "The words")."""
_MENTIONABLE = (FileName, FileHash, Domain, Address, Url, CommandLine, Pipe)
"""Whose occurrence in bytes is a text about the thing, not the thing."""


class UserRuleHit(Struct, frozen=True):
    """A match of the operator's own rule, in the place of an indicator."""

    id: str
    value: str
    strength: Strength
    reference: list[str] = []
    note: str = ""


class ContentHits(NamedTuple):
    """What the bytes of one content hold."""

    hits: list[ByteHit]
    gaps: tuple[str, ...]
    """What could not be answered of it."""


class Match(Struct, frozen=True):
    """One observation matched one indicator."""

    observation: Observation
    indicator: Indicator | UserRuleHit
    strength: Strength
    reason: str
    detail: str


def type_of(indicator: Indicator | UserRuleHit) -> str:
    """The indicator's type as packs write it; ``yara`` for the operator's own rules."""
    if isinstance(indicator, UserRuleHit):
        return "yara"
    return str(indicator.__struct_config__.tag)


def value_of(indicator: Indicator | UserRuleHit) -> str:
    """The value as one text."""
    value = indicator.value
    return value if isinstance(value, str) else " … ".join(value)


class Matcher:
    """Compares observations with indicators, and tells sources cheaply what cannot match."""

    def __init__(
        self,
        indicators: Sequence[Indicator],
        *,
        own_rules: OwnRules | None = None,
        thorough: bool = False,
    ) -> None:
        self.thorough = thorough
        self.indicators = tuple(indicators)
        self._by_id: dict[str, Indicator] = {i.id: i for i in indicators}
        self._by_kind: dict[type[Indicator], list[Indicator]] = {}
        for indicator in indicators:
            self._by_kind.setdefault(type(indicator), []).append(indicator)
        self._left_out = own_rules.guarded if own_rules is not None else frozenset[str]()
        self._rules = ByteRules(indicators, self._left_out)
        self._hidden = HiddenScan(self._rules)
        self._record_rules: dict[tuple[tuple[BytePattern, ...], bool], RecordRules] = {}
        self.own_rules = own_rules
        """The operator's rules, and what of the packs is looked for behind the same guard."""
        self.has_user_rules = own_rules is not None and bool(own_rules.rules)
        self.has_patterns = bool(self._rules.scanned) or own_rules is not None
        """Whether there is anything to look for in bytes."""
        self.overlap = self._rules.overlap
        """As :attr:`ByteRules.overlap`."""
        self.selector = Selector(indicators, everything=thorough)
        """What cannot match, cheaply."""
        self.accounts = Accounts()
        """What was compared with what."""
        self._commands = CommandLines(indicators)
        self.domains = Domains(self._of(Domain))
        self._urls = Urls(self._of(Url))
        self.networks = Networks(self._of(Address))
        self.hashes: dict[str | None, list[FileHash]] = {}
        for indicator in self._of(FileHash):
            self.hashes.setdefault(indicator.value.lower(), []).append(indicator)
        self._pipe_rules = ByteRules(self._of(Pipe))
        self.pipe_examples = [pipe.example for pipe in self._of(Pipe)]
        """Names that are looked for and can be asked for one by one."""

    def _of(self, kind: type[_T]) -> list[_T]:
        return cast("list[_T]", self._by_kind.get(cast("type[Indicator]", kind), []))

    def records(self, markers: Sequence[BytePattern] = (), *, turned: bool = False) -> RecordRules:
        """What to look for in the records that a host keeps; ``markers``: and in theirs alone;
        ``turned``: as of :class:`RecordRules`."""
        key = (tuple(markers), turned)
        if key not in self._record_rules:
            self._record_rules[key] = RecordRules(
                self.indicators, self._left_out, markers, turned=turned
            )
        return self._record_rules[key]

    def scan(self, data: bytes) -> list[ByteHit]:
        """All indicators that occur in these bytes, each at its first place. By any thread.

        Raises ScanFailed.
        """
        self.accounts.scanned()
        return self._rules.scan(data)

    def scan_hidden(self, data: bytes) -> list[ByteHit]:
        """All indicators that occur in what the bytes of a script hide, and not in the bytes
        themselves. By any thread.

        Raises ScanFailed.
        """
        return self._hidden.scan(data)

    def scan_content(self, data: bytes, path: str) -> ContentHits:
        """All indicators, and the operator's own rules, in the content of a file or in memory.

        Raises ScanFailed: by the pack's patterns; what own rules fail at is among the gaps.
        """
        hits = self.scan(data)
        own = self.scan_by_own_rules(data, path)
        return ContentHits([*hits, *own.hits], own.gaps)

    def scan_by_own_rules(self, data: bytes, path: str) -> ContentHits:
        """The operator's own rules alone; ``path``: as :meth:`OwnRules.scan`."""
        if self.own_rules is None:
            return ContentHits([], ())
        return ContentHits(*self.own_rules.scan(data, path))

    def windows(self) -> WindowedScan:
        """A scan of one content in windows, for the indicators alone."""
        self.accounts.scanned()
        return WindowedScan(self._rules)

    def is_wanted_hash(self, digest: Hash) -> bool:
        """Whether any of a file's hashes is an indicator's."""
        return (
            digest.sha256 in self.hashes or digest.sha1 in self.hashes or digest.md5 in self.hashes
        )

    def counts(self) -> list[IndicatorCount]:
        """Per indicator, zeros included; the operator's rules last."""
        rules = self.own_rules
        counts = [
            self.accounts.count_of(
                indicator,
                scanned=indicator.id in self._rules.scanned,
                own_scans=rules.scans if rules is not None and indicator.id in rules.guarded else 0,
            )
            for indicator in self.indicators
        ]
        if rules is not None:
            counts += [self.accounts.count_of_rule(rule, rules.scans) for rule in rules.rules]
        return counts

    def looks_for(self) -> str:
        """What tells one matcher's look at contents from another's: all but the values of its file
        hashes."""
        parts = {
            f"hash of {len(i.value)} {i.gate}" if isinstance(i, FileHash) else repr(i)
            for i in self.indicators
        }
        rules = self.own_rules.fingerprint if self.own_rules is not None else ""
        return "\n".join([str(self.thorough), *sorted(parts), rules])

    def is_mention(self, hit: ByteHit) -> bool:
        """Whether a hit in bytes is no more than a text about a thing."""
        return isinstance(self._by_id.get(hit.indicator), _MENTIONABLE)

    def is_user_rule(self, hit: ByteHit) -> bool:
        """Whether a hit is one of the operator's own rules."""
        return self._user_rule(hit.indicator) is not None

    def _user_rule(self, identifier: str) -> UserRule | None:
        return None if self.own_rules is None else self.own_rules.rules.get(identifier)

    def cache_names(self) -> list[str]:
        """The names to ask the DNS cache for."""
        return self.domains.names

    # ---- Comparing

    def match(self, observation: Observation) -> list[Match]:
        """All indicators that this observation matches, with strength and reason."""
        found: dict[str, Match] = {}
        proves_little = observation.claim in _PROVES_LITTLE
        for told in self._all_matches(observation):
            match = structs.replace(told, strength=Strength.WEAK) if proves_little else told
            known = found.get(match.indicator.id)
            if known is None or match.strength.rank > known.strength.rank:
                found[match.indicator.id] = match
        for identifier in found:
            self.accounts.matched(identifier)
        return list(found.values())

    def _all_matches(self, seen: Observation) -> Iterator[Match]:
        if seen.url is not None:
            yield from self._url(seen, seen.url.full)
        if seen.mention:
            yield from self._hits(seen)
            return
        for part in (seen.file, seen.dll):
            if part is not None:
                yield from self._file(seen, part)
        if seen.process is not None and seen.dll is None and seen.claim in _OF_THE_PROCESS:
            yield from self._process(seen)
        if seen.dns is not None:
            yield from self._dns(seen)
        if seen.destination is not None and seen.destination.ip and seen.claim in _OF_THE_ADDRESS:
            yield from self._address(seen, seen.destination.ip)
        if seen.pipe is not None:
            self.accounts.compared("pipe")
            for hit in self._pipe_rules.scan(seen.pipe.name.encode("utf-8", "surrogatepass")):
                yield _made(seen, self._by_id[hit.indicator], "named pipe", seen.pipe.name)
        yield from self._hits(seen)

    def _hits(self, seen: Observation) -> Iterator[Match]:
        for hit in seen.hits:
            detail = hit.excerpt
            rule = self._user_rule(hit.indicator)
            if rule is not None:
                own = UserRuleHit(rule.id, rule.description, rule.strength)
                yield Match(seen, own, rule.strength, f"{seen.seen}: own rule {rule.id}", detail)
                continue
            indicator = self._by_id[hit.indicator]
            if not isinstance(indicator, _MENTIONABLE):
                self.accounts.tested(indicator.id)
                kind = type_of(indicator)
                reason = seen.seen if seen.seen == kind else f"{seen.seen}: {kind}"
                strength = Strength.WEAK if seen.is_ownerless else indicator.strength
                yield Match(seen, indicator, strength, reason, detail)
            else:
                reason = f"{seen.seen}: {MENTIONED}"
                yield Match(seen, indicator, Strength.WEAK, reason, detail)

    def _file(self, seen: Observation, file: File | Dll) -> Iterator[Match]:
        word = wording.file(seen, file)
        self.accounts.compared("file_name", "file_path")
        yield from self._named(seen, file.path, f"{word} name", f"{word} path")
        if isinstance(file, File) and file.stream:
            yield from self._named(seen, file.stream, "stream name", "stream name")
        if file.hash is not None:
            yield from self._hash(seen, file.hash, word)
        if file.pe is not None:
            yield from self._pe(seen, file.pe, word)
        if isinstance(file, File) and file.lnk is not None:
            yield from self._lnk(seen, file.lnk)

    def _named(
        self, seen: Observation, path: str, name_word: str, path_word: str
    ) -> Iterator[Match]:
        folded = fold(path.replace("/", "\\"))
        for name in originals_of_copy(folded.rpartition("\\")[2]):
            for exact in self.selector.exact.get(name, ()):
                yield _made(seen, exact, name_word, path)
            for globbed, pattern in self.selector.globs:
                if pattern.match(name):
                    yield _made(seen, globbed, name_word, path)
        for placed in self.selector.paths.ending(folded):
            yield _made(seen, placed, path_word, path)

    def _hash(self, seen: Observation, digest: Hash, word: str) -> Iterator[Match]:
        for value in (digest.md5, digest.sha1, digest.sha256):
            if value is None:
                continue
            self.accounts.compared_hash(value)
            for indicator in self.hashes.get(value, ()):
                yield _made(seen, indicator, f"{word} hash", value)

    def _pe(self, seen: Observation, pe: Pe, word: str) -> Iterator[Match]:
        for indicator in self._of(PeTrait):
            self.accounts.tested(indicator.id)
            if indicator.gate.machine not in (None, pe.machine):
                continue
            if indicator.value in pe.exports and not (
                indicator.only_export and len(pe.exports) > 1
            ):
                only = "only " if len(pe.exports) == 1 else ""
                yield _made(seen, indicator, f"{word} export", f"{only}export {indicator.value}")

    def _lnk(self, seen: Observation, lnk: Lnk) -> Iterator[Match]:
        traits = self._of(LnkTrait)
        for trait in traits:
            self.accounts.tested(trait.id)
        for indicator, value in links.matching(traits, lnk):
            yield _made(seen, indicator, f"shell link's {indicator.field}", value)
        if lnk.arguments:
            yield from self._command(seen, lnk.arguments, "shell link's arguments")

    def _process(self, seen: Observation) -> Iterator[Match]:
        process = seen.process
        assert process is not None
        image = wording.process(seen, "image")
        if process.executable:
            self.accounts.compared("file_name", "file_path")
            yield from self._named(seen, process.executable, f"{image} name", f"{image} path")
        if process.hash is not None:
            yield from self._hash(seen, process.hash, image)
        if process.command_line:
            word = wording.command(seen)
            yield from self._command(seen, process.command_line, word)

    def _command(self, seen: Observation, line: str, word: str) -> Iterator[Match]:
        self.accounts.compared("command_line")
        texts = readings(line)
        for indicator, text in self._commands.in_one_of(texts):
            yield _made(seen, indicator, _read(word, text), text.text)
        for text in texts:
            for hit in self.scan(text.text.encode("utf-8", "surrogatepass")):
                mentioned = self._by_id.get(hit.indicator)
                if isinstance(mentioned, (FileName, Domain, Address, Url)):
                    reason = f"{_read(word, text)}: {MENTIONED}"
                    yield Match(seen, mentioned, Strength.WEAK, reason, text.text)

    def _url(self, seen: Observation, url: str) -> Iterator[Match]:
        self.accounts.compared("url")
        parts = url_parts(url)
        for indicator in self._urls.beginning(parts):
            yield _made(seen, indicator, "URL", url)
        if is_address(parts.host):
            yield from self._address(seen, parts.host)
        elif parts.host:
            yield from self._domain(seen, parts.host, "host of a URL")

    def _dns(self, seen: Observation) -> Iterator[Match]:
        dns = seen.dns
        assert dns is not None
        if seen.claim is Claim.BLOCKED:
            yield from self._domain(seen, dns.question, wording.name(seen))
            return
        yield from self._domain(seen, dns.question, wording.name(seen))
        for answer in dns.answers:
            yield from self._address(seen, answer)

    def _domain(self, seen: Observation, name: str, where: str) -> Iterator[Match]:
        self.accounts.compared("domain")
        for indicator in self.domains.covering(name):
            yield _made(seen, indicator, where, name)

    def _address(self, seen: Observation, text: str) -> Iterator[Match]:
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            for indicator in self.domains.covering(text):  # a CNAME's answer is a name
                yield _made(seen, indicator, wording.answer(seen), text)
            return
        self.accounts.compared("address")
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        for known in self.networks.holding(address):
            yield _made(seen, known, "address", text)

    # ---- Proof

    def offsets(self, data: bytes) -> dict[str, int]:
        """As :meth:`ByteRules.offsets`, for the loader's proof."""
        return self._rules.offsets(data)


def _read(word: str, text: Reading) -> str:
    return f"{word}, {text.how}" if text.how else word


def _made(seen: Observation, indicator: Indicator, reason: str, detail: str) -> Match:
    return Match(seen, indicator, indicator.strength, reason, detail)
