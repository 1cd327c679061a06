"""What the reason of a match calls what was seen: by its claim and its objects, never by its
source."""

from __future__ import annotations

from ..model.objects import Dll, File
from ..model.observation import Claim, Observation


def file(seen: Observation, part: File | Dll) -> str:
    """``module``, ``directory``, ``deleted file``, ``file in event 11`` …"""
    if seen.event is not None:
        return f"{'module' if isinstance(part, Dll) else 'file'} in {seen.seen}"
    if isinstance(part, Dll):
        return "module"
    return seen.seen if seen.claim is Claim.WAS_THERE or seen.seen == "directory" else "file"


def name(seen: Observation) -> str:
    """Of a DNS name: ``in the DNS cache``, ``asked for, says event 22`` …"""
    if seen.event is not None:
        return f"asked for, says {seen.seen}"
    if seen.claim is Claim.BLOCKED:
        return f"blocked in the {seen.seen}"
    return f"in the {_first_words(seen)}"


def answer(seen: Observation) -> str:
    """Of a name that a DNS name leads to."""
    return f"answer in {'' if seen.event is not None else 'the '}{_first_words(seen)}"


def command(seen: Observation) -> str:
    """``command line``, ``command line in event 4688``, ``script in PowerShell event 4104`` …"""
    is_script = seen.event is not None and seen.event.is_script
    return process(seen, "script" if is_script else "command line")


def process(seen: Observation, part: str) -> str:
    """``image``, ``image in event 4688`` …"""
    if seen.claim is Claim.RUNNING:
        return part
    return f"{part} in {seen.seen}"


def _first_words(seen: Observation) -> str:
    return seen.seen.partition(",")[0]
