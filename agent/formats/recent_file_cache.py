"""RecentFileCache.bcf of Windows 7: programs that are new since Windows last looked.

Format: libyal's dtformats, "RecentFileCache.bcf format": a header of 20 bytes that begins with
0xffeefffe, then paths in UTF-16, each behind its length in characters and before a NUL.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import FormatError

MAGIC = bytes.fromhex("feffeeff")
_HEADER = 20
MAX_PATHS = 65_536


def read_recent_files(data: bytes) -> Iterator[str]:
    """Every path. Raises FormatError for no such file, and where it is cut, after those before."""
    if not data.startswith(MAGIC) or len(data) < _HEADER:
        raise FormatError("no RecentFileCache.bcf", "header")
    at = _HEADER
    for _ in range(MAX_PATHS):
        if at + 4 > len(data):
            return
        end = at + 4 + 2 * int.from_bytes(data[at : at + 4], "little")
        if end > len(data):
            raise FormatError("RecentFileCache.bcf is cut", f"0x{at:x}")
        yield data[at + 4 : end].decode("utf-16-le", "surrogatepass")
        at = end + 2
