"""The driver for evidence that lies in files: logs, hives, prefetch, databases.

An :class:`~agent.sources.artefact.Artefact` says where its files lie and what a record of them
means. All else is done here and in ``artefact_sweep.py``, once for all. What reads the files of an
artefact is loaded when the first one is there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..model.report import State
from ..targets.every_windows import NOT_HERE

if TYPE_CHECKING:
    from ..coverage import Ledger
    from ..matching.matcher import Matcher
    from ..model.observation import Observation
    from ..targets import Target
    from ..targets.every_windows import Wanted
    from .artefact import Artefact

THREADS = 2
"""One that lists and tells, and scans where it would wait; the others scan."""


class Later(NamedTuple):
    """An artefact that is loaded when there is a file of it; it is asked for on every Windows."""

    name: str
    where: Sequence[str]
    load: Callable[[], Artefact]

    def patterns(self, target: Target) -> Sequence[str]:  # noqa: ARG002 - the same everywhere
        """As of an artefact."""
        return self.where

    def required(self, target: Target) -> bool:
        """As of an artefact."""
        return target.platform == "windows"


class ArtefactSource:
    """A source, made of an artefact."""

    def __init__(
        self,
        artefact: Artefact | Later,
        *,
        threads: int = THREADS,
        progress: Callable[[str], None] = lambda _: None,
        wanted: Sequence[Wanted] = (),
    ) -> None:
        """``progress``: is told each file, again while it is read, and may raise to end it.
        ``wanted``: what every Windows has of it; evidence at rest that lacks it has a gap."""
        self.name = artefact.name
        self.wanted = wanted
        self.progress = progress
        self.threads = threads
        self.known = artefact
        """As much of it as was needed up to now."""

    def required(self, target: Target) -> bool:
        """As the artefact says."""
        return self.known.required(target)

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        """What the records say that match; every file is accounted for."""
        for place in target.lacking(self.wanted) if self.required(target) else ():
            ledger.unread(NOT_HERE, place)
        files = target.evidence(self.known.patterns(target), ledger)
        first = next(files, None)
        if first is None:
            if ledger.state is State.COMPLETE:
                ledger.note("none on this host")
            return
        from .artefact_sweep import ArtefactSweep

        sweep = ArtefactSweep(self.artefact, matcher, ledger, target.own, self)
        in_use = target.live is not None
        try:
            for file in itertools.chain((first,), files):
                yield from sweep.file(file, in_use=in_use)
            yield from sweep.told(most=0)
        finally:
            sweep.close()

    @property
    def artefact(self) -> Artefact:
        """Loaded, if it was not."""
        if isinstance(self.known, Later):
            self.known = self.known.load()
        return self.known
