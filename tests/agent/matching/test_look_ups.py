"""What is looked up among many values is what comparing them one after the other finds."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from agent.indicators import Address, Domain, FilePath, Url
from agent.matching.look_ups import Domains, Endings, Networks, Paths, Urls
from agent.spelling import fold, path_start, url_parts
from tests.evidence.one_by_one import OneByOne
from tests.evidence.packs import stated

COMMON = stated()


def texts(*parts: str, most: int = 6) -> st.SearchStrategy[str]:
    """Of few parts, so that many texts begin or end as others do."""
    return st.lists(st.sampled_from(parts), min_size=1, max_size=most).map("".join)


LABELS = ("a", "B", "com", ".", ".", "straße", "ß", "strasse", "xn--strae-oqa", "。", "\xad", " ")
HOSTS = texts("a", "a.b", ".", "ß", "ss", "@", ":1", "[::1]", most=4)
RESTS = texts("/", "/a", "a", "%61", "?", "#", "\\", "A", "", most=5)
URLS = st.builds("{}{}{}".format, st.sampled_from(["", "http://", "https://", "//"]), HOSTS, RESTS)
STEPS = ("\\", "\\", "/", "a", "A", "ſ", "é", "*", "?", "**", "%TEMP%", "c:", ".", "[", "\n")
PLACES = texts("\\", "\\", "a", "é", "c:", ".", "[", "\n", r"\AppData\Local\Temp", "*", most=8)
ADDRESSES = st.one_of(
    st.integers(0, 2**32 - 1).map(ipaddress.IPv4Address),
    st.sampled_from(["10.0.0.0", "10.0.0.1", "10.0.1.1", "10.1.0.0"]).map(ipaddress.ip_address),
    st.integers(0, 2**128 - 1).map(ipaddress.IPv6Address),
    st.sampled_from(["::a00:1", "::ffff:a00:1", "fe80::1", "::"]).map(ipaddress.ip_address),
)


def _are_values_of_paths(value: str) -> bool:
    """Packs with others are refused."""
    try:
        path_start(value)
    except ValueError:
        return False
    return True


def ids(found: Iterable[Address | Domain | FilePath | Url]) -> list[str]:
    return [indicator.id for indicator in found]


@given(st.lists(texts(*LABELS), max_size=8), texts(*LABELS, most=8))
def test_domains(values: list[str], name: str) -> None:
    domains = [Domain(id=f"{n}", value=value, **COMMON) for n, value in enumerate(values)]
    assert ids(Domains(domains).covering(name)) == OneByOne(domains).domains(name)


@given(st.lists(URLS, max_size=8), URLS)
def test_urls(values: list[str], url: str) -> None:
    urls = [Url(id=f"{n}", value=value, **COMMON) for n, value in enumerate(values)]
    assert ids(Urls(urls).beginning(url_parts(url))) == OneByOne(urls).urls(url)


@given(
    st.lists(st.tuples(ADDRESSES, st.sampled_from([0, 8, 15, 24, 31, 32, 64, 120, 128]))), ADDRESSES
)
def test_blocks_of_addresses(
    values: list[tuple[ipaddress.IPv4Address | ipaddress.IPv6Address, int]],
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    blocks = [
        Address(id=f"{n}", value=f"{start}/{min(bits, start.max_prefixlen)}", **COMMON)
        for n, (start, bits) in enumerate(values)
    ]
    assert ids(Networks(blocks).holding(address)) == OneByOne(blocks).blocks(str(address))


@given(st.lists(texts(*STEPS, most=8).filter(_are_values_of_paths), max_size=8), PLACES)
def test_paths(values: list[str], place: str) -> None:
    paths = [FilePath(id=f"{n}", value=value, **COMMON) for n, value in enumerate(values)]
    folded = fold(place)
    assert ids(Paths(paths).ending(folded)) == OneByOne(paths).paths(folded)


def test_a_name_of_separators_alone_costs_no_more_than_the_longest_ending() -> None:
    endings = Endings[int](".")
    endings.add("b.c", 1)
    assert list(endings.of("." * 1_000_000 + ".b.c")) == [1]
