"""What a sighting shares with its finding: a report has it once, at the finding.

What is left out of a sighting and what a reader puts back are one rule, so that a pipe does not
become the file that its finding is about, nor a packet the doing of a program.
"""

from __future__ import annotations

from .objects import Objects, Part, objects_of
from .observation import Claim
from .report import Evidence

MAIN: dict[Claim | None, tuple[str, ...]] = {
    Claim.EXISTS: ("file", "registry", "task", "service", "pipe"),
    Claim.RUNNING: ("process",),
    Claim.LOADED: ("dll", "process"),
    Claim.RAN: ("dll", "process", "task", "service"),
    Claim.CONNECTED: ("destination", "dns", "process"),
    Claim.RESOLVED: ("dns",),
    Claim.VISITED: ("url",),
    Claim.DOWNLOADED: ("file", "url"),
    Claim.WAS_THERE: ("file", "pipe", "registry", "task", "service"),
    Claim.BLOCKED: ("dns", "file", "url", "process", "registry"),
}
"""What a claim speaks of, by name; what says most first."""
OTHERS = ("file", "dll", "process", "dns", "destination", "url", "registry", "pipe", "task")
_SHARED: dict[Claim | None, tuple[str, ...]] = {Claim.RAN: ("process", "dll", "task", "service")}
"""Where what a sighting shares with its finding is another thing first than what it has itself."""
_BY_A_PROCESS = (Claim.LOADED, Claim.RAN)
"""What no record of can be without the process that did it."""


def seen_objects(shown: Objects, evidence: Evidence) -> Objects:
    """All that a sighting is about: what it has itself, and what it shares with its finding, which
    ``shown`` has. What its claim does not speak of is not taken from there."""
    own: dict[str, Part] = objects_of(evidence)
    main = _SHARED.get(evidence.claim) or MAIN.get(evidence.claim, OTHERS)
    if evidence.claim is Claim.LOADED and shown.dll is not None:
        own.setdefault("dll", shown.dll)
    if not own.keys() & set(main):
        shared = next((name for name in main if getattr(shown, name) is not None), None)
        if shared is not None:
            own[shared] = getattr(shown, shared)
    if evidence.claim in _BY_A_PROCESS and shown.process is not None:
        own.setdefault("process", shown.process)
    return Objects(**own)  # type: ignore[arg-type]


def leave_out_shared(evidence: Evidence, shown: Objects) -> None:
    """Take from a sighting what the finding shows too, as far as a reader puts it back."""
    whole = objects_of(evidence)
    for name, part in whole.items():
        if part == getattr(shown, name):
            setattr(evidence, name, None)
    while lost := _lost(whole, seen_objects(shown, evidence)):
        setattr(evidence, lost, whole[lost])


def _lost(whole: dict[str, Part], seen: Objects) -> str:
    """The first that is not put back."""
    return next((name for name, part in whole.items() if getattr(seen, name) != part), "")
