"""The command ``send``: delivers what waits in a spool, what killed sweeps have left, or reports
given by path."""

from __future__ import annotations

import json
import os
from pathlib import Path

from ..delivery.config import with_settings
from ..delivery.parcel import Parcel, Spooled, parcels_at
from ..delivery.route import Route, refuse_same_folder, route_of
from ..delivery.spool import Spool, SpoolError
from ..exit_codes import CLEAN, FAILED, UNDELIVERED, UsageError
from ..home import REPORTS, SPOOL, home
from ..options import Options
from ..output.escape import shown
from ..output.say import say, tell
from ..signing.keys import signing_key
from .delivering import open_spool
from .destination import Destination, finish_interrupted
from .unsent import take_up


class _Tally:
    """What became of the reports, by how they got there."""

    def __init__(self) -> None:
        self.via = {"collector": 0, "share": 0}
        self.left = 0
        self.unread = False
        """A place of reports could not be looked into."""


def send(options: Options) -> int:
    """0 if all is delivered, or nothing waits; 4 if not; 2 if it cannot be told.

    Raises UsageError, PackError, DeliveryError.
    """
    options, _ = with_settings(options)
    route = route_of(options, os.environ, say)
    if route is None:
        raise UsageError("send: give --collector URL or --share DIR")
    tally = _Tally()
    if not options.paths:
        _find_unsent(options, tally)
    places = [Path(path) for path in options.paths] or [home() / SPOOL]
    for place in places:
        refuse_same_folder(place if place.is_dir() else place.parent, options.share)
    for place in places:
        try:
            _send(place, route, tally, own=not options.paths)
        except SpoolError as error:
            say(str(error))
            tally.left += bool(options.paths)
            tally.unread = True
    return _told(tally, options)


def _find_unsent(options: Options, tally: _Tally) -> None:
    """Into the spool with what killed sweeps of this host have left in the home folder, and with
    what there was no room for."""
    folder = home() / REPORTS
    if not folder.is_dir() or (spool := open_spool(home())) is None:
        return
    key = signing_key(options.signing_key, os.environ)
    found = finish_interrupted(Destination(home=home(), folder=folder, key=key), spool)
    tally.left += sum(not one.spooled for one in found) + take_up(folder, spool)


def _send(place: Path, route: Route, tally: _Tally, *, own: bool) -> None:
    parcels: list[Parcel]
    problems: list[str] = []
    spool = Spool(place, private=own) if own or place.is_dir() else None
    if own and spool is not None:
        parcels = [Spooled(spool, report_id) for report_id, _ in spool.pending()]
    else:
        parcels, problems = parcels_at(place)
    for problem in problems:
        say(shown(problem))
    tally.left += len(problems)
    if not parcels:
        return
    for fate in route.deliver(parcels, spool).values():
        if fate.via:
            tally.via[fate.via] += 1
        else:
            tally.left += 1


def _told(tally: _Tally, options: Options) -> int:
    delivered = sum(tally.via.values())
    total = delivered + tally.left
    if options.quiet:
        tell(json.dumps({"v": 1, **tally.via, "left": tally.left}))
    elif total:
        share = f", {tally.via['share']} of them on the share" if tally.via["share"] else ""
        tell(f"{delivered} of {total} reports delivered{share}")
    if not total:
        if tally.unread:
            return FAILED
        say("nothing to send: no report waits there")
    return CLEAN if options.exit_zero or not tally.left else UNDELIVERED
