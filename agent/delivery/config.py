"""``delivery.yaml``: where a fleet's reports go, fixed in the build or beside the exe.

It holds no secret but a path to one. The file beside the exe is taken only where nobody but
administrators can have put it there (as packs are), since it decides who gets the reports and the
token. What the command line says wins.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TypeVar

from msgspec import Struct, structs

from ..exit_codes import UsageError
from ..output.escape import shown
from ..packs.beside_exe import beside_exe
from ..packs.document import Document, read_yaml
from .collector import check_ca, check_url

NAME = "delivery.yaml"
_TIMES = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_MAX_SPLAY_S = 7 * 86400


class DeliveryOptions(Struct, frozen=True, kw_only=True):
    """What was asked for about the report's way home. Times in seconds."""

    command: str
    collector: str | None = None
    token_file: Path | None = None
    ca: Path | None = None
    pinned_ca: str | None = None
    """PEM, from ``delivery.yaml`` only."""
    client_cert: Path | None = None
    proxy: str | None = None
    no_proxy: bool = False
    share: Path | None = None
    send_window: float | None = None
    splay: tuple[float, float] | None = None
    no_delivery: bool = False
    sweep_id: str | None = None
    signing_key: Path | None = None
    quiet: bool = False


_Options = TypeVar("_Options", bound=DeliveryOptions)


class Settings(Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The file, each part optional and written as on the command line."""

    collector: str | None = None
    ca: str | None = None
    """Certificates in PEM, the only ones trusted for the collector."""
    share: str | None = None
    sweep_id: str | None = None
    splay: str | None = None
    send_window: str | None = None
    token_file: str | None = None
    """Relative to the folder of the exe."""
    signing_key_file: str | None = None
    """As the token's."""


def with_settings(options: _Options) -> tuple[_Options, Path | None]:
    """The options with what the file adds to them, and the file if it lies beside the exe.

    Raises PackError, UsageError, DeliveryError.
    """
    if options.no_delivery or options.command not in ("live", "send"):
        return options, None
    beside = beside_exe(NAME, "or give --no-delivery")
    path = beside or _in_bundle()
    if path is None:
        return options, None
    return merged(options, parse(path), path), beside


def parse(path: Path) -> Settings:
    """Raises PackError with file and line, DeliveryError."""
    settings = Document(str(path), read_yaml(path)).into(Settings)
    if settings.collector is not None:
        check_url(settings.collector)
    if settings.ca is not None:
        check_ca(settings.ca, f"{path}: ca")
    return settings


def merged(options: _Options, settings: Settings, path: Path) -> _Options:
    """The certificates and the files of token and key belong to the file's collector: another one,
    named on the command line, gets none of them. Raises UsageError.
    """
    added: dict[str, object] = {}

    def add(name: str, value: object) -> None:
        if value is not None and getattr(options, name) is None:
            added[name] = value

    add("collector", settings.collector)
    add("share", None if settings.share is None else Path(settings.share))
    add("sweep_id", settings.sweep_id)
    try:
        if options.command == "live":
            add("splay", None if settings.splay is None else splay_window(settings.splay))
        add("send_window", None if settings.send_window is None else duration(settings.send_window))
    except ValueError as error:
        raise UsageError(f"{path}: {shown(str(error))}") from error
    if settings.collector is None or options.collector in (None, settings.collector):
        if options.ca is None:
            add("pinned_ca", settings.ca)
        if settings.token_file is not None:
            add("token_file", _exe_folder(path) / settings.token_file)
        if settings.signing_key_file is not None:
            add("signing_key", _exe_folder(path) / settings.signing_key_file)
    return structs.replace(options, **added)


def duration(text: str) -> float:
    """Seconds. Raises ValueError."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd]?)", text.lower())
    if not found:
        raise ValueError(f"{text!r} is no time such as 25m")
    return float(int(found[1]) * _TIMES[found[2]])


def splay_window(text: str) -> tuple[float, float]:
    """From ``0-60m`` or ``60m``: the least and the most, in seconds. A unit behind the second
    number is also the first's. Raises ValueError.
    """
    found = re.fullmatch(r"(?:([0-9]{1,9})([smhd]?)-)?([0-9]{1,9})([smhd]?)", text.lower())
    if not found:
        raise ValueError(f"{text!r} is no splay such as 0-60m")
    low = duration((found[1] or "0") + (found[2] or found[4]))
    high = duration(found[3] + found[4])
    if low > high or high > _MAX_SPLAY_S:
        raise ValueError(f"{text!r} is no splay: from less to more, at most 7d")
    return low, high


def _exe_folder(path: Path) -> Path:
    """Of the running exe; from source, of the file itself."""
    return Path(sys.executable).parent if getattr(sys, "frozen", False) else path.parent


def _in_bundle() -> Path | None:
    bundle = getattr(sys, "_MEIPASS", None)
    path = Path(bundle) / NAME if bundle is not None else None
    return path if path is not None and path.is_file() else None
