"""Collector, then file share, then spool: the order in which a report finds its place."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct, structs

from ..exit_codes import UsageError
from ..output.escape import shown
from ..output.plain import plain
from ..signing.keys import PrivateKey, signing_key
from . import client
from .collector import (
    Collector,
    check_client_cert,
    check_url,
    proxies_of,
    read_ca,
    read_token,
)
from .config import DeliveryOptions
from .courier import Clock, Courier, Fate
from .parcel import Parcel, Spooled
from .share import Share, ShareError
from .spool import Spool, SpoolError

WINDOW_S = 120.0
QUIET_WINDOW_S = 900.0
"""A fleet has time, and nobody who waits for the prompt."""
BACKLOG = 25
"""Reports of earlier runs sent with one sweep: the backlog of an outage must not come at once."""
_LOCK_POLL_S = 1.0


class Route(Struct, frozen=True, kw_only=True):
    """Where reports go, and for how long it is tried."""

    collector: Collector | None = None
    share: Path | None = None
    window_s: float = WINDOW_S
    say: Callable[[str], None]
    clock: Clock = Clock()
    key: PrivateKey | None = None
    """Signs what has to be sent in a smaller form."""

    def deliver_with_backlog(self, spool: Spool, parcel: Parcel) -> Fate:
        """One report first and then, oldest first, a bounded number of those that wait. Gives the
        first one's fate.
        """
        try:
            pending = spool.pending()
        except (SpoolError, OSError) as error:
            self.say(f"the spool cannot be read, older reports wait: {plain(error)}")
            pending = []
        backlog = [Spooled(spool, i) for i, _ in pending if i != parcel.report_id]
        fates = self.deliver([parcel, *backlog[:BACKLOG]], spool)
        if len(backlog) > BACKLOG:
            self.say(f"{len(backlog) - BACKLOG} older reports wait for the next run")
        return fates[parcel.report_id]

    def deliver(self, parcels: Sequence[Parcel], spool: Spool | None = None) -> dict[str, Fate]:
        """The fate of each by its id, said as it is known. ``spool``: kept from other senders."""
        end = self.clock.now() + self.window_s
        if spool is None:
            return self._deliver(parcels, end)
        while True:
            with spool.sending() as free:
                if free:
                    return self._deliver(parcels, end)
            if self.clock.now() + _LOCK_POLL_S >= end:
                why = "another iocsweep is sending from this spool"
                self.say(f"{spool.folder}: {why}")
                return {p.report_id: Fate(report_id=p.report_id, reason=why) for p in parcels}
            self.clock.sleep(_LOCK_POLL_S)

    def _deliver(self, parcels: Sequence[Parcel], end: float) -> dict[str, Fate]:
        if self.collector is None:
            fates = [Fate(report_id=parcel.report_id) for parcel in parcels]
        else:
            post = functools.partial(client.post, self.collector)
            courier = Courier(post, end=end, say=self.say, clock=self.clock, key=self.key)
            fates = courier.send(parcels)
        if self.share is not None:
            share, by_id = Share(self.share), {p.report_id: p for p in parcels}
            fates = [f if f.via else self._share(f, by_id[f.report_id], share) for f in fates]
        for fate in fates:
            self._tell(fate)
        return {fate.report_id: fate for fate in fates}

    def _share(self, fate: Fate, parcel: Parcel, share: Share) -> Fate:
        """Once written it leaves the spool: the share is emptied into the collector by
        ``iocsweep send``. What a collector refused stays set aside as well.
        """
        try:
            share.put(parcel.report_id, parcel.body())
        except (ShareError, SpoolError) as error:
            why = f"{fate.reason}; " if fate.reason else ""
            return structs.replace(fate, reason=f"{why}share: {error}")
        try:
            parcel.delivered()
        except OSError as error:
            self.say(f"report {parcel.report_id} is on the share and cannot leave: {plain(error)}")
        return structs.replace(fate, via="share")

    def _tell(self, fate: Fate) -> None:
        reason = shown(fate.reason)
        if fate.via == "share" and reason:
            self.say(f"report {fate.report_id} is on the share, not at the collector: {reason}")
        elif not fate.via and fate.aside:
            self.say(f"report {fate.report_id} was refused and is kept at {fate.aside}: {reason}")
        elif not fate.via:
            self.say(f"report {fate.report_id} stays in the spool: {reason}")


def route_of(
    options: DeliveryOptions, environment: Mapping[str, str], say: Callable[[str], None]
) -> Route | None:
    """Everything read and checked; None if nothing is to be delivered. Raises
    DeliveryError, KeyFileError."""
    if options.collector is None and options.share is None:
        return None
    collector = _collector(options, environment) if options.collector is not None else None
    window = options.send_window or (QUIET_WINDOW_S if options.quiet else WINDOW_S)
    key = signing_key(options.signing_key, environment)
    return Route(collector=collector, share=options.share, window_s=window, say=say, key=key)


def _collector(options: DeliveryOptions, environment: Mapping[str, str]) -> Collector:
    url = check_url(options.collector or "")
    token = read_token(options.token_file, environment)
    ca = read_ca(options.ca) if options.ca is not None else options.pinned_ca
    if options.client_cert is not None:
        check_client_cert(options.client_cert)
    proxies: dict[str, str] | None = None
    if options.no_proxy:
        proxies = {}
    elif options.proxy is not None:
        proxies = proxies_of(options.proxy, environment)
    return Collector(url=url, token=token, ca=ca, client_cert=options.client_cert, proxies=proxies)


def refuse_same_folder(folder: Path, share: Path | None) -> None:
    """Reports must not be moved onto themselves. Raises UsageError."""
    same = False
    if share is not None:
        with contextlib.suppress(OSError):  # one of them is not there
            same = folder.samefile(share)
    if same:
        raise UsageError(f"--share {share}: is the folder that is sent from")
