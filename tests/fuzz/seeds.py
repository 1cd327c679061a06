"""The seeds of the corpus, made byte by byte by the writers of the tests.

    python -m tests.fuzz.seeds      writes them anew

In ``corpus/TARGET`` the files named here come from this script alone, and a test holds them to it.
The others, ``found-…``, are inputs by which the fuzzer reached new code or a defect, made small by
it; none comes from a real volume.
"""

from __future__ import annotations

import bz2
import io
import lzma
import struct
import zipfile
import zlib
from datetime import datetime, timezone

from tests.agent.formats.test_cab_archive import MSZIP, STORED, cabinet
from tests.agent.formats.test_tar_archive import tar
from tests.agent.ntfs.properties import COPY_BLOCKS, INDEX_CLUSTER, RECORD, change
from tests.evidence.bits import old_queue, transfer
from tests.evidence.databases import database
from tests.evidence.detections import quarantined
from tests.evidence.ese_files import LONG_TEXT, Elsewhere, Made, Value, ese_file, seven_bits, xpress
from tests.evidence.execution import recent_files, srum, startup_info, task
from tests.evidence.hives import Gone, hive
from tests.evidence.images import (
    boot,
    file_name,
    index_block,
    index_entries,
    index_root,
    non_resident,
    record,
    resident,
    run,
    standard,
)
from tests.evidence.jump_lists import Listed, compound, dest_list, link_by_id_list
from tests.evidence.logged_events import audited_process, dns_query
from tests.evidence.logs import event_log
from tests.evidence.ntfs_logs import WRITE, Logged, added, created, log, removed
from tests.evidence.overlay import ALIGNED, VERBATIM, XPRESS, stored
from tests.evidence.partitioned import BASIC, RESERVED, gpt
from tests.evidence.prefetch import prefetch
from tests.evidence.recycled import recycled
from tests.evidence.remembered_values import shimcache, task_actions, user_assist
from tests.evidence.shadow_copies import BLOCK, IN_PART, MOVED, catalogued
from tests.evidence.shell_items import entry, listed, root, volume
from tests.evidence.tiny_volumes import tiny_exfat, tiny_fat, tiny_wim

from .targets import CORPUS

SECTOR = 512


def seeds() -> dict[str, dict[str, bytes]]:
    """By target and name."""
    return {
        "boot_sector": _boot_sectors(),
        "run_list": _run_lists(),
        "attribute_list": {"three": _listed(31, 32, 33), "none": b""},
        "lznt1": _compressed(),
        "overlay": {
            "lzx-verbatim": b"\1" + (600).to_bytes(3, "little") + VERBATIM,
            "lzx-aligned": b"\1" + (600).to_bytes(3, "little") + ALIGNED,
            "xpress": b"\0" + (600).to_bytes(3, "little") + XPRESS,
            "two-chunks": b"\0" + (4696).to_bytes(3, "little") + stored([bytes(4096), XPRESS]),
        },
        "fixups": _mended(),
        "record": _records(),
        "folder_index": _folders(),
        "volume": {"whole": small_volume(), "mirror": small_volume(own=bytes(SECTOR))},
        "usn_journal": _journals(),
        "log_file": _logs(),
        "shadow_copies": _copies(),
        "archive": _archives(),
        "remembered": _remembered(),
        "memories": _memories(),
    }


def _boot_sectors() -> dict[str, bytes]:
    return {
        "usual": boot(),
        "large-clusters": boot(per_cluster=0xF4, sectors=1 << 40, record=4096),
        "4k-records": boot(record=4096),
        "bitlocker": boot()[:3] + b"-FVE-FS-" + boot()[11:],
    }


def _run_lists() -> dict[str, bytes]:
    return {
        "usual": run(3, 100) + run(5, None) + run(300, -90) + b"\0",
        "eight-bytes": b"\x88" + (1 << 40).to_bytes(8, "little") * 2 + b"\0",
        "no-end": run(1, 1),
    }


def _listed(*numbers: int) -> bytes:
    return b"".join(struct.pack("<IHBBQQH6x", 0x80, 32, 0, 26, 0, n | 1 << 48, 0) for n in numbers)


def _compressed() -> dict[str, bytes]:
    """The example of [MS-XCA] 3.3, a run of one letter, and a chunk that is stored."""
    example = bytes.fromhex(
        "38b08846232000204720410010a24701a045204400084501507900c04520052413"
        "8805b4024a44ef0358028c091601484500be009e000401189000"
    )
    made = {
        "example": (142, example),
        "letters": (4096, struct.pack("<HB1sH", 0xB003, 2, b"a", 0xFFF)),
        "stored": (5000, struct.pack("<H", 0x3004) + b"hello" + struct.pack("<H", 0x3000) + b"!"),
    }
    return {name: size.to_bytes(3, "little") + data for name, (size, data) in made.items()}


def _mended() -> dict[str, bytes]:
    torn = bytearray(RECORD)
    torn[510] ^= 1
    return {
        "mixed": bytes(torn) + b"BAAD" + RECORD[4:] + RECORD,
        "old": record(standard(), array=0x2A),
    }


def _records() -> dict[str, bytes]:
    """In pairs: the second may extend the first."""
    data = non_resident(0x80, 9000, run(3, 20), last=2)
    return {
        "extended": RECORD + record(file_name("x.lnk"), base=41 | 1 << 48),
        "plain": record(standard(), file_name("a.lnk"), data)
        + record(standard(), file_name("SHORT~1", space=2), file_name("short.txt"), links=2),
        "folder": record(standard(), file_name("cyzfc.dat"), flags=3)
        + record(standard(), file_name("none", 41, 1), resident(0x80, b"x" * 100), flags=0),
        "streams": record(standard(), file_name("a.txt"), resident(0x80, b"x" * 100, "b.lnk"))
        + record(standard(), file_name("l.lnk"), resident(0xC0, struct.pack("<I", 0xA000_000C))),
    }


def _folders() -> dict[str, bytes]:
    """A small folder, and one with two blocks, of which the second is free."""
    names = index_entries([("a.pf", 41), ("LONGNA~1", 42), ("long name.txt", 42)], 40)
    blocks = index_block(names, size=1024) + index_block(names, 1, size=1024)
    few = (standard(), resident(0x90, index_root(names), "$I30"))
    many = (
        standard(),
        resident(0x90, index_root(index_entries([], 40), block=1024), "$I30"),
        non_resident(0xA0, len(blocks), run(1, INDEX_CLUSTER), name="$I30"),
        resident(0xB0, b"\1", "$I30"),
    )
    return {"few": record(*few, flags=3), "many": record(*many, flags=3) + blocks}


def small_volume(own: bytes = b"") -> bytes:
    """All that a volume has, in little: clusters and records of 512 bytes. ``own``: instead of the
    $MFT's first record."""
    index = bytes(0x20) + struct.pack("<QHHHHQ", 12 | 1 << 48, 0x68, 0x54, 0, 0, 11 | 11 << 48)
    name = "$UsnJrnl".encode("utf-16-le")
    index = index.ljust(0x70, b"\0") + bytes([len(name) // 2, 3]) + name
    made = {
        0: (standard(), non_resident(0x80, 20 * SECTOR, run(16, 2) + run(4, 17), last=19)),
        5: (standard(), file_name(".")),
        6: (standard(), resident(0x80, b"\xff\xff\x7f\0\0\0\0\0")),
        11: (standard(), resident(0x90, index, "$I30")),
        12: (standard(), file_name("$UsnJrnl", 11, 11), _data(1, 23, "$J")),
        13: (standard(), file_name("cyzfc.dat", 14, 1), _data(2, 24)),
        14: (standard(), file_name("folder")),
        15: (standard(), resident(0x20, _listed(16)), file_name("two.txt")),
        16: (file_name("cyzfc.dat"), _data(3, 26)),
        17: (standard(), non_resident(0x20, 32, run(1, 29)), file_name("three")),
        18: (file_name("b.lnk"),),
        19: (standard(), non_resident(0x80, 8192, run(1, 24) + run(15, None), unit=4, flags=1)),
    }
    flags = {5: 3, 11: 3, 13: 0, 14: 3}
    bases = {16: 15 | 1 << 48, 18: 17 | 1 << 48}
    records = {
        number: record(
            *parts, size=SECTOR, flags=flags.get(number, 1), base=bases.get(number, 0),
            sequence=number if number in (5, 11) else 1, number=number,
        )
        for number, parts in made.items()
    }  # fmt: skip
    table = b"".join(records.get(number, bytes(SECTOR)) for number in range(20))
    table = (own or table[:SECTOR]) + table[SECTOR:]
    sectors = {
        0: boot(sectors=30, mft=2, mirror=18, record=SECTOR, per_cluster=1),
        2: table[: 16 * SECTOR],
        18: records[0],
        19: table[16 * SECTOR :],
        23: change(),
        24: struct.pack("<HB1sH", 0xB003, 2, b"a", 0xFFF),
        29: _listed(18),
    }
    image = bytearray(31 * SECTOR)
    for at, data in sectors.items():
        image[at * SECTOR : at * SECTOR + len(data)] = data
    return bytes(image)


def _data(clusters: int, place: int, name: str = "") -> bytes:
    return non_resident(0x80, clusters * SECTOR, run(clusters, place), name=name, last=clusters - 1)


def _journals() -> dict[str, bytes]:
    ranges = struct.pack("<IHH", 0x50, 4, 0).ljust(0x50, b"\1")
    return {
        "all-versions": change() + change("other.txt", 3) + ranges + change("CYZFC (1).dat", 3),
        "damaged": b"\x10" + change()[1:] + change("b"),
    }


def _logs() -> dict[str, bytes]:
    name = "cyzfc.dat"
    changed = Logged(WRITE, WRITE, change())
    return {"all-kinds": log([created(name), added(name), removed(name), changed], pages=5)}


def _copies() -> dict[str, bytes]:
    first, size = COPY_BLOCKS * BLOCK, 2 * COPY_BLOCKS * BLOCK
    entries = catalogued(0, size, first + BLOCK) + catalogued(1, size, first + 2 * BLOCK)
    lists = [
        [(BLOCK, 0, 12 * BLOCK, 0, 0), (2 * BLOCK, 3 * BLOCK, 0, MOVED, 0)],
        [(BLOCK, 0, 13 * BLOCK, IN_PART, 0xF0F0), (3 * BLOCK, 0, 14 * BLOCK, 0, 0)],
    ]
    data = entries.ljust(1024, b"\0")
    for number, descriptors in enumerate(lists):
        following = 0 if number else first + 3 * BLOCK
        body = b"".join(struct.pack("<QQQII", *one) for one in descriptors)
        data += (struct.pack("<Q", following) + body).ljust(1024, b"\0")
    return {"two": data}


def _stored(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as out:
        for name, content in members.items():
            out.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


def _gzip(content: bytes) -> bytes:
    """The header as well, which Python's own way writes differently from version to version."""
    deflate = zlib.compressobj(0, wbits=-15)
    body = deflate.compress(content) + deflate.flush()
    tail = struct.pack("<II", zlib.crc32(content), len(content))
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + body + tail


def _archives() -> dict[str, bytes]:
    members = {"a/": b"", "a/cyzfc.dat": b"1" * 40, "b": b"2"}
    packed = tar(members)
    disk = bytearray(1024)
    struct.pack_into("<B3xB3xII", disk, 446, 0x80, 7, 1, 1)
    struct.pack_into("<B3xB3xII", disk, 462, 0, 5, 1, 1)
    disk[510:512] = disk[1022:1024] = b"\x55\xaa"
    return {
        "tar": packed,
        "gzip": _gzip(packed[:1536]),
        "bzip2": bz2.compress(packed),
        "xz": lzma.compress(packed),
        "cab-stored": cabinet((STORED, members), reserve=4),
        "cab-mszip": cabinet((MSZIP, members), level=0),
        "mbr": bytes(disk),
        "gpt": gpt((RESERVED, b""), (BASIC, bytes(1024)))[: 18 << 10],
        "zip": _stored(members),
        "fat": tiny_fat(),
        "exfat": tiny_exfat(),
        "wim": tiny_wim(),
    }


def _ese_page() -> bytes:
    row: dict[str, Value] = {"A": seven_bits("a.exe"), "B": xpress(b"abc" * 90), "C": Elsewhere(1)}
    columns = {"A": LONG_TEXT, "B": LONG_TEXT, "C": LONG_TEXT}
    made = Made(columns, [row], {1: [(b"a" * 90, 90), (xpress(bytes(99)).data, 99)]})
    return ese_file({"t": made}, page_size=4096)[6 * 4096 : 8 * 4096]


def _remembered() -> dict[str, bytes]:
    when = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)
    paths = [("C:\\a.exe", when), ("C:\\b.exe", when)]
    return {
        "shimcache-7": b"\0" + shimcache(paths, "7"),
        "shimcache-8": b"\0" + shimcache(paths, "8.1"),
        "shimcache-10": b"\0" + shimcache(paths),
        "user-assist": b"\1" + user_assist(3, when),
        "items": b"\2" + listed(root(), volume("C:\\"), entry("a"), entry("b", version=3)),
        "actions": b"\3" + task_actions("a.exe", "b"),
        "task": b"\4" + task("a.exe", "&#x41; <![CDATA[b]]>"),
        "xml": b"\5" + startup_info("C:\\a.exe", "a"),
        "recent-files": b"\6" + recent_files(["c:\\a.exe"]),
        "ese": b"\7" + srum("a", bytes.fromhex("010100000000000512000000"), [43418.5]),
        "quarantine": b"\x0b" + quarantined(("file", "C:\\a.exe"), when=when),
        "bits": b"\x0d" + old_queue(transfer("C:\\a", "http://a/"), command="a.exe"),
        "seven-bits": b"\x0f" + seven_bits("C:\\a.exe").data,
        "plain-xpress": b"\x0f" + xpress(b"abc" * 90).data,
        "ese-page": b"\x10" + _ese_page(),
    }


def _memories() -> dict[str, bytes]:
    when = datetime(2018, 11, 14, 12, tzinfo=timezone.utc)
    link = link_by_id_list("C:", "a", times=[when] * 3)
    list_ = dest_list(Listed(1, "C:\\a", when))
    long = "x" * 8168 + "cyzfc.dat" + "y" * 400
    chunk = event_log([audited_process("a.exe b"), dns_query()])[4096:].rstrip(b"\0")
    return {
        "hive": b"\0" + hive({"Run": {"a": "text", "b": long}, "k": {"gone": Gone("x")}}),
        "chunk": b"\1" + chunk,
        "database": b"\2" + bytes(_database()),
        "jump-list": b"\3" + compound({"1": link, "DestList": list_}),
        "links": b"\3" + link + link,
        "prefetch": b"\4" + prefetch(runs=[when]),
        "detection": b"\5" + _detection(),
        "recycled": b"\6" + recycled("C:\\a", 1),
        "lz4": b"\7mozLz40\0" + struct.pack("<I", 5) + b"\x50hello",
        "history": b"\x08dir\r\nls `\r\nb\r\n",
        "firewall": b"\x092018-11-14 12:00:00 ALLOW TCP 10.0.0.5 192.0.2.1 50000 443 SEND\r\n",
        "hosts": b"\x0a127.0.0.1 a # b\r\n::1 c\r\n",
        "zone": b"\x0b[ZoneTransfer]\r\nZoneId=3\r\nHostUrl=https://a.example/\r\n",
    }


def _database() -> bytearray:
    """By SQLite, whose version stands in it."""
    text = ("INSERT INTO t(text) VALUES (?)", ("x" * 1500,))
    keyed = ("INSERT INTO k VALUES ('a', ?)", ("y" * 1500,))
    made = bytearray(
        database(
            "CREATE TABLE t (id INTEGER PRIMARY KEY, text)",
            "CREATE TABLE k (key TEXT PRIMARY KEY, text) WITHOUT ROWID",
            text,
            keyed,
            page_size=512,
        )
    )
    made[96:100] = bytes(4)
    return made


def _detection() -> bytes:
    texts = ("Trojan:Win32/A", "file", "C:\\a")
    data = [(text + "\0").encode("utf-16-le") for text in texts]
    return b"".join(
        struct.pack("<II", len(one), 0x15) + one.ljust(len(one) + 7 & ~7, b"\0") for one in data
    )


def main() -> None:
    for target, named in seeds().items():
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in named.items():
            (folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
