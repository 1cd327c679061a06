"""What all evidence at rest has in common: nothing runs there."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timezone

from ...exit_codes import CannotRun
from ...matching.own_traces import Own
from ...windows.held import HeldFiles


class TargetError(CannotRun):
    """What was to be swept cannot be: there is no such thing."""


class AtRest:
    """A target that is one or more paths of this machine."""

    def __init__(self, *paths: str, own: Own, now: Callable[[], datetime] | None = None) -> None:
        """``own``: what belongs to this agent, in case it lies there; ``now``: UTC."""
        self._paths = tuple(dict.fromkeys(os.path.abspath(path) for path in paths))
        self._own = own
        self._now = now

    @property
    def live(self) -> None:
        """Nothing runs here."""
        return

    @property
    def own(self) -> Own:
        """What belongs to this agent, in case it lies there."""
        return self._own

    @property
    def boundaries(self) -> frozenset[str]:
        """All that lies below was asked for."""
        return frozenset()

    @property
    def held(self) -> HeldFiles:
        """Nothing runs here."""
        return HeldFiles()

    def now(self) -> datetime:
        """UTC."""
        return self._now() if self._now is not None else datetime.now(timezone.utc)
