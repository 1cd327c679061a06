"""A made host with what most hosts remember, of real files where there are some, for a bench.

300 event logs of three hosts, 20 hives (those that were in use with their logs), 256 prefetch files
as Windows 10 has them, ten browser profiles, 5,000 shell links; 170 MB. Nothing of the built-in pack
is in any of it. ``big``: files of 300 MB.
"""

from __future__ import annotations

import lzma
import shutil
import struct
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from uuid import UUID

from tests.evidence.databases import (
    HISTORY,
    PLACES,
    Statement,
    chromium_download,
    chromium_page,
    database,
    firefox_page,
)
from tests.evidence.execution import srum
from tests.evidence.files import shell_link
from tests.evidence.hives import dirty, hive, log
from tests.evidence.windows_folder import CONFIG, as_folder, software

USERS = tuple(f"user{number}" for number in range(7))
PREFETCH, LINKS = 256, 5_000
LOGS = 300
NAME = "remembered-host-2"
"""In the cache; another one when other files are made."""
BIG = 300 << 20
BIG_HIVE = 200 << 20
_SINCE_1601 = 13_300_000_000_000_000
_SINCE_1970 = 1_650_000_000_000_000
_PAGES = 6_000
_TRACKED = UUID("5f1d1f0a-3c43-11e6-9d3b-6c6f636b6564")
_RECENT = "AppData\\Roaming\\Microsoft\\Windows\\Recent"
_CHROME = "AppData\\Local\\Google\\Chrome\\User Data"
_FIREFOX = "AppData\\Roaming\\Mozilla\\Firefox\\Profiles"


def unpacked(path: Path) -> bytes:
    """A sample's bytes."""
    data = path.read_bytes()
    return lzma.decompress(data) if path.suffix == ".xz" else data


def seven_hives(samples: Path) -> dict[str, bytes]:
    """Real ones with their logs, by their names at a host."""
    registry = samples / "registry"
    names = {
        "SYSTEM": "SYSTEM_B.xz",
        "SYSTEM.LOG1": "SYSTEM_B.LOG1.xz",
        "SYSTEM.LOG2": "SYSTEM_B.LOG2.xz",
        "1709\\SYSTEM": "SYSTEM_WIN_10_1709.xz",
        "one\\NTUSER.DAT": "NTUSER.DAT.xz",
        "two\\NTUSER.DAT": "NTUSER_with_winscp.DAT.xz",
        "one\\UsrClass.dat": "UsrClass.dat.xz",
        "Amcache.hve": "amcache.hve.xz",
        "10\\Amcache.hve": "win10-Amcache.hve",
    }
    return {name: unpacked(registry / file) for name, file in names.items()}


def made_host(place: Path, samples: Path, logs: Path) -> Path:
    """The volume ``C:``; ``logs``: unpacked ones. Made once."""
    if not place.is_dir():
        making = place.with_suffix(".making")
        shutil.rmtree(making, ignore_errors=True)
        as_folder(making, dict(_files(samples)))
        folder = making.joinpath(*CONFIG.split("\\")[1:-1], "winevt", "Logs")
        folder.mkdir(parents=True)
        for name, path in _logs(logs, samples):
            shutil.copyfile(path, folder / name)
        making.rename(place)
    return place


def _logs(logs: Path, samples: Path) -> Iterator[tuple[str, Path]]:
    """So many; those of the first host under their own names."""
    first, found = "", 0
    for path in [*sorted(logs.rglob("*.evtx")), *sorted((samples / "evtx").glob("*.evtx"))]:
        top = path.relative_to(logs).parts[0] if path.is_relative_to(logs) else "others"
        first = first or top
        if found < LOGS:
            yield path.name if top == first else f"{top} {path.name}", path
            found += 1


def _files(samples: Path) -> Iterator[tuple[str, bytes]]:
    hives = seven_hives(samples)
    profiles = {f"S-1-5-21-1-2-3-{1001 + at}": f"C:\\Users\\{u}" for at, u in enumerate(USERS)}
    yield f"{CONFIG}\\SOFTWARE", software(profiles=profiles)
    for name in ("SYSTEM", "SYSTEM.LOG1", "SYSTEM.LOG2"):
        yield f"{CONFIG}\\{name}", hives[name]
    yield f"{CONFIG}\\DEFAULT", hives["one\\NTUSER.DAT"]
    for name in ("SAM", "SECURITY"):
        yield f"{CONFIG}\\{name}", hive({name: {"some": "thing"}})
    yield "C:\\Windows\\AppCompat\\Programs\\Amcache.hve", hives["Amcache.hve"]
    for at, user in enumerate(USERS):
        yield from _of_user(f"C:\\Users\\{user}", at, hives)
    yield from _prefetch(samples)
    yield "C:\\Windows\\System32\\drivers\\etc\\hosts", b"127.0.0.1 localhost\n"


def _of_user(profile: str, at: int, hives: dict[str, bytes]) -> Iterator[tuple[str, bytes]]:
    own = hives["two\\NTUSER.DAT" if at % 2 else "one\\NTUSER.DAT"]
    yield f"{profile}\\NTUSER.DAT", dirty(own, 1)
    changed = own[:8192] + b"changed" + own[8199:]
    yield f"{profile}\\NTUSER.DAT.LOG1", log(own, changed, 1)
    yield f"{profile}\\NTUSER.DAT.LOG2", bytes(65536)
    yield f"{profile}\\AppData\\Local\\Microsoft\\Windows\\UsrClass.dat", hives["one\\UsrClass.dat"]
    for number in range(at, LINKS, len(USERS)):
        target = f"C:\\Users\\{profile[9:]}\\Documents\\report of day {number}.docx"
        link = shell_link("", machine_id="ws-0421", serial=7, tracked=_TRACKED, target=target)
        yield f"{profile}\\{_RECENT}\\report of day {number}.lnk", link
    if at < 5:
        yield from _browsers(profile)


def _browsers(profile: str) -> Iterator[tuple[str, bytes]]:
    """Two profiles."""
    pages = [
        one
        for number in range(1, _PAGES)
        for one in chromium_page(
            number,
            f"https://site{number % 97}.example/{number}/some/page/of/it?with=a&query={number * 7919}",
            *(_SINCE_1601 + number * 10_000_000 + visit for visit in range(3)),
            title=f"A page with a title of some length, number {number}",
        )
    ]
    downloads = [
        one
        for number in range(1, 200)
        for one in chromium_download(
            number,
            f"{profile}\\Downloads\\document {number}.pdf",
            f"https://files.example/{number}/document.pdf",
            start=_SINCE_1601 + number,
            end=_SINCE_1601 + number + 1,
        )
    ]
    history = database(*HISTORY, *pages, *downloads)
    beside = database(*_ICONS)
    for name, data in (("History", history), ("Favicons", beside), ("Network\\Cookies", beside),
                       ("Web Data", beside), ("Top Sites", beside)):  # fmt: skip
        yield f"{profile}\\{_CHROME}\\Default\\{name}", data
    yield f"{profile}\\{_CHROME}\\Default\\Preferences", b'{"browser": {}}' * 4000
    yield f"{profile}\\{_CHROME}\\Default\\Sessions\\Session_1", b"https://example.com/" * 20_000
    places = [
        one
        for number in range(1, _PAGES)
        for one in firefox_page(
            number,
            f"https://site{number % 97}.example/{number}/some/page/of/it?with=a&query={number * 7919}",
            *(_SINCE_1970 + number * 10_000_000 + visit for visit in range(3)),
            title=f"A page with a title of some length, number {number}",
        )
    ]
    yield f"{profile}\\{_FIREFOX}\\x.default\\places.sqlite", database(*PLACES, *places)
    for name in ("favicons.sqlite", "cookies.sqlite", "formhistory.sqlite"):
        yield f"{profile}\\{_FIREFOX}\\x.default\\{name}", beside


_ICONS: tuple[str | Statement, ...] = (
    "CREATE TABLE icons (id INTEGER PRIMARY KEY, url TEXT, image BLOB)",
    *(
        ("INSERT INTO icons VALUES (?, ?, ?)", (number, f"https://x.example/{number}.ico",
                                               number.to_bytes(2, "big") * 400))
        for number in range(1, 600)
    ),
)  # fmt: skip


def _prefetch(samples: Path) -> Iterator[tuple[str, bytes]]:
    """As Windows 10 and 11 have them, compressed."""
    real = [path.read_bytes() for path in sorted((samples / "prefetch").glob("win1*.pf"))]
    for number in range(PREFETCH):
        data = real[number % len(real)]
        yield f"C:\\Windows\\Prefetch\\PROGRAM{number}.EXE-{number:08X}.pf", data


# ---- Large ones -----------------------------------------------------------------------------------


def big_files(place: Path, word: str = "") -> Iterator[tuple[str, Path]]:
    """Hosts with one large file each, by the source that reads it; made once. ``word``: what stands
    at the end of each; empty: nothing that is looked for."""
    made = {
        "registry": partial(_big_hive, word),
        "browsers": partial(_big_history, word),
        "wmi_repository": partial(_big_objects, word),
        "srum": partial(_big_srum, word),
        "web_cache": partial(_big_cache, word),
    }
    for source, make in made.items():
        host = place / f"{source}{'-hit' if word else ''}"
        if not host.is_dir():
            making = place / "making"
            shutil.rmtree(making, ignore_errors=True)
            as_folder(making, {f"{CONFIG}\\SOFTWARE": software(), "C:\\Users\\jo\\": b""})
            for path, data in make().items():
                there = making.joinpath(*path.split("\\")[1:])
                there.parent.mkdir(parents=True, exist_ok=True)
                there.write_bytes(data)
            making.rename(host)
        yield source, host


_FILLER = bytes(range(256)) * 16
"""A page in which nothing is looked for."""


def _big_hive(word: str) -> dict[str, bytes]:
    """A user's, dirty, with a log that changes a page of it."""
    values = {f"v{n}": (_FILLER * 4)[:16_000] for n in range(BIG_HIVE // 16_384)}
    data = hive({"Software": {"blobs": values, "last": f"a value {word}"}})
    changed = data[:-512] + bytes(512)
    path = "C:\\Users\\jo\\NTUSER.DAT"
    return {path: dirty(data, 1), f"{path}.LOG1": log(data, changed, 1)}


def _big_history(word: str) -> dict[str, bytes]:
    pages = [
        one
        for number in range(1, BIG // 4100)
        for one in chromium_page(
            number, f"https://example.com/{number}", _SINCE_1601 + number, title="x" * 4000
        )
    ]
    last = chromium_page(10_000_000, f"https://{word or 'example.org'}/a", _SINCE_1601)
    path = f"C:\\Users\\jo\\{_CHROME}\\Default\\History"
    return {path: database(*HISTORY, *pages, *last)}


def _big_objects(word: str) -> dict[str, bytes]:
    data = _FILLER * (BIG // len(_FILLER)) + b"\0" + word.encode() + b"\0"
    return {"C:\\Windows\\System32\\wbem\\Repository\\OBJECTS.DATA": data}


def _big_srum(word: str) -> dict[str, bytes]:
    """The pages of one with rows, so many times over."""
    small = srum(f"\\Device\\HarddiskVolume3\\x\\{word or 'some.exe'}", bytes(28), [43_000.5] * 40)
    pages = small[8192:-4096]
    blank = bytearray(_FILLER)
    struct.pack_into("<I8xI", blank, 24, 0, 0)
    data = small[:8192] + bytes(blank) * (BIG // 4096) + pages + bytes(4096)
    return {"C:\\Windows\\System32\\sru\\SRUDB.dat": data}


def _big_cache(word: str) -> dict[str, bytes]:
    data = _FILLER * (BIG // len(_FILLER)) + b"\0" + word.encode() + b"\0"
    return {"C:\\Users\\jo\\AppData\\Local\\Microsoft\\Windows\\WebCache\\WebCacheV01.dat": data}
