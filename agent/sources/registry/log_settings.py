r"""How logs are kept: whether they are on, how large they may be, and what happens then.

Keys: of the classic logs ``SYSTEM\…\Services\EventLog\<log>``, of all others
``SOFTWARE\Microsoft\Windows\CurrentVersion\WINEVT\Channels\<channel>`` with ``Enabled``; in both
``MaxSize`` (bytes), ``Retention`` (0: the oldest records are overwritten; else none is, and what
is new is lost) and ``AutoBackupLogFiles`` (Microsoft Learn, "Eventlog Key"). Policies, of classic
logs: ``SOFTWARE\Policies\Microsoft\Windows\EventLog\<log>``: the same as text, ``MaxSize`` in KiB
(``EventLog.admx``). Cannot tell: what a log was set to before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...formats import FormatError
from ...model.host_facts import LogSettings
from ...model.recorders import CLASSIC, LOGS, channel_of
from ...targets.log_places import LOG_CHANNELS, LOG_POLICIES, LOG_SERVICE
from .hive_names import Kind
from .recording import control_set_of

if TYPE_CHECKING:
    from ...formats.hive import Hive, Key
    from ...model.host_facts import HostFacts


def note_log_settings(hive: Hive, kind: Kind, facts: HostFacts) -> None:
    """What a hive says of the logs that would tell a deed."""
    if kind is Kind.SYSTEM:
        control_set = control_set_of(hive)
        for log in LOGS & CLASSIC:
            if (key := hive.key(rf"{control_set}\{LOG_SERVICE}\{channel_of(log)}")) is not None:
                facts.log_settings[log] = _settings(key)
    elif kind is Kind.SOFTWARE:
        for log in LOGS - CLASSIC:
            if (key := hive.key(rf"{LOG_CHANNELS}\{channel_of(log)}")) is not None:
                facts.log_settings[log] = _settings(key)
        for log in LOGS & CLASSIC:
            if (key := hive.key(rf"{LOG_POLICIES}\{channel_of(log)}")) is not None:
                facts.log_policies[log] = _settings(key, unit=1024)


def _settings(key: Key, unit: int = 1) -> LogSettings:
    size = _number(key, "MaxSize")
    return LogSettings(
        enabled=_is_set(key, "Enabled"),
        keeps_old=_is_set(key, "Retention"),
        archives=_is_set(key, "AutoBackupLogFiles"),
        max_bytes=size * unit if size else None,
    )


def _is_set(key: Key, name: str) -> bool | None:
    number = _number(key, name)
    return None if number is None else number != 0


def _number(key: Key, name: str) -> int | None:
    """Of a number, or of one that is written as text."""
    value = key.value(name)
    if value is None:
        return None
    try:
        if value.type == "REG_DWORD":
            return int.from_bytes(value.data[:4], "little")
        text = value.text.strip("\0 ")
    except FormatError as error:
        key.hive.note(error)
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None
