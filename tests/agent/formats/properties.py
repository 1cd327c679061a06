"""What holds for any bytes that look like an archive or a disk, or like what Windows remembers: they
end in members, partitions or facts, or in a typed error, within the bounds."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress

from agent.formats import FormatError
from agent.formats.bits_queue import jobs_in, transfers_in
from agent.formats.cab_archive import CabReader
from agent.formats.compound import read_streams
from agent.formats.compressed import Forward, Unpacked
from agent.formats.console_history import read_console_history
from agent.formats.cryptnet_cache import read_fetched
from agent.formats.detection_history import read_detection
from agent.formats.ese import Database, time_of
from agent.formats.ese_compression import decompressed
from agent.formats.ese_pages import MOST_HIDDEN, Page, long_values_of, tagged
from agent.formats.evtx import CHUNK, records_of
from agent.formats.exfat import Exfat
from agent.formats.fat import Fat
from agent.formats.firewall_log import fields_of, read_line
from agent.formats.hive import Hive
from agent.formats.hive_cells import missing_in
from agent.formats.hive_edges import PageEdges, ValueEdges
from agent.formats.hive_logs import replayed as replayed_hive
from agent.formats.hive_places import places
from agent.formats.hive_text import text_of as text_of_hive
from agent.formats.jump_lists import read_jump_list
from agent.formats.kinds import EXFAT, FAT, WIM, Holds, kind_of
from agent.formats.lnk import read_target
from agent.formats.log_reach import LogReach
from agent.formats.mozilla_lz4 import unpacked
from agent.formats.partitions import partitions
from agent.formats.plain_text import text_of
from agent.formats.prefetch import plain, read_prefetch
from agent.formats.proxy_settings import read_proxy_settings
from agent.formats.quarantine import decrypted, read_entry
from agent.formats.recent_file_cache import read_recent_files
from agent.formats.recycled import read_recycled
from agent.formats.recycler import read_recycler
from agent.formats.shell_items import joined, read_items
from agent.formats.shim_database import read_shims
from agent.formats.shimcache import read_shimcache
from agent.formats.simple_xml import elements
from agent.formats.sqlite import Database as SqliteDatabase
from agent.formats.sqlite import Seams, committed, read_header, replayed, rows_on_page
from agent.formats.tar_archive import TarReader
from agent.formats.task_cache import read_actions
from agent.formats.task_file import read_task
from agent.formats.thumbnails import read_thumbs_db
from agent.formats.user_assist import read_use
from agent.formats.wim import Unpacked as WimContent
from agent.formats.wim import Wim
from agent.formats.zip_archive import find_directory, members, true_sizes
from agent.formats.zip_unpacking import unpack
from agent.formats.zone_identifier import read_zone
from agent.model.observation import EARLIEST
from agent.reading.opening import read_at
from agent.sources.network.hosts_file import parse_hosts
from agent.sources.registry.hive_names import Kind
from agent.sources.registry.recording import logs_not_searched

LIMIT = 1 << 16


def archive(data: bytes) -> None:
    file = io.BytesIO(data)

    def read(offset: int, length: int) -> bytes:
        return read_at(file, offset, length)

    kind = kind_of(data[:4096], len(data), "", read, given=True)
    if kind is None:
        return
    with suppress(FormatError):
        if kind.holds is Holds.ZIP:
            _zip(file, len(data))
        elif kind.holds is Holds.TAR:
            _tar(Forward(file.read))
        elif kind.holds is Holds.CAB:
            _cabinet(CabReader(file, LIMIT))
        elif kind.holds is Holds.STREAM:
            _tar(Forward(Unpacked(file, kind, LIMIT).read))
        elif kind.holds is Holds.DISK:
            assert all(one.size > 0 for one in partitions(read, len(data)))
        elif kind is FAT:
            _fat(Fat(read), len(data))
        elif kind is EXFAT:
            _exfat(Exfat(read), len(data))
        elif kind is WIM:
            _wim(Wim(read), len(data))


def _fat(volume: Fat, size: int) -> None:
    waiting, entered = [volume.root], set[int]()
    while waiting:
        first = waiting.pop()
        entered.add(first)
        with suppress(FormatError):
            for item in volume.folder(first, _told):
                if item.is_folder:
                    waiting += {item.first} - entered
                elif item.first:
                    with suppress(FormatError):
                        assert len(volume.content(item).read(0, item.size)) <= size


def _exfat(volume: Exfat, size: int) -> None:
    waiting, entered = [volume.root], set[int]()
    while waiting:
        folder = waiting.pop()
        entered.add(folder.first)
        with suppress(FormatError):
            for item in volume.folder(folder, _told):
                if item.is_folder and item.first not in entered:
                    waiting.append(item)
                elif item.first:
                    with suppress(FormatError):
                        assert len(volume.content(item).read(0, item.valid)) <= size


def _told(reason: str) -> None:
    assert reason


def _wim(image: Wim, size: int) -> None:
    for resource in image.contents.values():
        with suppress(FormatError):
            unpacked = WimContent(image, resource).read(0, min(resource.size, LIMIT))
            assert len(unpacked) <= max(size, LIMIT)
    files, _ = image.image(1)
    waiting, entered = [files.top.below], set[int]()
    while waiting:
        below = waiting.pop()
        entered.add(below)
        with suppress(FormatError):
            waiting += {one.below for one in files.entries(below)} - entered - {0}


def _zip(file: io.BytesIO, size: int) -> None:
    for member in members(file, find_directory(file, size)):
        with suppress(FormatError):
            assert len(unpack(file, true_sizes(file, size, member), LIMIT)) <= LIMIT


def _tar(source: Forward) -> None:
    tar = TarReader(source)
    for member in tar.members():
        with suppress(FormatError):
            assert len(tar.first(member, LIMIT)) <= LIMIT


def _cabinet(cabinet: CabReader) -> None:
    for member in cabinet.members():
        with suppress(FormatError):
            assert len(cabinet.first(member, LIMIT)) <= LIMIT


def _rows(data: bytes) -> None:
    database = Database(data)
    for table in database.tables.values():
        for row in database.rows(table):
            for value in row.values.values():
                time_of(value)


def _pages(data: bytes) -> None:
    for size in (4096, 16_384):
        for at in range(0, len(data) - size + 1, size):
            page = Page(data[at : at + size])
            # The last value is read before it is too much: XPRESS becomes at most 64 KiB.
            assert len(page.hidden().text) <= (MOST_HIDDEN + 4) * size + (1 << 17)
            with suppress(FormatError):
                for entry in page.entries():
                    for value in tagged(entry.data, is_large=page.is_large):
                        long_values_of(value)


REMEMBERED: tuple[Callable[[bytes], object], ...] = (
    lambda data: list(read_shimcache(data)),
    read_use,
    lambda data: joined(list(read_items(data))),
    lambda data: list(read_actions(data)),
    read_task,
    lambda data: list(elements(text_of(data))),
    lambda data: list(read_recent_files(data)),
    _rows,
    lambda data: list(read_recycler(data)),
    lambda data: list(read_thumbs_db(data)),
    lambda data: list(read_shims(data)),
    lambda data: read_entry(decrypted(data)),
    read_fetched,
    lambda data: (transfers_in(data), jobs_in(data)),
    read_proxy_settings,
    decompressed,
    _pages,
)
"""What reads values of hives, and files in which Windows remembers things."""


def _hive(data: bytes) -> None:
    text = text_of_hive(data, [data[len(data) // 2 :]])
    hive = Hive(text.hive[:])
    assert len(text.data) <= 4 * (2 * len(data) + 4096) + 4 * len(text.stretches)
    missing_in(text.hive)
    for offset, key, _ in hive.walk():
        hive.value_offsets(offset, key)
    for place in places(hive, range(0, len(text.data), 97)).values():
        if place.value is not None:
            with suppress(FormatError):
                assert len(place.value.data) <= len(data) + 4096
                _ = place.value.strings
    for kind in Kind:
        list(logs_not_searched(hive, kind))
    beside = PageEdges(64, 1 << 20)
    quick = replayed_hive(data, [data[len(data) // 2 :]], quick=True, told=beside.note).hive
    for edge in ValueEdges(quick, 64).of(range(4, len(data), 8)):
        assert edge.where[edge.at : edge.at + len(edge.data)] == edge.data


def _event_chunk(data: bytes) -> None:
    whole = data[:CHUNK].ljust(CHUNK, b"\0")
    reach = LogReach()
    reach.add(whole)
    assert reach.oldest is None or reach.oldest >= EARLIEST
    reach.gaps()
    reach.setbacks()
    every = [record.offset for record in records_of(data[:CHUNK])]
    assert [record.offset for record in records_of(data[:CHUNK], every)] == every


def _database(data: bytes) -> None:
    committed(data)
    header = read_header(data)
    seams = Seams(header)
    seams.add(data, 0, len(data), 1)
    seams.add_keyed(data)
    seams.joined()
    for at in range(0, len(data), header.page_size):
        list(rows_on_page(data[at : at + header.page_size], header.usable))
    database = SqliteDatabase(replayed(data, data))
    try:
        for table in database.tables:
            database.columns(table)
            with suppress(FormatError):
                for row in database.rows(table):
                    assert isinstance(row.bytes, bytes)
    finally:
        database.close()


def _jump_list(data: bytes) -> None:
    with suppress(FormatError):
        assert sum(map(len, read_streams(data).by_name.values())) <= 2 * len(data) + 4096
    for opened in read_jump_list(data):
        with suppress(FormatError):
            read_target(opened.link)


MEMORIES: tuple[Callable[[bytes], object], ...] = (
    _hive,
    _event_chunk,
    _database,
    _jump_list,
    lambda data: read_prefetch(plain(data)),
    read_detection,
    read_recycled,
    unpacked,
    lambda data: list(read_console_history(data)),
    lambda data: [read_line(line, fields_of(data)) for line in data.split(b"\n")],
    lambda data: list(parse_hosts(data)),
    read_zone,
)
"""What reads whole files in which a host remembers what was: hives, logs, databases, lists."""


def memories(which: int, data: bytes) -> None:
    """Facts, or a typed error."""
    with suppress(FormatError):
        MEMORIES[which % len(MEMORIES)](data)


def remembered(which: int, data: bytes) -> None:
    """Facts, or a typed error."""
    with suppress(FormatError):
        REMEMBERED[which % len(REMEMBERED)](data)
