"""Domains and URLs of indicators, compared with names and links as a host keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ..indicators import Domain, Indicator, Url
from ..spelling import UrlParts, domain_covers, domain_forms, url_parts


class WebNames:
    """The look-ups of one matcher."""

    def __init__(self, indicators: Iterable[Indicator]) -> None:
        indicators = list(indicators)
        self._domains = [
            (one, form)
            for one in indicators
            if isinstance(one, Domain)
            for form in domain_forms(one.value)
        ]
        self._urls = [(one, url_parts(one.value)) for one in indicators if isinstance(one, Url)]

    @property
    def names(self) -> list[str]:
        """Every domain, in every form that it is asked for."""
        return list(dict.fromkeys(form for _, form in self._domains))

    def covering(self, name: str) -> Iterator[Domain]:
        """The domains that a name is or lies below, each once."""
        forms = domain_forms(name)
        told: set[str] = set()
        for indicator, domain in self._domains:
            if indicator.id not in told and any(domain_covers(domain, form) for form in forms):
                told.add(indicator.id)
                yield indicator

    def beginning(self, url: UrlParts) -> Iterator[Url]:
        """The URLs that a URL begins with: of the same host, and of the same scheme where both
        have one."""
        if not self._urls:
            return
        hosts = set(domain_forms(url.host))
        for indicator, wanted in self._urls:
            if (
                (not wanted.scheme or not url.scheme or wanted.scheme == url.scheme)
                and not hosts.isdisjoint(domain_forms(wanted.host))
                and url.rest.startswith(wanted.rest)
            ):
                yield indicator
