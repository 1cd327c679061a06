"""``/outputs``: whether what was found leaves the collector, as a page and as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from ..outputs.state import SAVE_MS, OutputState, output_states
from .describe import moment, moment_or_none
from .session import Reader
from .site import Site, not_found

MAX_OUTPUTS = 200
QUIET_MS = 6 * SAVE_MS
"""An output that has written nothing for so long, though reports wait, is not run by anybody."""
OutputWord = Literal["works", "fails", "stands still", "has dead letters", "has sent nothing"]


class OutputLine(Struct, frozen=True, kw_only=True):
    """How an output is doing. All times UTC; null: never."""

    name: str
    state: OutputWord
    last_success: datetime | None
    """When the destination last took something."""
    last_error: str
    last_error_at: datetime | None
    failing_since: datetime | None
    """Null: the last attempt went well."""
    lag: int
    """Reports that wait."""
    dead_letters: int
    """Findings that were refused for good, and wait to be sent again."""
    dead_since: datetime | None
    notice: str
    """What is to be put right although it works."""
    updated: datetime
    """When it last said how it is."""


class OutputList(Struct, frozen=True, kw_only=True):
    """``/outputs.json``."""

    outputs: list[OutputLine]
    """By name, at most MAX_OUTPUTS."""


class OutputPages:
    """For readers of all sweeps: an output sends the findings of every sweep."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def page(self, _: Request, reader: Reader) -> Response:
        """A card for each."""
        return self._site.html("outputs.html", reader=reader, lines=await self._lines(reader))

    async def data(self, _: Request, reader: Reader) -> OutputList:
        """The same for programs."""
        return OutputList(outputs=await self._lines(reader))

    async def _lines(self, reader: Reader) -> list[OutputLine]:
        if reader.token.sweep_id is not None:
            raise not_found()
        states = await output_states(self._site.store)
        return [line_of(one, self._site.clock()) for one in states[:MAX_OUTPUTS]]


def line_of(one: OutputState, now: int) -> OutputLine:
    """As it is now, in a word."""
    word: OutputWord = "works"
    if one.failing_since is not None:
        word = "fails"
    elif one.lag and now - one.updated > QUIET_MS:
        word = "stands still"
    elif one.dead_letters:
        word = "has dead letters"
    elif one.lag and one.last_success is None:
        word = "has sent nothing"
    return OutputLine(
        name=one.name,
        state=word,
        last_success=moment_or_none(one.last_success),
        last_error=one.last_error,
        last_error_at=moment_or_none(one.last_error_at),
        failing_since=moment_or_none(one.failing_since),
        lag=one.lag,
        dead_letters=one.dead_letters,
        dead_since=moment_or_none(one.dead_since),
        notice=one.notice,
        updated=moment(one.updated),
    )


__all__ = ["OutputLine", "OutputList", "OutputPages", "line_of"]
