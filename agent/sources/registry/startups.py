r"""What else Windows starts by itself, or loads into what it starts, because a hive says so.

Winlogon's programs, debuggers of programs (Image File Execution Options, SilentProcessExit) and of
crashes, Active Setup, AutoRun of cmd, scripts of logons and of policies, screen savers, classes of
COM, add-ins of Office; libraries loaded into every program (AppInit_DLLs, AppCertDlls, KnownDLLs,
profilers of .NET), into LSASS, the spooler, the time service and other services of Windows.
MITRE ATT&CK T1037, T1137, T1546, T1547, T1553.003, T1556 and T1574.012, and what Sysinternals'
Autoruns lists, name each of them. Run keys and services: ``autostarts.py``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from ...formats import FormatError
from ...model.objects import Dll
from ...model.observation import Claim, moments
from ...spelling import base_name, fold
from ..remembered import Remembered
from .autostarts import MAX_TEXT, process_of
from .hive_names import Kind
from .spot import Spot

_NT = r"Microsoft\Windows NT\CurrentVersion"
_DLLS = re.compile(r"[ ,;]+")
_QUOTED = re.compile(r"\"([^\"]+)\"")
_PROGRAMS = re.compile(r" *, *")
_WOW = "Wow6432Node\\"


class _Startup(NamedTuple):
    """``where``: a key, ``*`` for any name or a part of one. ``values``: names of values that start
    something, folded; empty: each does."""

    where: str
    values: tuple[str, ...]
    seen: str
    is_dll: bool = False
    between: re.Pattern[str] | None = None
    """What stands between several in one text."""
    by_name: bool = False
    """Whether what is loaded is the name of a value."""


_VERSION = r"Microsoft\Windows\CurrentVersion"
_SCRIPT = ("SCRIPT", "PARAMETERS")
_OPENED = ("OPEN", *(f"OPEN{number}" for number in range(1, 33)))
_PROFILERS = (
    *(f"COR_PROFILER_PATH{bits}" for bits in ("", "_32", "_64")),
    *(f"CORECLR_PROFILER_PATH{bits}" for bits in ("", "_32", "_64")),
)

_OF_SOFTWARE = (
    _Startup(
        rf"{_NT}\Winlogon",
        ("SHELL", "USERINIT", "TASKMAN", "APPSETUP", "VMAPPLET", "SYSTEM"),
        "Winlogon",
        between=_PROGRAMS,
    ),
    _Startup(rf"{_NT}\Winlogon", ("GINADLL",), "Winlogon", is_dll=True),
    _Startup(rf"{_NT}\Winlogon\Notify\*", ("DLLNAME",), "Winlogon", is_dll=True),
    _Startup(rf"{_NT}\Windows", ("LOAD", "RUN"), "Load or Run of Windows NT"),
    _Startup(rf"{_NT}\Windows", ("APPINIT_DLLS",), "AppInit_DLLs", is_dll=True),
    _Startup(rf"{_NT}\Image File Execution Options\*", ("DEBUGGER",), "debugger of a program"),
    _Startup(
        rf"{_NT}\Image File Execution Options\*", ("VERIFIERDLLS",), "verifier DLL", is_dll=True
    ),
    _Startup(rf"{_NT}\SilentProcessExit\*", ("MONITORPROCESS",), "monitor of a program"),
    _Startup(r"Microsoft\Active Setup\Installed Components\*", ("STUBPATH",), "Active Setup"),
    _Startup(r"Microsoft\Command Processor", ("AUTORUN",), "AutoRun of cmd"),
    _Startup(r"Microsoft\Windows\CurrentVersion\Policies\System", ("SHELL",), "shell by policy"),
    _Startup(r"Microsoft\NetSh", (), "netsh helper", is_dll=True),
    _Startup(rf"{_NT}\Winlogon", ("UIHOST",), "Winlogon"),
    _Startup(rf"{_NT}\Winlogon\AlternateShells\AvailableShells", (), "shell by choice"),
    _Startup(
        rf"{_NT}\Winlogon\GPExtensions\*", ("DLLNAME",), "extension of group policy", is_dll=True
    ),
    _Startup(rf"{_NT}\Windows", ("ICONSERVICELIB",), "icon service", is_dll=True),
    _Startup(rf"{_NT}\Image File Execution Options\*\*", ("DEBUGGER",), "debugger of a program"),
    _Startup(rf"{_NT}\AeDebug", ("DEBUGGER",), "debugger of crashes"),
    _Startup(
        r"Microsoft\Windows\Windows Error Reporting\Hangs", ("DEBUGGER",), "debugger of hangs"
    ),
    _Startup(
        r"Microsoft\Windows\Windows Error Reporting\RuntimeExceptionHelperModules",
        (),
        "helper of error reports",
        is_dll=True,
        by_name=True,
    ),
    _Startup(rf"{_NT}\AppCompatFlags\TelemetryController\*", ("COMMAND",), "telemetry controller"),
    *(
        _Startup(rf"{_NT}\Terminal Server\Install\Software\{_VERSION}\{name}", (), "Run key")
        for name in ("Run", "RunOnce", "RunOnceEx\\*")
    ),
    _Startup(rf"{_NT}\Drivers32", (), "driver of media", is_dll=True),
    _Startup(rf"{_NT}\Font Drivers", (), "font driver", is_dll=True),
    _Startup(rf"{_VERSION}\App Paths\*", ("",), "path of a program's name"),
    _Startup(rf"{_VERSION}\Explorer\MyComputer\*Path", ("",), "tool of This PC"),
    _Startup(rf"{_VERSION}\Group Policy\Scripts\*\*\*", _SCRIPT, "script of group policy"),
    _Startup(rf"{_VERSION}\Group Policy\State\*\Scripts\*\*\*", _SCRIPT, "script of group policy"),
    _Startup(r"Policies\Microsoft\Windows\System\Scripts\*\*\*", _SCRIPT, "script of group policy"),
    _Startup(
        r"Policies\Microsoft\Windows\Control Panel\Desktop", ("SCRNSAVE.EXE",), "screen saver"
    ),
    _Startup(r"Microsoft\Office Test\Special\Perf", ("",), "Office test", is_dll=True),
    _Startup(r"Microsoft\Office\*\Excel\Options", _OPENED, "add-in of Excel", is_dll=True),
    _Startup(r"Microsoft\Internet Explorer\Extensions\*", ("EXEC", "SCRIPT"), "browser extension"),
    _Startup(r"Microsoft\Cryptography\OID\*\*\*", ("DLL",), "cryptography provider", is_dll=True),
    _Startup(
        r"Microsoft\Cryptography\Providers\Trust\*\*", ("$DLL",), "trust provider", is_dll=True
    ),
)
_CLASSES = (
    _Startup(r"CLSID\*\InprocServer32", ("", "CODEBASE"), "class of COM", is_dll=True),
    _Startup(r"CLSID\*\InprocHandler32", ("",), "class of COM", is_dll=True),
    _Startup(r"CLSID\*\ScriptletURL", ("",), "class of COM"),
    _Startup(r"TypeLib\*\*\*\win*", ("",), "type library of COM"),
    _Startup(r"CLSID\*\LocalServer32", ("",), "class of COM"),
    _Startup(r"*\Shell\*\Command", ("",), "command of a file type"),
)
"""Thousands: looked at where they are hit, and nowhere else."""
_OF_USERS = (
    _Startup("Environment", ("USERINITMPRLOGONSCRIPT",), "logon script"),
    _Startup("Environment", _PROFILERS, "profiler of .NET", is_dll=True),
    _Startup(r"Control Panel\Desktop", ("SCRNSAVE.EXE",), "screen saver"),
)
_CONTROL = r"ControlSet*\Control"
_LSASS = ("AUTHENTICATION PACKAGES", "NOTIFICATION PACKAGES", "SECURITY PACKAGES")
_OF_SYSTEM = (
    _Startup(
        rf"{_CONTROL}\Session Manager", ("BOOTEXECUTE", "SETUPEXECUTE", "EXECUTE"), "BootExecute"
    ),
    _Startup(rf"{_CONTROL}\Session Manager\AppCertDlls", (), "AppCertDlls", is_dll=True),
    _Startup(rf"{_CONTROL}\Lsa", _LSASS, "package of LSASS", is_dll=True),
    _Startup(rf"{_CONTROL}\Lsa\OSConfig", _LSASS, "package of LSASS", is_dll=True),
    _Startup(rf"{_CONTROL}\Print\Monitors\*", ("DRIVER",), "print monitor", is_dll=True),
    _Startup(rf"{_CONTROL}\Print\Providers\*", ("NAME",), "print provider", is_dll=True),
    _Startup(
        rf"{_CONTROL}\Print\Environments\*\Print Processors\*",
        ("DRIVER",),
        "print processor",
        is_dll=True,
    ),
    _Startup(
        rf"{_CONTROL}\SecurityProviders", ("SECURITYPROVIDERS",), "security provider", is_dll=True
    ),
    _Startup(
        rf"{_CONTROL}\LsaExtensionConfig\*", ("EXTENSIONS",), "extension of LSASS", is_dll=True
    ),
    _Startup(rf"{_CONTROL}\Session Manager\KnownDLLs", (), "KnownDLLs", is_dll=True),
    _Startup(rf"{_CONTROL}\Session Manager\SubSystems", (), "subsystem"),
    _Startup(
        rf"{_CONTROL}\Session Manager\Environment", _PROFILERS, "profiler of .NET", is_dll=True
    ),
    _Startup(rf"{_CONTROL}\SafeBoot", ("ALTERNATESHELL",), "shell of the safe mode"),
    _Startup(rf"{_CONTROL}\BootVerificationProgram", ("IMAGEPATH",), "BootVerificationProgram"),
    _Startup(
        rf"{_CONTROL}\Terminal Server\Wds\rdpwd",
        ("STARTUPPROGRAMS",),
        "start of a remote session",
        between=_PROGRAMS,
    ),
    _Startup(
        rf"{_CONTROL}\Terminal Server\WinStations\*",
        ("INITIALPROGRAM",),
        "start of a remote session",
    ),
    _Startup("Setup", ("CMDLINE",), "command of the setup"),
    _Startup(
        r"ControlSet*\Services\*\NetworkProvider",
        ("PROVIDERPATH",),
        "network provider",
        is_dll=True,
    ),
    _Startup(
        r"ControlSet*\Services\*\Performance", ("LIBRARY",), "performance counters", is_dll=True
    ),
    _Startup(
        r"ControlSet*\Services\DNS\Parameters",
        ("SERVERLEVELPLUGINDLL",),
        "plug-in of the DNS server",
        is_dll=True,
    ),
    _Startup(
        r"ControlSet*\Services\NTDS",
        ("LSADBEXTPT", "DIRECTORYSERVICEEXTPT"),
        "extension of the directory",
        is_dll=True,
    ),
    _Startup(
        r"ControlSet*\Services\RemoteAccess\RouterManagers\*",
        ("DLLPATH",),
        "router manager",
        is_dll=True,
    ),
    _Startup(
        r"ControlSet*\Services\WinSock2\Parameters\NameSpace_Catalog5\Catalog_Entries*\*",
        ("LIBRARYPATH",),
        "name space of Winsock",
        is_dll=True,
    ),
    _Startup(
        r"ControlSet*\Services\W32Time\TimeProviders\*", ("DLLNAME",), "time provider", is_dll=True
    ),
)


def _placed() -> Iterator[tuple[Kind, str, _Startup]]:
    for one in _OF_SOFTWARE:
        for bits in ("", _WOW):
            yield Kind.SOFTWARE, f"{bits}{one.where}", one
            yield Kind.USER, rf"Software\{bits}{one.where}", one
    for one in _OF_USERS:
        yield Kind.USER, one.where, one
    for one in _OF_SYSTEM:
        yield Kind.SYSTEM, one.where, one


def _classes() -> Iterator[tuple[Kind, str, _Startup]]:
    for one in _CLASSES:
        for bits in ("", _WOW):
            yield Kind.SOFTWARE, rf"{bits}Classes\{one.where}", one
            yield Kind.SOFTWARE, rf"Classes\{bits}{one.where}", one
            yield Kind.USER, rf"Software\Classes\{bits}{one.where}", one
            yield Kind.CLASSES, f"{bits}{one.where}", one


def place_regex(where: str) -> str:
    """Of a key's folded path."""
    return re.escape(fold(where)).replace(r"\*", r"[^\\]*")


KEYS = tuple(dict.fromkeys((kind, where) for kind, where, _ in _placed()))
"""The kinds of hives and paths of keys in which :func:`startup` knows values, ``*`` for names."""
COMMANDS = tuple(dict.fromkeys((kind, where) for kind, where, one in _placed() if not one.is_dll))
"""Of these, those that hold command lines, which may hide what no search of bytes finds."""
CLASSES = tuple(dict.fromkeys((kind, where) for kind, where, _ in _classes()))
"""More of them, in which there are thousands."""
_STARTUPS = tuple((where, one) for _, where, one in (*_placed(), *_classes()))


def startup(spot: Spot) -> Iterator[Remembered]:
    """What a value of such a key starts or loads; nothing for its other values."""
    if spot.value is None:
        return
    path, name = fold(spot.key.path), fold(spot.value.name)
    for where, one in _STARTUPS:
        if (not one.values or name in one.values) and _pattern(where).fullmatch(path):
            yield from _things(spot, one)
            return


@functools.cache
def _pattern(where: str) -> re.Pattern[str]:
    return re.compile(place_regex(where))


def _things(spot: Spot, one: _Startup) -> Iterator[Remembered]:
    if spot.value is None:
        return
    try:
        told = (spot.value.name,) if one.by_name else spot.value.strings
    except FormatError:
        return
    texts = [text[:MAX_TEXT] for text in told]
    between = _DLLS if one.is_dll else one.between
    if between is not None:
        texts = [part for text in texts for part in [text, *between.split(text)]]
    if one.is_dll:
        texts += [part for text in texts for part in _QUOTED.findall(text)]
    for text in dict.fromkeys(filter(None, texts)):
        yield Remembered(
            seen=one.seen,
            claim=Claim.RAN,
            texts=(text,),
            moments=moments(modified=spot.key.written),
            process=None if one.is_dll else process_of(text),
            dll=Dll(path=text, name=base_name(text)) if one.is_dll else None,
        )
