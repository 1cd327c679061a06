"""Indicators as one YARA-X rule set, and what its matches say.

Names, domains, addresses, URLs, command lines, contents and pipes are looked for in raw bytes in
ASCII
and UTF-16; the operator's own rules run in the same pass.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import yara_x
from msgspec import Struct

from .indicators import (
    Address,
    CommandLine,
    Content,
    Domain,
    FileName,
    Indicator,
    Pipe,
    Url,
)
from .model import ByteHit, Strength
from .patterns import command_regex, glob_bytes_regex, is_glob

SCAN_TIMEOUT_S = 60
_EXCERPT = 96
_MAX_HITS = 256


class RulesError(Exception):
    """A rule file or a pattern does not compile; the message names the file or the indicator."""


class UserRule(Struct, frozen=True):
    """One of the operator's own rules."""

    id: str
    strength: Strength
    description: str


class ScanFailed(Exception):
    """The scanner gave up on these bytes (time); the reason is for the coverage."""


def _quoted(text: str) -> str:
    encoded = []
    for character in text:
        if character in '"\\':
            encoded.append("\\" + character)
        elif 32 <= ord(character) < 127:
            encoded.append(character)
        else:
            encoded.extend(f"\\x{byte:02x}" for byte in character.encode())
    return '"' + "".join(encoded) + '"'


def patterns_of(indicator: Indicator) -> list[str]:
    """YARA patterns, all of which must occur; empty when bytes cannot tell."""
    text, fullword = "nocase ascii wide", "nocase ascii wide fullword"
    if isinstance(indicator, FileName):
        if is_glob(indicator.value):
            return [f"/{glob_bytes_regex(indicator.value)}/ {text}"]
        return [f"{_quoted(indicator.value)} {fullword}"]
    if isinstance(indicator, (Domain, Url)):
        return [f"{_quoted(indicator.value)} {fullword if isinstance(indicator, Domain) else text}"]
    if isinstance(indicator, Address):
        return [] if "/" in indicator.value else [f"{_quoted(indicator.value)} {fullword}"]
    if isinstance(indicator, CommandLine):
        pieces = [indicator.value] if isinstance(indicator.value, str) else indicator.value
        return [f"/{command_regex(piece)}/ {text}" for piece in pieces]
    if isinstance(indicator, Content):
        if indicator.match == "hex":
            return [f"{{ {indicator.value} }}"]
        body = (
            f"/{_regex(indicator.value)}/"
            if indicator.match == "regex"
            else _quoted(indicator.value)
        )
        return [f"{body} {text}"]
    if isinstance(indicator, Pipe):
        return [f"/{_regex(indicator.value)}/ ascii wide"]
    return []


def _regex(value: str) -> str:
    return value.replace("\\/", "/").replace("/", "\\/")


class ByteRules:
    """The compiled rules. Building takes milliseconds per hundred indicators."""

    def __init__(self, indicators: Sequence[Indicator], rule_files: Iterable[Path] = ()) -> None:
        compiler = yara_x.Compiler()
        self._ids: dict[str, str] = {}
        compiler.new_namespace("pack")
        for number, indicator in enumerate(indicators):
            patterns = patterns_of(indicator)
            if not patterns:
                continue
            name = f"i{number}"
            self._ids[name] = indicator.id
            strings = "\n".join(f"  $p{n} = {pattern}" for n, pattern in enumerate(patterns))
            source = f"rule {name} {{ strings:\n{strings}\n condition: all of them }}"
            try:
                compiler.add_source(source)
            except yara_x.CompileError as error:
                raise RulesError(f"indicator {indicator.id}: {_first_line(error)}") from error
        self.scanned = frozenset(self._ids.values())
        self.user_rules: dict[str, UserRule] = {}
        self.compiled: list[str] = []
        """Tells the operator's own rules from others, with all that they include: their hashes."""
        for path in rule_files:
            self._add_user_rules(compiler, path)
        self._rules = compiler.build()
        self._own = threading.local()
        """Of each thread: a scanner is bound to the one that made it."""

    def _scanner(self) -> yara_x.Scanner:
        scanner: yara_x.Scanner | None = getattr(self._own, "scanner", None)
        if scanner is None:
            scanner = yara_x.Scanner(self._rules)
            scanner.set_timeout(SCAN_TIMEOUT_S)
            scanner.max_matches_per_pattern(16)
            self._own.scanner = scanner
        return scanner

    def _add_user_rules(self, compiler: yara_x.Compiler, path: Path) -> None:
        try:
            source = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise RulesError(f"{path}: {error}") from error
        namespace = f"rules/{path.name}"
        compiler.new_namespace(namespace)
        try:
            compiler.add_source(source, origin=str(path))
            probe = yara_x.compile(source)
        except yara_x.CompileError as error:
            raise RulesError(f"{path}: {_first_line(error)}") from error
        self.compiled.append(_hash_of(probe))
        for rule in probe:
            meta = dict(rule.metadata)
            rule_id = f"{namespace}:{rule.identifier}"
            self.user_rules[rule_id] = UserRule(
                rule_id, _strength(meta), str(meta.get("description", rule.identifier))
            )

    def scan(self, data: bytes) -> list[ByteHit]:
        """Each indicator at its first place; by any thread.

        Raises ScanFailed when time runs out.
        """
        try:
            results = self._scanner().scan(data)
        except (yara_x.TimeoutError, yara_x.ScanError) as error:
            raise ScanFailed(str(error)) from error
        hits = []
        for rule in results.matching_rules:
            places = [(m.offset, m.length) for pattern in rule.patterns for m in pattern.matches]
            offset, length = min(places, default=(0, 0))
            identifier = (
                self._ids[rule.identifier]
                if rule.namespace == "pack"
                else f"{rule.namespace}:{rule.identifier}"
            )
            hits.append(ByteHit(identifier, offset, excerpt(data, offset, length)))
            if len(hits) >= _MAX_HITS:
                break
        return hits


def _hash_of(rules: yara_x.Rules) -> str:
    compiled = io.BytesIO()
    rules.serialize_into(compiled)
    return hashlib.sha256(compiled.getbuffer()).hexdigest()


def excerpt(data: bytes, offset: int, length: int) -> str:
    """The line around a hit as text, whichever of ASCII and UTF-16 it is in."""
    wide = data[offset + 1 : offset + 2] == b"\0"
    start = max(0, offset - _EXCERPT)
    if wide and (offset - start) % 2:
        start += 1
    piece = data[start : offset + min(length, 256) + _EXCERPT]
    text = piece.decode("utf-16-le" if wide else "utf-8", errors="replace")
    middle = (offset - start) // (2 if wide else 1)
    lead = max(text.rfind("\n", 0, middle), text.rfind("\0", 0, middle)) + 1
    tail = min(
        (p for p in (text.find("\n", middle), text.find("\0", middle)) if p >= 0), default=None
    )
    return text[lead:tail].strip()[:256]


def _strength(meta: dict[str, object]) -> Strength:
    """From the rule's ``strength``, or Loki's and THOR's habit of a ``score``; strong otherwise."""
    try:
        return Strength(str(meta.get("strength", "")))
    except ValueError:
        score = meta.get("score")
        return Strength.WEAK if isinstance(score, int) and score < 75 else Strength.STRONG


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:4])
