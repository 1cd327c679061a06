"""What may be asked of the endpoints that answer in JSON; what else is asked is refused.

A filter that is misspelt would be none, and the answer more than was asked for: a program takes all
hosts for those that are hit, or the first that it gets for the only one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request

from agent.output.escape import shown

from ..casework import CASE_STATES
from ..records import STATES
from ..signatures import STATUSES
from ..store.host_order import ORDERS
from ..terms import KINDS
from .hosts import FLAGS
from .site import Refused

Query = Mapping[str, tuple[str, str]]
"""Parameters by their names: what each is, and the pattern of its values; empty: any."""
NOTHING: Query = {}
_DAY = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"
TIMELINE: Query = {
    "from": ("The first trace is of this day or later, UTC.", _DAY),
    "to": ("The first trace is of this day or earlier, UTC.", _DAY),
    "weak": ("1: weak traces too.", "^[01]?$"),
    "after": ("The time of the last host of the page before.", ""),
    "key": ("And its key.", ""),
}

SEARCH: Query = {
    "q": ("Any part of a value, of three characters and more; or its beginning.", ""),
    "kind": ("Values of this kind alone.", f"^({'|'.join(KINDS)})?$"),
    "sweep": ("In this sweep alone.", ""),
    "whole": ("1: only the value itself; then the hosts that have it, page by page.", "^[01]?$"),
    "after": ("Of the last host of the page before, its sweep.", ""),
    "key": ("And its key.", ""),
}
CASE: Query = {
    "host": ("The key of a host, which must be given.", ""),
    "finding": ("The id of a finding on it; empty: the case of the host itself.", ""),
}
CASES: Query = {
    "state": ("Only those of this state.", f"^({'|'.join(CASE_STATES)})?$"),
    "owner": ("Only those of this owner, in any case of letters.", ""),
    "nobody": ("1: only those without an owner.", "^[01]?$"),
    "tag": ("Only those with this tag.", ""),
    "after": ("The host of the last one of the page before.", ""),
    "finding": ("Its finding.", ""),
}
_FLAG = "^[01]?$"
HOSTS: Query = {
    "sort": ("How they are sorted; with - before it the other way round.",
             f"^(-?({'|'.join(ORDERS)}))?$"),
    "state": ("Only hosts of this state.", f"^({'|'.join(STATES)})?$"),
    "q": ("What their names begin with.", ""),
    "sender": ("The only address that their reports came from.", ""),
    "signature": ("Only hosts whose state is from a report that is signed so.",
                  f"^({'|'.join(STATUSES)})?$"),
    **{name: (f"1: only those that are {name}.", _FLAG) for name in FLAGS},
    "case": ("Only hosts whose own case is in this state.", f"^({'|'.join(CASE_STATES)})?$"),
    "owner": ("Only hosts of this owner, in any case of letters.", ""),
    "nobody": ("1: only hosts without an owner.", _FLAG),
    "tag": ("Only hosts with this tag.", ""),
    "column": ("A column of the list of expected hosts …", ""),
    "value": ("… that has this value; empty: none.", ""),
    "after": ("As in the address of the next page.", ""),
    "key": ("As in the address of the next page.", ""),
}  # fmt: skip
GROUPS: Query = {"by": ("A column of the list; else the likeliest.", "")}


def checked_query(request: Request, known: Query) -> None:
    """Raises Refused: a parameter that there is not, or twice, or with a value that it cannot
    have. Names those that there are."""
    given = request.query_params.multi_items()
    for name, value in given:
        if name not in known:
            raise Refused(400, f"There is no parameter {shown(name)[:80]!r}. {_there(known)}")
        words, pattern = known[name]
        if pattern and not re.fullmatch(pattern, value):
            raise Refused(400, f"{name} cannot be {shown(value)[:80]!r}: {words}{_form(pattern)}")
    twice = next((name for name, _ in given if len(request.query_params.getlist(name)) > 1), None)
    if twice is not None:
        raise Refused(400, f"{twice} is there more than once.")


def _there(known: Query) -> str:
    return f"There are: {', '.join(known)}." if known else "There is none here."


def _form(pattern: str) -> str:
    words = re.fullmatch(r"\^\(?(-\?\()?([a-z_|]+)\)*\??\)?\$", pattern)
    return f" It is one of {', '.join(words[2].split('|'))}." if words else ""


__all__ = [
    "CASE", "CASES", "GROUPS", "HOSTS", "NOTHING", "SEARCH", "TIMELINE", "Query", "checked_query",
]  # fmt: skip
