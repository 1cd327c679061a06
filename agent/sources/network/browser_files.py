r"""What else browsers keep in files: open tabs, bookmarks, settings.

Evidence: sessions of Chromium's kin (``Sessions\*``, ``Last Tabs`` …), their ``Bookmarks`` and
``Preferences``; Firefox's ``sessionstore*.jsonlz4`` and backups, decompressed.
Since: as each of them. Cannot tell: when something was visited, nor, of a settings file, that it
was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...formats import FormatError
from ...formats.mozilla_lz4 import MAGIC, MAX_PLAIN, unpacked
from .. import whereabouts
from ..mentions import Mentions

if TYPE_CHECKING:
    from ...formats.paged import Bytes, PagedFile


class BrowserFiles(Mentions):
    """One observation for each file."""

    name = "browser_files"
    kind = "file of a browser"
    where = whereabouts.BROWSER_FILES
    max_bytes = 1 << 30
    by_pages = True

    def plain(self, data: bytes) -> bytes:
        """Firefox's decompressed. Raises FormatError."""
        return unpacked(data)

    def plain_pages(self, data: PagedFile) -> Bytes:
        if not data.startswith(MAGIC):
            return data
        if len(data) > MAX_PLAIN:
            raise FormatError("LZ4 of more than 64 MiB", "size")
        return unpacked(data[:])
