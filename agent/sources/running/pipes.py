"""Named pipes by name.

Evidence: the list of the pipe file system, ``\\\\.\\pipe\\``, as of now; where it cannot be read,
whether there are pipes of the names that packs give as examples. Since: every Windows.
Cannot tell: which process made a pipe, and pipes that were closed.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...coverage import Ledger
from ...matching.matcher import Matcher
from ...model.objects import Pipe
from ...model.observation import Claim, Observation, Place
from ...targets import Target
from ...targets.live.system import LiveSystem, Unreadable
from .processes import running_system


class PipesSource:
    """One observation per pipe."""

    name = "pipes"

    def required(self, target: Target) -> bool:
        return target.live is not None and target.platform == "windows"

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        system = running_system(target, ledger, platform="windows")
        if system is None:
            return
        try:
            pipes = system.pipes()
        except Unreadable as error:
            ledger.unavailable(f"pipes: {error.reason}")
            pipes = _asked_for(system, matcher.pipe_examples, ledger)
        for pipe in pipes:
            ledger.examined += 1
            yield Observation(
                source=self.name,
                seen="named pipe",
                claim=Claim.EXISTS,
                place=Place(text=f"\\\\.\\pipe\\{pipe}"),
                pipe=Pipe(name=pipe),
            )


def _asked_for(system: LiveSystem, names: list[str], ledger: Ledger) -> list[str]:
    """Those of the names that there are. The source stays unavailable: nothing is known of other
    names that a pattern means."""
    there: list[str] = []
    for name in names:
        try:
            if system.has_pipe(name):
                there.append(name)
        except Unreadable as error:
            ledger.note(f"not asked for either: {error.reason}", name)
        else:
            ledger.note("asked for by name alone, as packs give it for an example", name)
    return there
