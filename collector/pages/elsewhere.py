"""Beside which facts of a report there is a way to "where else"."""

from __future__ import annotations

from ..terms import MAX_VALUE, Kind

_KINDS: dict[str, Kind] = {
    "File": "path", "Module": "path", "Registry": "path", "program": "path", "in archive": "path",
    "link to": "path",
    "SHA-256": "hash", "SHA-1": "hash", "MD5": "hash",
    "User": "user", "as": "user", "id": "user", "owner": "user",
    "DNS name": "domain", "name": "domain",
    "URL": "url", "came from": "url",
    "Named pipe": "name", "Scheduled task": "name", "Service": "name",
}  # fmt: skip
"""By the words that the pages have for it, see chain.py and sightings.py."""


def kind_of(words: str, text: str) -> str:
    """As what a fact can be searched for; empty: it cannot, or is cut."""
    return _KINDS.get(words, "") if text and len(text) < MAX_VALUE else ""


__all__ = ["kind_of"]
