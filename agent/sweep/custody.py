"""The chain of custody of a sweep, before it begins."""

from __future__ import annotations

import getpass
import platform

from ..model.custody import MAX_EXHIBITS, Custody
from ..targets import Target
from ..targets.offline.at_rest import AtRest


def custody_of(target: Target, *, examiner: str, case: str, notes: str) -> Custody | None:
    """None for a host in use: there are no exhibits. ``notes``: their text."""
    if not isinstance(target, AtRest):
        return None
    return Custody(
        examiner=examiner,
        case=case,
        notes=notes,
        workstation=platform.node(),
        account=_account(),
        exhibits=target.exhibits()[:MAX_EXHIBITS],
    )


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # an account without a name
        return ""
