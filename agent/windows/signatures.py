"""Authenticode: who signed a file, if the signature holds.

Nothing is fetched: no revocation list, no missing certificate, no root. So a revoked certificate
still counts, and a chain that only the network could complete does not.
"""

from __future__ import annotations

import ctypes
import uuid
from typing import Any

from . import dlls, files, text

MAX_HASH = 64

_GENERIC_VERIFY_V2 = uuid.UUID("00aac56b-cd44-11d0-8cc2-00c04fc295ee").bytes_le
_UI_NONE, _REVOKE_NONE = 2, 0
_CHOICE_FILE, _CHOICE_CATALOG = 1, 2
_VERIFY, _CLOSE = 1, 2
_OFFLINE = 0x1000 | 0x10  # WTD_CACHE_ONLY_URL_RETRIEVAL | WTD_REVOCATION_CHECK_NONE
_CERT_NAME_SIMPLE_DISPLAY_TYPE = 4


class _FileInfo(ctypes.Structure):
    """WINTRUST_FILE_INFO."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("path", text.Pointer),
        ("file", ctypes.c_void_p),
        ("known_subject", ctypes.c_void_p),
    )


class _CatalogInfo(ctypes.Structure):
    """WINTRUST_CATALOG_INFO."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("version", ctypes.c_uint32),
        ("catalog", text.Pointer),
        ("tag", text.Pointer),
        ("path", text.Pointer),
        ("file", ctypes.c_void_p),
        ("hash", ctypes.c_void_p),
        ("hash_size", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("admin", ctypes.c_void_p),
    )


class _TrustData(ctypes.Structure):
    """WINTRUST_DATA."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_void_p),
        ("sip", ctypes.c_void_p),
        ("ui", ctypes.c_uint32),
        ("revocation", ctypes.c_uint32),
        ("choice", ctypes.c_uint32),
        ("subject", ctypes.c_void_p),
        ("action", ctypes.c_uint32),
        ("state", ctypes.c_void_p),
        ("url", ctypes.c_void_p),
        ("flags", ctypes.c_uint32),
        ("context", ctypes.c_uint32),
        ("settings", ctypes.c_void_p),
    )


class _ProviderCert(ctypes.Structure):
    """CRYPT_PROVIDER_CERT, as far as it is looked at."""

    _fields_ = (("size", ctypes.c_uint32), ("certificate", ctypes.c_void_p))


class _CatalogName(ctypes.Structure):
    """CATALOG_INFO."""

    _fields_ = (("size", ctypes.c_uint32), ("path", text.Unit * 260))


def signer(path: str) -> str:
    """The publisher's name on a valid signature, embedded or in a system catalogue; else ``""``.

    Raises OSError if the file cannot be read.
    """
    handle = files.handle_for_reading(path)
    try:
        name = text.wide(files.extended(path))
        info = _FileInfo(ctypes.sizeof(_FileInfo), ctypes.cast(name, text.Pointer), handle, None)
        return _verified(_CHOICE_FILE, info) or _catalog_signer(handle, name)
    finally:
        dlls.close(handle)


def _verified(choice: int, subject: Any) -> str:
    """The signer's name if WinVerifyTrust says yes; the state is closed whatever it says."""
    verify = dlls.function(
        "wintrust",
        "WinVerifyTrust",
        ctypes.c_int32,
        ctypes.c_void_p,
        ctypes.c_char_p,
        ctypes.POINTER(_TrustData),
    )
    data = _TrustData(
        size=ctypes.sizeof(_TrustData),
        ui=_UI_NONE,
        revocation=_REVOKE_NONE,
        choice=choice,
        subject=ctypes.addressof(subject),
        action=_VERIFY,
        flags=_OFFLINE,
    )
    try:
        status = verify(dlls.INVALID_HANDLE, _GENERIC_VERIFY_V2, ctypes.byref(data))
        return _name(data.state) if status == 0 and data.state else ""
    finally:
        data.action = _CLOSE
        verify(dlls.INVALID_HANDLE, _GENERIC_VERIFY_V2, ctypes.byref(data))


def _name(state: int) -> str:
    """The simple name of the first signer's certificate in a verification state."""
    provider = dlls.function(
        "wintrust", "WTHelperProvDataFromStateData", ctypes.c_void_p, ctypes.c_void_p
    )(state)
    if not provider:
        return ""
    get_signer = dlls.function(
        "wintrust",
        "WTHelperGetProvSignerFromChain",
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint32,
    )
    get_cert = dlls.function(
        "wintrust",
        "WTHelperGetProvCertFromChain",
        ctypes.POINTER(_ProviderCert),
        ctypes.c_void_p,
        ctypes.c_uint32,
    )
    first = get_signer(provider, 0, 0, 0)
    cert = get_cert(first, 0) if first else None
    if not cert or not cert.contents.certificate:
        return ""
    get_name = dlls.function(
        "crypt32",
        "CertGetNameStringW",
        ctypes.c_uint32,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_uint32,
        ctypes.c_void_p,
        text.Pointer,
        ctypes.c_uint32,
    )
    answer = text.space(512)
    certificate = cert.contents.certificate
    get_name(certificate, _CERT_NAME_SIMPLE_DISPLAY_TYPE, 0, None, answer, len(answer))
    return text.narrow(answer)


def _catalog_signer(handle: int, name: ctypes.Array[ctypes.c_uint16]) -> str:
    for algorithm in ("SHA256", "SHA1"):
        signed_by = _in_catalogs(handle, name, algorithm)
        if signed_by:
            return signed_by
    return ""


def _in_catalogs(handle: int, name: ctypes.Array[ctypes.c_uint16], algorithm: str) -> str:
    acquire = dlls.function(
        "wintrust",
        "CryptCATAdminAcquireContext2",
        ctypes.c_int,
        ctypes.POINTER(ctypes.c_void_p),
        ctypes.c_void_p,
        text.Pointer,
        ctypes.c_void_p,
        ctypes.c_uint32,
    )
    release = dlls.function(
        "wintrust",
        "CryptCATAdminReleaseContext",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_uint32,
    )
    admin = ctypes.c_void_p()
    if not acquire(ctypes.byref(admin), None, text.wide(algorithm), None, 0):
        return ""
    try:
        digest = _catalog_hash(admin, handle)
        return _first_catalog(admin, handle, name, digest) if digest else ""
    finally:
        release(admin, 0)


def _catalog_hash(admin: ctypes.c_void_p, handle: int) -> ctypes.Array[ctypes.c_char] | None:
    """The file's hash as catalogues list it (for a PE the Authenticode hash)."""
    calculate = dlls.function(
        "wintrust",
        "CryptCATAdminCalcHashFromFileHandle2",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_uint32),
        ctypes.c_void_p,
        ctypes.c_uint32,
    )
    size = ctypes.c_uint32(MAX_HASH)
    room = ctypes.create_string_buffer(MAX_HASH)
    if not calculate(admin, handle, ctypes.byref(size), ctypes.addressof(room), 0):
        return None
    length = min(size.value, MAX_HASH)
    return ctypes.create_string_buffer(room.raw[:length], length) if length else None


def _first_catalog(
    admin: ctypes.c_void_p,
    handle: int,
    name: ctypes.Array[ctypes.c_uint16],
    digest: ctypes.Array[ctypes.c_char],
) -> str:
    enumerate_catalogs = dlls.function(
        "wintrust",
        "CryptCATAdminEnumCatalogFromHash",
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_uint32,
        ctypes.c_void_p,
    )
    get_info = dlls.function(
        "wintrust",
        "CryptCATCatalogInfoFromContext",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.POINTER(_CatalogName),
        ctypes.c_uint32,
    )
    release = dlls.function(
        "wintrust",
        "CryptCATAdminReleaseCatalogContext",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.c_uint32,
    )
    length = ctypes.sizeof(digest)
    context = enumerate_catalogs(admin, ctypes.addressof(digest), length, 0, None)
    if not context:
        return ""
    try:
        catalog = _CatalogName(size=ctypes.sizeof(_CatalogName))
        if not get_info(context, ctypes.byref(catalog), 0):
            return ""
        where, tag = text.wide(text.narrow(catalog.path)), text.wide(digest.raw.hex().upper())
        subject = _CatalogInfo(
            size=ctypes.sizeof(_CatalogInfo),
            catalog=ctypes.cast(where, text.Pointer),
            tag=ctypes.cast(tag, text.Pointer),
            path=ctypes.cast(name, text.Pointer),
            file=handle,
            hash=ctypes.addressof(digest),
            hash_size=length,
            admin=admin,
        )
        return _verified(_CHOICE_CATALOG, subject)
    finally:
        release(admin, context, 0)
