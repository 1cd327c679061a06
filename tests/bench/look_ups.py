"""What a pack of many domains, URLs, paths or blocks of addresses costs beside what a host has, looked up
and compared one after the other, in one run.

    python -m tests.bench.look_ups [--indicators 10000] [--seen 50000] [--share 200]

All that was seen is looked up; of it only one in ``--share`` is compared with each indicator in turn, and
that time multiplied. About one in a hundred of what was seen matches. ``match``: the whole comparison of as many
observations, with their reasons, by a matcher of that pack.
"""

from __future__ import annotations

import argparse
import ipaddress
import random
import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from agent.indicators import Address, Domain, FilePath, Indicator, Url
from agent.matching.look_ups import Domains, Networks, Paths, Urls
from agent.matching.matcher import Matcher
from agent.model.objects import Destination, Dns, File
from agent.model.objects import Url as SeenUrl
from agent.model.observation import Claim, Observation, Place
from agent.spelling import fold, url_parts
from tests.bench.other_work import load
from tests.evidence.one_by_one import OneByOne
from tests.evidence.packs import stated

_COMMON = stated()


class Kind(NamedTuple):
    """One kind of indicator, and how it is compared."""

    name: str
    indicators: Sequence[Indicator]
    seen: Sequence[str]
    look_up: Callable[[str], Iterable[Indicator]]
    one_by_one: Callable[[str], list[str]]
    observed: Callable[[str], Observation]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--indicators", type=int, default=10_000)
    parser.add_argument("--seen", type=int, default=50_000)
    parser.add_argument("--share", type=int, default=200)
    options = parser.parse_args()
    print(f"{options.indicators:,} indicators, {options.seen:,} seen; {load()}")
    for make in (_domains, _urls, _blocks, _paths):
        _compare(make(options.indicators, options.seen, random.Random(1)), options.share)


def _compare(kind: Kind, share: int) -> None:
    some = kind.seen[::share]
    start = time.perf_counter()
    found = [[i.id for i in kind.look_up(one)] for one in kind.seen]
    looked_up = time.perf_counter() - start
    start = time.perf_counter()
    if [kind.one_by_one(one) for one in some] != found[::share]:
        raise SystemExit(f"{kind.name}: the look-up finds something else")
    compared = (time.perf_counter() - start) * len(kind.seen) / len(some)
    matcher, observations = Matcher(kind.indicators), list(map(kind.observed, kind.seen))
    start = time.perf_counter()
    matched = sum(bool(matcher.match(one)) for one in observations)
    whole = time.perf_counter() - start
    print(
        f"{kind.name:8} look-up {looked_up:6.2f} s, one by one {compared:8.1f} s,"
        f" {compared / looked_up:6.0f} times; match {whole:.2f} s, {matched:,} matched"
    )


def _domains(count: int, seen: int, chance: random.Random) -> Kind:
    domains = [Domain(id=f"d{n}", value=f"evil{n}.example", **_COMMON) for n in range(count)]
    names = [
        f"www.evil{chance.randrange(count)}.example"
        if n % 100 == 0
        else f"cdn{chance.randrange(9)}.host{chance.randrange(1 << 20)}.example.net"
        for n in range(seen)
    ]
    return Kind(
        "domains", domains, names, Domains(domains).covering, OneByOne(domains).domains,
        lambda name: _observation(Claim.RESOLVED, dns=Dns(question=name)),
    )  # fmt: skip


def _urls(count: int, seen: int, chance: random.Random) -> Kind:
    urls = [
        Url(id=f"u{n}", value=f"https://files{n % 100}.example/{n}/", **_COMMON)
        for n in range(count)
    ]
    known = Urls(urls)
    visited = [
        urls[chance.randrange(count)].value + "x?y=1"
        if n % 100 == 0
        else f"https://files{chance.randrange(100)}.example/{count + chance.randrange(count)}/x?y=1"
        for n in range(seen)
    ]
    return Kind(
        "URLs", urls, visited, lambda url: known.beginning(url_parts(url)), OneByOne(urls).urls,
        lambda url: _observation(Claim.VISITED, url=SeenUrl(full=url)),
    )  # fmt: skip


def _blocks(count: int, seen: int, chance: random.Random) -> Kind:
    values = set[str]()
    while len(values) < count:
        block = ipaddress.ip_network(
            (chance.getrandbits(32), chance.randrange(16, 33)), strict=False
        )
        values.add(str(block))
    blocks = [Address(id=f"a{n}", value=value, **_COMMON) for n, value in enumerate(sorted(values))]
    known = Networks(blocks)
    talked_to = [str(ipaddress.IPv4Address(chance.getrandbits(32))) for _ in range(seen)]
    return Kind(
        "blocks", blocks, talked_to, lambda ip: known.holding(ipaddress.ip_address(ip)),
        OneByOne(blocks).blocks,
        lambda ip: _observation(Claim.CONNECTED, destination=Destination(ip=ip, port=443)),
    )  # fmt: skip


def _paths(count: int, seen: int, chance: random.Random) -> Kind:
    forms = (r"%LOCALAPPDATA%\App{0}\run.exe", r"%TEMP%\**\evil{0}.dat", r"C:\Data\App{0}\run.exe")
    paths = [
        FilePath(id=f"p{n}", value=forms[min(n % 10, 2)].format(n), **_COMMON) for n in range(count)
    ]
    places = [
        fold(
            rf"C:\Data\App{chance.randrange(count)}\run.exe"
            if n % 100 == 0
            else rf"C:\Users\jo\AppData\Local\App{chance.randrange(1 << 20)}\bin\tool{n}.exe"
        )
        for n in range(seen)
    ]
    return Kind(
        "paths", paths, places, Paths(paths).ending, OneByOne(paths).paths,
        lambda path: _observation(Claim.EXISTS, file=File(path=path)),
    )  # fmt: skip


def _observation(claim: Claim, **objects: object) -> Observation:
    place = Place(text="x")
    return Observation(source="x", claim=claim, seen="x", place=place, **objects)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
