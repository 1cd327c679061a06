"""What an output is to its runner: something that takes findings and says what became of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from agent.model.report import Finding, Report, Strength
from agent.output.mapping.document import Limits, Signed, document_id

from ..records import Limit
from ..signatures import verdict_kept

if TYPE_CHECKING:
    from .dead_letter import DeadLetters


class Item(Struct, frozen=True):
    """One finding on its way out."""

    seq: int
    """The number of its report in the store."""
    report: Report
    finding: Finding
    limited: tuple[Limit, ...] = ()
    """In what the report is not what its sweep asks for."""
    signature: str = ""
    """Of the report, as :func:`collector.signatures.kept`."""

    @property
    def id(self) -> str:
        """The same on every attempt."""
        return document_id(self.report, self.finding)

    @property
    def limits(self) -> Limits:
        """As documents have them."""
        return [{"what": one.what, "seen": one.seen, "asked": one.asked} for one in self.limited]

    @property
    def signed(self) -> Signed:
        """As documents have it."""
        verdict = verdict_kept(self.signature)
        return Signed(verdict.status, verdict.detail)


class TryAgain(Exception):
    """The destination did not take everything; ``left`` is to be sent again, later.

    What is not in ``left`` was acknowledged, or passed over for good (and counted in ``dead``).
    """

    def __init__(
        self, reason: str, left: Sequence[Item], *, retry_after_s: float | None = None
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.left = list(left)
        self.retry_after_s = retry_after_s


class Output(ABC):
    """One destination. Used by one runner, one call at a time.

    One that calls people instead is an :class:`~.alerts.Alerting`.
    """

    def __init__(self, name: str, dead_letters: DeadLetters, weakest: Strength) -> None:
        self.name = name
        """Its key in the settings and in the store's list of cursors; never changes."""
        self.dead_letters = dead_letters
        self.weakest = weakest
        """Findings that prove less than this are not sent."""

    @property
    def dead(self) -> int:
        """Findings that the destination refused for good since the start."""
        return self.dead_letters.count

    @property
    def notice(self) -> str:
        """What its operator should put right although it works."""
        return ""

    @abstractmethod
    async def send(self, items: Sequence[Item]) -> None:
        """Returns when the destination has acknowledged all of them. Raises TryAgain."""

    @abstractmethod
    async def close(self) -> None:
        """Let go of connections and files."""


def by_report(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Items that follow one another and belong to the same report, together."""
    group: list[Item] = []
    for item in items:
        if group and group[-1].seq != item.seq:
            yield group
            group = []
        group.append(item)
    if group:
        yield group
