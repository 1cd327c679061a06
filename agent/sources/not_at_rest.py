"""What only a running host can be asked, of evidence at rest: nothing runs there.

It is told as skipped and not required: the traces that stand in for it are (event logs, prefetch,
hives; see ``whereabouts.EVERY_WINDOWS_HAS``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..model.report import OFFLINE

if TYPE_CHECKING:
    from ..coverage import Ledger
    from ..matching.matcher import Matcher
    from ..model.observation import Observation
    from ..targets import Target


class NotAtRest:
    """Stands in the coverage for a source that is not asked."""

    def __init__(self, name: str) -> None:
        self.name = name

    def required(self, target: Target) -> bool:  # noqa: ARG002 - the protocol's
        """Never: it cannot be had."""
        return False

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:  # noqa: ARG002 - the protocol's
        """Nothing."""
        ledger.skipped(OFFLINE)
        return iter(())
