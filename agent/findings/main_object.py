"""What a finding is about: of each kind of object the one that is known best."""

from __future__ import annotations

from collections.abc import Sequence

from ..model.objects import File, Objects, Part, Process, objects_of
from ..model.observation import Claim, Observation, telling
from .keys import main_key, process_key

_ITSELF = frozenset({Claim.RUNNING, Claim.RAN})
_WHO_DID_IT = (
    frozenset({Claim.LOADED}),
    frozenset({Claim.CONNECTED}),
    _ITSELF,
    frozenset({Claim.MENTIONED}),
)
"""Whose process a finding is about, best first."""


def best_objects(observations: Sequence[Observation]) -> Objects:
    """What the finding shows: of each kind the one that is known best."""
    best: dict[str, Part] = {}
    for seen in observations:
        best = {**objects_of(seen), **best}
    if (process := _main_process(observations)) is not None:
        best["process"] = process
    if (file := _best_file(observations)) is not None:
        best["file"] = file
    return Objects(**best)  # type: ignore[arg-type]


def shown_objects(observations: Sequence[Observation]) -> Objects:
    """As :func:`best_objects`; no event where there are several, as none of them is best."""
    best = best_objects(observations)
    events = [seen.event for seen in observations if seen.event is not None]
    if any(event != best.event for event in events):
        best.event = None
    return best


def key_of(observations: Sequence[Observation], *, of_process: bool = False) -> str:
    """What its id is made of: what is about the same has the same key. ``of_process``: it is about
    the process whatever else there is."""
    objects = best_objects(observations)
    if of_process:
        objects.file = None
    event = next((seen for seen in observations if seen.event is not None), None)
    when = None if event is None else next(iter(telling(event.moments)), None)
    return main_key(objects, min(seen.place.text for seen in observations), when)


def _main_process(observations: Sequence[Observation]) -> Process | None:
    """The one that has the module, or the connection; not one that only names it, such as the shell
    that started it. As the processes source describes it, if that saw it too. None, if none of them
    did anything: the first is as good as any.
    """
    seen = [(one.claim, one.process) for one in observations if one.process is not None]
    # Before what tells no process from another: prefetch, which program loads the DLL at all.
    known = [pair for pair in seen if pair[1].entity_id or pair[1].pid is not None]
    for told in (known, seen):
        for claims in _WHO_DID_IT[: 3 if told is known else None]:
            doing = [process for claim, process in told if claim in claims]
            if doing:
                first = next((one for one in doing if not _has_started(one, doing)), doing[0])
                own = [pair for pair in seen if _is_same(pair[1], first)]
                return min(own, key=lambda pair: pair[0] not in _ITSELF)[1]
    return None


def _has_started(one: Process, others: Sequence[Process]) -> bool:
    """Whether it is the parent of another one."""
    if one.pid is None:
        return False
    parents = (parent for other in others for parent in other.parent[:1])
    return any(
        parent.pid == one.pid
        and (parent.start is None or one.start is None or parent.start == one.start)
        for parent in parents
    )


def is_its(seen: Observation, process: Process) -> bool:
    """Whether the process was seen there."""
    return seen.process is not None and _is_same(seen.process, process)


def _is_same(one: Process, other: Process) -> bool:
    """One pid may have been two processes'."""
    if one.entity_id and other.entity_id:
        return one.entity_id == other.entity_id
    if one.pid is None or one.pid != other.pid:
        return one is other
    if one.start is None or other.start is None:
        return True
    return process_key(one.pid, one.start) == process_key(one.pid, other.start)


def _best_file(observations: Sequence[Observation]) -> File | None:
    """The file that is known best: with hashes, not the member of an archive."""
    files = [seen.file for seen in observations if seen.file is not None]
    return max(files, key=lambda f: (f.hash is not None, not f.member_of), default=None)
