r"""Windows Search: files, pages and mail that were indexed, with their times.

Evidence: ``%ProgramData%\Microsoft\Search\Data\Applications\Windows\Windows.edb``, an ESE database
whose texts are compressed, on servers with roaming profiles one of each user; since Windows 11
22H2 ``Windows.db``, SQLite, which ``activities`` reads (``index_rows.py``). Its logs (``edb*.jtx``)
are searched as bytes. Columns: libyal's esedb-kb, "Windows Search"; Stroz Friedberg's SIDR.
Since: Windows Vista; its texts can be read since Windows 8. Servers index nothing by default.
Cannot tell: what was removed from the index since (the entry of a deleted file goes with it); what
lies outside the indexed folders (users' profiles, but not AppData); what its log alone holds,
compressed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from ...formats.filetime import utc_of
from ...model.objects import File, Url, User
from ...model.observation import ByteHit, Claim, Observation, Place, moments
from ...spelling import base_name
from .. import whereabouts
from ..ese_databases import EseDatabases, HitRow
from ..places import told_as

if TYPE_CHECKING:
    from ...formats.ese import Table

PROPERTIES = "SystemIndex_PropertyStore"
_OLD = "SystemIndex_0A"
"""The same of Windows 7 and older, which encode its texts."""
_HISTORIES = ("iehistory://", "winrt://")
"""Before ``{SID}/`` and the address."""


class Indexed(NamedTuple):
    """One thing of the index: its properties by their names, ``System_ItemUrl``."""

    texts: Mapping[str, str]
    times: Mapping[str, datetime | None]
    size: int | None = None

    def observation(
        self, source: str, place: Place, hits: tuple[ByteHit, ...], owner: User | None
    ) -> Observation:
        """A file was there, a page was visited; of anything else, that it mentions something."""
        url = self.texts.get("System_ItemUrl", "")
        user = owner
        if name := self.texts.get("System_FileOwner", ""):
            user = User(name=name)
        if url.startswith(_HISTORIES):
            address = self.texts.get("System_Link_TargetUrl") or _behind_sid(url)
            return Observation(
                source=source,
                seen="Windows Search, a visited page",
                claim=Claim.VISITED,
                place=told_as(address, place),
                moments=moments(visited=self.times.get("System_Link_DateVisited")),
                url=Url(full=address),
                user=_user_of(url) or owner,
                hits=hits,
            )
        path = self._path(url)
        if not path:
            return Observation(
                source=source,
                seen="Windows Search",
                claim=Claim.LOGGED,
                place=place,
                moments=moments(happened=self.times.get("System_Search_GatherTime")),
                user=user,
                hits=hits,
            )
        return Observation(
            source=source,
            seen="Windows Search, an indexed file",
            claim=Claim.WAS_THERE,
            place=told_as(path, place),
            moments=moments(
                created=self.times.get("System_DateCreated"),
                modified=self.times.get("System_DateModified"),
                accessed=self.times.get("System_DateAccessed"),
                logged=self.times.get("System_Search_GatherTime"),
            ),
            file=File(
                path=path,
                name=base_name(path),
                size=self.size,
                created=self.times.get("System_DateCreated"),
                mtime=self.times.get("System_DateModified"),
                accessed=self.times.get("System_DateAccessed"),
            ),
            user=user,
            hits=hits,
        )

    def _path(self, url: str) -> str:
        shown = self.texts.get("System_ItemPathDisplay", "")
        if shown[1:3] == ":\\":
            return shown
        if url.casefold().startswith("file:"):
            return url[len("file:") :].lstrip("/").replace("/", "\\")
        return ""


TIMES = (
    "System_DateCreated",
    "System_DateModified",
    "System_DateAccessed",
    "System_Search_GatherTime",
    "System_Link_DateVisited",
)
TEXTS = (
    "System_ItemUrl",
    "System_ItemPathDisplay",
    "System_FileOwner",
    "System_Link_TargetUrl",
)
SIZE = "System_Size"


def _behind_sid(url: str) -> str:
    behind = url.partition("://")[2]
    return behind.partition("}/")[2] if behind.startswith("{") else behind


def _user_of(url: str) -> User | None:
    sid = url.partition("://{")[2].partition("}")[0]
    return User(id=sid) if sid.startswith("S-1-") else None


class SearchIndex(EseDatabases):
    """One observation for each thing that was indexed."""

    name = "search_index"
    kind = "index of Windows Search"
    where = whereabouts.SEARCH_INDEX

    def gap(self, tables: Mapping[str, Table]) -> str:
        """Windows 7 and older encode what they index."""
        return "of Windows 7 or older: its encoded texts are not read" if _OLD in tables else ""

    def told(self, hit: HitRow) -> Iterator[Observation]:
        """A thing by its properties; of other tables, that something is mentioned."""
        if hit.table != PROPERTIES:
            yield self.mention(hit)
            return
        names = {name.partition("-")[2] or name: name for name in hit.row.values}
        seen = Indexed(
            {name: hit.text(names.get(name, "")) for name in TEXTS},
            {name: utc_of(hit.number(names.get(name, ""))) for name in TIMES},
            hit.number(names.get(SIZE, "")) or None,
        ).observation(self.name, hit.place, hit.hits, hit.owner)
        if hit.row.is_deleted:
            seen.remarks = (*seen.remarks, "what is left of a deleted row")
        yield seen
