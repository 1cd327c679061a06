"""Whether the lines of a journal are the ones that were written, in their order.

Each has in its attestation the fingerprint of the line before (``prev_event``). What was cut off at
the end cannot be told: a sweep that was killed sooner leaves the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from .attestation import Sealed, Verify, chained, flaw_of_signature, has_member, unsealed

_PREVIOUS = re.compile(
    rb',"prev_event":\{"fingerprint":\{"algorithm":"SHA-256","algorithm_id":3,'
    rb'"value":"([0-9a-f]{64})"\}\}\Z'
)


class _Link(NamedTuple):
    number: int
    fingerprint: str
    previous: str
    """Empty: it says that it is the first."""


class ChainCheck:
    """Told line by line, from the first; a first one without an attestation begins no chain, and
    none follows it."""

    def __init__(self, keys: Mapping[str, Verify] | None) -> None:
        """``keys`` by their ids; None: only how the lines hang together is looked at."""
        self._keys = keys
        self._links: list[_Link] = []
        self._flaw = ""
        self.signed = False
        self.key = ""
        """Of the first line."""

    def add(self, number: int, line: bytes) -> None:
        """A whole line that is a record, whatever else it holds; ``number`` from 1 on."""
        sealed = unsealed(line.rstrip(b"\n"))
        if number == 1:
            self.signed = sealed is not None
            self.key = "" if sealed is None else sealed.key
            if sealed is None and has_member(line):
                self._flaw = "line 1: the attestation itself was changed"
        if self._flaw or (sealed is None and not self.signed):
            return
        if not self.signed:
            self._flaw = f"line 1 has no attestation, and line {number} has: it was changed"
        elif sealed is None:
            self._flaw = f"line {number} has no attestation: it was added or changed"
        elif why := self._wrong(sealed):
            self._flaw = f"line {number}{why}"
        else:
            before = _PREVIOUS.search(sealed.attested)
            link = before[1].decode() if before is not None else ""
            self._links.append(_Link(number, sealed.fingerprint, link))

    def _wrong(self, sealed: Sealed) -> str:
        if chained([sealed.attested]) != sealed.fingerprint:
            return " was changed"
        if sealed.key != self.key:
            return f": signed by another key than the first line, {sealed.key}"
        why = "" if self._keys is None else flaw_of_signature(sealed, self._keys)
        return f": {why}" if why else ""

    def flaw(self) -> str:
        """What is wrong, with the line; empty: nothing, or no chain is there."""
        last = ""
        places = {link.fingerprint: link.number for link in self._links}
        for link in self._links:
            if link.previous != last:
                return self._out_of_order(link, places)
            last = link.fingerprint
        return self._flaw

    def _out_of_order(self, link: _Link, places: Mapping[str, int]) -> str:
        belongs = places.get(link.previous, 0)
        if belongs > link.number:
            following = any(one.previous == link.fingerprint for one in self._links)
            swapped = following and belongs == link.number + 1
            if swapped:
                return f"lines {link.number} and {belongs} were swapped"
            return f"line {link.number} was moved: it followed what is now line {belongs}"
        if belongs:
            return f"line {link.number} is there twice, or lines before it were added"
        return f"before line {link.number}, lines were removed or changed"
