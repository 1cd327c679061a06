"""An index of Elasticsearch's or OpenSearch's, as far as ``_bulk`` is answered."""

from __future__ import annotations

from typing import Any

from tests.collector.outputs.serving import Request, Response


class Index:
    """Keeps documents by id; ``faults`` says what becomes of one instead, once or for good."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {}
        self.faults: dict[str, tuple[int, str]] = {}
        self.faults_once: dict[str, tuple[int, str]] = {}

    def answer(self, request: Request) -> Response:
        lines = request.lines
        results = [
            {"create": self._create(action["create"], document)}
            for action, document in zip(lines[::2], lines[1::2], strict=True)
        ]
        errors = any(result["create"]["status"] >= 400 for result in results)
        return Response(200, {"took": 3, "errors": errors, "items": results})

    def _create(self, action: dict[str, Any], document: Any) -> dict[str, Any]:
        identity = action["_id"]
        name = document["message"]
        fault = self.faults_once.pop(identity, None) or self.faults.get(name)
        if fault:
            status, kind = fault
            return {"_id": identity, "status": status, "error": {"type": kind, "reason": "why"}}
        if identity in self.documents:
            kind = "version_conflict_engine_exception"
            return {"_id": identity, "status": 409, "error": {"type": kind, "reason": "exists"}}
        self.documents[identity] = document
        return {"_index": action["_index"], "_id": identity, "result": "created", "status": 201}
