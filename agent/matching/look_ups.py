"""Many values of packs beside one of a host: what that costs does not grow with their number.

Each look-up gives what comparing one value after the other would give, in the order in which they
were given.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

from ..indicators import Address, Domain, FilePath, Url
from ..spelling import UrlParts, domain_forms, is_glob, path_regex, path_start, url_parts

_T = TypeVar("_T")
_IPV4 = (1 << 32) - 1


class Endings(Generic[_T]):
    """Things by texts that others are, or end with behind a separator: domains, paths."""

    def __init__(self, separator: str) -> None:
        """``separator``: one character."""
        self._separator = separator
        self._things: dict[str, list[_T]] = {}
        self._longest = -1

    def add(self, ending: str, thing: _T) -> None:
        self._things.setdefault(ending, []).append(thing)
        self._longest = max(self._longest, len(ending))

    def of(self, text: str) -> Iterator[_T]:
        """In no order. Of a text of many separators only the last are asked for, as many as the
        longest ending may have."""
        yield from self._things.get(text, ())
        at = text.rfind(self._separator)
        while at >= 0 and len(text) - at - 1 <= self._longest:
            yield from self._things.get(text[at + 1 :], ())
            at = text.rfind(self._separator, 0, at)


class Domains:
    """Domain indicators, by every form that their names are asked for in."""

    def __init__(self, indicators: Iterable[Domain]) -> None:
        self._forms: dict[str, None] = {}
        self._endings = Endings[_Numbered[Domain]](".")
        for number, indicator in enumerate(indicators):
            for form in domain_forms(indicator.value):
                self._forms[form] = None
                self._endings.add(form, _Numbered(number, indicator))

    @property
    def names(self) -> list[str]:
        """Every domain, in every form that it is asked for."""
        return list(self._forms)

    def covering(self, name: str) -> list[Domain]:
        """The domains that a name is or lies below, each once."""
        return _in_order(one for form in domain_forms(name) for one in self._endings.of(form))


class Networks:
    """Addresses and blocks of addresses, by how many bits of them are given."""

    def __init__(self, indicators: Iterable[Address]) -> None:
        self._by_length: dict[tuple[int, int], tuple[int, dict[int, list[_Numbered[Address]]]]] = {}
        """By version and length of the prefix: its mask, and the indicators by what it leaves."""
        for number, indicator in enumerate(indicators):
            kind, mask, start = _block(indicator.value)
            _, known = self._by_length.setdefault(kind, (mask, {}))
            known.setdefault(start, []).append(_Numbered(number, indicator))

    def holding(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> list[Address]:
        """The indicators whose address it is, or in whose block it lies."""
        found: list[_Numbered[Address]] = []
        bits = int(address)
        for (version, _), (mask, known) in self._by_length.items():
            if version == address.version:
                found += known.get(bits & mask, ())
        return _in_order(found)


def _block(value: str) -> tuple[tuple[int, int], int, int]:
    """Version and length of the prefix, mask, and first address. Raises ValueError."""
    if "/" not in value and ":" not in value:  # read in a third of the time of a block of one
        return (4, 32), _IPV4, int(ipaddress.IPv4Address(value))
    network = ipaddress.ip_network(value, strict=False)
    kind = (network.version, network.prefixlen)
    return kind, int(network.netmask), int(network.network_address)


class Paths:
    """Path indicators: those without wildcards and variables by all that they say, those with exact
    steps at their end by those."""

    def __init__(self, indicators: Iterable[FilePath]) -> None:
        """Raises ValueError for an unknown variable."""
        self._whole = Endings[_Numbered[FilePath]]("\\")
        self._named = Endings[_Numbered[FilePath]]("\\")
        self._others: list[_Numbered[FilePath]] = []
        self._patterns: dict[int, re.Pattern[str]] = {}
        """Made when first asked for: of thousands of paths few ever are."""
        for number, indicator in enumerate(indicators):
            one = _Numbered(number, indicator)
            first, rest = path_start(indicator.value)
            folded = f"{first}\\{rest}" if rest else first  # as :func:`path_regex` has it
            tail = rest
            while is_glob(tail) and "\\" in tail:
                tail = tail.partition("\\")[2]
            if not is_glob(folded) and not first.startswith("%"):
                self._whole.add(folded, one)
            elif rest and not is_glob(tail):
                self._named.add(tail, one)
            else:
                self._others.append(one)

    def ending(self, folded: str) -> list[FilePath]:
        """The indicators with which a folded path with backslashes ends."""
        found: list[_Numbered[FilePath]] = []
        # An expression's end is also before a last line feed, which POSIX allows in names.
        by_pattern = list(self._others)
        for text in {folded, folded.removesuffix("\n")}:
            found += self._whole.of(text)
            by_pattern += self._named.of(text)
        found += (one for one in by_pattern if self._pattern(one).search(folded))
        return _in_order(found)

    def _pattern(self, one: _Numbered[FilePath]) -> re.Pattern[str]:
        known = self._patterns.get(one.number)
        if known is None:
            known = self._patterns[one.number] = path_regex(one.thing.value)
        return known


class Urls:
    """URL indicators, by their hosts and by what stands behind those."""

    def __init__(self, indicators: Iterable[Url]) -> None:
        self._hosts: dict[str, _Beginnings] = {}
        for number, indicator in enumerate(indicators):
            wanted = url_parts(indicator.value)
            for host in domain_forms(wanted.host):
                known = self._hosts.setdefault(host, _Beginnings([], {}))
                one = _Numbered(number, (wanted.scheme, indicator))
                known.by_rest.setdefault(wanted.rest, []).append(one)
        for known in self._hosts.values():
            known.lengths.extend(sorted({len(rest) for rest in known.by_rest}))

    def beginning(self, url: UrlParts) -> list[Url]:
        """The indicators that a URL begins with: of the same host, and of the same scheme where
        both have one."""
        found: list[_Numbered[Url]] = []
        for host in domain_forms(url.host) if self._hosts else ():
            known = self._hosts.get(host, _NONE)
            for length in known.lengths:
                if length > len(url.rest):
                    break
                for number, (scheme, indicator) in known.by_rest.get(url.rest[:length], ()):
                    if not scheme or not url.scheme or scheme == url.scheme:
                        found.append(_Numbered(number, indicator))
        return _in_order(found)


class _Numbered(NamedTuple, Generic[_T]):
    """A thing, and its place among all that were given."""

    number: int
    thing: _T


class _Beginnings(NamedTuple):
    """Of URLs of one host."""

    lengths: list[int]
    """Characters of what stands behind the host, ascending."""
    by_rest: dict[str, list[_Numbered[tuple[str, Url]]]]
    """Schemes and indicators."""


_NONE = _Beginnings([], {})


def _in_order(found: Iterable[_Numbered[_T]]) -> list[_T]:
    """Each once, as given."""
    things = {one.number: one.thing for one in found}
    return [things[number] for number in sorted(things)]
