"""Where the Windows that runs here lies, and which profiles its registry lists."""

from __future__ import annotations

from ...windows import profiles
from ..installation import Listed
from ..log_places import keys_in_software


def installed_windows() -> tuple[str, Listed]:
    """The folder of Windows, and what is listed. A registry that does not answer leaves the folders
    of the profiles, which are looked for too."""
    try:
        listed = Listed(
            profiles.listed(),
            profiles.directory(),
            profiles.program_data(),
            profiles.data_base(),
            profiles.event_logs([f"SOFTWARE\\{key}" for key in keys_in_software()]),
        )
    except OSError:
        listed = Listed()
    return profiles.system_root(), listed
