"""One finding for each process that has the thing: four implants with one DLL are four findings
that share it. A file that only some of them have is evidence of theirs alone.

Whoever started such a process, or only names the file, is evidence of its finding and none of its
own. What logs remember is apart by program, user, parent and command line: a thousand starts of
one task are one finding.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from ..matching.matcher import Match, fold
from ..model.objects import Process
from ..model.observation import Claim, Observation
from ..model.report import Strength
from ..spelling import base_name, normal_command
from .groups import Groups
from .keys import file_key, process_keys

MAX_APART = 256
"""Processes of one chain that get findings of their own; the others stay together."""
_HAS_IT = frozenset({Claim.LOADED, Claim.CONNECTED})
_IS_IT = frozenset({Claim.RUNNING, Claim.RAN})


def of_one_process_each(matches: list[Match]) -> list[list[Match]]:
    """The matches of one chain, divided by the processes that did it; what is no such process's
    own is in each part, behind its own. As they are, if there are not several."""
    by_process = _by_process(matches)
    doers = _doers(by_process)
    if len(doers) < 2:
        return [matches]
    parts: dict[object, list[_Sighting]] = {}
    for name in doers:
        parts.setdefault(_kind_of(name, by_process[name]), []).extend(by_process[name])
    apart = list(parts.values())
    rest = apart[MAX_APART - 1 :]
    if rest:
        apart[MAX_APART - 1 :] = [[seen for part in rest for seen in part]]
    own = {id(seen.match) for part in apart for seen in part}
    shared = [match for match in matches if id(match) not in own]
    named = [_named_by(part) for part in apart]
    owners = {id(match): _owners(match, named) for match in shared}
    return [
        [*(seen.match for seen in part), *(m for m in shared if number in owners[id(m)])]
        for number, part in enumerate(apart)
    ]


class _Sighting(NamedTuple):
    """Of a process that can be told from others."""

    match: Match
    process: Process

    @property
    def claim(self) -> Claim:
        return self.match.observation.claim


class _Named(NamedTuple):
    """Files that processes have, or were started with."""

    paths: frozenset[str]
    lines: frozenset[str]


def _named_by(own: Sequence[_Sighting]) -> _Named:
    modules = [seen.match.observation.dll for seen in own]
    paths = frozenset(file_key(one.path) for one in modules if one is not None)
    return _Named(paths, frozenset(fold(seen.process.command_line) for seen in own))


def _owners(match: Match, named: Sequence[_Named]) -> Collection[int]:
    """Whose evidence it is: of a file, those that have it and no others, who came to it by the
    server that they share; of what nobody has, all."""
    file = match.observation.file
    if file is None:
        return range(len(named))
    path = file_key(file.path)
    whole = fold(file.path)
    found = [
        number
        for number, one in enumerate(named)
        if path in one.paths or any(whole in line for line in one.lines)
    ]
    return found or range(len(named))


def _by_process(matches: Iterable[Match]) -> dict[str, list[_Sighting]]:
    """Of those whose process can be told from others, by a name for it."""
    groups = Groups()
    keyed: list[tuple[str, _Sighting]] = []
    for match in matches:
        process = match.observation.process
        if process is None:
            continue
        keys = list(process_keys(match.observation, process))
        if keys:
            name = keys.pop()
            keyed.append((name, _Sighting(match, process)))
            for key in keys:
                groups.join(name, key)
    found: dict[str, list[_Sighting]] = {}
    for key, seen in keyed:
        found.setdefault(groups.find(key), []).append(seen)
    return found


def _doers(by_process: dict[str, list[_Sighting]]) -> list[str]:
    """Those that have the module or the connection, and those that were started to have it: of the
    same program, where any has it. Not who only started one of them."""
    having = [name for name, own in by_process.items() if any(one.claim in _HAS_IT for one in own)]
    programs = {_program(_process_of(by_process[name])) for name in having}
    others = [
        name
        for name, own in by_process.items()
        if name not in having
        and any(one.claim in _IS_IT and one.match.strength is not Strength.WEAK for one in own)
        and (not programs or _program(_process_of(own)) in programs)
    ]
    doers = sorted([*having, *others], key=list(by_process).index)
    pids = {
        (parent.pid, parent.start)
        for name in doers
        for seen in by_process[name]
        for parent in seen.process.parent
    }
    return [
        name
        for name in doers
        if name in having
        or not any((one.pid, start) in pids for one, start in _starts(by_process[name]))
    ]


def _starts(own: Sequence[_Sighting]) -> Iterable[tuple[Process, object]]:
    for _, process in own:
        if process.pid is not None:
            yield process, process.start
            yield process, None


def _process_of(own: Sequence[_Sighting]) -> Process:
    """As whoever tells most of it describes it."""
    return max(
        (seen.process for seen in own),
        key=lambda one: (bool(one.command_line), one.user is not None),
    )


def _program(process: Process) -> str:
    return fold(base_name(process.executable or process.name))


def _kind_of(name: str, own: Sequence[_Sighting]) -> object:
    """What is a finding: a process that is there now; of those remembered, all of one kind."""
    if any(_is_now(seen.match.observation) for seen in own):
        return name
    process = _process_of(own)
    return (
        _program(process),
        "" if process.user is None else fold(process.user.name) or process.user.id,
        fold(process.parent[0].name) if process.parent else "",
        normal_command(process.command_line),
    )


def _is_now(seen: Observation) -> bool:
    return seen.event is None and seen.claim is not Claim.RAN
