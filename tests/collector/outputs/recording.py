"""Outputs of our own that remember what they were given, and a runner in a hurry."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from agent.model.report import Strength
from collector.outputs.alerts import EVENTS, Alert, Alerting, Event
from collector.outputs.dead_letter import DeadLetters
from collector.outputs.output import Item, Output
from collector.outputs.runner import OutputRunner
from collector.store.store import Store


class Recorder(Output):
    """Takes what it is given, or fails as the next of its ``troubles`` says."""

    def __init__(
        self, name: str = "recorder", *, weakest: Strength = Strength.WEAK,
        letters: DeadLetters | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name, letters or DeadLetters(None, name), weakest)
        self.taken: list[Item] = []
        self.attempts = 0
        self.troubles: list[Any] = []
        self.closed = False
        self.took = asyncio.Event()

    async def send(self, items: Sequence[Item]) -> None:
        self.attempts += 1
        if self.troubles:
            trouble = self.troubles.pop(0)
            if isinstance(trouble, BaseException):
                raise trouble
            await trouble(items)
        self.taken += items
        self.took.set()

    async def close(self) -> None:
        self.closed = True


class Caller(Recorder, Alerting):
    """Takes alerts as well."""

    def __init__(self, name: str = "caller", *, events: Sequence[Event] = EVENTS) -> None:
        super().__init__(name, weakest=Strength.STRONG)
        self.events = frozenset(events)
        self.alerts: list[Alert] = []

    async def alert(self, alert: Alert) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        self.alerts.append(alert)


def quick(store: Store, output: Any, **more: Any) -> OutputRunner:
    return OutputRunner(store, output, poll_s=0.01, base_delay_s=0.01, max_delay_s=0.02, **more)


async def until(condition: Any, *, seconds: float = 10.0) -> None:
    async def poll() -> None:
        while not condition():
            await asyncio.sleep(0.005)

    await asyncio.wait_for(poll(), seconds)
