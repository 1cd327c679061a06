"""The DNS client's cache: names that this machine resolved not long ago.

Never asks the network: the one function that could is always called with "cache only, no hosts
file". The table is read by DnsGetCacheDataTable, undocumented but used by ``ipconfig`` since
Windows XP; ``dns_wmi`` is the documented way round. Neither tells who asked. Windows keeps at most
about 15,000 entries; hosts-file lines may be among them.
"""

from __future__ import annotations

import ctypes
import ipaddress
import uuid
from typing import Any

from . import dlls, text

A, CNAME, AAAA, HTTPS = 1, 5, 28, 65
MAX_NAMES = 1_000_000
MAX_RECORDS = 10_000
MAX_NAME_UNITS = 1024

_CACHE_ONLY = 0x10 | 0x40  # DNS_QUERY_NO_WIRE_QUERY | DNS_QUERY_NO_HOSTS_FILE
_ANY_FLAGS = 0x8000  # what ipconfig adds: also entries cached by queries made with other flags
_FREE_FLAT, _FREE_RECORD_LIST = 0, 1
_NEGATIVE = (9003, 9501)  # DNS_ERROR_RCODE_NAME_ERROR, DNS_INFO_NO_RECORDS
_NOT_CACHED = 9701  # DNS_ERROR_RECORD_DOES_NOT_EXIST


class _Entry(ctypes.Structure):
    pass


_Entry._fields_ = (
    ("next", ctypes.POINTER(_Entry)),
    ("name", text.Pointer),
    ("type", ctypes.c_uint16),
    ("length", ctypes.c_uint16),
    ("flags", ctypes.c_uint32),
)


class _Record(ctypes.Structure):
    """DNS_RECORDW up to its data, of which 16 bytes are looked at."""


_Record._fields_ = (
    ("next", ctypes.POINTER(_Record)),
    ("name", text.Pointer),
    ("type", ctypes.c_uint16),
    ("length", ctypes.c_uint16),
    ("flags", ctypes.c_uint32),
    ("ttl", ctypes.c_uint32),
    ("reserved", ctypes.c_uint32),
    ("data", ctypes.c_uint8 * 16),
)


def _free(pointer: Any, kind: int) -> None:
    free = dlls.function("dnsapi", "DnsFree", None, ctypes.c_void_p, ctypes.c_int32)
    free(ctypes.cast(pointer, ctypes.c_void_p), kind)


def _nodes(head: Any, bound: int, place: str) -> list[Any]:
    """The structures of a linked list; OSError if it loops or is longer than the bound."""
    nodes: list[Any] = []
    seen: set[int] = set()
    node = head
    while node:
        address = ctypes.addressof(node.contents)
        if address in seen:
            raise OSError(f"{place}: the list bites its tail")
        if len(nodes) >= bound:
            raise dlls.TooMany(place, bound, nodes)
        seen.add(address)
        nodes.append(node.contents)
        node = node.contents.next
    return nodes


def table() -> list[tuple[str, int]]:
    """Every name in the cache with the record type asked for (1 is A, 28 AAAA …).

    Raises OSError if the cache cannot be read. A broken list is left unfreed rather than freed
    twice.
    """
    place = "DNS cache table"
    get = dlls.function(
        "dnsapi",
        "DnsGetCacheDataTable",
        ctypes.c_int,
        ctypes.POINTER(ctypes.POINTER(_Entry)),
    )
    head = ctypes.POINTER(_Entry)()
    if not get(ctypes.byref(head)):
        raise OSError("Windows does not give it (is the service Dnscache running?)")
    nodes = _nodes(head, MAX_NAMES, place)
    names = [(text.at(node.name, MAX_NAME_UNITS), int(node.type)) for node in nodes]
    for node in nodes:
        if node.name:
            _free(node.name, _FREE_FLAT)
        _free(ctypes.byref(node), _FREE_FLAT)
    return names


def cached_answers(name: str, type_: int) -> list[str] | None:
    """What the cache holds for a name: addresses and canonical names; never asks the network.

    None: not cached. Empty: cached as not existing (it was asked for). A record of another type is
    told by type and length. Raises OSError if the cache cannot be asked.
    """
    negative = False
    for flags in (_CACHE_ONLY, _CACHE_ONLY | _ANY_FLAGS):
        status, answers = _ask(name, type_, flags)
        if status == 0 and answers:
            return answers
        negative = negative or (status in _NEGATIVE and status != _status_of_absent(type_, flags))
        if status not in (0, _NOT_CACHED, *_NEGATIVE):
            raise dlls.failure(f"DNS cache, {name}", status)
    return [] if negative else None


def _status_of_absent(type_: int, flags: int) -> int:
    """What Windows says of a name that nobody can ever have asked for.

    Its answer is not documented, and taking it for a cached "does not exist" would make every host
    look as if it had asked for the name.
    """
    return _ask(f"{uuid.uuid4().hex}.invalid", type_, flags)[0]


def _ask(name: str, type_: int, flags: int) -> tuple[int, list[str]]:
    if flags & _CACHE_ONLY != _CACHE_ONLY:
        raise AssertionError("a DNS query that could reach the network")
    query = dlls.function(
        "dnsapi",
        "DnsQuery_W",
        ctypes.c_int32,
        text.Pointer,
        ctypes.c_uint16,
        ctypes.c_uint32,
        ctypes.c_void_p,
        ctypes.POINTER(ctypes.POINTER(_Record)),
        ctypes.c_void_p,
    )
    head = ctypes.POINTER(_Record)()
    status = query(text.wide(name), type_, flags, None, ctypes.byref(head), None)
    records = _nodes(head, MAX_RECORDS, f"DNS cache, {name}")
    answers = [_answer(record) for record in records] if status == 0 else []
    if head:
        _free(head, _FREE_RECORD_LIST)
    return status, answers


def _answer(record: Any) -> str:
    data = bytes(record.data)
    if record.type == A:
        return str(ipaddress.IPv4Address(data[:4]))
    if record.type == AAAA:
        return str(ipaddress.IPv6Address(data))
    if record.type == CNAME:
        target = ctypes.cast(int.from_bytes(data[:8], "little"), text.Pointer)
        return text.at(target, MAX_NAME_UNITS)
    return f"record of type {record.type}, {record.length} bytes"
