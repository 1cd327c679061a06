"""What each source usually says of its object, and what belongs together."""

from __future__ import annotations

from msgspec import structs

from agent.matching.matcher import Match
from agent.model.objects import Destination
from agent.model.observation import Claim

CLAIMS = {
    "processes": Claim.RUNNING,
    "modules": Claim.LOADED,
    "memory": Claim.MENTIONED,
    "connections": Claim.CONNECTED,
    "dns_cache": Claim.RESOLVED,
    "hosts_file": Claim.RESOLVED,
    "usn_journal": Claim.WAS_THERE,
}


def together(*matches: Match) -> list[Match]:
    """The same matches, of sightings that share a name and so belong together."""
    shared = Destination(domain="together.example")
    return [
        structs.replace(match, observation=structs.replace(match.observation, destination=shared))
        for match in matches
    ]
