"""Splunk HTTP Event Collector.

Sources: Splunk "Format events for HTTP Event Collector" and "Troubleshoot HTTP Event Collector"
(status codes: 0 success, 6 invalid data format, 7 incorrect index, 8 internal error, 9 busy,
12/13 event field missing or blank, 15 error in indexed fields; ``invalid-event-number`` counts from
0). With 503/9 the events before that number were accepted (opentelemetry-collector-contrib issue
36113), so sending goes on from there. With 400 only that event is at fault; whether those before it
were kept is not documented, so they are sent again, with the same ``id``.

200 means received, not indexed: without indexer acknowledgement (Splunk Enterprise only) a crash of
the indexer right after may lose events.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from agent.model.report import Strength
from agent.output.mapping import splunk

from .batch import Encoded, encoded, items_of, packed
from .dead_letter import DeadLetters
from .http import Answer, Http, Unreachable
from .output import Item, Output, TryAgain
from .secret import Secret

MAX_BYTES = 1_000_000
"""Of one request before compression."""
MAX_EVENTS = 1000
_BAD_EVENT = frozenset({6, 12, 13, 15})
_BUSY = 9


class Splunk(Output):
    """See :class:`~.output.Output`."""

    def __init__(
        self,
        name: str,
        http: Http,
        dead_letters: DeadLetters,
        *,
        url: str,
        token: Secret,
        index: str | None = None,
        weakest: Strength = Strength.WEAK,
    ) -> None:
        super().__init__(name, dead_letters, weakest)
        self._http = http
        self._url = f"{url}/services/collector/event"
        self._index = index
        self._headers = {
            "Authorization": f"Splunk {token.reveal()}",
            "Content-Type": "application/json",
        }

    async def send(self, items: Sequence[Item]) -> None:
        todo = list(
            packed(await encoded(items, self._encode), max_bytes=MAX_BYTES, max_items=MAX_EVENTS)
        )
        while todo:
            pack = todo.pop(0)
            try:
                answer = await self._http.post(
                    self._url, b"".join(one.data for one in pack), self._headers, compress=True
                )
            except Unreachable as error:
                raise TryAgain(str(error), items_of([pack, *todo])) from error
            todo[:0] = self._rest(pack, answer, todo)

    async def close(self) -> None:
        await self._http.close()

    def _encode(self, item: Item) -> bytes:
        return msgspec.json.encode(self._event(item)) + b"\n"

    def _event(self, item: Item) -> dict[str, Any]:
        event = splunk.event(item.report, item.finding, limited=item.limits, signed=item.signed)
        return {**event, "index": self._index} if self._index else event

    def _rest(
        self, pack: list[Encoded], answer: Answer, todo: list[list[Encoded]]
    ) -> list[list[Encoded]]:
        """What of a request is to be sent now, in other requests. Raises TryAgain."""
        code = answer.body.get("code") if isinstance(answer.body, dict) else None
        if answer.status == 200 and code == 0:
            return []
        number = _event_number(answer.body, len(pack))
        if answer.status == 413 or (answer.status == 400 and code in _BAD_EVENT):
            if number is not None and answer.status == 400:
                return self._without(pack, number, answer)
            if len(pack) == 1:
                return self._without(pack, 0, answer)
            middle = len(pack) // 2
            return [pack[:middle], pack[middle:]]
        accepted = number if answer.status == 503 and code == _BUSY and number else 0
        raise TryAgain(
            answer.reason(), items_of([pack[accepted:], *todo]), retry_after_s=answer.retry_after_s
        )

    def _without(self, pack: list[Encoded], number: int, answer: Answer) -> list[list[Encoded]]:
        bad = pack[number].item
        self.dead_letters.bury(bad, answer.reason(), self._event(bad))
        others = [*pack[:number], *pack[number + 1 :]]
        return [others] if others else []


def _event_number(body: Any, most: int) -> int | None:
    number = body.get("invalid-event-number") if isinstance(body, dict) else None
    return number if isinstance(number, int) and 0 <= number < most else None
