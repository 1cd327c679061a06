"""Elasticsearch and OpenSearch by ``_bulk``: one request form that both take.

The types of the fields come with us (:mod:`.index_template`), unless the settings say not.

Sources: Elasticsearch reference "Bulk API" (NDJSON, action ``create``, answers 200 with a status
per item, in the order of the request) and "Data streams" (take ``create`` only); OpenSearch "Bulk".
Per item: 201 is done, 409 means that it is there already, 429 and 5xx are asked again alone, a
document that does not fit the mapping (400) goes to the dead letters. Everything else (no such
index, no rights) is a matter of settings: it waits until someone puts it right.

``_id`` is unique within one backing index: after a roll-over of a data stream, a finding that is
sent again is there twice with the same ``_id``.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import msgspec

from agent.model.report import Strength
from agent.output.mapping import ecs

from .batch import Encoded, encoded, items_of, packed
from .dead_letter import DeadLetters
from .http import Answer, Http, Unreachable
from .output import Item, Output, TryAgain
from .secret import Secret
from .template_installing import NotYet, TemplateInstaller

MAX_BYTES = 5_000_000
"""Of one request before compression; the makers advise 5 to 15 MB."""
MAX_DOCUMENTS = 500
_BAD_DOCUMENT = frozenset(
    {
        "mapper_parsing_exception",
        "document_parsing_exception",
        "strict_dynamic_mapping_exception",
        "parsing_exception",
        "x_content_parse_exception",
    }
)
"""``error.type`` of a 400 that is the document's own fault."""
_BAD_VALUE = ("immense term", "total fields", "mapper [", "nested documents")
"""In the reason of an ``illegal_argument_exception`` that is; a missing pipeline is one too."""


class Elasticsearch(Output):
    """See :class:`~.output.Output`."""

    def __init__(
        self,
        name: str,
        http: Http,
        dead_letters: DeadLetters,
        *,
        url: str,
        index: str,
        api_key: Secret | None = None,
        user: str | None = None,
        password: Secret | None = None,
        template: bool = True,
        weakest: Strength = Strength.WEAK,
    ) -> None:
        super().__init__(name, dead_letters, weakest)
        self._http = http
        self._url = f"{url}/_bulk"
        self._index = index
        credentials = {}
        if api_key is not None:
            credentials["Authorization"] = f"ApiKey {api_key.reveal()}"
        elif user is not None and password is not None:
            pair = f"{user}:{password.reveal()}".encode()
            credentials["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        self._headers = {"Content-Type": "application/x-ndjson", **credentials}
        self._installer = (
            TemplateInstaller(http, url=url, index=index, headers=credentials) if template else None
        )

    @property
    def notice(self) -> str:
        return self._installer.trouble if self._installer is not None else ""

    async def send(self, items: Sequence[Item]) -> None:
        if self._installer is not None:
            try:
                await self._installer.ensure()
            except NotYet as error:
                raise TryAgain(str(error), items, retry_after_s=error.retry_after_s) from error
            except Unreachable as error:
                raise TryAgain(str(error), items) from error
        todo = list(
            packed(await encoded(items, self._encode), max_bytes=MAX_BYTES, max_items=MAX_DOCUMENTS)
        )
        while todo:
            pack = todo.pop(0)
            left = items_of([pack, *todo])
            try:
                answer = await self._http.post(
                    self._url, b"".join(one.data for one in pack), self._headers, compress=True
                )
            except Unreachable as error:
                raise TryAgain(str(error), left) from error
            if answer.status == 413:
                todo[:0] = self._halves(pack, answer)
                continue
            results = _results(answer, len(pack))
            if results is None:
                raise TryAgain(answer.reason(), left, retry_after_s=answer.retry_after_s)
            again, reason = self._judged(pack, results)
            if again:
                raise TryAgain(
                    reason, [*again, *items_of(todo)], retry_after_s=answer.retry_after_s
                )

    async def close(self) -> None:
        await self._http.close()

    def _encode(self, item: Item) -> bytes:
        action = {"create": {"_index": self._index, "_id": item.id}}
        document = ecs.document(item.report, item.finding, limited=item.limits, signed=item.signed)
        return msgspec.json.encode(action) + b"\n" + msgspec.json.encode(document) + b"\n"

    def _halves(self, pack: list[Encoded], answer: Answer) -> list[list[Encoded]]:
        if len(pack) == 1:
            self._bury(pack[0].item, answer.reason())
            return []
        middle = len(pack) // 2
        return [pack[:middle], pack[middle:]]

    def _judged(self, pack: list[Encoded], results: list[Any]) -> tuple[list[Item], str]:
        """What must be asked again, and the first reason."""
        again: list[Item] = []
        reason = ""
        for one, result in zip(pack, results, strict=True):
            status, kind, why = _outcome(result)
            if status in (200, 201, 409):
                continue
            if status == 400 and _is_document_s_fault(kind, why):
                self._bury(one.item, why)
                continue
            again.append(one.item)
            reason = reason or why
        return again, reason

    def _bury(self, item: Item, why: str) -> None:
        self.dead_letters.bury(
            item,
            why,
            ecs.document(item.report, item.finding, limited=item.limits, signed=item.signed),
        )


def _results(answer: Answer, expected: int) -> list[Any] | None:
    """The items of a whole answer to ``_bulk``; None if it is anything else (a proxy's page)."""
    if answer.status != 200 or not isinstance(answer.body, dict):
        return None
    results = answer.body.get("items")
    return results if isinstance(results, list) and len(results) == expected else None


def _is_document_s_fault(kind: str, why: str) -> bool:
    if kind == "illegal_argument_exception":
        return any(words in why for words in _BAD_VALUE)
    return kind in _BAD_DOCUMENT


def _outcome(result: Any) -> tuple[int, str, str]:
    """Status, error type and a reason to show."""
    inner = result.get("create") if isinstance(result, dict) else None
    if not isinstance(inner, dict) or not isinstance(inner.get("status"), int):
        return 0, "", "an answer without a status"
    status, error = inner["status"], inner.get("error")
    kind = str(error.get("type", "")) if isinstance(error, dict) else ""
    why = str(error.get("reason", "")) if isinstance(error, dict) else str(error or "")
    return status, kind, f"item {status} {kind}: {why[:300]}".strip()
