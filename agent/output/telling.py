"""How a sweep goes, told to the process that started it: a line of JSON on stdout now and then."""

from __future__ import annotations

import json
import time
from types import TracebackType

from ..model.report import Coverage
from .say import tell

TOLD_S = 0.5


class Telling:
    """As :class:`~agent.output.progress.Progress`, for a reader that is a program of ours."""

    def __init__(self) -> None:
        self._source = ""
        self._done = 0
        self._told = 0.0

    def __enter__(self) -> Telling:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def source(self, name: str) -> None:
        self._source = name
        self.at("", 0)

    def at(self, place: str, examined: int) -> None:  # noqa: ARG002 - a number will do
        """At most every half a second."""
        now = time.monotonic()
        if now - self._told >= TOLD_S:
            self._told = now
            tell(json.dumps({"at": self._source, "seen": examined, "done": self._done}))

    def found(self, what: str) -> None:
        pass

    def done(self, coverage: Coverage) -> None:  # noqa: ARG002 - the report has it
        self._done += 1
