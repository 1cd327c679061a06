"""MISP's warning lists, given beside a feed: what stands on one is taken as weak, and told.

Their values are none of the pack. ``string`` is compared with whole values, ``hostname`` with
domains and the hosts of URLs, ``cidr`` with addresses and blocks; ``substring`` and ``regex`` are
not read. Source: MISP/misp-warninglists, README and schema.json.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from ...indicators import Address, Domain, FileHash, FileName, Indicator, Url
from .json_text import NoJson, read_json, text_of
from .offer import Offer, left_out
from .warned import Networks, covering, unmapped

_TYPES = ("string", "hostname", "cidr")
_LONGEST_NAME = 200


def is_warning_list(value: Any) -> bool:
    """Whether a JSON value is of this form."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("list"), list)
        and isinstance(value.get("name"), str)
        and ("matching_attributes" in value or "version" in value)
    )


class WarningList:
    """One list."""

    def __init__(self, value: dict[str, Any]) -> None:
        """``value``: one of which :func:`is_warning_list` is true."""
        self.name = " ".join(value["name"].split())[:_LONGEST_NAME]
        self.kind = text_of(value, "type") or "string"
        texts = [one.strip().lower() for one in value["list"] if isinstance(one, str)]
        self.count = len(texts)
        is_read = self.kind in _TYPES
        self._texts = frozenset(texts if is_read and self.kind != "cidr" else ())
        names = [one.lstrip(".") for one in self._texts if re.fullmatch(r"\.?[^\s/:@]+", one)]
        self._covering = covering(names)
        self._below = frozenset(one[1:] for one in self._texts if one.startswith("."))
        """Names that are listed with all below them."""
        self._networks = Networks(texts if self.kind == "cidr" else ())

    @property
    def told(self) -> str:
        """Of an indicator that stands on it."""
        return f"on MISP's warning list {self.name}: weak"

    @property
    def summary(self) -> str:
        """Why it is no indicator itself."""
        if self.kind not in _TYPES:
            return f"a warning list of type {self.kind}: not read"
        unread = (
            f", {self._networks.unread:,} of them no addresses" if self._networks.unread else ""
        )
        return f"a warning list: what stands on it is weak ({self.count:,} values{unread})"

    def names(self, indicator: Indicator) -> bool:
        """Whether it, or a part of what it matches, stands on the list."""
        if isinstance(indicator, Address):
            return self._networks.meets(unmapped(ipaddress.ip_network(indicator.value)))
        if isinstance(indicator, Domain):
            return self._host(indicator.value)
        if isinstance(indicator, Url):
            return indicator.value.lower() in self._texts or self._site(indicator.value)
        if isinstance(indicator, (FileHash, FileName)):
            return indicator.value.lower() in self._texts
        return False

    def _host(self, name: str) -> bool:
        name = name.lower().rstrip(".")
        labels = name.split(".")
        parents = {".".join(labels[n:]) for n in range(1, len(labels))}
        return name in self._covering or not parents.isdisjoint(self._below)

    def _site(self, url: str) -> bool:
        """A URL that is no more than a host of the list; what lies below a path is its own."""
        found = re.fullmatch(r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?([^/:@?#]+)(?::[0-9]+)?/?", url)
        return found is not None and self._host(found[1])


def read_warning_list(text: str) -> Iterator[Offer]:
    """One offer, which is no indicator and carries the list. Raises nothing."""
    try:
        value = read_json(text)
    except NoJson as error:
        yield left_out("file", "JSON", "", f"no JSON: {error}")
        return
    if not is_warning_list(value):
        yield left_out("file", "JSON", "", "no warning list of MISP")
        return
    found = WarningList(value)
    yield Offer(
        where="file", kind="warning list", written=found.name, why=found.summary, warns=found
    )
