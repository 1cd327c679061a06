"""What tells one thing from another: keys that sightings of it share, and the id of its finding."""

from __future__ import annotations

import uuid
from datetime import datetime

from ..matching.matcher import fold, fold_domain
from ..model.codec import to_json

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:iocsweep:finding")


def finding_id(host: str, indicator: str, place: str) -> str:
    """UUIDv5 of host, indicator and place: the same thing has the same id in every sweep."""
    key = to_json([host, indicator, place]).decode("ascii")
    return str(uuid.uuid5(_NAMESPACE, key))


def file_key(path: str) -> str:
    """Of a file, however the path is written: case, slashes, ``\\\\?\\`` and a UNC prefix do not
    count.
    """
    folded = fold(path.replace("/", "\\"))
    for prefix in ("\\\\?\\UNC\\", "\\\\?\\"):
        if folded.startswith(prefix):
            folded = ("\\\\" if prefix.endswith("UNC\\") else "") + folded[len(prefix) :]
            break
    return f"file:{folded}"


def process_key(pid: int, start: datetime | None = None) -> str:
    """Of a process; its start tells two users of one pid apart."""
    return f"process:{pid}:{0 if start is None else int(start.timestamp())}"


def domain_key(name: str) -> str:
    """Of a DNS name, folded."""
    return f"domain:{fold_domain(name)}"


def address_key(address: str) -> str:
    """Of an IP address."""
    return f"address:{address.casefold()}"
