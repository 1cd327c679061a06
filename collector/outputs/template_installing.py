"""The index template on its way into Elasticsearch or OpenSearch.

Sources: Elasticsearch and OpenSearch references, "Create or update index template", "Get index
template", "Rollover". Asked for once after each start, before the first document. The one that is
there stays if it is of our version or a later one, so that what an operator changed in it is kept.
A data stream that is there already gets a new backing index, for a template changes none that is.

Whoever may not install one is told so, and documents are sent all the same: what the index then
refuses waits with the dead letters, to be sent again when the template is there.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import msgspec

from .http import Answer, Http
from .index_template import VERSION, index_template, is_data_stream, template_name

log = logging.getLogger(__name__)
AGAIN_S = 600.0
"""Between two attempts of one who may not install it."""
_LATER = frozenset({401, 429, 500, 502, 503, 504})
_UNKNOWN_TYPE = "No handler for type"


class NotYet(Exception):
    """The other end cannot answer now; the message says why."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(f"index template: {answer.reason()}")
        self.retry_after_s = answer.retry_after_s


class TemplateInstaller:
    """For one index, with an output's own connection and credentials."""

    def __init__(
        self,
        http: Http,
        *,
        url: str,
        index: str,
        headers: dict[str, str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._url = url
        self._index = index
        self._headers = {**headers, "Content-Type": "application/json"}
        self._clock = clock
        self._ask_at: float | None = clock()
        self.trouble = ""
        """Why the template may be missing; empty: it is there."""

    async def ensure(self) -> None:
        """Until it is there. Raises NotYet, Unreachable: ask again before anything is sent."""
        if self._ask_at is None or self._clock() < self._ask_at:
            return
        before, self.trouble = self.trouble, await self._installed()
        if self.trouble and self.trouble != before:
            log.error("%s", self.trouble)
        self._ask_at = self._clock() + AGAIN_S if self.trouble else None

    async def _installed(self) -> str:
        name = template_name(self._index)
        there = await self._ask("GET", f"_index_template/{name}")
        if _version(there) >= VERSION:
            return ""
        for plain in (False, True):
            body = msgspec.json.encode(index_template(self._index, plain=plain))
            answer = await self._ask("PUT", f"_index_template/{name}", body)
            if not (answer.status == 400 and _UNKNOWN_TYPE in str(answer.body)):
                break
        if not answer.ok:
            return (
                f"the index template {name} is not there and cannot be installed"
                f" ({answer.reason()}): grant it, or install what `iocsweep-collector"
                " index-template` prints; documents that the index refuses wait with the dead"
                " letters"
            )
        log.info("index template %s installed, version %s", name, VERSION)
        return await self._begun_anew()

    async def _begun_anew(self) -> str:
        """An index that is there keeps the types that it has."""
        there = await self._ask("GET", self._index)
        if there.status == 404:
            return ""
        if is_data_stream(self._index):
            answer = await self._ask("POST", f"{self._index}/_rollover")
            if answer.ok:
                log.info("data stream %s rolled over to the new template", self._index)
                return ""
        return (
            f"{self._index} was there before its template and keeps the types that it has: roll it"
            " over, write to another, or reindex it"
        )

    async def _ask(self, method: str, path: str, body: bytes = b"") -> Answer:
        answer = await self._http.ask(method, f"{self._url}/{path}", body, self._headers)
        if answer.status in _LATER:
            raise NotYet(answer)
        return answer


def _version(answer: Answer) -> int:
    """Of the template that is there; 0: none, or none that may be seen."""
    if answer.status != 200 or not isinstance(answer.body, dict):
        return 0
    match answer.body.get("index_templates"):
        case [{"index_template": {"version": int(version)}}]:
            return version
    return 0
