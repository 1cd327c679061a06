"""Which observations belong together, and what they prove together.

Observations share *keys*: a process, a file, a name, an address. Whatever is connected through
keys is
one chain, and one chain is one finding, however many sightings it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from ..engine.texts import PathsWithin
from ..indicators import Address, ChainRule, Clause, Content, Domain, Layout
from ..matching.hidden_commands import readings
from ..matching.matcher import Match, fold, fold_domain
from ..model.observation import Claim, Observation
from ..model.report import Strength
from ..spelling import base_name
from .keys import file_key, keys_of
from .main_object import key_of


class Chain(Struct):
    """Matches that belong together, and the rules that hold on all of them."""

    matches: list[Match]
    rules: list[ChainRule]

    @property
    def observations(self) -> list[Observation]:
        """Each once, in the order seen."""
        return list({id(m.observation): m.observation for m in self.matches}.values())


class _Groups:
    """Union-find over keys."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, key: str) -> str:
        parent = self._parent.setdefault(key, key)
        while parent != self._parent[parent]:
            self._parent[parent] = parent = self._parent[self._parent[parent]]
        self._parent[key] = parent
        return parent

    def join(self, first: str, second: str) -> None:
        self._parent[self.find(first)] = self.find(second)


def build(matches: Sequence[Match], rules: Sequence[ChainRule]) -> list[Chain]:
    """Matches in, chains out, in the order of their first match; ``rules``: of all packs."""
    matches = _explained(matches)
    groups = _Groups()
    keys: dict[int, str] = {}
    for match in matches:
        own = keys_of(match.observation)
        keys[id(match.observation)] = own[0]
        for key in own[1:]:
            groups.join(own[0], key)
    _join_command_lines(matches, keys, groups)
    _join_resolutions(matches, keys, groups)
    by_root: dict[str, Chain] = {}
    for match in matches:
        root = groups.find(keys[id(match.observation)])
        by_root.setdefault(root, Chain([], [])).matches.append(match)
    chains = _of_one_thing_each(list(by_root.values()))
    for chain in chains:
        chain.rules.extend(rule for rule in rules if _holds(rule, chain))
    return chains


def _of_one_thing_each(chains: list[Chain]) -> list[Chain]:
    """What shares no key but is about the same (a command that was typed twice) is one finding: of
    two with one id nobody could tell which an analyst meant."""
    while True:
        by_thing: dict[str, Chain] = {}
        for chain in chains:
            known = by_thing.setdefault(key_of(chain.observations), chain)
            if known is not chain:
                known.matches.extend(chain.matches)
        if len(by_thing) == len(chains):
            return chains
        chains = list(by_thing.values())


def _explained(matches: Sequence[Match]) -> list[Match]:
    """A name that the hosts file blocks is in the DNS cache because of the block: weak there. Not
    where somebody's asking for it was logged."""
    blocked = {
        fold_domain(match.observation.dns.question)
        for match in matches
        if match.observation.claim is Claim.BLOCKED and match.observation.dns
    }
    return [
        Match(
            m.observation,
            m.indicator,
            Strength.WEAK,
            f"{m.reason}; the hosts file blocks it",
            m.detail,
        )
        if _only_by_block(m.observation, blocked)
        else m
        for m in matches
    ]


_BLOCKS = frozenset({"0.0.0.0", "::", "127.0.0.1", "::1"})  # noqa: S104 - what a sinkhole answers


def _only_by_block(seen: Observation, blocked: set[str]) -> bool:
    return (
        seen.claim is Claim.RESOLVED
        and seen.event is None
        and seen.dns is not None
        and fold_domain(seen.dns.question) in blocked
        and _BLOCKS.issuperset(seen.dns.answers)
    )


def _join_command_lines(matches: Sequence[Match], keys: Mapping[int, str], groups: _Groups) -> None:
    """A process belongs with the matched file whose path stands in its command line."""
    seen = {id(match.observation): match.observation for match in matches}.values()
    files: dict[str, list[str]] = {}
    for one in seen:
        if one.file and not one.file.member_of:
            path = file_key(one.file.path).removeprefix("file:")
            files.setdefault(path, []).append(keys[id(one)])
    paths = PathsWithin(path for path in files if path)
    for one in seen:
        for path in paths.of(fold(_command_line(one).replace("/", "\\"))):
            for file in files[path]:
                groups.join(keys[id(one)], file)


def _command_line(seen: Observation) -> str:
    """Of a process that was seen as such, with what it hides; empty if there is none."""
    if seen.process is None or seen.mention:
        return ""
    return "\n".join(one.text for one in readings(seen.process.command_line))


def _join_resolutions(matches: Sequence[Match], keys: Mapping[int, str], groups: _Groups) -> None:
    """A cached name belongs with the connection to the address that the pack knows it by."""
    contacted: dict[str, list[str]] = {}
    for match in matches:
        if isinstance(match.indicator, Address) and match.observation.claim is Claim.CONNECTED:
            contacted.setdefault(match.indicator.id, []).append(keys[id(match.observation)])
    for match in matches:
        if isinstance(match.indicator, Domain) and match.observation.claim is Claim.RESOLVED:
            for address in match.indicator.resolves_to:
                for connection in contacted.get(address, ()):
                    groups.join(connection, keys[id(match.observation)])


def _holds(rule: ChainRule, chain: Chain) -> bool:
    if rule.process and not any(_is_process(m.observation, rule.process) for m in chain.matches):
        return False
    if not rule.same_file:
        return all(_clause(clause, chain.matches) for clause in rule.all)
    by_file: dict[str, list[Match]] = {}
    for match in chain.matches:
        path = match.observation.file or match.observation.dll
        if path:
            by_file.setdefault(file_key(path.path), []).append(match)
    return any(all(_clause(clause, own) for clause in rule.all) for own in by_file.values())


def _clause(clause: Clause, matches: Iterable[Match]) -> bool:
    return any(
        match.indicator.id in clause.any
        and (not clause.sources or match.observation.source in clause.sources)
        and (not clause.claims or match.observation.claim in clause.claims)
        and (bool(clause.sources or clause.claims) or _is_real(match))
        for match in matches
    )


def _is_real(match: Match) -> bool:
    """Whether the thing itself was seen, not a text about it."""
    return not match.observation.mention or isinstance(match.indicator, (Content, Layout))


def _is_process(seen: Observation, names: Sequence[str]) -> bool:
    process = seen.process
    if process is None:
        return False
    own = {
        fold(base_name(process.executable)),
        fold(process.name),
        fold(process.original_file_name).removesuffix(".MUI"),
    }
    return any(fold(name) in own for name in names)
