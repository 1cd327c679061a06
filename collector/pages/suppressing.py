"""Setting findings aside, and taking that back: what an analyst changes."""

from __future__ import annotations

from datetime import datetime, timezone

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ..store.suppressing import Part
from .session import Reader
from .site import HEADERS, Fields, Refused, Site, link, not_found

MAX_REASON = 500
MAX_VALUE = 2000
_CONFIRMED = (
    "Every finding here is confirmed. Those are suppressed one by one, each on its host: choose"
    " “this finding” beside it."
)


class SuppressForms:
    """``POST /sweeps/{sweep_id}/suppress`` and ``…/lift``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def suppress(self, request: Request, reader: Reader, fields: Fields) -> Response:
        """One finding, or those of an indicator that have something in common, with the reason."""
        sweep = await self._site.sweep(request, reader)
        store, indicator_id = self._site.store, fields.get("indicator", "")
        reason, host_key = fields.get("reason", "").strip(), fields.get("host", "") or None
        if not reason:
            raise Refused(400, "A reason is needed: say why this is not what it looks like.")
        if len(reason) > MAX_REASON:
            raise Refused(400, f"The reason is longer than {MAX_REASON} characters.")
        if host_key is not None and await store.host(sweep.sweep_id, host_key) is None:
            raise not_found("host")
        part = _part(fields)
        if part.finding_id is not None and host_key is None:
            raise Refused(400, "One finding is of one host: that is missing.")
        until = self._until(fields, part)
        found = await store.coverable(sweep.sweep_id, indicator_id, host_key, part)
        if not found:
            raise not_found("finding")
        if part.finding_id is None and found.keys() == {"confirmed"}:
            raise Refused(409, _CONFIRMED)
        await store.suppress(
            sweep.sweep_id, indicator_id, host_key, reason=reason, who=reader.who, part=part,
            until=until,
        )  # fmt: skip
        self._site.counters.forget(sweep.sweep_id)
        there = link("sweeps", sweep.sweep_id, "findings", indicator_id, done="suppressed")
        return RedirectResponse(there, 303, HEADERS)

    def _until(self, fields: Fields, part: Part) -> int | None:
        """When the page was made that they saw, unless those to come were asked for in so many
        words. Raises Refused."""
        if fields.get("covers", "now") != "later":
            now = self._site.clock()
            return now if part.finding_id is not None else min(_seen(fields), now)
        text = fields.get("until", "").strip()
        if not text:
            return None
        try:
            time = datetime.fromisoformat(text)
            if time.tzinfo is None:
                time = time.replace(tzinfo=timezone.utc)
            until = int(time.timestamp() * 1000)
        except (ValueError, OverflowError) as error:
            raise Refused(400, "The time is none such as 2026-12-01T18:00 (UTC).") from error
        if until <= self._site.clock():
            raise Refused(400, "The time is over: hosts that report later would not be covered.")
        return until

    async def lift(self, request: Request, reader: Reader, fields: Fields) -> Response:
        """Undo a suppression of this sweep."""
        sweep = await self._site.sweep(request, reader)
        wanted = fields.get("suppression", "")[:MAX_VALUE]
        one = await self._site.store.suppression(wanted)
        if one is None or one.sweep_id != sweep.sweep_id:
            raise not_found("suppression")
        lifted = await self._site.store.lift(one.suppression_id, who=reader.who)
        self._site.counters.forget(sweep.sweep_id)
        done = "lifted" if lifted else "gone"
        if fields.get("back") == "audit":
            there = link("sweeps", sweep.sweep_id, "audit", done=done)
        else:
            there = link("sweeps", sweep.sweep_id, "findings", one.indicator_id, done=done)
        return RedirectResponse(there, 303, HEADERS)


def _seen(fields: Fields) -> int:
    """Milliseconds UTC: nobody has seen what came between the page and its form. Raises Refused."""
    text = fields.get("seen", "")
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise Refused(400, "The form does not say up to when it was made. Reload the page.")
    return int(text)


def _part(fields: Fields) -> Part:
    """Raises Refused: what cannot be in a row is in none."""
    values = [fields.get(name, "") for name in ("finding", "path", "hash")]
    if any(len(value) > MAX_VALUE for value in values):
        raise not_found("finding")
    finding_id, path, digest = values
    return Part(finding_id=finding_id or None, path=path, hash=digest)
