"""Which keys of which hives remember something, and who tells what."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from ...spelling import fold
from ..remembered import Remembered
from . import networks, opened, programs, startups
from .hive_names import Kind
from .spot import Spot

if TYPE_CHECKING:
    from ...formats.hive import Hive, Key


class Decoder(NamedTuple):
    """``where``: an expression of a key's folded path, without groups. ``whole_key``: its values
    tell of one thing together."""

    kind: Kind
    where: str
    read: Callable[[Spot], Iterator[Remembered]]
    whole_key: bool = False
    turned: bool = False
    """Whether names stand in it in ROT13."""


def _of(
    kind: Kind,
    where: str,
    read: Callable[[Spot], Iterator[Remembered]],
    *,
    whole_key: bool = False,
    turned: bool = False,
) -> Decoder:
    return Decoder(kind, where, read, whole_key, turned)


_CONTROL_SET = r"CONTROLSET\d{3}"
_EXPLORER = r"SOFTWARE\\MICROSOFT\\WINDOWS\\CURRENTVERSION\\EXPLORER"
_SHELL = r"(?:LOCAL SETTINGS\\)?SOFTWARE\\MICROSOFT\\WINDOWS\\SHELL(?:NOROAM)?"
_TRAY = (
    r"(?:LOCAL SETTINGS\\)?SOFTWARE\\MICROSOFT\\WINDOWS\\CURRENTVERSION"
    r"\\(?:EXPLORER\\)?TRAYNOTIFY"
)
_OFFICE = r"SOFTWARE\\MICROSOFT\\OFFICE\\[^\\]+\\[^\\]+"
_DIALOGUES = rf"{_EXPLORER}\\COMDLG32"
_FLAGS = r"(?:WOW6432NODE\\)?MICROSOFT\\WINDOWS NT\\CURRENTVERSION\\APPCOMPATFLAGS"
_SOFTWARE = ((Kind.SOFTWARE, ""), (Kind.USER, r"SOFTWARE\\"))
_INTERNET = r"(?:POLICIES\\)?MICROSOFT\\WINDOWS\\CURRENTVERSION\\INTERNET SETTINGS"
_USERS = (Kind.USER, Kind.CLASSES)

DECODERS = (
    _of(
        Kind.SYSTEM,
        rf"{_CONTROL_SET}\\CONTROL\\SESSION MANAGER\\(?:APPCOMPATCACHE|APPCOMPATIBILITY)",
        programs.shimcache,
    ),
    _of(
        Kind.SYSTEM,
        rf"{_CONTROL_SET}\\SERVICES\\[BD]AM\\(?:STATE\\)?USERSETTINGS\\S-1-[^\\]+",
        programs.activity_moderator,
    ),
    _of(
        Kind.USER,
        rf"{_EXPLORER}\\USERASSIST\\[^\\]+\\COUNT",
        programs.user_assist,
        turned=True,
    ),
    _of(
        Kind.USER,
        r"SOFTWARE\\MICROSOFT\\WINDOWS NT\\CURRENTVERSION\\APPCOMPATFLAGS"
        r"\\COMPATIBILITY ASSISTANT\\(?:STORE|PERSISTED)",
        programs.compatibility_assistant,
    ),
    *(
        _of(kind, rf"{top}{_FLAGS}\\LAYERS", programs.compatibility_layer)
        for kind, top in _SOFTWARE
    ),
    *(
        _of(kind, rf"{top}{_FLAGS}\\INSTALLEDSDB\\[^\\]+", programs.shim_database, whole_key=True)
        for kind, top in _SOFTWARE
    ),
    _of(Kind.USER, rf"{_EXPLORER}\\FEATUREUSAGE\\[^\\]+", programs.feature_usage),
    *(_of(kind, rf"{_SHELL}\\MUICACHE", programs.mui_cache) for kind in _USERS),
    *(_of(kind, _TRAY, programs.tray_icons, turned=True) for kind in _USERS),
    _of(
        Kind.USER,
        r"CONTROL PANEL\\NOTIFYICONSETTINGS\\[^\\]+",
        programs.tray_settings,
        whole_key=True,
    ),
    _of(
        Kind.AMCACHE,
        r"ROOT\\INVENTORY(?:APPLICATIONFILE|DRIVERBINARY)\\[^\\]+",
        programs.inventory,
        whole_key=True,
    ),
    _of(Kind.AMCACHE, r"ROOT\\FILE\\[^\\]+\\[^\\]+", programs.old_inventory, whole_key=True),
    _of(
        Kind.SOFTWARE,
        r"MICROSOFT\\WINDOWS NT\\CURRENTVERSION\\SCHEDULE\\TASKCACHE\\TASKS\\[^\\]+",
        programs.task_cache,
        whole_key=True,
    ),
    *(
        _of(kind, startups.place_regex(where), startups.startup)
        for kind, where in (*startups.KEYS, *startups.CLASSES)
    ),
    _of(Kind.USER, rf"{_EXPLORER}\\RUNMRU", opened.run_history),
    _of(Kind.USER, rf"{_EXPLORER}\\RECENTDOCS(?:\\[^\\]+)?", opened.recent_documents),
    _of(Kind.USER, rf"{_EXPLORER}\\TYPEDPATHS", opened.typed_path),
    *(_of(kind, rf"{_SHELL}\\BAGMRU(?:\\\d+)*", opened.shellbag) for kind in _USERS),
    _of(Kind.USER, rf"{_DIALOGUES}\\OPENSAVEPIDLMRU\\[^\\]+", opened.chosen_file),
    _of(
        Kind.USER,
        rf"{_DIALOGUES}\\LASTVISITEDPIDLMRU(?:LEGACY)?",
        opened.dialogue_of_program,
    ),
    _of(
        Kind.USER,
        rf"{_OFFICE}(?:\\USER MRU\\[^\\]+)?\\(?:FILE|PLACE) MRU",
        opened.office_recent,
    ),
    _of(
        Kind.USER,
        rf"{_OFFICE}\\SECURITY\\TRUSTED DOCUMENTS\\TRUSTRECORDS",
        opened.office_trusted,
    ),
    _of(
        Kind.USER,
        rf"{_OFFICE}\\READING LOCATIONS\\[^\\]+",
        opened.reading_location,
        whole_key=True,
    ),
    _of(
        Kind.USER,
        r"SOFTWARE\\ADOBE\\[^\\]+\\[^\\]+\\AVGENERAL\\CRECENTFILES\\[^\\]+",
        opened.acrobat_recent,
        whole_key=True,
    ),
    _of(Kind.USER, rf"{_EXPLORER}\\WORDWHEELQUERY", opened.searched),
    _of(
        Kind.USER,
        r"SOFTWARE\\(?:WINRAR\\ARCHISTORY|7-ZIP\\FM|7-ZIP\\(?:EXTRACTION|COMPRESSION))",
        opened.archive_history,
    ),
    *(
        _of(kind, rf"{before}{_INTERNET}(?:\\CONNECTIONS)?", networks.proxy_setting)
        for kind, before in ((Kind.USER, r"SOFTWARE\\"), (Kind.SOFTWARE, r"(?:WOW6432NODE\\)?"))
    ),
    _of(
        Kind.SYSTEM,
        rf"{_CONTROL_SET}\\SERVICES\\IPHLPSVC\\PARAMETERS\\PROXYMGR\\[^\\]+",
        networks.proxy_setting,
    ),
    _of(
        Kind.SOFTWARE,
        r"MICROSOFT\\WINDOWS NT\\CURRENTVERSION\\NETWORKLIST"
        r"\\(?:PROFILES|SIGNATURES\\(?:UN)?MANAGED)\\[^\\]+",
        networks.network,
        whole_key=True,
    ),
)


def decoder_of(kind: Kind, key: Key) -> Decoder | None:
    """Who tells what a key of a hive remembers; None: nobody."""
    where, decoders = _of_kind(kind)
    found = where.fullmatch(fold(key.path))
    return None if found is None or found.lastindex is None else decoders[found.lastindex - 1]


@functools.cache
def _of_kind(kind: Kind) -> tuple[re.Pattern[str], tuple[Decoder, ...]]:
    """All of this kind of hive as one expression, whose groups are they in their order: compiled
    for the first hive, and one look at a key's path."""
    decoders = tuple(one for one in DECODERS if one.kind is kind)
    return re.compile("|".join(f"({one.where})" for one in decoders) or "(?!)"), decoders


COMMANDS = (
    *startups.COMMANDS,
    (Kind.USER, r"Software\Microsoft\Windows\CurrentVersion\Explorer\RunMRU"),
    (Kind.SOFTWARE, r"Microsoft\Windows NT\CurrentVersion\Schedule\TaskCache\Tasks\*"),
    (Kind.USER, r"Software\Microsoft\Office\*\*\Security\Trusted Documents\TrustRecords"),
)
"""Keys whose values hold command lines, or names, which may hide what no search of bytes finds."""
MAX_KEYS = 20_000
"""Of one such place; tasks are some hundreds."""


def keys_of_commands(hive: Hive, kind: Kind) -> Iterator[tuple[Decoder, Key]]:
    """All of these keys that a hive has."""
    known: dict[str, list[Key]] = {"": [hive.root]}
    for of, where in COMMANDS:
        if of is not kind:
            continue
        for key in _keys_at(where, known):
            decoder = decoder_of(kind, key)
            if decoder is not None:
                yield decoder, key


def _keys_at(where: str, known: dict[str, list[Key]]) -> list[Key]:
    """``known``: what was looked up before, by its place."""
    if where not in known:
        above, _, name = where.rpartition("\\")
        holders = _keys_at(above, known)
        if "*" in name:
            pattern = re.compile(startups.place_regex(name))
            keys = [
                key
                for holder in holders
                for key in holder.subkeys()
                if pattern.fullmatch(fold(key.name))
            ]
        else:
            keys = [key for holder in holders if (key := holder.subkey(name)) is not None]
        known[where] = keys[:MAX_KEYS]
    return known[where]
