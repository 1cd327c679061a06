"""The tokens, for administrators: who has one, a new one, and the end of one."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ..records import ROLES, Token
from .session import Reader
from .site import HEADERS, MAX_ID, Fields, Refused, Site, link, not_found

ROLE = ROLES[-1]
MAX_LABEL = 100
MAX_DAYS = 3650
MAX_SHOWN = 500
_DAY_MS = 86_400_000


class TokenPages:
    """``/tokens``, and what is done there."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def all(self, request: Request, reader: Reader) -> Response:
        """Those that the reader administers, latest first; no secret."""
        if not reader.may(ROLE):
            return await self._site.not_theirs(request, reader, ROLE)
        return await self._page(reader)

    async def create(self, _: Request, reader: Reader, fields: Fields) -> Response:
        """A new one, whose secret is on the answer and nowhere else."""
        sweep_id = fields.get("sweep", "")[:MAX_ID] or None
        role, label = fields.get("role", ""), fields.get("label", "").strip()
        if role not in (*ROLES, ""):
            raise Refused(400, "There is no such role.")
        if not label or len(label) > MAX_LABEL:
            raise Refused(
                400, f"A label is needed, of {MAX_LABEL} characters at most: whose it is."
            )
        if sweep_id is None and not role:
            raise Refused(400, "A token that brings reports is of one sweep.")
        if sweep_id is None and reader.token.sweep_id is not None:
            raise Refused(403, "Your token is of one sweep, and makes others for that alone.")
        if sweep_id is not None and (
            not reader.may_read(sweep_id) or await self._site.store.sweep(sweep_id) is None
        ):
            raise not_found("sweep")
        secret = await self._site.store.create_token(
            "reader" if role else "sweep", role=role, sweep_id=sweep_id, label=label,
            expires=self._expiry(fields), who=reader.who,
        )  # fmt: skip
        return await self._page(reader, secret)

    async def revoke(self, _: Request, reader: Reader, fields: Fields) -> Response:
        """End one: it opens nothing after some seconds."""
        wanted = fields.get("digest", "")
        found = next(
            (one for one in await self._theirs(reader) if one.digest.hex() == wanted), None
        )
        if found is None:
            raise not_found("token")
        await self._site.store.revoke(found.digest, who=reader.who)
        return RedirectResponse(link("tokens"), 303, HEADERS)

    def _expiry(self, fields: Fields) -> int | None:
        days = fields.get("days", "").strip()
        if not days:
            return None
        if not (days.isascii() and days.isdigit() and len(days) <= 4 and 0 < int(days) <= MAX_DAYS):
            raise Refused(400, f"The days are a number from 1 to {MAX_DAYS}.")
        return self._site.clock() + int(days) * _DAY_MS

    async def _theirs(self, reader: Reader) -> list[Token]:
        tokens = await self._site.store.tokens()
        only = reader.token.sweep_id
        return [one for one in reversed(tokens) if only is None or one.sweep_id == only]

    async def _page(self, reader: Reader, secret: str = "") -> Response:
        tokens, sweeps = await self._theirs(reader), await self._site.store.sweeps()
        return self._site.html(
            "tokens.html",
            reader=reader,
            secret=secret,
            tokens=tokens[:MAX_SHOWN],
            more=len(tokens[MAX_SHOWN:]),
            sweeps=[one for one in sweeps if reader.may_read(one.sweep_id)][:MAX_SHOWN],
            roles=ROLES,
            now=self._site.clock(),
        )


__all__ = ["ROLE", "TokenPages"]
