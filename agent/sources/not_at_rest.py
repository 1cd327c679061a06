"""What evidence at rest is not asked: nothing runs there; of memory alone, no files lie in it.

It is told as skipped and not required. What stands in for what runs is required: event logs,
prefetch, hives (``whereabouts.EVERY_WINDOWS_HAS``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..model.report import MEMORY_ALONE, OFFLINE

if TYPE_CHECKING:
    from ..coverage import Ledger
    from ..matching.matcher import Matcher
    from ..model.observation import Observation
    from ..targets import Target


class NotAtRest:
    """Stands in the coverage for a source that is not asked."""

    def __init__(self, name: str, *, is_memory: bool = False) -> None:
        """``is_memory``: whether an image of memory is all that was given."""
        self.name = name
        self._why = MEMORY_ALONE if is_memory else OFFLINE

    def required(self, target: Target) -> bool:  # noqa: ARG002 - the protocol's
        """Never: it cannot be had."""
        return False

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:  # noqa: ARG002 - the protocol's
        """Nothing."""
        ledger.skipped(self._why)
        return iter(())
