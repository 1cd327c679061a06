"""How long a host waits before its sweep: a fleet started at once must not sweep at once."""

from __future__ import annotations

import hashlib


def splay_s(window: tuple[float, float], host_id: str, sweep_id: str | None) -> float:
    """Seconds within ``window``, always the same for one host and sweep, evenly spread over hosts.

    The sweep's id takes part, so that it is not always the same host that is last.
    """
    seed = f"{host_id}\n{sweep_id or ''}".encode("utf-8", "surrogatepass")
    part = int.from_bytes(hashlib.sha256(seed).digest()[:8], "big") / 2**64
    low, high = window
    return low + (high - low) * part
