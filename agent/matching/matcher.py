"""Packs to look-ups: exact ones for names, hashes, domains and addresses; patterns for bytes."""

from __future__ import annotations

import ipaddress
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar, cast

from msgspec import Struct

from ..indicators import (
    Address,
    Certificate,
    CommandLine,
    Content,
    Domain,
    FileHash,
    FileIndicator,
    FileName,
    FilePath,
    Gate,
    Indicator,
    Layout,
    LnkTrait,
    PeTrait,
    Pipe,
    Url,
)
from ..model.objects import Dll, File, Hash, Lnk, Pe
from ..model.observation import ByteHit, Observation
from ..model.report import IndicatorCount, Strength
from ..spelling import (
    command_holds,
    domain_covers,
    fold,
    fold_domain,
    glob_regex,
    is_glob,
    last_name,
    normal_command,
    original_of_copy,
    path_regex,
)
from .byte_rules import ByteRules, ScanFailed, WindowedScan
from .gates import Grouped

if TYPE_CHECKING:
    from ..engine.rule_files import UserRule
    from .own_rules import OwnRules

__all__ = ["Match", "Matcher", "ScanFailed", "fold", "fold_domain"]

_T = TypeVar("_T")
_CERTIFICATE_GATE = Gate(max_size=65536, extensions=[".cer", ".crt", ".der", ".pem"])
_MENTIONED = "only mentioned"
_WORDS = {word: word for word in ("deleted file", "journalled file")}
"""What a file is called in the reason of a match, if it is more than a file."""
_MENTIONABLE = (FileName, Domain, Address, Url, CommandLine, Pipe)
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


def gate_of(indicator: FileIndicator) -> Gate:
    """What a file must be to be opened for this indicator."""
    return _CERTIFICATE_GATE if isinstance(indicator, Certificate) else indicator.gate


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
        guarded = own_rules.guarded if own_rules is not None else frozenset[str]()
        self._rules = ByteRules(indicators, guarded)
        self.own_rules = own_rules
        """The operator's rules, and what of the packs is looked for behind the same guard."""
        self.has_user_rules = own_rules is not None and bool(own_rules.rules)
        self.has_patterns = bool(self._rules.scanned) or own_rules is not None
        """Whether there is anything to look for in bytes."""
        self.overlap = self._rules.overlap
        """As :attr:`ByteRules.overlap`."""
        self._names()
        self._file_indicators = tuple(_openers(indicators))
        gates = [gate_of(indicator) for indicator in self._file_indicators]
        self._openers = Grouped(zip(gates, self._file_indicators, strict=True))
        self._opened: dict[tuple[int, ...], tuple[FileIndicator, ...]] = {}
        """By the gates that a name and a size pass."""
        self.exact_sizes = frozenset(g.size for g in gates if g.size is not None)
        self.least_min_size = min(
            (g.min_size for g in gates if g.min_size is not None and not g.extensions),
            default=sys.maxsize,
        )
        self.extensions = frozenset(e for g in gates for e in g.extensions if g.size is None)
        self._commands = [
            (i, [normal_command(v) for v in ([i.value] if isinstance(i.value, str) else i.value)])
            for i in self._of(CommandLine)
        ]
        self._domains = [(i, fold_domain(i.value)) for i in self._of(Domain)]
        self._networks = [
            (i, ipaddress.ip_network(i.value, strict=False)) for i in self._of(Address)
        ]
        self._hashes: dict[str | None, list[FileHash]] = {}
        for indicator in self._of(FileHash):
            self._hashes.setdefault(indicator.value.lower(), []).append(indicator)
        self._pipe_rules = ByteRules(self._of(Pipe))
        self._hashes_compared: Counter[int] = Counter()
        """Files, by the length of the hash that was made of them."""
        self._compared: Counter[str] = Counter()
        self._tested: Counter[str] = Counter()
        self._matched: Counter[str] = Counter()
        self._scans = 0
        self._scans_counted = threading.Lock()

    def _of(self, kind: type[_T]) -> list[_T]:
        return cast("list[_T]", self._by_kind.get(cast("type[Indicator]", kind), []))

    def _names(self) -> None:
        self._exact_names: dict[str, list[FileName]] = {}
        self._glob_names = [
            (i, glob_regex(i.value)) for i in self._of(FileName) if is_glob(i.value)
        ]
        for name in self._of(FileName):
            if not is_glob(name.value):
                self._exact_names.setdefault(fold(name.value), []).append(name)
        self._paths = [(i, path_regex(i.value)) for i in self._of(FilePath)]
        ends = [fold(last_name(i.value)) for i in self._of(FilePath)]
        self._wanted_exact = frozenset(self._exact_names) | {e for e in ends if not is_glob(e)}
        globs = [i.value for i, _ in self._glob_names] + [e for e in ends if is_glob(e)]
        self._wanted_globs = [glob_regex(glob) for glob in globs]
        self._glob_letters = [max(fold(g).replace("?", "*").split("*"), key=len) for g in globs]

    # ---- What cannot match, cheaply
    # ------------------------------------------------------------------

    def wanted_names(self, names: Sequence[str]) -> list[str]:
        """Those of a folder's names that a name or path indicator is about. Fast: called per
        folder.
        """
        joined = "\n".join(names)
        folded = (joined.upper() if joined.isascii() else fold(joined)).split("\n")
        if len(folded) != len(names):
            folded = [fold(name) for name in names]  # a line feed in a name (POSIX allows it)
        candidates = not self._wanted_exact.isdisjoint(folded)
        whole = "" if candidates else "\n".join(folded)
        if not candidates and (" (" in whole or " - COPY" in whole):
            candidates = any(original_of_copy(own) in self._wanted_exact for own in folded)
        if not candidates and self._wanted_globs:
            candidates = any(letters in whole for letters in self._glob_letters)
        if not candidates:
            return []
        return [name for name, own in zip(names, folded, strict=True) if self._is_wanted(own)]

    @property
    def exact_names(self) -> frozenset[str]:
        """All names without wildcards that ``wanted_names`` knows, folded."""
        return self._wanted_exact

    @property
    def name_pieces(self) -> tuple[str, ...]:
        """For each wildcard that ``wanted_names`` knows, a text that its names hold, folded."""
        return tuple(self._glob_letters)

    def _is_wanted(self, folded: str) -> bool:
        if folded in self._wanted_exact or original_of_copy(folded) in self._wanted_exact:
            return True
        return any(g.match(folded) for g in self._wanted_globs)

    def file_indicators(
        self, name: str, size: int | None, *, named: bool
    ) -> tuple[FileIndicator, ...]:
        """What to open a file of this name and size for, of hashes one for all that are alike;
        empty: leave it closed.

        ``size``: None if it is not known, or not to be believed.
        ``named``: its name was wanted, so every content indicator applies whatever its gate's size.
        The magic and machine of a gate are for the caller to check on the open file.
        """
        if named or self.thorough:
            return self._file_indicators
        dot = name.rfind(".")
        extension = name[dot:].lower() if dot >= 0 else ""
        passed = tuple(
            number
            for number, gate in enumerate(self._openers.gates)
            if _opens(gate, extension, size)
        )
        known = self._opened.get(passed)
        if known is None:
            known = self._opened[passed] = self._openers.behind(passed)
        return known

    def scan(self, data: bytes) -> list[ByteHit]:
        """All indicators that occur in these bytes, each at its first place. By any thread.

        Raises ScanFailed.
        """
        self._count_scan()
        return self._rules.scan(data)

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
        self._count_scan()
        return WindowedScan(self._rules)

    def _count_scan(self) -> None:
        with self._scans_counted:
            self._scans += 1

    def is_wanted_hash(self, digest: Hash) -> bool:
        """Whether any of a file's hashes is an indicator's."""
        return (
            digest.sha256 in self._hashes
            or digest.sha1 in self._hashes
            or digest.md5 in self._hashes
        )

    def compared_hash(self, digest: Hash) -> None:
        """Count a file whose hashes were compared with every indicator; ``match`` counts what it is
        given."""
        for value in (digest.md5, digest.sha1, digest.sha256):
            if value is not None:
                self._hashes_compared[len(value)] += 1

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
        return [domain for _, domain in self._domains]

    # ---- Accounts
    # ------------------------------------------------------------------------------------

    def compared(self, kind: str, count: int = 1) -> None:
        """Count objects that were compared with every indicator of a type.

        Sources call this for what they filter out themselves; ``match`` counts what it is given.
        """
        self._compared[kind] += count

    def tested(self, indicator: str, count: int = 1) -> None:
        """Count objects that were compared with one gated indicator."""
        self._tested[indicator] += count

    def counts(self) -> list[IndicatorCount]:
        """Per indicator, zeros included; the operator's rules last."""
        counts = []
        for indicator in self.indicators:
            tested = self._tested[indicator.id] + self._compared[type_of(indicator)]
            if isinstance(indicator, FileHash):
                tested += self._hashes_compared[len(indicator.value)]
            if indicator.id in self._rules.scanned:
                tested += self._scans
            elif self.own_rules is not None and indicator.id in self.own_rules.guarded:
                tested += self.own_rules.scans
            matched = self._matched[indicator.id]
            counts.append(
                IndicatorCount(id=indicator.id, tested=max(tested, matched), matched=matched)
            )
        if self.own_rules is not None:
            for rule in self.own_rules.rules:
                matched = self._matched[rule]
                tested = max(self.own_rules.scans, matched)
                counts.append(IndicatorCount(id=rule, tested=tested, matched=matched))
        return counts

    # ---- Comparing
    # -----------------------------------------------------------------------------------

    def match(self, observation: Observation) -> list[Match]:
        """All indicators that this observation matches, with strength and reason."""
        found: dict[str, Match] = {}
        for match in self._all_matches(observation):
            known = found.get(match.indicator.id)
            if known is None or match.strength.rank > known.strength.rank:
                found[match.indicator.id] = match
        for identifier in found:
            self._matched[identifier] += 1
        return list(found.values())

    def _all_matches(self, seen: Observation) -> Iterator[Match]:
        if seen.url is not None:
            yield from self._url(seen, seen.url.full)
        yield from self._hits(seen)
        if seen.mention:
            return
        if seen.file is not None:
            yield from self._file(seen, seen.file)
        if seen.dll is not None:
            yield from self._file(seen, seen.dll)
        if seen.process is not None and seen.source == "processes":
            yield from self._process(seen)
        if seen.dns is not None:
            yield from self._dns(seen)
        if seen.destination is not None and seen.destination.ip and seen.source != "hosts_file":
            yield from self._address(seen, seen.destination.ip)
        if seen.pipe:
            self.compared("pipe")
            for hit in self._pipe_rules.scan(seen.pipe.encode("utf-8", "surrogatepass")):
                yield _made(seen, self._by_id[hit.indicator], "named pipe", seen.pipe)

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
                self.tested(indicator.id)
                kind = type_of(indicator)
                reason = seen.seen if seen.seen == kind else f"{seen.seen}: {kind}"
                yield _made(seen, indicator, reason, detail)
            else:
                reason = f"{seen.seen}: {_MENTIONED}"
                yield Match(seen, indicator, Strength.WEAK, reason, detail)

    def _file(self, seen: Observation, file: File | Dll) -> Iterator[Match]:
        word = "module" if isinstance(file, Dll) else _WORDS.get(seen.seen, "file")
        self.compared("file_name")
        self.compared("file_path")
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
        name = original_of_copy(folded.rpartition("\\")[2])
        for exact in self._exact_names.get(name, ()):
            yield _made(seen, exact, name_word, path)
        for globbed, pattern in self._glob_names:
            if pattern.match(name):
                yield _made(seen, globbed, name_word, path)
        for placed, pattern in self._paths:
            if pattern.search(folded):
                yield _made(seen, placed, path_word, path)

    def _hash(self, seen: Observation, digest: Hash, word: str) -> Iterator[Match]:
        for value in (digest.md5, digest.sha1, digest.sha256):
            if value is None:
                continue
            self._hashes_compared[len(value)] += 1
            for indicator in self._hashes.get(value, ()):
                yield _made(seen, indicator, f"{word} hash", value)

    def _pe(self, seen: Observation, pe: Pe, word: str) -> Iterator[Match]:
        for indicator in self._of(PeTrait):
            self.tested(indicator.id)
            if indicator.gate.machine not in (None, pe.machine):
                continue
            if indicator.value in pe.exports and not (
                indicator.only_export and len(pe.exports) > 1
            ):
                only = "only " if len(pe.exports) == 1 else ""
                yield _made(seen, indicator, f"{word} export", f"{only}export {indicator.value}")

    def _lnk(self, seen: Observation, lnk: Lnk) -> Iterator[Match]:
        fields = {
            "machine_id": lnk.machine_id,
            "mac": lnk.mac,
            "volume_serial": lnk.volume_serial,
            "droid_time": "" if lnk.droid_time is None else f"{lnk.droid_time:%Y-%m-%dT%H:%M:%SZ}",
            "droid_sequence": "" if lnk.droid_sequence is None else str(lnk.droid_sequence),
        }
        for indicator in self._of(LnkTrait):
            self.tested(indicator.id)
            value = fields.get(indicator.field, "")
            if indicator.field == "arguments":
                holds = normal_command(indicator.value) in normal_command(lnk.arguments)
            else:
                holds = value.casefold() == indicator.value.casefold()
            if holds:
                yield _made(
                    seen, indicator, f"shell link's {indicator.field}", value or lnk.arguments
                )
        if lnk.arguments:
            yield from self._command(seen, lnk.arguments, "shell link's arguments")

    def _process(self, seen: Observation) -> Iterator[Match]:
        process = seen.process
        assert process is not None
        if process.executable:
            self.compared("file_name")
            self.compared("file_path")
            yield from self._named(seen, process.executable, "image name", "image path")
        if process.hash is not None:
            yield from self._hash(seen, process.hash, "image")
        if process.command_line:
            yield from self._command(seen, process.command_line, "command line")

    def _command(self, seen: Observation, line: str, word: str) -> Iterator[Match]:
        self.compared("command_line")
        normal = normal_command(line)
        for indicator, pieces in self._commands:
            if command_holds(pieces, normal):
                yield _made(seen, indicator, word, line)
        for hit in self.scan(line.encode("utf-8", "surrogatepass")):
            mentioned = self._by_id.get(hit.indicator)
            if isinstance(mentioned, (FileName, Domain, Address, Url)):
                yield Match(seen, mentioned, Strength.WEAK, f"{word}: {_MENTIONED}", line)

    def _url(self, seen: Observation, url: str) -> Iterator[Match]:
        self.compared("url")
        folded = url.strip().casefold()
        for indicator in self._of(Url):
            if folded.startswith(indicator.value.casefold()):
                yield _made(seen, indicator, "URL", url)
        host = folded.partition("://")[2].partition("/")[0].rpartition("@")[2].partition(":")[0]
        if host:
            yield from self._domain(seen, host, "host of a URL")

    def _dns(self, seen: Observation) -> Iterator[Match]:
        dns = seen.dns
        assert dns is not None
        if seen.blocked:
            for match in self._domain(seen, dns.question, "blocked in the hosts file"):
                yield Match(seen, match.indicator, Strength.WEAK, match.reason, match.detail)
            return
        where = "in the hosts file" if seen.source == "hosts_file" else "in the DNS cache"
        yield from self._domain(seen, dns.question, where)
        for answer in dns.answers:
            yield from self._address(seen, answer)

    def _domain(self, seen: Observation, name: str, where: str) -> Iterator[Match]:
        self.compared("domain")
        folded = fold_domain(name)
        for indicator, domain in self._domains:
            if domain_covers(domain, folded):
                yield _made(seen, indicator, where, name)

    def _address(self, seen: Observation, text: str) -> Iterator[Match]:
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            for indicator, domain in self._domains:  # a CNAME's answer is a name
                if domain_covers(domain, fold_domain(text)):
                    yield _made(seen, indicator, "answer in the DNS cache", text)
            return
        self.compared("address")
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        for known, network in self._networks:
            if address in network:
                yield _made(seen, known, "address", text)

    # ---- Proof
    # ---------------------------------------------------------------------------------------

    def matches_text(self, indicator: Indicator, text: str) -> bool:
        """Whether the byte rules find this indicator in a text, in both encodings; for the
        loader's proof.
        """
        return all(
            any(hit.indicator == indicator.id for hit in self._rules.scan(data))
            for data in (text.encode(), text.encode("utf-16-le"))
        )


def _openers(indicators: Iterable[Indicator]) -> Iterator[FileIndicator]:
    """What files are opened for: of the hashes of one algorithm behind one gate the first stands
    for all, as their values are looked up."""
    known: set[tuple[int, str]] = set()
    for indicator in indicators:
        if isinstance(indicator, FileHash):
            kind = (len(indicator.value), repr(indicator.gate))
            if kind not in known:
                known.add(kind)
                yield indicator
        elif isinstance(indicator, (PeTrait, LnkTrait, Layout, Content, Certificate)):
            yield indicator


def _opens(gate: Gate, extension: str, size: int | None) -> bool:
    """A size that is not known may be any."""
    if gate.size is not None:
        return size is None or size == gate.size
    if size is not None and gate.min_size is not None and size < gate.min_size:
        return False
    if size is not None and gate.max_size is not None and size > gate.max_size:
        return False
    if gate.extensions:
        return extension in gate.extensions
    return gate.min_size is not None


def _made(seen: Observation, indicator: Indicator, reason: str, detail: str) -> Match:
    return Match(seen, indicator, indicator.strength, reason, detail)
