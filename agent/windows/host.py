"""Who this machine is. Asks neither WMI nor a name server."""

from __future__ import annotations

import ctypes
import errno
import sys

from . import dlls, text

if sys.platform == "win32":
    import winreg

_NETBIOS, _DOMAIN, _FQDN = 0, 2, 3
_CURRENT_VERSION = "SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion"
_CRYPTOGRAPHY = "SOFTWARE\\Microsoft\\Cryptography"
WINDOWS_11 = 22_000
"""The first build of Windows 11, whose ProductName still says Windows 10."""


def _value(key: str, name: str) -> str | int:
    """A value below HKEY_LOCAL_MACHINE, in the 64-bit view."""
    if sys.platform == "win32":
        access = winreg.KEY_READ | winreg.KEY_WOW64_64KEY
        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, key, 0, access) as opened:
                data, _ = winreg.QueryValueEx(opened, name)
        except OSError as error:
            error.filename = f"HKLM\\{key}\\{name}"
            raise
        return data if isinstance(data, int) else str(data)
    raise OSError(errno.ENOSYS, "only on Windows", f"HKLM\\{key}\\{name}")


def _value_or(key: str, name: str, otherwise: str) -> str:
    try:
        return str(_value(key, name))
    except FileNotFoundError:
        return otherwise


def machine_guid() -> str:
    """The identity of this installation; clones made without sysprep share it."""
    return str(_value(_CRYPTOGRAPHY, "MachineGuid"))


def names() -> tuple[str, str, str]:
    """NetBIOS name, fully qualified DNS name, DNS domain (empty outside a domain)."""
    return _name(_NETBIOS), _name(_FQDN), _name(_DOMAIN)


def _name(kind: int) -> str:
    ask = dlls.function(
        "kernel32",
        "GetComputerNameExW",
        ctypes.c_int,
        ctypes.c_int32,
        text.Pointer,
        ctypes.POINTER(ctypes.c_uint32),
    )
    answer = text.space(1024)
    length = ctypes.c_uint32(len(answer))
    if not ask(kind, answer, ctypes.byref(length)):
        raise dlls.failure("computer name")
    return text.narrow(answer, min(length.value, len(answer)))


def os_version() -> tuple[str, str]:
    """Name and version: ``Windows 11 Pro 23H2``, ``10.0.22631.2715``."""
    if sys.platform != "win32":
        raise OSError(errno.ENOSYS, "only on Windows", "version")
    running = sys.getwindowsversion()
    product = _value_or(_CURRENT_VERSION, "ProductName", "Windows")
    release = _value_or(_CURRENT_VERSION, "DisplayVersion", "")
    release = release or _value_or(_CURRENT_VERSION, "ReleaseId", "")
    build = _value_or(_CURRENT_VERSION, "CurrentBuild", str(running.build))
    revision = _value_or(_CURRENT_VERSION, "UBR", "")
    version = f"{running.major}.{running.minor}.{build}" + (f".{revision}" if revision else "")
    return product_name(product, release, int(build) if build.isdecimal() else 0), version


def product_name(product: str, release: str, build: int) -> str:
    """The name that people use, from the registry's ProductName, DisplayVersion and build."""
    if build >= WINDOWS_11:
        product = product.replace("Windows 10", "Windows 11", 1)
    return f"{product} {release}".strip()
