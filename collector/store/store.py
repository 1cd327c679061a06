"""Every question that the collector asks its database, and every change, on one object."""

from __future__ import annotations

from .administration import Administration
from .answers import EVERY_HOST, Answers, HostFilter
from .calling import Calling
from .casework import Casework
from .expecting import Expecting
from .first_traces import FirstTraces
from .keeping import Keeping
from .keeping_terms import KeepingTerms
from .reopening import Reopening
from .rows import PAGE, audit, now_ms, token_digest
from .searching import Searching
from .signing import Signing
from .standing import StandingOf
from .suppressing import Suppressing
from .telling import Telling


class Store(
    Keeping, Administration, Answers, Suppressing, FirstTraces, StandingOf, Casework, Expecting,
    Searching, KeepingTerms, Telling, Reopening, Calling, Signing,
):  # fmt: skip
    """All of it, on one database."""


__all__ = ["EVERY_HOST", "PAGE", "HostFilter", "Store", "audit", "now_ms", "token_digest"]
