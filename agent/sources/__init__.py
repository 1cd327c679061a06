"""One module per kind of evidence; each is a :class:`Source`.

A new kind of evidence is one module here, one line in ``catalog.py`` and one test file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from ..coverage import Ledger
    from ..matching.matcher import Matcher
    from ..model.observation import Observation
    from ..targets import Target


class Source(Protocol):
    """Reads one kind of evidence from a target."""

    name: str

    def required(self, target: Target) -> bool:
        """Whether a clean verdict about this target needs this source to be complete."""

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        """Yield what may match, and keep the ledger: everything examined or unread is counted.

        An error in one item becomes ``ledger.unread(reason, sample)``, never an exception.
        """


@runtime_checkable
class BuffersResults(Protocol):
    """A source that reads more than it has told."""

    def pending(self) -> Iterator[Observation]:
        """What was read and not told when :meth:`Source.observe` was ended early. Once."""
