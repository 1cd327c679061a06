r"""What a user's hives remember of files and folders that he opened.

- RunMRU: what was typed into "Run". RecentDocs: documents by name. TypedPaths: typed into Explorer.
- Shellbags (``BagMRU``; UsrClass.dat, and NTUSER.DAT): folders that Explorer has shown, archives
  opened as folders and removable drives too. They outlive the folders.
- OpenSavePidlMRU and LastVisitedPidlMRU: files chosen in dialogues, and the programs that asked.
- Office: ``File MRU`` and ``Place MRU``, and documents whose content was enabled (TrustRecords).
- Word's Reading Locations, and the recent files of Adobe's Acrobat and Reader.
- WordWheelQuery: what was searched for in Explorer.
- Histories of archives of 7-Zip and WinRAR.

Which entry was used last the key's list says (``MRUList``, ``MRUListEx``): the key's last write is
the time of that one alone. libyal's winreg-kb, "Most Recently Used"; [MS-SHLLINK] 2.2.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from datetime import datetime, timezone
from urllib.parse import unquote

from ...formats import FormatError
from ...formats.filetime import utc_of
from ...formats.hive import Key, Value
from ...formats.shell_items import Item, joined, read_item, read_items
from ...model.objects import File, Process
from ...model.observation import Claim, moments
from ...spelling import base_name
from ..remembered import Remembered
from .spot import Spot

_LISTS = frozenset({"MRUList", "MRUListEx", "NodeSlot", "NodeSlots"})
_BAGS = "BagMRU"
MAX_STEPS = 64
"""Of a shellbag's path."""
_OFFICE_ITEM = re.compile(r"(?:\[[^\]]*\])*\*(.+)", re.DOTALL)
_OFFICE_TIME = re.compile(r"\[T([0-9A-F]{16})\]")
_TRUST = struct.Struct("<QqII")
_MACROS = 0x7FFFFFFF
_DEVICE = re.compile(r"/([A-Za-z])/(.*)", re.DOTALL)
_PDF_TIME = re.compile(r"D:(\d{14})([+-]\d\d)'(\d\d)")
_PROFILE = "%userprofile%"
_NO_TIME = "the key's last write is the time of another entry"


def run_history(spot: Spot) -> Iterator[Remembered]:
    """Typed into "Run": the text ends in a backslash and a one."""
    value = spot.value
    if value is None or value.name in _LISTS:
        return
    line = value.text.removesuffix("\\1")
    used = _last_use(spot.key, value)
    yield Remembered(
        seen="RunMRU",
        claim=Claim.RAN,
        texts=(line,),
        moments=moments(ran=used),
        process=Process(command_line=line),
        remarks=() if used else (_NO_TIME,),
    )


def recent_documents(spot: Spot) -> Iterator[Remembered]:
    """A name in UTF-16, then the item of the shortcut in ``Recent``."""
    value = spot.value
    if value is None or value.name in _LISTS:
        return
    name = _until_nul(value.data)
    yield _opened("RecentDocs", name, _last_use(spot.key, value))


def typed_path(spot: Spot) -> Iterator[Remembered]:
    """Of which the first (``url1``) is the newest."""
    value = spot.value
    if value is None or not value.strings:
        return
    used = spot.key.written if value.name.lower() == "url1" else None
    yield _opened("TypedPaths", value.text, used)


def shellbag(spot: Spot) -> Iterator[Remembered]:
    """A folder, with the path of those above it. Raises FormatError."""
    value = spot.value
    if value is None or value.name in _LISTS:
        return
    item = read_item(value.data)
    path = _of_user(joined([*_above(spot.key), item]), spot)
    used = _last_use(spot.key, value)
    yield Remembered(
        seen="shellbag",
        claim=Claim.WAS_THERE,
        texts=(path, item.name, item.short_name),
        moments=moments(
            created=item.created, modified=item.modified, accessed=item.accessed, happened=used
        ),
        file=File(
            path=path,
            name=item.name,
            created=item.created,
            mtime=item.modified,
            accessed=item.accessed,
        ),
        remarks=("a folder, or an archive opened as one, that Explorer has shown",),
    )


def _above(key: Key) -> list[Item]:
    """The items that lead to a key: each is a value of the key above, named as the key itself."""
    names = key.path.split("\\")
    top = next((at for at, name in enumerate(names) if name.lower() == _BAGS.lower()), len(names))
    above: list[Item] = []
    holder = key.hive.key("\\".join(names[: top + 1]))
    for name in names[top + 1 :][:MAX_STEPS]:
        value = holder.value(name) if holder is not None else None
        try:
            above.append(read_item(value.data) if value is not None else Item(f"({name})"))
        except FormatError:
            above.append(Item(f"({name})"))
        holder = holder.subkey(name) if holder is not None else None
    return above


def chosen_file(spot: Spot) -> Iterator[Remembered]:
    """Of a dialogue: the items of a path. Raises FormatError."""
    value = spot.value
    if value is None or value.name in _LISTS:
        return
    path = _of_user(joined(list(read_items(value.data))), spot)
    yield _opened("OpenSavePidlMRU", path, _last_use(spot.key, value))


def dialogue_of_program(spot: Spot) -> Iterator[Remembered]:
    """The program that asked, and the folder that it showed. Raises FormatError."""
    value = spot.value
    if value is None or value.name in _LISTS:
        return
    data = value.data
    program = _until_nul(data)
    behind = len(program.encode("utf-16-le", "surrogatepass")) + 2
    folder = _of_user(joined(list(read_items(data[behind:]))), spot)
    yield Remembered(
        seen="LastVisitedPidlMRU",
        claim=Claim.RAN,
        texts=(program, folder),
        moments=moments(ran=_last_use(spot.key, value)),
        process=Process(name=base_name(program), executable=program),
        remarks=(f"it opened or saved a file in {folder}",) if folder else (),
    )


# ---- Office, archivers


def office_recent(spot: Spot) -> Iterator[Remembered]:
    """``[F00000000][T01D3C5…][O00000000]*C:\\path``, its time in the middle."""
    value = spot.value
    found = _OFFICE_ITEM.fullmatch(value.text) if value is not None else None
    if value is None or found is None:
        return
    told = _OFFICE_TIME.search(value.text)
    yield _opened("Office MRU", found[1], utc_of(int(told[1], 16)) if told else None)


def office_trusted(spot: Spot) -> Iterator[Remembered]:
    """The name of a value is the path, slashed and with its blanks as in a URL; its data: when the
    file was created here, the zone, when it was trusted (minutes since 1970), and for what."""
    value = spot.value
    if value is None:
        return
    path = _of_user(unquote(value.name).replace("/", "\\"), spot)
    created, _, trusted, flags = _TRUST.unpack(value.data[: _TRUST.size].ljust(_TRUST.size, b"\0"))
    told = _opened("Office trusted document", path, _since_1970(trusted))
    allowed = "its macros were allowed to run" if flags == _MACROS else "it was opened for editing"
    yield told._replace(
        texts=(path, value.name),
        moments=(*moments(created=utc_of(created)), *told.moments),
        remarks=(allowed, *told.remarks),
    )


def _since_1970(minutes: int) -> datetime | None:
    return datetime.fromtimestamp(60 * minutes, timezone.utc) if minutes else None


def reading_location(spot: Spot) -> Iterator[Remembered]:
    """Where in a document Word was left; its time is in a zone that nobody tells."""
    values = _texts_of(spot.key)
    if path := values.get("File Path", ""):
        told = _opened("Word reading location", path, None)
        left = values.get("Datetime", "")
        yield told._replace(remarks=(f"left at {left}, local time",) if left else told.remarks)


def acrobat_recent(spot: Spot) -> Iterator[Remembered]:
    """``/C/Users/jo/x.pdf``, and when: ``D:20181114130002+01'00'``."""
    values = _texts_of(spot.key)
    path = values.get("tDIText") or values.get("sDI", "")
    if path:
        drive = _DEVICE.fullmatch(path)
        path = f"{drive[1]}:/{drive[2]}" if drive is not None else path
        yield _opened("Acrobat recent file", path.replace("/", "\\"), _time_of(values))


def searched(spot: Spot) -> Iterator[Remembered]:
    """Words typed into Explorer's search, for whatever reason."""
    value = spot.value
    if value is None or value.name in _LISTS:
        return
    used = _last_use(spot.key, value)
    yield Remembered(
        seen="search in Explorer",
        claim=Claim.LOGGED,
        texts=(_until_nul(value.data),),
        moments=moments(happened=used),
        remarks=() if used else (_NO_TIME,),
    )


def archive_history(spot: Spot) -> Iterator[Remembered]:
    """Paths of archives, a value each (WinRAR), or all in one, with those of folders (7-Zip)."""
    if spot.value is None:
        return
    for path in _lines(spot.value):
        yield _opened("archiver's history", path.rstrip("\\"), None)


def _texts_of(key: Key) -> dict[str, str]:
    """Of the values that are texts, of one byte a character too where they are binary."""
    found: dict[str, str] = {}
    for value in key.values():
        try:
            narrow = value.data.partition(b"\0")[0].decode("cp1252", "replace")
            found[value.name] = value.text if value.strings else narrow
        except FormatError:
            continue
    return found


def _time_of(values: dict[str, str]) -> datetime | None:
    told = _PDF_TIME.match(values.get("sDate", ""))
    if told is None:
        return None
    try:
        local = datetime.strptime(f"{told[1]}{told[2]}{told[3]}", "%Y%m%d%H%M%S%z")
        return local.astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return None


def _lines(value: Value) -> list[str]:
    if value.strings:
        return [text for text in value.strings if text]
    text = value.data[: len(value.data) & ~1].decode("utf-16-le", "surrogatepass")
    return [line for line in text.split("\0") if line]


def _until_nul(data: bytes) -> str:
    return data[: len(data) & ~1].decode("utf-16-le", "surrogatepass").partition("\0")[0]


def _of_user(path: str, spot: Spot) -> str:
    """With the user's profile written out, where it is known."""
    if not spot.profile or not path.lower().startswith(_PROFILE):
        return path
    return spot.profile + path[len(_PROFILE) :]


def _opened(seen: str, path: str, used: datetime | None) -> Remembered:
    return Remembered(
        seen=seen,
        claim=Claim.WAS_THERE,
        texts=(path,),
        moments=moments(happened=used),
        file=File(path=path, name=base_name(path)),
        remarks=() if used else ("when it was opened is not kept",),
    )


def _last_use(key: Key, value: Value) -> datetime | None:
    """When the key was written, if its list says that this entry was the last one used."""
    listed = key.value("MRUListEx")
    if listed is not None:
        first = listed.data[:4]
        number = int.from_bytes(first, "little")
        return key.written if len(first) == 4 and value.name == str(number) else None
    listed = key.value("MRUList")
    return key.written if listed is not None and listed.text[:1] == value.name else None
