"""Setting findings aside, and taking that back: the only things that a reader changes."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from .session import Reader
from .site import HEADERS, Fields, Refused, Site, link, not_found

MAX_REASON = 500


class SuppressForms:
    """``POST /sweeps/{sweep_id}/suppress`` and ``…/lift``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def suppress(self, request: Request, reader: Reader, fields: Fields) -> Response:
        """One indicator, on one host or on all, with the reason."""
        sweep = await self._site.sweep(request, reader)
        store, indicator_id = self._site.store, fields.get("indicator", "")
        reason, host_key = fields.get("reason", "").strip(), fields.get("host", "") or None
        if not reason:
            raise Refused(400, "A reason is needed: say why this is not what it looks like.")
        if len(reason) > MAX_REASON:
            raise Refused(400, f"The reason is longer than {MAX_REASON} characters.")
        if host_key is not None and await store.host(sweep.sweep_id, host_key) is None:
            raise not_found("host")
        if not await store.findings(
            sweep.sweep_id, indicator_id=indicator_id, host_key=host_key,
            after=(host_key or "", ""),
        ):  # fmt: skip
            raise not_found("finding")
        await store.suppress(sweep.sweep_id, indicator_id, host_key, reason=reason, who=reader.who)
        self._site.counters.forget(sweep.sweep_id)
        there = link("sweeps", sweep.sweep_id, "findings", indicator_id, done="suppressed")
        return RedirectResponse(there, 303, HEADERS)

    async def lift(self, request: Request, reader: Reader, fields: Fields) -> Response:
        """Undo a suppression of this sweep."""
        sweep = await self._site.sweep(request, reader)
        wanted = fields.get("suppression", "")
        known = await self._site.store.suppressions(sweep.sweep_id)
        one = next((s for s in known if s.suppression_id == wanted), None)
        if one is None:
            raise not_found("suppression")
        lifted = await self._site.store.lift(one.suppression_id, who=reader.who)
        self._site.counters.forget(sweep.sweep_id)
        done = "lifted" if lifted else "gone"
        if fields.get("back") == "audit":
            there = link("sweeps", sweep.sweep_id, "audit", done=done)
        else:
            there = link("sweeps", sweep.sweep_id, "findings", one.indicator_id, done=done)
        return RedirectResponse(there, 303, HEADERS)
