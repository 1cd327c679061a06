"""What each source usually says of its object."""

from __future__ import annotations

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
