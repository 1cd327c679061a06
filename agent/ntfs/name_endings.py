"""How the names of files end, in the bytes of a record."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable

DOT = b".\0"
_OTHERS = {"k": "\N{KELVIN SIGN}"}
"""The one character outside ASCII whose lower case is a letter of it."""


def ending(text: bytes) -> bytes:
    """The extension of a name in UTF-16, in lower case; empty for none."""
    dot = text.rfind(DOT)
    while dot & 1 and dot > 0:
        dot = text.rfind(DOT, 0, dot + 1)
    return text[dot:].lower() if dot >= 0 else b""


@functools.lru_cache(maxsize=16)
def endings(extensions: frozenset[str]) -> dict[bytes, str]:
    """Extensions by the bytes that :func:`ending` gives for them."""
    return {
        form.encode("utf-16-le"): extension
        for extension in extensions
        for form in _forms(extension)
    }


def _forms(extension: str) -> Iterable[str]:
    """An extension in all characters whose lower case is its: the Kelvin sign is a ``k``."""
    choices = [(c, *_OTHERS.get(c, "")) for c in extension]
    return ("".join(form) for form in itertools.product(*choices))
