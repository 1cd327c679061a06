r"""Browsers: which pages were visited and what was downloaded, when and by whom.

Evidence: of each user and profile, the databases of Chromium and what is made of it (Chrome, Edge,
Brave, Opera, Vivaldi, programs with a browser inside): ``History`` and what stands beside it, below
``AppData\Local\…\User Data``; and of Firefox and its kin: ``places.sqlite`` and others, below
``AppData\Roaming\Mozilla\Firefox\Profiles``. Their WAL and journal too: the newest rows are in
those alone, deleted ones often in them still.
Since: Chrome 1, Firefox 3. Chromium keeps visits for 90 days, downloads and icons longer.
Cannot tell: what a private window did, what was deleted and written over, which other programs
asked for; of bookmarks, cookies, icons and inputs more than that they are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from urllib.parse import unquote

from msgspec import DecodeError, Struct, json

from ...formats.filetime import utc_of
from ...formats.sqlite import Database, Row, Value
from ...model.objects import File, Process, Url
from ...model.observation import ByteHit, Claim, Moment, MomentOf, Observation, moments
from ...spelling import base_name, fold, originals_of_copy
from .. import whereabouts
from ..databases import Databases, HitRow
from ..places import owner_of, place_in, told_as

if TYPE_CHECKING:
    from ...targets.evidence import EvidenceFile


MAX_TIMES = 64
"""Visits of one page that are told; the newest."""
MAX_CHAIN = 64
"""Addresses that one download went through."""
_UNIX = datetime(1970, 1, 1, tzinfo=timezone.utc)
_PROGRAMS = (
    (r"\google\chrome", "chrome.exe"),
    (r"\microsoft\edge", "msedge.exe"),
    (r"\bravesoftware", "brave.exe"),
    (r"\opera software", "opera.exe"),
    (r"\vivaldi", "vivaldi.exe"),
    (r"\mozilla\firefox", "firefox.exe"),
)
_NAMES = (
    (r"\google\chrome", "Chrome"),
    (r"\microsoft\edge", "Edge"),
    (r"\bravesoftware", "Brave"),
    (r"\opera software", "Opera"),
    (r"\vivaldi", "Vivaldi"),
    (r"\mozilla\firefox", "Firefox"),
)
_NOT_USED = ("\\ebwebview\\", "\\snapshots\\")
_USUAL = ("default", "opera stable", "user data")
"""Names of a profile that say nothing."""
_ELSEWHERE = "visited on another device of this account, and brought here by its synchronisation"
_ELSEWHERE_TOO = "visited on another device of this account, too"
_PAGES = ("url", "referrer", "tab_url", "site_url", "tab_referrer_url")
"""Of a download; the first before Chrome 26, the last since Chrome 44."""
_STATES = {0: "in progress", 2: "cancelled", 3: "interrupted", 4: "interrupted"}
"""Chromium, components/history/core/browser/download_constants.h, DownloadState."""


class _Noted(Struct):
    """JSON, times in milliseconds since 1970."""

    endTime: int = 0  # noqa: N815 - Firefox's own
    fileSize: int = 0  # noqa: N815


_NOTE = json.Decoder(_Noted)


class Browsers(Databases):
    """One observation for each page and each download."""

    name = "browsers"
    kind = "browser database"
    where = whereabouts.BROWSERS

    def told(self, hit: HitRow) -> Iterator[Observation]:
        """Pages and downloads; whatever else there is, as a mention of its table."""
        record = _Record(hit)
        table = hit.row.table
        if table == "urls" and hit.database.has("visits"):
            yield from record.chromium_page()
        elif table in ("downloads", "downloads_url_chains") and "id" in hit.row.values:
            yield from record.chromium_download()
        elif table == "moz_places":
            yield from record.firefox_page()
        elif table == "moz_annos" and hit.database.has("moz_places"):
            yield from record.firefox_download(hit.row.integer("place_id"))
        elif table == "moz_downloads":
            yield from record.old_firefox_download()
        if hit.hits and not record.told:
            yield record.mention()

    def alone(self, file: EvidenceFile, number: int, values: Sequence[Value]) -> Observation | None:
        """A page: its number is its first column, then come address and title, and among the
        numbers behind them the time of the last visit."""
        if len(values) < 5 or values[0] is not None or not isinstance(values[1], bytes):
            return None
        numbers = [value for value in values[3:] if isinstance(value, int)]
        last = next((time for one in numbers if (time := _visited(one)) is not None), None)
        if b"://" not in values[1][:16] or last is None:
            return None
        url = values[1].decode("utf-8", "replace")
        return Observation(
            source=self.name,
            seen="browser history",
            claim=Claim.VISITED,
            place=place_in(file, f"page {number}", f"{file.path}, page {number}"),
            moments=moments(visited=last),
            url=Url(full=url),
            user=owner_of(file),
            remarks=("the database is too large to ask it for all visits",),
        )

    def unasked(self, database: Database) -> Iterator[Row]:
        """Downloads that got a number because a file of that name was there: the name that is
        looked for stands nowhere in them."""
        for table, column in (("downloads", "target_path"), ("moz_annos", "content")):
            if database.has(table):
                for row in database.rows(table):
                    name = base_name(_path_of(row.text(column)))
                    if any(one != fold(name) for one in originals_of_copy(fold(name))):
                        yield row

    def knows_reach(self, file: EvidenceFile) -> bool:
        """Whether it has visits."""
        return base_name(file.path).casefold() in ("history", "places.sqlite")

    def whose(self, file: EvidenceFile) -> str | None:
        """``jo (Chrome)``; a copy that an update made, and a program's own window, are no
        history that goes on."""
        path = file.path.casefold()
        browser = next((name for part, name in _NAMES if part in path), "")
        if not browser or not file.owner or any(part in path for part in _NOT_USED):
            return None
        profile = file.path.split("\\")[-2]
        return f"{file.owner} ({browser}{_told(profile)})"

    def reach(self, database: Database) -> Iterable[datetime | None]:
        """The first and the last visit with it."""
        if database.has("visits"):
            here = f"NOT ({_elsewhere(database)})"
            span, of = database.span("visits", "visit_time", here), _chromium
        elif database.has("moz_historyvisits"):
            span, of = database.span("moz_historyvisits", "visit_date"), _firefox
        else:
            return ()
        return () if span is None else map(of, span)


class _Record:
    """One row, as observations."""

    def __init__(self, hit: HitRow) -> None:
        self._hit = hit
        file = hit.file
        self._user = owner_of(file)
        path = file.path.casefold()
        self.told = False
        """Whether what is mentioned in it was told with what it is about."""
        self._program = next((name for part, name in _PROGRAMS if part in path), "")

    def _seen(
        self,
        seen: str,
        claim: Claim,
        url: str,
        times: tuple[Moment, ...],
        remarks: Iterable[str],
        file: File | None = None,
        hits: tuple[ByteHit, ...] = (),
    ) -> Observation:
        process = Process(name=self._program, user=self._user) if file is not None else None
        what = file.path if file is not None else url
        return Observation(
            source=Browsers.name,
            seen=seen,
            claim=claim,
            place=told_as(what, self._hit.place),
            moments=times,
            url=Url(full=url) if url else None,
            file=file,
            process=process,
            user=self._user if process is None else None,
            hits=hits,
            remarks=tuple(filter(None, remarks)),
        )

    def chromium_page(self) -> Iterator[Observation]:
        """What was visited elsewhere was brought by the account's synchronisation."""
        row, elsewhere = self._hit.row, _elsewhere(self._hit.database)
        here, there = self._visits(f"NOT ({elsewhere})"), self._visits(elsewhere)
        last = _chromium(row.integer("last_visit_time"))
        if there and not here:
            yield self._page(row, there, None, Claim.LOGGED, _ELSEWHERE)
            return
        remark = _ELSEWHERE_TOO if there else ""
        yield self._page(row, here, None if last in there else last, Claim.VISITED, remark)

    def _visits(self, condition: str) -> list[datetime | None]:
        visits = self._hit.database.rows(
            "visits",
            f"url = ? AND ({condition}) ORDER BY visit_time DESC LIMIT {MAX_TIMES}",
            self._hit.row.number,
        )
        return [_chromium(visit.integer("visit_time")) for visit in visits]

    def firefox_page(self) -> Iterator[Observation]:
        row, database = self._hit.row, self._hit.database
        times: list[datetime | None] = []
        if database.has("moz_historyvisits"):
            condition = f"place_id = ? ORDER BY visit_date DESC LIMIT {MAX_TIMES}"
            visits = database.rows("moz_historyvisits", condition, row.number)
            times += [_firefox(visit.integer("visit_date")) for visit in visits]
        yield self._page(row, times, _firefox(row.integer("last_visit_date")))
        yield from self.firefox_download(row.number)

    def _page(
        self,
        row: Row,
        times: list[datetime | None],
        last: datetime | None,
        claim: Claim = Claim.VISITED,
        remark: str = "",
    ) -> Observation:
        """A page that was never visited is a bookmark, or was imported."""
        known = list(dict.fromkeys(time for time in (*times, last) if time is not None))
        count, title = row.integer("visit_count"), row.text("title")
        return self._seen(
            "browser history" if known else "browser's list of pages",
            claim if known else Claim.LOGGED,
            row.text("url"),
            tuple(Moment(time=time, of=MomentOf.VISITED) for time in sorted(known)),
            (
                f'title "{title}"' if title else "",
                f"visited {count:,} times" if count > 1 else "",
                remark,
            ),
        )

    def chromium_download(self) -> Iterator[Observation]:
        """By whichever of its two tables was hit: once for each address that it came from."""
        row, database = self._hit.row, self._hit.database
        number = row.integer("id")
        chain: list[str] = []
        if database.has("downloads_url_chains"):
            rows = database.rows(
                "downloads_url_chains", f"id = ? ORDER BY chain_index LIMIT {MAX_CHAIN}", number
            )
            chain += [one.text("url") for one in rows]
        for download in database.rows("downloads", "id = ? LIMIT 1", number):
            self._hit = self._hit._replace(row=download)
            # Before Chrome 26, full_path and url.
            target = download.text("target_path") or download.text("full_path")
            pages = (download.text(name) for name in _PAGES)
            yield from self._download(
                target or download.text("current_path"),
                [*chain, *pages],
                download.integer("total_bytes") or download.integer("received_bytes"),
                _chromium_or_old(download.integer("start_time")),
                _chromium_or_old(download.integer("end_time")),
                _STATES.get(download.integer("state"), ""),
            )

    def firefox_download(self, page: int) -> Iterator[Observation]:
        """What is noted with a page about a file that was downloaded from it."""
        database = self._hit.database
        if not database.has("moz_annos", "moz_places"):
            return
        urls = [one.text("url") for one in database.rows("moz_places", "id = ? LIMIT 1", page)]
        notes = list(database.rows("moz_annos", f"place_id = ? LIMIT {MAX_CHAIN}", page))
        size, end = next(filter(None, (_noted(one.text("content")) for one in notes)), (0, None))
        for note in notes:
            target = note.text("content")
            if target.casefold().startswith("file:///"):
                begin = _firefox(note.integer("dateadded"))
                yield from self._download(_path_of(target), urls, size, begin, end, "")

    def old_firefox_download(self) -> Iterator[Observation]:
        """Before Firefox 26."""
        row = self._hit.row
        yield from self._download(
            _path_of(row.text("target")),
            [row.text("source"), row.text("referrer")],
            max(row.integer("maxbytes"), 0),
            _firefox(row.integer("starttime")),
            _firefox(row.integer("endtime")),
            "",
        )

    def _download(
        self,
        target: str,
        urls: Iterable[str],
        size: int,
        start: datetime | None,
        end: datetime | None,
        state: str,
    ) -> Iterator[Observation]:
        seen, told = "browser's download", list(dict.fromkeys(url for url in urls if url))
        remarks = (f"{state} when last heard of" if state else "",)
        if not target:
            for url in told:
                yield self._seen(seen, Claim.LOGGED, url, moments(happened=start), remarks)
            return
        times = moments(created=start, downloaded=end)
        file = File(path=target, name=base_name(target), size=size or None, zone_url=told)
        for url in told or [""]:
            yield self._seen(seen, Claim.DOWNLOADED, url, times, remarks, file)
        if self._hit.hits:
            self.told = True
            yield self._seen(seen, Claim.LOGGED, "", times, remarks, file, self._hit.hits)

    def mention(self) -> Observation:
        """What else stands in the row: in a title, in what was searched for, beside an icon or a
        cookie. It says no more than that somebody wrote or read it."""
        row = self._hit.row
        url = row.text("url") if row.table in ("urls", "moz_places") else ""
        last = {
            "urls": _chromium(row.integer("last_visit_time")),
            "moz_places": _firefox(row.integer("last_visit_date")),
        }.get(row.table)
        seen, times = f"browser's {row.table}", moments(visited=last)
        return self._seen(seen, Claim.LOGGED, url, times, (), hits=self._hit.hits)


def _elsewhere(database: Database) -> str:
    """Which of Chromium's visits were made on other devices: by the client that they came from
    (since Chrome 107), or by their source, 0 for SOURCE_SYNCED (components/history/core/browser/
    visit_database.cc, history_types.h)."""
    ways = []
    if "originator_cache_guid" in database.columns("visits"):
        ways.append("coalesce(originator_cache_guid, '') != ''")
    if database.columns("visit_source") >= {"id", "source"}:
        ways.append("id IN (SELECT id FROM visit_source WHERE source = 0)")
    return " OR ".join(ways) or "0"


def _told(profile: str) -> str:
    """The name of one of several profiles."""
    name = profile.casefold()
    return "" if name in _USUAL or ".default" in name else f", {profile}"


def _chromium(microseconds: int) -> datetime | None:
    """Since 1601, as Chromium's base::Time; 0: never."""
    return utc_of(microseconds * 10)


def _chromium_or_old(number: int) -> datetime | None:
    """Seconds since 1970, before Chrome 26."""
    if 0 < number < 1 << 40:
        return _firefox(number * 1_000_000)
    return _chromium(number)


def _firefox(microseconds: int) -> datetime | None:
    """Since 1970, as NSPR's PRTime; 0: never."""
    try:
        return _UNIX + timedelta(microseconds=microseconds) if microseconds > 0 else None
    except OverflowError:
        return None


def _noted(text: str) -> tuple[int, datetime | None] | None:
    """Size and end of a download, as Firefox notes them beside its file; None: no such note."""
    try:
        told = _NOTE.decode(text)
    except DecodeError:
        return None
    return max(told.fileSize, 0), _firefox(told.endTime * 1000)


def _visited(number: int) -> datetime | None:
    """Of a time of either kind, from 1994 to 2200; None: it is none."""
    return next(
        (
            time
            for time in (_chromium(number), _firefox(number))
            if time is not None and 1994 <= time.year < 2200
        ),
        None,
    )


def _path_of(link: str) -> str:
    """Of a link to a file of this machine; what is none stays as it is."""
    if not link.casefold().startswith("file:///"):
        return link
    return unquote(link[len("file:///") :]).replace("/", "\\")
