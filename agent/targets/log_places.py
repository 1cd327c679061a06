r"""Where the registry says that the files of event logs lie.

Keys: ``SYSTEM\…\Services\EventLog\<log>`` and
``SOFTWARE\Microsoft\Windows\CurrentVersion\WINEVT\Channels\<channel>``; policies:
``SOFTWARE\Policies\Microsoft\Windows\EventLog\<log>``. In each ``File``, with variables (Microsoft
Learn, "Eventlog Key"; ``EventLog.admx``, "Control the location of the log file"). Cannot tell:
where a log lay before. Of some thousand channels those are asked that would hold a deed.
"""

from __future__ import annotations

from ..model.recorders import CLASSIC, LOGS, channel_of

FILE = "File"
LOG_SERVICE = r"Services\EventLog"
LOG_CHANNELS = r"Microsoft\Windows\CurrentVersion\WINEVT\Channels"
LOG_POLICIES = r"Policies\Microsoft\Windows\EventLog"
MAX_LOGS = 256
"""Classic logs that are asked."""
OF_POLICIES = ("Application", "Security", "Setup", "System")


def keys_in_software() -> list[str]:
    """Below SOFTWARE, those that may say where a log lies."""
    channels = sorted(channel_of(log) for log in LOGS - CLASSIC)
    return [
        *(f"{LOG_CHANNELS}\\{channel}" for channel in channels),
        *(f"{LOG_POLICIES}\\{log}" for log in OF_POLICIES),
    ]
