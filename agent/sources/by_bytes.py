"""What is told of a file by its bytes alone, and what of it the agent itself left there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ..model.observation import Claim, Observation
from .places import byte_in

if TYPE_CHECKING:
    from ..matching.matcher import Matcher
    from ..matching.own_traces import Own
    from ..model.observation import ByteHit
    from ..targets.evidence import EvidenceFile


class Named(Protocol):
    """An artefact, as far as its words go."""

    name: str
    kind: str


def raw_mention(
    artefact: Named,
    file: EvidenceFile,
    hits: Sequence[ByteHit],
    offset: int,
    remarks: tuple[str, ...] = (),
) -> Observation:
    """That something is mentioned in a file; ``offset``: in it, of the first hit."""
    return Observation(
        source=artefact.name,
        seen=f"{artefact.kind}, by its bytes",
        claim=Claim.MENTIONED,
        place=byte_in(file, offset),
        hits=tuple(hits),
        remarks=remarks,
    )


def is_own(seen: Observation, own: Own, matcher: Matcher) -> bool:
    """Whether the agent itself left it there."""
    if seen.process is not None and own.has_file(seen.process.executable):
        return True
    mentions = [hit for hit in seen.hits if matcher.is_mention(hit)]
    return (
        seen.claim in (Claim.MENTIONED, Claim.LOGGED)
        and bool(mentions)
        and len(mentions) == len(seen.hits)
        and all(own.has_text(hit.excerpt) for hit in mentions)
    )
