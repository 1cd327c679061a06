r"""UserAssist: what a user started from Explorer, its names turned by ROT13.

Format: libyal's winreg-kb, "User Assist": below ``UserAssist\{GUID}\Count`` one value for each
program or shortcut. Version 5 (Windows 7 and newer, 72 bytes): count at 4, last run at 60. Version
3 (before, 16 bytes): count at 4, which begins with 5, last run at 8. Names are turned letter by
letter of ASCII and nothing else; a path's known folder is written as its GUID (KNOWNFOLDERID,
Windows SDK).
"""

from __future__ import annotations

import string
from datetime import datetime
from typing import NamedTuple

from . import FormatError
from .filetime import utc_of

_TURNED = str.maketrans(
    string.ascii_letters,
    "".join(
        letters[13:] + letters[:13] for letters in (string.ascii_lowercase, string.ascii_uppercase)
    ),
)
_SIZE_3, _SIZE_5 = 16, 72
_FIRST_COUNT_3 = 5
_FOLDERS = {
    "{6D809377-6AF0-444B-8957-A3773F02200E}": r"%ProgramFiles%",
    "{905E63B6-C1BF-494E-B29C-65B732D3D21A}": r"%ProgramFiles%",
    "{7C5A40EF-A0FB-4BFC-874A-C0F2E0B9FA8E}": r"%ProgramFiles(x86)%",
    "{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}": r"%SystemRoot%\System32",
    "{D65231B0-B2F1-4857-A4CE-A8E7C6EA7D27}": r"%SystemRoot%\SysWOW64",
    "{F38BF404-1D43-42F2-9305-67DE0B28FC23}": r"%SystemRoot%",
    "{62AB5D82-FDC1-4DC3-A9DD-070D1D495D97}": r"%ProgramData%",
    "{0139D44E-6AFE-49F2-8690-3DAFCAE6FFB8}": (
        r"%ProgramData%\Microsoft\Windows\Start Menu\Programs"
    ),
}
_OF_USERS = {
    "{5E6C858F-0E22-4760-9AFE-EA3317B67173}": "",
    "{F1B32785-6FBA-4FCF-9D55-7B8E7F157091}": r"\AppData\Local",
    "{3EB685DB-65F9-4CF6-A03A-E3EF65729F3D}": r"\AppData\Roaming",
    "{374DE290-123F-4565-9164-39C4925E467B}": r"\Downloads",
    "{B4BFCC3A-DB2C-424C-B029-7FE99A87C641}": r"\Desktop",
    "{FDD39AD0-238F-46AF-ADB4-6C85480369C7}": r"\Documents",
    "{A77F5D77-2E2B-44C3-A6A2-ABA601054A51}": (
        r"\AppData\Roaming\Microsoft\Windows\Start Menu\Programs"
    ),
    "{9E3995AB-1F9C-4F13-B827-48B24B6C7174}": (
        r"\AppData\Roaming\Microsoft\Internet Explorer\Quick Launch\User Pinned"
    ),
}
"""Below the user's profile, by GUID."""


class Use(NamedTuple):
    """What one value tells."""

    times: int
    """How often it was started; 0: it was not, or Windows does not say."""
    ran: datetime | None
    """Last, UTC."""


def turned(text: str) -> str:
    """By ROT13, which turns it back as well."""
    return text.translate(_TURNED)


def read_use(data: bytes) -> Use:
    """Raises FormatError for data of any other size than Windows writes."""
    count = int.from_bytes(data[4:8], "little")
    if len(data) == _SIZE_5:
        return Use(count, utc_of(int.from_bytes(data[60:68], "little")))
    if len(data) == _SIZE_3:
        since_first = max(0, count - _FIRST_COUNT_3)
        return Use(since_first, utc_of(int.from_bytes(data[8:16], "little")))
    raise FormatError("no value of UserAssist", f"{len(data)} bytes")


def path_of(name: str, profile: str) -> str:
    """The path that a name (turned back) stands for, known folders written out; ``profile``: the
    user's, which is empty where nobody knows it."""
    folder, separator, rest = name.partition("\\")
    guid = folder.upper()
    if guid in _OF_USERS:
        return (profile or "%UserProfile%") + _OF_USERS[guid] + separator + rest
    return _FOLDERS.get(guid, folder) + separator + rest
