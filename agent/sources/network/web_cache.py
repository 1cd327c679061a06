r"""WinINet's cache: pages that Internet Explorer, Edge before Chromium and other programs visited.

Evidence: of each user ``AppData\Local\Microsoft\Windows\WebCache\WebCacheV01.dat`` (or V24), an ESE
database with a table for each kind of history, and its log ``V01*.log``, which is searched as
bytes. Explorer notes opened files there too (``file:///``). Columns: libyal's esedb-kb, "MSIE web
cache". Since: Internet Explorer 10; programs that use WinINet still write it.
Cannot tell: which program it was; what stands compressed in the log alone; of cookies and what
pages keep, more than that they are there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

from ...formats.filetime import utc_of
from ...model.objects import File, Url
from ...model.observation import Claim, Moment, MomentOf, Observation, moments
from ...spelling import base_name
from .. import whereabouts
from ..ese_databases import EseDatabases, HitRow

_VISIT = re.compile(r"(?:Visited|:\d{16}): ?[^@]*@(.+)", re.DOTALL)
"""Of the history, and of that of a day or week."""
_DOWNLOAD = "iedownload:"
_TEXT = re.compile(rb"(?:[\x20-\x7e]\0){6,}")
_PATH = re.compile(r"[A-Za-z]:\\")
_FILE = "file:///"


class WebCache(EseDatabases):
    """One observation for each entry."""

    name = "web_cache"
    kind = "cache of WinINet"
    where = whereabouts.WEB_CACHE

    def told(self, hit: HitRow) -> Iterator[Observation]:
        """A page that was visited or fetched, a file that was opened or downloaded; else that
        something is mentioned."""
        url = hit.text("Url")
        visited = _VISIT.fullmatch(url)
        address = visited[1] if visited is not None else url
        when = utc_of(hit.number("AccessedTime"))
        if url.startswith(_DOWNLOAD) and (seen := self._download(hit)) is not None:
            yield seen
        elif address.casefold().startswith(_FILE):
            path = unquote(address[len(_FILE) :]).replace("/", "\\")
            yield Observation(
                source=self.name,
                seen="history of opened files",
                claim=Claim.WAS_THERE,
                place=hit.place_of(path),
                moments=moments(accessed=when),
                file=File(path=path, name=base_name(path), accessed=when),
                user=hit.owner,
                hits=hit.hits,
            )
        elif address.casefold().startswith(("http://", "https://", "ftp://")):
            yield Observation(
                source=self.name,
                seen="browser history" if visited is not None else "cache of fetched pages",
                claim=Claim.VISITED,
                place=hit.place_of(address),
                moments=moments(visited=when),
                url=Url(full=address),
                user=hit.owner,
                hits=hit.hits,
            )
        else:
            yield self.mention(hit)

    def _download(self, hit: HitRow) -> Observation | None:
        """Its headers hold the address, the page before, the temporary and the last file."""
        headers = hit.row.values.get("ResponseHeaders")
        texts = [
            text[0].decode("utf-16-le")
            for text in _TEXT.finditer(headers if isinstance(headers, bytes) else b"")
        ]
        urls = [text for text in texts if "://" in text[:16]]
        paths = [text for text in texts if _PATH.match(text)]
        if not urls or not paths:
            return None
        when = utc_of(hit.number("AccessedTime"))
        return Observation(
            source=self.name,
            seen="browser's download",
            claim=Claim.DOWNLOADED,
            place=hit.place_of(paths[-1]),
            moments=(Moment(time=when, of=MomentOf.DOWNLOADED),) if when is not None else (),
            url=Url(full=urls[0]),
            file=File(path=paths[-1], name=base_name(paths[-1]), zone_url=urls),
            user=hit.owner,
            hits=hit.hits,
        )
