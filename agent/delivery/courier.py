"""Sends reports to the collector within a window of time, by the table in :mod:`.outcome`.

A collector that cannot be had is waited for with the same report in front; a server error may be
the report's own fault, so then the others go first. Nothing here knows where a report lies.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from random import SystemRandom
from typing import Protocol

from msgspec import Struct

from ..model.codec import ReportError
from ..output.plain import plain
from ..signing.keys import PrivateKey
from .backoff import Backoff
from .client import DEADLINE_S
from .outcome import Action, Kind, Outcome
from .parcel import Parcel, unpacked
from .smaller import smaller
from .spool import SpoolError

LARGE = 1 << 20
"""Bytes from which a connection cut twice while sending is read as 'too large': a server that
refuses by Content-Length and hangs up is not heard over one's own sending."""


class Post(Protocol):
    """One request, as :func:`.client.post` makes it."""

    def __call__(
        self, report_id: str, body: bytes, *, gzipped: bool, deadline: float
    ) -> Outcome: ...


class Fate(Struct, frozen=True, kw_only=True):
    """What became of one report."""

    report_id: str
    via: str = ""
    """``collector`` or ``share``; empty: neither has it."""
    reason: str = ""
    aside: str = ""
    """Where it lies, set aside, since the collector refused it for good."""


class _Attempt:
    """A report and the form in which it is sent next."""

    def __init__(self, parcel: Parcel) -> None:
        self.parcel = parcel
        self.gzipped = True
        self.small = False
        self.cuts = 0
        self.reason = ""
        self._body: bytes | None = None

    def body(self) -> bytes:
        """Raises SpoolError, ReportError."""
        if self._body is None:
            self._body = self.parcel.body()
        return self._body if self.gzipped else unpacked(self._body)

    def shrink(self, key: PrivateKey | None) -> None:
        """``key``: signs the smaller form. Raises SpoolError, ReportError."""
        self._body = smaller(self._body if self._body is not None else self.parcel.body(), key)
        self.small = True

    def let_go(self) -> None:
        """Of what can be read again."""
        if not self.small:
            self._body = None


class Clock(Struct, frozen=True):
    """Time and chance, so that a test needs neither."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    chance: Callable[[], float] = SystemRandom().random


class Courier:
    """One run of sending."""

    def __init__(
        self,
        post: Post,
        *,
        end: float,
        say: Callable[[str], None],
        clock: Clock,
        key: PrivateKey | None = None,
    ) -> None:
        """``end`` of the send window, by ``clock.now``; ``key``: signs smaller forms."""
        self._key = key
        self._post = post
        self._end = end
        self._say = say
        self._clock = clock
        self._backoff = Backoff(clock.chance)

    def send(self, parcels: Iterable[Parcel]) -> list[Fate]:
        """The fate of each. Ctrl-C ends the sending, not the program."""
        waiting = deque(_Attempt(parcel) for parcel in parcels)
        fates: list[Fate] = []
        why = "the send window was over"
        try:
            while waiting and self._left() > 0:
                outcome = self._try(waiting[0])
                action = outcome.kind.action
                if action is Action.STOP:
                    why = outcome.reason
                    break
                if action in (Action.AGAIN, Action.LATER):
                    waiting[0].reason = outcome.reason
                    why = outcome.reason
                    if action is Action.LATER:
                        waiting[0].let_go()
                        waiting.rotate(-1)
                    if not self._wait(outcome):
                        break
                    continue
                fates.append(self._settled(waiting.popleft().parcel, outcome))
                if outcome.acknowledged:
                    self._backoff.reset()
        except KeyboardInterrupt:
            why = "stopped by the operator"
            self._say(f"sending {why}")
        for attempt in waiting:
            reason = attempt.reason or why
            fates.append(Fate(report_id=attempt.parcel.report_id, reason=reason))
        return fates

    def _left(self) -> float:
        return self._end - self._clock.now()

    def _wait(self, outcome: Outcome) -> bool:
        """Whether there is time for one more attempt."""
        pause = self._backoff.next(outcome.retry_after_s)
        if pause >= self._left():
            return False
        self._clock.sleep(pause)
        return True

    def _try(self, attempt: _Attempt) -> Outcome:
        """One attempt, with the other form of the report where the answer asks for it."""
        while True:
            try:
                body = attempt.body()
            except (SpoolError, ReportError) as error:
                return Outcome(Kind.REJECTED, str(error))
            deadline = max(min(DEADLINE_S, self._left()), 0.1)
            outcome = self._post(
                attempt.parcel.report_id, body, gzipped=attempt.gzipped, deadline=deadline
            )
            attempt.cuts = attempt.cuts + 1 if outcome.kind is Kind.CUT else 0
            too_large = outcome.kind is Kind.TOO_LARGE or (
                attempt.cuts > 1 and len(body) > LARGE and not attempt.small
            )
            if too_large:
                if attempt.small:
                    return Outcome(Kind.INVALID, f"{outcome.reason}, even in its smaller form")
                try:
                    attempt.shrink(self._key)
                except (SpoolError, ReportError) as error:
                    return Outcome(Kind.INVALID, f"{outcome.reason}; no smaller form: {error}")
                self._say(
                    f"report {attempt.parcel.report_id}: {outcome.reason}; once more without what"
                    " proves least, the whole one stays on this host"
                )
            elif outcome.kind is Kind.NOT_UNPACKED and attempt.gzipped:
                attempt.gzipped = False
            else:
                return outcome
            if self._left() <= 0:
                return Outcome(Kind.UNREACHABLE, f"{outcome.reason}; the send window was over")

    def _settled(self, parcel: Parcel, outcome: Outcome) -> Fate:
        reason, aside, via = outcome.reason, "", ""
        try:
            if outcome.acknowledged:
                via = "collector"
                parcel.delivered()
            elif outcome.kind.action in (Action.ASIDE, Action.SMALLER):
                aside = parcel.refused(reason)
        except (OSError, SpoolError) as error:
            # What the collector has it has; at worst it is sent again under the same id.
            self._say(
                f"report {parcel.report_id}, {outcome.kind.value}, cannot be moved: {plain(error)}"
            )
        return Fate(report_id=parcel.report_id, via=via, reason=reason, aside=aside)
