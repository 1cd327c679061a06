"""What a self-test plants and looks for: made of chance at each run, and of nothing else.

No value is one of a campaign, none is known to any pack, and none names this program: what does is
taken for its own traces (``matching/own_traces.py``) and left out.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

LEAST = 2
"""The last octets of an address: 0, 1 and 255 may mean something of their own."""


class Marks(NamedTuple):
    """The values of one run."""

    word: str
    """Begins every name and text: ``selfcheck-0d6f5e2a91c3``."""

    @classmethod
    def made(cls) -> Marks:
        """Others at each call."""
        return cls(f"selfcheck-{secrets.token_hex(6)}")

    @property
    def address(self) -> str:
        """One of this machine's own (RFC 1122, 3.2.1.3: all of 127.0.0.0/8 is loopback)."""
        digits = bytes.fromhex(self.word.rpartition("-")[2])
        return "127." + ".".join(str(LEAST + digit % 250) for digit in digits[:3])

    @property
    def domain(self) -> str:
        """A name that there can never be (RFC 6761, 6.4); it is written and never asked for."""
        return f"{self.word}.invalid"

    @property
    def url(self) -> str:
        """Below that name."""
        return f"https://{self.domain}/{self.word}-path"

    @property
    def text(self) -> str:
        """Of a content indicator."""
        return f"{self.word}-text"

    @property
    def command(self) -> str:
        """Of a command line."""
        return f"{self.word}-command"

    @property
    def pipe(self) -> str:
        """The name of a pipe."""
        return f"{self.word}-pipe"

    @property
    def export(self) -> str:
        """The only export of a DLL: a name as C has it."""
        return f"{self.word}_export".replace("-", "_")

    @property
    def module(self) -> str:
        """The DLL's name."""
        return f"{self.word}.dll"
