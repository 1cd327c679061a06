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
from ..model.objects import ARROW, Process
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
    own is in each part, behind its own. One part, if there are not several."""
    by_process = _by_process(matches)
    if len(by_process) < 2:
        return [matches]
    doers = _doers(by_process)
    if len(doers) < 2:
        return [matches]
    parts: dict[object, list[Match]] = {}
    for name in doers:
        parts.setdefault(_kind_of(name, by_process[name]), []).extend(by_process[name])
    apart = list(parts.values())
    rest = apart[MAX_APART - 1 :]
    if len(rest) > 1:
        apart[MAX_APART - 1 :] = [[match for part in rest for match in part]]
    own = {id(match) for part in apart for match in part}
    shared = [match for match in matches if id(match) not in own]
    named = [_named_by(part) for part in apart]
    owners = {id(match): _owners(match, named) for match in shared}
    return [
        [*part, *(match for match in shared if number in owners[id(match)])]
        for number, part in enumerate(apart)
    ]


class _Named(NamedTuple):
    """Files that processes have, or were started with."""

    paths: frozenset[str]
    lines: tuple[str, ...]


def _named_by(own: Sequence[Match]) -> _Named:
    seen = [match.observation for match in own]
    paths = frozenset(file_key(one.dll.path) for one in seen if one.dll is not None)
    lines = {one.process.command_line for one in seen if one.process is not None}
    return _Named(paths, tuple(map(fold, lines)))


def _owners(match: Match, named: Sequence[_Named]) -> Collection[int]:
    """Whose evidence it is: of a file, those that have it and no others, who came to it by the
    server that they share; of what nobody has, all."""
    file = match.observation.file
    if file is None or not file.path:
        return range(len(named))
    path = file_key(file.member_of.partition(ARROW)[0] or file.path)
    whole = fold(file.path)
    found = [
        number
        for number, one in enumerate(named)
        if path in one.paths or any(whole in line for line in one.lines)
    ]
    return found or range(len(named))


def _by_process(matches: Iterable[Match]) -> dict[str, list[Match]]:
    """Of those whose process can be told from others, by a name for it."""
    groups = Groups()
    keyed: list[tuple[str, Match]] = []
    for match in matches:
        seen = match.observation
        keys = () if seen.process is None else tuple(process_keys(seen, seen.process))
        if keys:
            keyed.append((keys[0], match))
            for key in keys[1:]:
                groups.join(keys[0], key)
    found: dict[str, list[Match]] = {}
    for key, match in keyed:
        found.setdefault(groups.find(key), []).append(match)
    return found


def _doers(by_process: dict[str, list[Match]]) -> list[str]:
    """Those that have the module or the connection, and those that were started to have it: of the
    same program, where any has it. Not who only started one of them."""
    having = [name for name, own in by_process.items() if _claims(own) & _HAS_IT]
    programs = {_program(_process_of(by_process[name])) for name in having}
    others = [
        name
        for name, own in by_process.items()
        if name not in having
        and any(m.observation.claim in _IS_IT and m.strength is not Strength.WEAK for m in own)
        and (not programs or _program(_process_of(own)) in programs)
    ]
    doers = sorted([*having, *others], key=list(by_process).index)
    pids = {
        (parent.pid, parent.start)
        for name in doers
        for match in by_process[name]
        for parent in (match.observation.process or Process()).parent
    }
    return [
        name
        for name in doers
        if name in having
        or not any((one.pid, start) in pids for one, start in _starts(by_process[name]))
    ]


def _starts(own: Sequence[Match]) -> Iterable[tuple[Process, object]]:
    for match in own:
        process = match.observation.process
        if process is not None and process.pid is not None:
            yield process, process.start
            yield process, None


def _claims(own: Sequence[Match]) -> set[Claim]:
    return {match.observation.claim for match in own}


def _process_of(own: Sequence[Match]) -> Process:
    """As whoever tells most of it describes it."""
    processes = [match.observation.process or Process() for match in own]
    return max(processes, key=lambda one: (bool(one.command_line), one.user is not None))


def _program(process: Process) -> str:
    return fold(base_name(process.executable or process.name))


def _kind_of(name: str, own: Sequence[Match]) -> object:
    """What is a finding: a process that is there now; of those remembered, all of one kind."""
    if any(_is_now(match.observation) for match in own):
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
