"""Rights of this process, and who may touch its folders."""

from __future__ import annotations

import ctypes
import errno
import ntpath
import re
from collections.abc import Iterable, Iterator
from typing import Any

from msgspec import Struct

from . import dlls, files, text
from .process_token import process_token

_TOKEN_QUERY, _TOKEN_ADJUST = 0x8, 0x20
_TokenUser = 1
_SE_PRIVILEGE_ENABLED = 2
_SE_FILE_OBJECT = 1
_OWNER, _DACL = 1, 4
_INHERIT_ONLY = 0x08
_ALLOW, _ALLOW_CALLBACK = 0, 9

_ADMINISTRATORS = "S-1-5-32-544"
_OWNER_RIGHTS, _CREATOR_OWNER = "S-1-3-4", "S-1-3-0"
_TRUSTED = {
    "S-1-5-18",  # SYSTEM
    _ADMINISTRATORS,
    "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",  # TrustedInstaller
}
_DOMAIN_ADMINISTRATORS = re.compile(r"S-1-5-21-\d+-\d+-\d+-(?:500|512|519)")
_WRITE = (
    0x2  # FILE_WRITE_DATA, FILE_ADD_FILE
    | 0x4  # FILE_APPEND_DATA, FILE_ADD_SUBDIRECTORY
    | 0x40  # FILE_DELETE_CHILD
    | 0x10000  # DELETE
    | 0x40000  # WRITE_DAC
    | 0x80000  # WRITE_OWNER
    | 0x40000000  # GENERIC_WRITE
    | 0x10000000  # GENERIC_ALL
)
_PRIVATE = "D:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;FA;;;OW)"

_SEARCH_SYSTEM32, _SEARCH_USER_DIRS = 0x800, 0x400


class _Luid(ctypes.Structure):
    _fields_ = (("low", ctypes.c_uint32), ("high", ctypes.c_int32))


class _TokenPrivileges(ctypes.Structure):
    _fields_ = (("count", ctypes.c_uint32), ("luid", _Luid), ("attributes", ctypes.c_uint32))


class _SecurityAttributes(ctypes.Structure):
    _fields_ = (
        ("length", ctypes.c_uint32),
        ("descriptor", ctypes.c_void_p),
        ("inherit", ctypes.c_int),
    )


class _Acl(ctypes.Structure):
    _fields_ = (
        ("revision", ctypes.c_uint8),
        ("padding", ctypes.c_uint8),
        ("size", ctypes.c_uint16),
        ("count", ctypes.c_uint16),
        ("padding2", ctypes.c_uint16),
    )


class _Ace(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_uint8),
        ("flags", ctypes.c_uint8),
        ("size", ctypes.c_uint16),
        ("mask", ctypes.c_uint32),
    )


class _Grant(Struct, frozen=True):
    sid: str
    mask: int
    inherit_only: bool


def _local_free(pointer: Any) -> None:
    dlls.function("kernel32", "LocalFree", ctypes.c_void_p, ctypes.c_void_p)(pointer)


def is_elevated() -> bool:
    """Whether the Administrators group is enabled in this process's token (SYSTEM has it too)."""
    parse = dlls.function(
        "advapi32",
        "ConvertStringSidToSidW",
        ctypes.c_int,
        text.Pointer,
        ctypes.POINTER(ctypes.c_void_p),
    )
    check = dlls.function(
        "advapi32",
        "CheckTokenMembership",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_int),
    )
    sid = ctypes.c_void_p()
    if not parse(text.wide(_ADMINISTRATORS), ctypes.byref(sid)):
        raise dlls.failure("Administrators")
    member = ctypes.c_int()
    try:
        if not check(None, sid, ctypes.byref(member)):
            raise dlls.failure("process token")
    finally:
        _local_free(sid)
    return bool(member.value)


def enable_debug_privilege() -> bool:
    """Let this process open others' processes; False if its user does not have the right."""
    return _enable("SeDebugPrivilege")


def enable_backup_privilege() -> bool:
    """Let this process read files past their ACL; False if its user does not have the right."""
    return _enable("SeBackupPrivilege")


def take_administrators_rights() -> list[str]:
    """For a sweep by an administrator: past ACLs, and into others' processes.

    Administrators have these rights and Windows keeps them off until they are asked for; they end
    with the process and change nothing on the host. What was refused, in words.
    """
    if not is_elevated():
        return []
    rights = (
        ("files that their ACL closes to administrators", enable_backup_privilege),
        ("processes of other users", enable_debug_privilege),
    )
    refused = []
    for what, enable in rights:
        try:
            had = enable()
        except OSError as error:
            refused.append(f"the right to read {what} could not be had: {error.strerror or error}")
        else:
            if not had:
                refused.append(f"the right to read {what} was refused")
    return refused


def _enable(privilege: str) -> bool:
    look_up = dlls.function(
        "advapi32",
        "LookupPrivilegeValueW",
        ctypes.c_int,
        text.Pointer,
        text.Pointer,
        ctypes.POINTER(_Luid),
    )
    adjust = dlls.function(
        "advapi32",
        "AdjustTokenPrivileges",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_int,
        ctypes.POINTER(_TokenPrivileges),
        ctypes.c_uint32,
        ctypes.c_void_p,
        ctypes.c_void_p,
    )
    wanted = _TokenPrivileges(1, _Luid(), _SE_PRIVILEGE_ENABLED)
    luid = _Luid()
    if not look_up(None, text.wide(privilege), ctypes.byref(luid)):
        return False
    wanted.luid = luid
    with process_token(_TOKEN_ADJUST | _TOKEN_QUERY) as token:
        # It also "succeeds" without the right; then the error is ERROR_NOT_ALL_ASSIGNED.
        ok = adjust(token, 0, ctypes.byref(wanted), 0, None, None)
        return bool(ok) and dlls.last_error() != dlls.ERROR_NOT_ALL_ASSIGNED


def _sid_text(sid: Any) -> str:
    convert = dlls.function(
        "advapi32",
        "ConvertSidToStringSidW",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.POINTER(text.Pointer),
    )
    answer = text.Pointer()
    if not convert(sid, ctypes.byref(answer)):
        raise dlls.failure("SID")
    try:
        return text.at(answer, 256)
    finally:
        _local_free(ctypes.cast(answer, ctypes.c_void_p))


def current_user() -> str:
    """The SID of the user that this process runs as."""
    ask = dlls.function(
        "advapi32",
        "GetTokenInformation",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_int32,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.POINTER(ctypes.c_uint32),
    )
    # TOKEN_USER: a pointer to the SID, attributes; the SID itself follows in the same buffer.
    answer = (ctypes.c_void_p * 32)()
    used = ctypes.c_uint32()
    with process_token(_TOKEN_QUERY) as token:
        where = ctypes.addressof(answer)
        if not ask(token, _TokenUser, where, ctypes.sizeof(answer), ctypes.byref(used)):
            raise dlls.failure("process token")
        return _sid_text(answer[0])


def _permissions(path: str) -> tuple[str, list[_Grant] | None]:
    """The owner's SID and what the DACL allows to whom; None for no DACL: everything to all."""
    ask = dlls.function(
        "advapi32",
        "GetNamedSecurityInfoW",
        ctypes.c_uint32,
        text.Pointer,
        ctypes.c_int32,
        ctypes.c_uint32,
        ctypes.POINTER(ctypes.c_void_p),
        ctypes.c_void_p,
        ctypes.POINTER(ctypes.POINTER(_Acl)),
        ctypes.c_void_p,
        ctypes.POINTER(ctypes.c_void_p),
    )
    owner, descriptor = ctypes.c_void_p(), ctypes.c_void_p()
    dacl = ctypes.POINTER(_Acl)()
    code = ask(
        text.wide(files.extended(path)),
        _SE_FILE_OBJECT,
        _OWNER | _DACL,
        ctypes.byref(owner),
        None,
        ctypes.byref(dacl),
        None,
        ctypes.byref(descriptor),
    )
    if code:
        raise dlls.failure(path, code)
    try:
        name = _sid_text(owner) if owner else ""
        return name, list(_grants(dacl, path)) if dacl else None
    finally:
        _local_free(descriptor)


def _grants(dacl: Any, path: str) -> Iterator[_Grant]:
    get = dlls.function(
        "advapi32",
        "GetAce",
        ctypes.c_int,
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.POINTER(ctypes.POINTER(_Ace)),
    )
    for index in range(dacl.contents.count):
        ace = ctypes.POINTER(_Ace)()
        if not get(ctypes.cast(dacl, ctypes.c_void_p), index, ctypes.byref(ace)):
            raise dlls.failure(path)
        entry = ace.contents
        if entry.type in (_ALLOW, _ALLOW_CALLBACK):
            sid = _sid_text(ctypes.addressof(entry) + ctypes.sizeof(_Ace))
            yield _Grant(sid, entry.mask, bool(entry.flags & _INHERIT_ONLY))


def _is_trusted(sid: str, also: Iterable[str] = ()) -> bool:
    return sid in _TRUSTED or sid in also or bool(_DOMAIN_ADMINISTRATORS.fullmatch(sid))


def writable_by_others(path: str) -> bool:
    """Whether anyone but administrators, SYSTEM and this user may change what is in or at a path.

    True also where the file system keeps no permissions (FAT, most network shares). Denials are
    not weighed: they could only make it safer.
    """
    owner, grants = _permissions(path)
    ours = (current_user(), _OWNER_RIGHTS, _CREATOR_OWNER)
    if grants is None or not _is_trusted(owner, ours):
        return True
    return any(
        grant.mask & _WRITE and not grant.inherit_only and not _is_trusted(grant.sid, ours)
        for grant in grants
    )


def make_private_folder(path: str) -> None:
    """Make a folder that only SYSTEM, administrators and its owner may enter, with its parents.

    One that exists is accepted only if it is so already: others could have put files or links into
    it, or hold it open. Then PermissionError, NotADirectoryError for what is no folder.
    """
    path = files.extended(path).rstrip("\\")
    try:
        code = _create_private(path)
        if code == dlls.ERROR_PATH_NOT_FOUND and ntpath.dirname(path) != path:
            make_private_folder(ntpath.dirname(path))
            code = _create_private(path)
    except RecursionError:
        raise OSError(errno.ENAMETOOLONG, "nested too deeply", path) from None
    if code == dlls.ERROR_ALREADY_EXISTS:
        _check_private(path)
    elif code:
        raise dlls.failure(files.shown(path), code)


def _create_private(path: str) -> int:
    """Create a folder with its permissions in one step; 0 or the error."""
    parse = dlls.function(
        "advapi32",
        "ConvertStringSecurityDescriptorToSecurityDescriptorW",
        ctypes.c_int,
        text.Pointer,
        ctypes.c_uint32,
        ctypes.POINTER(ctypes.c_void_p),
        ctypes.c_void_p,
    )
    create = dlls.function(
        "kernel32",
        "CreateDirectoryW",
        ctypes.c_int,
        text.Pointer,
        ctypes.POINTER(_SecurityAttributes),
    )
    descriptor = ctypes.c_void_p()
    if not parse(text.wide(_PRIVATE), 1, ctypes.byref(descriptor), None):
        raise dlls.failure(path)
    try:
        attributes = _SecurityAttributes(ctypes.sizeof(_SecurityAttributes), descriptor, 0)
        created = create(text.wide(path), ctypes.byref(attributes))
        return 0 if created else dlls.last_error()
    finally:
        _local_free(descriptor)


def _check_private(path: str) -> None:
    shown = files.shown(path)
    attributes = files.attributes(path)
    if not attributes & files.FILE_ATTRIBUTE_DIRECTORY:
        raise NotADirectoryError(errno.ENOTDIR, "exists and is not a folder", shown)
    if files.is_reparse(attributes):
        raise PermissionError(errno.EACCES, "exists and is a link", shown)
    owner, grants = _permissions(path)
    ours = (current_user(), _OWNER_RIGHTS, _CREATOR_OWNER)
    if not _is_trusted(owner, ours):
        raise PermissionError(errno.EACCES, f"exists and belongs to {owner or 'nobody'}", shown)
    others = ["everybody"] if grants is None else []
    others += [grant.sid for grant in grants or [] if not _is_trusted(grant.sid, ours)]
    if others:
        raise PermissionError(errno.EACCES, f"exists and is open to {', '.join(others)}", shown)


def harden_dll_search(program_folder: str = "") -> None:
    """From now on, look for DLLs in System32 and ``program_folder`` only.

    The folder of the exe is left out on purpose: a one-file exe is run from Downloads, where
    anything may lie. Give ``sys._MEIPASS`` when frozen.
    """
    set_directories = dlls.function(
        "kernel32", "SetDefaultDllDirectories", ctypes.c_int, ctypes.c_uint32
    )
    set_directory = dlls.function("kernel32", "SetDllDirectoryW", ctypes.c_int, text.Pointer)
    add = dlls.function("kernel32", "AddDllDirectory", ctypes.c_void_p, text.Pointer)
    if program_folder and not add(text.wide(program_folder)):
        raise dlls.failure(program_folder)
    if not set_directories(_SEARCH_SYSTEM32 | _SEARCH_USER_DIRS):
        raise dlls.failure("DLL search path")
    if not set_directory(text.wide("")):
        raise dlls.failure("DLL search path")
