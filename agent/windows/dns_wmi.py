"""The DNS client's cache through WMI: class MSFT_DNSClientCache in ROOT\\StandardCimv2.

The documented way, for when ``dns_cache.table`` is refused. It may start WMI's host process, which
is why it is not the first choice. Since Windows 8. Sources: wbemcli.h and oaidl.h of the Windows
SDK
for the order of methods and VARIANT; MSFT_DNSClientCache (Microsoft Learn) for the properties.
"""

from __future__ import annotations

import ctypes
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

from msgspec import Struct

from . import dlls, text

MAX_ROWS = 1_000_000
_TIMEOUT_MS = 20_000
_MAX_TEXT = 4096

_LOCATOR_CLASS = uuid.UUID("4590f811-1d3a-11d0-891f-00aa004b2e24").bytes_le
_LOCATOR = uuid.UUID("dc12a687-737f-11cf-884d-00aa004b2e24").bytes_le
_NAMESPACE = "ROOT\\StandardCimv2"
_QUERY = "SELECT Entry, Name, Type, Status, Data FROM MSFT_DNSClientCache"

_RELEASE, _CONNECT_SERVER, _EXEC_QUERY, _NEXT, _GET = 2, 3, 20, 4, 4  # places in the vtables
_CONNECT_USE_MAX_WAIT = 0x80
_FORWARD_ONLY = 0x20 | 0x10  # with WBEM_FLAG_RETURN_IMMEDIATELY
_RPC_E_CHANGED_MODE = -0x7FFEFEFA
_VT_BSTR, _VT_I4 = 8, 3
_INPROC = 1
_AUTHN_WINNT, _AUTHN_LEVEL_CALL, _IMPERSONATE = 10, 3, 3

_Object = ctypes.c_void_p


class _Variant(ctypes.Structure):
    """VARIANT, 24 bytes; of its union the whole, an integer and a string are looked at."""

    _fields_ = (
        ("kind", ctypes.c_uint16),
        ("reserved", ctypes.c_uint16 * 3),
        ("value", ctypes.c_void_p),
        ("more", ctypes.c_void_p),
    )


class CachedRecord(Struct, frozen=True):
    """A row: the name asked for, the record's own name, type, status (0 is success), data."""

    entry: str
    name: str
    type: int
    status: int
    data: str


def wmi_table() -> list[CachedRecord]:
    """Every record of the cache. Raises OSError where WMI or the class cannot be had."""
    with ExitStack() as stack:
        _initialise(stack)
        locator = _create_locator(stack)
        services = _connect(stack, locator)
        return list(_rows(stack, services))


def _check(status: int, what: str) -> None:
    if status < 0:
        raise dlls.failure(f"WMI: {what}", status)


def _method(this: Any, place: int, *arguments: Any) -> Any:
    """The method of a COM object at a place in its vtable; give it the object first."""
    vtable = ctypes.cast(this, ctypes.POINTER(ctypes.POINTER(ctypes.c_void_p)))[0]
    return dlls.at_address(vtable[place], ctypes.c_int32, _Object, *arguments)


def _release(this: ctypes.c_void_p) -> None:
    _method(this, _RELEASE)(this)


def _string(stack: ExitStack, value: str) -> int:
    """A BSTR, freed with the stack."""
    allocate = dlls.function("oleaut32", "SysAllocString", ctypes.c_void_p, text.Pointer)
    free = dlls.function("oleaut32", "SysFreeString", None, ctypes.c_void_p)
    made: int | None = allocate(text.wide(value))
    if not made:
        raise MemoryError(value)
    stack.callback(free, made)
    return made


def _initialise(stack: ExitStack) -> None:
    start = dlls.function(
        "ole32", "CoInitializeEx", ctypes.c_int32, ctypes.c_void_p, ctypes.c_uint32
    )
    status = start(None, 0)
    if status != _RPC_E_CHANGED_MODE:  # somebody chose another threading model: usable as it is
        _check(status, "CoInitializeEx")
        stack.callback(dlls.function("ole32", "CoUninitialize", None))


def _create_locator(stack: ExitStack) -> ctypes.c_void_p:
    create = dlls.function(
        "ole32",
        "CoCreateInstance",
        ctypes.c_int32,
        ctypes.c_char_p,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_char_p,
        ctypes.POINTER(_Object),
    )
    locator = _Object()
    _check(
        create(_LOCATOR_CLASS, None, _INPROC, _LOCATOR, ctypes.byref(locator)), "CoCreateInstance"
    )
    stack.callback(_release, locator)
    return locator


def _connect(stack: ExitStack, locator: ctypes.c_void_p) -> ctypes.c_void_p:
    pointers = (ctypes.c_void_p,) * 4
    connect = _method(
        locator,
        _CONNECT_SERVER,
        *pointers,
        ctypes.c_int32,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.POINTER(_Object),
    )
    services = _Object()
    namespace = _string(stack, _NAMESPACE)
    flags, out = _CONNECT_USE_MAX_WAIT, ctypes.byref(services)
    _check(connect(locator, namespace, None, None, None, flags, None, None, out), _NAMESPACE)
    stack.callback(_release, services)
    return services


def _impersonate(proxy: ctypes.c_void_p) -> None:
    """Let the provider act as the caller; without it some answer "access denied"."""
    blanket = dlls.function(
        "ole32",
        "CoSetProxyBlanket",
        ctypes.c_int32,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_uint32,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_uint32,
        ctypes.c_void_p,
        ctypes.c_uint32,
    )
    _check(
        blanket(proxy, _AUTHN_WINNT, 0, None, _AUTHN_LEVEL_CALL, _IMPERSONATE, None, 0),
        "CoSetProxyBlanket",
    )


def _rows(stack: ExitStack, services: ctypes.c_void_p) -> Iterator[CachedRecord]:
    _impersonate(services)
    out = ctypes.POINTER(_Object)
    query = _method(
        services,
        _EXEC_QUERY,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_int32,
        ctypes.c_void_p,
        out,
    )
    found = _Object()
    language, words = _string(stack, "WQL"), _string(stack, _QUERY)
    status = query(services, language, words, _FORWARD_ONLY, None, ctypes.byref(found))
    _check(status, "MSFT_DNSClientCache")
    stack.callback(_release, found)
    _impersonate(found)
    following = _method(
        found, _NEXT, ctypes.c_int32, ctypes.c_uint32, out, ctypes.POINTER(ctypes.c_uint32)
    )
    for _ in range(MAX_ROWS):
        row, count = _Object(), ctypes.c_uint32()
        status = following(found, _TIMEOUT_MS, 1, ctypes.byref(row), ctypes.byref(count))
        _check(status, "MSFT_DNSClientCache")
        if not count.value:
            if status != 1:  # WBEM_S_FALSE is the end; anything else is a time-out
                raise TimeoutError(0, f"no answer in {_TIMEOUT_MS} ms", "WMI: MSFT_DNSClientCache")
            return
        try:
            yield _record(row)
        finally:
            _release(row)
    raise dlls.TooMany("WMI: MSFT_DNSClientCache", MAX_ROWS, [])


def _record(row: ctypes.c_void_p) -> CachedRecord:
    return CachedRecord(
        entry=str(_property(row, "Entry")),
        name=str(_property(row, "Name")),
        type=int(_property(row, "Type") or 0),
        status=int(_property(row, "Status") or 0),
        data=str(_property(row, "Data")),
    )


def _property(row: ctypes.c_void_p, name: str) -> str | int:
    get = _method(
        row,
        _GET,
        text.Pointer,
        ctypes.c_int32,
        ctypes.POINTER(_Variant),
        ctypes.c_void_p,
        ctypes.c_void_p,
    )
    clear = dlls.function("oleaut32", "VariantClear", ctypes.c_int32, ctypes.POINTER(_Variant))
    variant = _Variant()
    _check(get(row, text.wide(name), 0, ctypes.byref(variant), None, None), name)
    try:
        if variant.kind == _VT_BSTR:
            return text.at(ctypes.cast(variant.value, text.Pointer), _MAX_TEXT)
        if variant.kind == _VT_I4:
            return (variant.value or 0) & 0xFFFFFFFF
        return ""  # VT_NULL: the property has no value
    finally:
        clear(ctypes.byref(variant))
