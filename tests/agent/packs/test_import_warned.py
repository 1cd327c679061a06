"""What every host has is told when it is imported, whatever form the feed has; lists of MISP that
are given beside it are asked as well."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.indicators import Address
from agent.packs.importing.offer import Wanted
from agent.packs.importing.values import KINDS, made
from agent.packs.importing.warned import Networks
from agent.packs.importing.warned_lists import CDN, RESOLVERS, SINKHOLES
from tests.evidence.imported import Importer, importer


@pytest.fixture
def imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Importer:
    return importer(tmp_path, capsys)


def taken(kind: str, written: str) -> tuple[str, str, str]:
    """Value, strength, and what is told."""
    found = made(kind, written)
    assert isinstance(found, Wanted), found
    return found.value, found.strength.value, "; ".join(found.told)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("8.8.8.8", "a public resolver of names (Google): many hosts ask it"),
        ("1.1.1.1", "a public resolver of names (Cloudflare): many hosts ask it"),
        ("9.9.9.9", "a public resolver of names (Quad9): many hosts ask it"),
        ("8.8.8.0/24", "a public resolver of names (Google): many hosts ask it"),
        ("2606:4700:4700::1111", "a public resolver of names (Cloudflare): many hosts ask it"),
        ("2620:FE::FE", "a public resolver of names (Quad9): many hosts ask it"),
        ("104.16.5.5", "of a network that serves many sites (Cloudflare, Fastly)"),
        ("2a04:4e42::81", "of a network that serves many sites (Cloudflare, Fastly)"),
        ("195.22.26.248", "a sinkhole: whoever asks there may be infected, all the same"),
        ("10.0.0.1", "a private or reserved address: another network has it too"),
        ("100.64.0.1", "a private or reserved address: another network has it too"),
        ("203.0.113.7", "a private or reserved address: another network has it too"),
        ("0.1.2.3", "a private or reserved address: another network has it too"),
        ("240.0.0.1", "a private or reserved address: another network has it too"),
        ("fd00::1", "a private or reserved address: another network has it too"),
        ("2001:db8::1", "a private or reserved address: another network has it too"),
        ("95.216.1.1", ""),
        ("2a01:4f8::1", ""),
    ],
)
def test_addresses_that_many_have_or_ask(address: str, told: str) -> None:
    assert taken("address", address) == (address.lower(), "weak", told)


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "::1", "::", "0.0.0.0", "224.0.0.251", "ff02::fb", "169.254.3.4",
                "fe80::1", "255.255.255.255", "::ffff:127.0.0.1"]
)  # fmt: skip
def test_addresses_that_every_host_has_are_none(address: str) -> None:
    assert "every host has" in str(made("address", address))


def test_an_address_of_ipv4_in_the_form_of_ipv6_is_that_of_ipv4(imported: Importer) -> None:
    assert taken("address", "::ffff:95.216.1.1") == (
        "95.216.1.1", "weak", "an address of IPv4 in the form of IPv6"
    )  # fmt: skip
    found = imported({"list.txt": "::ffff:10.1.2.3\n::ffff:8.8.8.8\n"})
    assert found.pack is not None
    assert [
        (one.value, one.private) for one in found.pack.indicators if isinstance(one, Address)
    ] == [("10.1.2.3", True), ("8.8.8.8", False)]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\n", "the hash of nothing but a line end: weak"),
        (b"\r\n", "the hash of nothing but a line end: weak"),
        (b"\0", "the hash of nothing but one byte: weak"),
        (b" ", "the hash of nothing but one byte: weak"),
        (b"\xef\xbb\xbf", "the hash of nothing but a byte order mark: weak"),
        (bytes(4096), "the hash of nothing but zeros: weak"),
        (b"evil", ""),
    ],
)
@pytest.mark.parametrize("name", ["md5", "sha1", "sha256"])
def test_hashes_of_next_to_nothing(content: bytes, told: str, name: str) -> None:
    digest = hashlib.new(name, content).hexdigest()
    assert taken("hash", digest.upper()) == (digest, "weak" if told else "confirmed", told)


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256"])
def test_the_hash_of_an_empty_file_is_left_out(imported: Importer, name: str) -> None:
    digest = hashlib.new(name, b"").hexdigest()
    found = imported({"list.txt": f"{digest}\nevil-one.net\n"})
    assert found.left_out() == {digest: "the hash of an empty file"}


@pytest.mark.parametrize(
    ("digest", "told"),
    [
        ("44d88612fea8a8f36de82e1278abb02f", "the test file of antivirus programs (EICAR): weak"),
        ("c5e389341a0b19b6f045823abffc9814", "on MISP's list of hashes of many files: weak"),
    ],
)
def test_hashes_that_others_list(digest: str, told: str) -> None:
    assert taken("hash", digest) == (digest, "weak", told)


EVERYDAY = "most hosts ask for this domain and for names below it: weak"
ANYBODY = "below this name anybody may put what he likes: weak"


@pytest.mark.parametrize(
    ("domain", "told"),
    [
        ("windowsupdate.com", EVERYDAY),
        ("ctldl.windowsupdate.com", EVERYDAY),
        ("www.Google.com.", EVERYDAY),
        ("footprint.net", EVERYDAY),
        ("akadns.net", EVERYDAY),
        ("github.io", ANYBODY),
        ("workers.dev", ANYBODY),
        ("core.windows.net", EVERYDAY),
        ("co.uk", "a registry, and no domain: all that is registered below it: weak"),
        ("com.br", "a registry, and no domain: all that is registered below it: weak"),
        ("dc01.corp", "a name of local networks, or reserved: weak"),
        ("localhost.localdomain", "a name of local networks, or reserved: weak"),
        ("1.0.0.127.in-addr.arpa", "a name of local networks, or reserved: weak"),
        ("www.example.com", "a domain that documents use for examples: weak"),
        ("evil-one.github.io", ""),
        ("evil.co.uk", ""),
        ("co.example", ""),
        ("notgoogle.com", ""),
    ],
)
def test_domains_of_everybody(domain: str, told: str) -> None:
    assert taken("domain", domain)[1:] == ("weak" if told else "strong", told)


def test_a_name_of_one_label_is_no_domain(imported: Importer) -> None:
    found = imported(
        {"list.csv": "type,value\ndomain,localhost\ndomain,*.com\ndomain,com\ndomain,ok-evil.net\n"}
    )
    assert found.became() == {"ok-evil.net": ("domain", "strong")}
    assert set(found.left_out().values()) == {"a domain needs at least two labels"}
    assert set(found.left_out()) == {"localhost", "*.com", "com"}


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("https://www.google.com/", EVERYDAY),
        ("https://google.com:443", EVERYDAY),
        ("http://a@google.com?x=1", EVERYDAY),
        ("https://github.com/evil/tool", ""),
        ("http://10.0.0.1/a", "a private or reserved address: another network has it too: weak"),
        ("http://[fd00::1]:8080/a",
         "a private or reserved address: another network has it too: weak"),
        ("http://95.216.1.1/a", ""),
    ],
)  # fmt: skip
def test_urls_of_everybody(url: str, told: str) -> None:
    assert taken("url", url)[1:] == ("weak" if told else "strong", told)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8080/x", "http://localhost/x", "http://[::1]/", "http://0.0.0.0"]
)
def test_urls_of_the_host_itself_are_none(url: str) -> None:
    assert "every host has" in str(made("url", url))


@pytest.mark.parametrize("name", ["version.dll", "CertUtil.exe", "ntuser.dat"])
def test_files_of_windows(name: str) -> None:
    assert taken("file_name", name)[1:] == ("weak", "every Windows has a file of this name: weak")
    told = "Windows' own file, in its own folder: weak"
    assert taken("file_path", rf"C:\Windows\System32\{name}")[1:] == ("weak", told)
    assert taken("file_path", rf"C:\Users\Public\{name}")[1:] == ("strong", "")


def test_what_is_listed_is_what_it_says() -> None:
    for text in (*SINKHOLES, *CDN, *" ".join(RESOLVERS.values()).split()):
        assert ipaddress.ip_network(text, strict=False).is_global, text


@given(
    st.sets(st.integers(0, 2**32 - 1), max_size=8),
    st.integers(0, 2**32 - 1) | st.none(),
    st.integers(8, 32),
)
def test_a_block_meets_what_lies_in_it(addresses: set[int], other: int | None, length: int) -> None:
    listed = [str(ipaddress.IPv4Address(one)) for one in addresses]
    asked = ipaddress.ip_network((other or min(addresses, default=0), length), strict=False)
    networks = Networks([*listed, "no address"])
    assert networks.unread == 1
    assert networks.meets(asked) == any(ipaddress.ip_address(one) in asked for one in listed)


@given(st.sampled_from(sorted(KINDS)), st.text("a1.:/\\%[]@*-f0 ", max_size=24) | st.text())
def test_any_text_of_any_kind_is_a_value_or_a_reason(kind: str, written: str) -> None:
    found = made(kind, written)
    assert found if isinstance(found, str) else found.value


# Lists of MISP


def warning_list(kind: str, *values: str, name: str = "Known good") -> str:
    listed: dict[str, Any] = {
        "name": name, "version": 3, "type": kind, "description": "d",
        "matching_attributes": ["domain"], "list": list(values),
    }  # fmt: skip
    return json.dumps(listed)


MD5 = "16bbc967a8b6a365871a05c74a4f345b"


@pytest.mark.parametrize(
    ("kind", "values", "weak"),
    [
        ("string", [MD5.upper(), "evil.dll"], {MD5, "evil.dll"}),
        ("hostname", ["evil-one.net"], {"evil-one.net", "https://evil-one.net/"}),
        ("string", [".evil-one.net"],
         {"evil-one.net", "a.evil-one.net", "https://evil-one.net/"}),
        ("string", ["b.a.evil-one.net"],
         {"evil-one.net", "a.evil-one.net", "https://evil-one.net/"}),
        ("cidr", ["95.216.0.0/16", "nonsense"], {"95.216.1.1"}),
        ("regex", ["evil.*"], set()),
    ],
)  # fmt: skip
@pytest.mark.parametrize("first", ["a.json", "z.json"])
def test_what_stands_on_a_list_that_is_given_is_weak(
    imported: Importer, kind: str, values: list[str], weak: set[str], first: str
) -> None:
    feed = f"{MD5}\nevil-one.net\na.evil-one.net\nhttps://evil-one.net/\n95.216.1.1\nevil.dll\n"
    files = {"list.txt": feed, first: warning_list(kind, *values)}
    found = imported(dict(sorted(files.items())))
    told = {row["value"] for row in found.rows if "warning list Known good" in row["told"]}
    assert told == weak
    strong = {MD5, "evil-one.net", "a.evil-one.net", "https://evil-one.net/"}
    became = found.became()
    assert {value for value, (_, one) in became.items() if one != "weak"} == strong - weak
    assert len(became) == 6
    (why,) = found.left_out().values()
    assert why == {
        "cidr": "a warning list: what stands on it is weak (2 values, 1 of them no addresses)",
        "regex": "a warning list of type regex: not read",
    }.get(kind, f"a warning list: what stands on it is weak ({len(values)} values)")


@given(st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["name", "list", "type", "version", "x"]), inner, max_size=5),
))  # fmt: skip
def test_whatever_a_list_says_ends_in_a_reason(value: Any) -> None:
    from agent.packs.importing.warning_list import read_warning_list

    (offer,) = read_warning_list(json.dumps(value))
    assert offer.why
