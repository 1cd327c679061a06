"""Which observations belong together, and what they prove together.

Observations share *keys*: a process, a file, a name, an address. Whatever is connected through
keys is
one chain, and one chain is one finding, however many sightings it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta

from msgspec import Struct

from ..engine.texts import PathsWithin
from ..indicators import Address, ChainRule, Clause, CommandLine, Content, Domain, Layout
from ..matching.hidden_commands import readings
from ..matching.matcher import Match, fold, fold_domain
from ..model.objects import File, Parent
from ..model.observation import Claim, Observation, utc
from ..model.report import Strength
from ..spelling import base_name, plain_address
from .groups import Groups
from .implants import of_one_process_each
from .keys import file_key
from .main_object import best_objects, key_of
from .same_paths import SamePaths

AT_ONCE = timedelta(hours=1)
"""A shell has started what its command says by then; a pid is given anew later."""


class Chain(Struct):
    """Matches that belong together, and the rules that hold on all of them."""

    matches: list[Match]
    rules: list[ChainRule]
    apart: str = ""
    """What tells the file that it is about from others on the same path, if there are any."""

    is_of_process: bool = False
    """Whether it is one of several that share a file, each of a process."""

    @property
    def key(self) -> str:
        """What the id of its finding is made of."""
        return key_of(self.observations, of_process=self.is_of_process) + self.apart

    @property
    def observations(self) -> list[Observation]:
        """Each once, in the order seen."""
        return list({id(m.observation): m.observation for m in self.matches}.values())


def build(matches: Sequence[Match], rules: Sequence[ChainRule]) -> list[Chain]:
    """Matches in, chains out, in the order of their first match; ``rules``: of all packs."""
    matches = _explained(matches)
    paths = SamePaths(matches)
    groups = Groups()
    keys: dict[int, str] = {}
    for match in matches:
        own = paths.keys(match.observation)
        keys[id(match.observation)] = own[0]
        for key in own[1:]:
            groups.join(own[0], key)
    _join_command_lines(matches, keys, groups, paths)
    _join_starters(matches, keys, groups)
    _join_resolutions(matches, keys, groups)
    by_root: dict[str, list[Match]] = {}
    for match in matches:
        by_root.setdefault(groups.find(keys[id(match.observation)]), []).append(match)
    chains = _of_one_thing_each(
        [chain for together in by_root.values() for chain in _chains_of(together, paths)]
    )
    for chain in chains:
        chain.rules.extend(rule for rule in rules if _holds(rule, chain))
    return chains


def _chains_of(together: list[Match], paths: SamePaths) -> list[Chain]:
    parts = of_one_process_each(together)
    if len(parts) > 1:
        return [Chain(part, [], is_of_process=True) for part in parts]
    chain = Chain(together, [])
    if chain.key.startswith("file:"):
        chain.apart = paths.apart(best_objects(chain.observations).file)
    return [chain]


def _of_one_thing_each(chains: list[Chain]) -> list[Chain]:
    """What shares no key but is about the same (a command that was typed twice) is one finding: of
    two with one id nobody could tell which an analyst meant."""
    while True:
        by_thing: dict[str, Chain] = {}
        for chain in chains:
            known = by_thing.setdefault(chain.key, chain)
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
        and _BLOCKS.issuperset(map(plain_address, seen.dns.answers))
    )


def _join_command_lines(
    matches: Sequence[Match], keys: Mapping[int, str], groups: Groups, same: SamePaths
) -> None:
    """A process belongs with the matched file or module whose path stands in its command line."""
    seen = {id(match.observation): match.observation for match in matches}.values()
    files: dict[str, list[Observation]] = {}
    for one in seen:
        for part in (one.file, one.dll):
            if part is not None and not (isinstance(part, File) and part.member_of):
                path = file_key(part.path).removeprefix("file:")
                files.setdefault(path, []).append(one)
    paths = PathsWithin(path for path in files if path)
    for one in seen:
        if one.process is None or one.mention:
            continue
        for _, line in readings(one.process.command_line):
            for path in paths.of(fold(line.replace("/", "\\"))):
                for file in same.named(path, line, files[path]):
                    groups.join(keys[id(one)], keys[id(file)])


def _join_starters(matches: Sequence[Match], keys: Mapping[int, str], groups: Groups) -> None:
    """A process belongs with the one that started it by the very command that it runs by, however
    each of the two spells it: a shell writes variables out."""
    started: dict[tuple[str, int], list[Observation]] = {}
    commanded = [match for match in matches if isinstance(match.indicator, CommandLine)]
    for match in commanded:
        process = match.observation.process
        if process is not None and process.pid is not None:
            key = match.indicator.id, process.pid
            started.setdefault(key, []).append(match.observation)
    for match in commanded:
        process = match.observation.process
        for parent in process.parent[:1] if process is not None else ():
            for other in started.get((match.indicator.id, parent.pid or 0), ()):
                if _is_starter(other, parent, match.observation):
                    groups.join(keys[id(match.observation)], keys[id(other)])


def _is_starter(seen: Observation, parent: Parent, child: Observation) -> bool:
    """Whether the process that was seen is this parent, and not another one that had its pid."""
    process, of = seen.process, child.process
    if process is None or of is None or seen.source != child.source:
        return False
    name = fold(base_name(parent.executable or parent.name))
    if name and name != fold(base_name(process.executable or process.name)):
        return False
    if process.start is None or of.start is None:
        return False
    if parent.start is not None:
        return utc(parent.start) == utc(process.start)
    return timedelta(0) <= utc(of.start) - utc(process.start) <= AT_ONCE


def _join_resolutions(matches: Sequence[Match], keys: Mapping[int, str], groups: Groups) -> None:
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
        and (Claim.MENTIONED in clause.claims or _is_real(match))
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
