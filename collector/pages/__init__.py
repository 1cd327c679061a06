"""What people see of the collector: pages, forms and downloads for readers.

``routes`` is all that the server takes. Every page works without JavaScript; with it, the page of a
sweep refreshes itself.
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.routing import BaseRoute, Route

from ..store.store import Store, now_ms
from . import asking
from .casework import CasePages, CaseRequest
from .compare import ComparePages
from .data import data
from .entrance import Entrance
from .expecting import ADDS, ExpectPages
from .exports import Exports
from .groups import GroupPages
from .hosts import HostPages
from .lists import ListPages
from .opening import Opening
from .outputs import OutputPages
from .report import ReportPages
from .search import SearchPages
from .session import Sessions
from .site import Site
from .suppressing import SuppressForms
from .sweeps import ACCEPTS, SweepPages
from .taking import taking
from .timeline import TimelinePages
from .tokens import ROLE, TokenPages
from .uploading import upload_form
from .visits import Visits


def routes(
    store: Store,
    key: bytes,
    *,
    secure: bool,
    clock: Callable[[], int] = now_ms,
    notice: Callable[[], str] = str,
    refused: Callable[[], object] = str,
) -> list[BaseRoute]:
    """The pages, for readers only.

    ``key`` signs cookies and forms; a new one ends all sessions. ``secure``: they are reached by
    TLS, and the cookie goes no other way. ``clock``: now, in milliseconds UTC. ``notice``: what
    every reader is to know of the server itself; empty for nothing. ``refused`` is told of each
    log-in that was.
    """
    sessions = Sessions(store, key, secure=secure, clock=clock, refused=refused)
    site = Site(store, sessions, clock=clock, notice=notice)
    page, form = site.page, site.form
    entrance, lists, hosts = Entrance(site), ListPages(site), HostPages(site)
    sweeps, outputs = SweepPages(site, Visits(secure=secure)), OutputPages(site)
    exports, suppressing, opening = Exports(site), SuppressForms(site), Opening(site)
    reports, compared = ReportPages(site, opening), ComparePages(site, opening)
    tokens, timeline, search = TokenPages(site), TimelinePages(site), SearchPages(site)
    cases, groups, expect = CasePages(site), GroupPages(site), ExpectPages(site)
    case = taking(
        site,
        data(site, cases.data, asking.CASE),
        CaseRequest,
        cases.take,
        role="analyst",
        query=asking.CASE,
    )
    sweep = "/sweeps/{sweep_id}"
    return [
        Route("/login", site.open(entrance.form)),
        Route("/login", site.open(entrance.log_in), methods=["POST"]),
        Route("/logout", form(entrance.log_out), methods=["POST"]),
        Route("/static/{name}", site.open(site.send_static)),
        Route("/", page(sweeps.all)),
        Route("/outputs", page(outputs.page)),
        Route("/outputs.json", data(site, outputs.data, asking.NOTHING)),
        Route("/search", page(search.page)),
        Route("/search.json", data(site, search.data, asking.SEARCH)),
        Route("/tokens", page(tokens.all)),
        Route("/tokens", form(tokens.create, role=ROLE), methods=["POST"]),
        Route("/tokens/revoke", form(tokens.revoke, role=ROLE), methods=["POST"]),
        Route(sweep, page(sweeps.one)),
        Route(f"{sweep}/summary", page(sweeps.summary)),
        Route(f"{sweep}/standing.json", data(site, sweeps.data, asking.NOTHING)),
        Route(f"{sweep}/accept-pack", form(sweeps.accept, role=ACCEPTS), methods=["POST"]),
        Route(f"{sweep}/hosts", page(hosts.page)),
        Route(f"{sweep}/hosts.json", data(site, hosts.data, asking.HOSTS)),
        Route(f"{sweep}/missing", page(lists.missing)),
        Route(f"{sweep}/expect", page(expect.page)),
        Route(
            f"{sweep}/expect",
            upload_form(site, expect.take, role=ADDS, field="list"),
            methods=["POST"],
        ),
        Route(f"{sweep}/findings", page(lists.findings)),
        Route(f"{sweep}/timeline", page(timeline.page)),
        Route(f"{sweep}/timeline.json", data(site, timeline.data, asking.TIMELINE)),
        Route(f"{sweep}/audit", page(lists.audit)),
        Route(f"{sweep}/suppress", form(suppressing.suppress, role="analyst"), methods=["POST"]),
        Route(f"{sweep}/lift", form(suppressing.lift, role="analyst"), methods=["POST"]),
        Route(f"{sweep}/case", page(cases.page)),
        Route(f"{sweep}/case", form(cases.change, role="analyst"), methods=["POST"]),
        Route(f"{sweep}/case.json", case, methods=["GET", "POST"]),
        Route(f"{sweep}/cases.json", data(site, cases.list, asking.CASES)),
        Route(f"{sweep}/groups", page(groups.page)),
        Route(f"{sweep}/groups.json", data(site, groups.data, asking.GROUPS)),
        Route(f"{sweep}/export/{{name}}", page(exports.list)),
        Route(f"{sweep}/hosts/{{host_key:path}}", page(lists.host)),
        Route(f"{sweep}/findings/{{indicator_id:path}}", page(lists.indicator)),
        Route("/reports/{report_id}/summary.json", data(site, reports.summary, asking.NOTHING)),
        Route(
            "/reports/{report_id}/against/{other_id}.json",
            data(site, compared.data, asking.NOTHING),
        ),
        Route("/reports/{report_id}/against/{other_id}", page(compared.page)),
        Route("/reports/{report_id}.json.gz", page(exports.gzip)),
        Route("/reports/{report_id}.json", page(exports.json)),
        Route("/reports/{report_id}", page(reports.one)),
    ]


__all__ = ["routes"]
