"""What hosts are called, and when two names are one: when they are listed, reported and searched.

In any case of letters, with or without the dot at the end of a whole name, and however their
letters are composed (``é`` is one character or two).
"""

from __future__ import annotations

from unicodedata import normalize


def folded(text: str) -> str:
    """In one case and composition: of a name, or of how one begins."""
    if text.isascii():
        return text.casefold()
    return normalize("NFC", normalize("NFD", text).casefold())


def name_key(text: str) -> str:
    """By which a name is known; empty: it is none."""
    return folded(text).rstrip(".")


def short_of(key: str) -> str:
    """The first part of a whole name, by its key; of a short one all of it."""
    return key.partition(".")[0]


def name_keys(name: str, fqdn: str, domain: str) -> tuple[str, str]:
    """What a list of expected hosts may call a host that says this of itself: the short name, and
    the whole one if it is known."""
    short = name_key(name)
    if whole := name_key(fqdn):
        return short, whole
    behind = name_key(domain)
    return short, f"{short}.{behind}" if "." in behind else ""


__all__ = ["folded", "name_key", "name_keys", "short_of"]
