"""Indicators compared one after the other with what a host has: what look-ups must give too."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from agent.indicators import Address, Domain, FilePath, Indicator, Url
from agent.spelling import domain_forms, path_regex, url_parts


class OneByOne:
    """Each gives the ids of the indicators, in their order."""

    def __init__(self, indicators: Sequence[Indicator]) -> None:
        domains = [i for i in indicators if isinstance(i, Domain)]
        self._domains = [(i.id, domain_forms(i.value)) for i in domains]
        urls = [i for i in indicators if isinstance(i, Url)]
        self._urls = [(i.id, url_parts(i.value)) for i in urls]
        blocks = [i for i in indicators if isinstance(i, Address)]
        self._blocks = [(i.id, ipaddress.ip_network(i.value, strict=False)) for i in blocks]
        paths = [i for i in indicators if isinstance(i, FilePath)]
        self._paths = [(i.id, path_regex(i.value)) for i in paths]

    def domains(self, name: str) -> list[str]:
        forms = domain_forms(name)
        return [
            known
            for known, domains in self._domains
            if any(form == d or form.endswith("." + d) for form in forms for d in domains)
        ]

    def urls(self, url: str) -> list[str]:
        seen = url_parts(url)
        hosts = set(domain_forms(seen.host))
        return [
            known
            for known, wanted in self._urls
            if (not wanted.scheme or not seen.scheme or wanted.scheme == seen.scheme)
            and not hosts.isdisjoint(domain_forms(wanted.host))
            and seen.rest.startswith(wanted.rest)
        ]

    def blocks(self, address: str) -> list[str]:
        one = ipaddress.ip_address(address)
        return [known for known, block in self._blocks if one in block]

    def paths(self, folded: str) -> list[str]:
        return [known for known, pattern in self._paths if pattern.search(folded)]
