"""Named pipes by name.

Evidence: the list of the pipe file system, ``\\\\.\\pipe\\``, as of now. Since: every Windows.
Cannot tell: which process made a pipe, and pipes that were closed.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...coverage import Ledger
from ...matching.matcher import Matcher
from ...model.objects import Pipe
from ...model.observation import Claim, Observation, Place
from ...targets import Target
from ...targets.live.system import Unreadable
from .processes import running_system


class PipesSource:
    """One observation per pipe."""

    name = "pipes"

    def required(self, target: Target) -> bool:
        return target.live is not None and target.platform == "windows"

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:  # noqa: ARG002 - every pipe is cheap to match
        system = running_system(target, ledger, platform="windows")
        if system is None:
            return
        try:
            pipes = system.pipes()
        except Unreadable as error:
            ledger.unavailable(f"pipes: {error.reason}")
            return
        for pipe in pipes:
            ledger.examined += 1
            yield Observation(
                source=self.name,
                seen="named pipe",
                claim=Claim.EXISTS,
                place=Place(text=f"\\\\.\\pipe\\{pipe}"),
                pipe=Pipe(name=pipe),
            )
