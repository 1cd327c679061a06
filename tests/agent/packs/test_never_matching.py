"""What nothing on a host can have is refused, as a sweep would be clean over it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.indicators import Address
from agent.packs import defanged
from agent.packs.defanged import refanged
from agent.packs.document import PackError
from agent.packs.loading import parse_pack
from agent.packs.proof import flaw
from tests.evidence.packs import stated

HASH = "0123456789abcdef0123456789abcdef"


def pack(kind: str, value: object, **more: object) -> bytes:
    indicator = {
        "id": "a", "type": kind, "value": value, "strength": "weak", "status": "SRC",
        "reference": ["R1"], **more,
    }  # fmt: skip
    return json.dumps(
        {
            "pack": "iocsweep.pack/1",
            "id": "test",
            "version": "1",
            "title": "A test",
            "references": {"R1": "somebody's report"},
            "indicators": [indicator],
        }
    ).encode()


@pytest.mark.parametrize(
    ("kind", "value", "meant"),
    [
        ("domain", "evil[.]example.com", "evil.example.com"),
        ("domain", "evil(.)example(.)com", "evil.example.com"),
        ("domain", "evil[dot]example {dot} com", "evil.example.com"),
        ("domain", "evil[.example.]com", "evil.example.com"),
        ("domain", "hxxps://evil.example.com", "https://evil.example.com"),
        ("url", "hxxp[://]evil.example.com/a", "http://evil.example.com/a"),
        ("url", "HXXPS://evil[.]example.com/a", "https://evil.example.com/a"),
        ("url", "h**ps[:]//evil.example.com/a", "https://evil.example.com/a"),
        ("url", "fxp://evil.example.com/a", "ftp://evil.example.com/a"),
        ("address", "95.216[.]59.92", "95.216.59.92"),
        ("file_name", "evil[.]exe", "evil.exe"),
        ("file_path", r"%TEMP%\evil[.]exe", r"%TEMP%\evil.exe"),
        ("command_line", ["curl", "hxxp://evil[.]example.com"], "http://evil.example.com"),
    ],
)
def test_what_is_written_defanged_is_refused_with_what_was_meant(
    kind: str, value: str | list[str], meant: str
) -> None:
    with pytest.raises(PackError, match="written defanged") as caught:
        parse_pack(pack(kind, value), "mine.json")
    assert repr(meant) in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "value", "why"),
    [
        ("domain", "*.evil.example.com", "all names below it: write 'evil.example.com'"),
        ("domain", ".evil.example.com", "write 'evil.example.com'"),
        ("domain", "evil.example.com:443", "without its port, 'evil.example.com'"),
        ("domain", "https://evil.example.com/", "type url"),
        ("domain", "evil.example.com/x", "type url"),
        ("domain", "evil..example.com", "no label"),
        ("domain", "evil*.example.com", "no wildcards"),
        ("domain", " evil.example.com", "blank"),
        ("domain", "evil.example.com\n", "line end"),
        ("domain", "evil .example.com", "no label"),
        ("domain", "a" * 64 + ".example", "no label"),
        ("domain", ".".join(["a" * 50] * 6), "at most 253"),
        ("domain", "192.0.2.1", "type address"),
        ("domain", "2001:db8::1", "two labels|type address"),
        ("url", "https:///path", "without a host"),
        ("url", "https://*.example.com/x", "no wildcards"),
        ("url", "https://evil.example.com/a b", "%20"),
        ("url", "https://evil.example.com/\r\n", "line end"),
        ("url", "https://evil.example.com/*", "all that begin with it"),
        ("url", "http//evil.example.com/a", "a colon is missing"),
        ("url", "https://evil.example.com:99999/a", "at most 65535"),
        ("file_name", "\ufeffevil.exe", "nobody sees"),
        ("file_path", "C:\\evil\\x.exe\u200b", "nobody sees"),
        ("file_name", "evil.exe ", "blank"),
        ("file_name", "evil.exe\n", "line end"),
        ("file_name", '"evil.exe"', "no file name holds"),
        ("file_name", r"folder\evil.exe", "type file_path"),
        ("file_name", "folder/evil.exe", "type file_path"),
        ("file_name", "note.txt:evil.exe", "no file name holds :"),
        ("file_name", "a" * 256, "255"),
        ("file_path", "C:\\evil\\", "ends in a backslash"),
        ("file_path", "%TEMP%/evil/", "ends in a backslash"),
        ("file_path", r"\evil\x.exe", "begins with a backslash"),
        ("file_path", r"C:\evil\\x.exe", "two backslashes"),
        ("file_path", r"C:\evil\..\x.exe", "no file is named '..'"),
        ("file_path", r"C:\evil \x.exe", "'evil ' begins or ends with a blank"),
        ("file_path", r"C:\Users\%TEMP%\x.exe", "beginning of a path alone"),
        ("file_path", r"\\?\C:\evil\x.exe", "compared without"),
        ("file_path", r"C:\note.txt:evil.exe", "no file name holds :"),
        ("file_path", "C:", "a drive"),
        ("address", "95.216.59.92:443", "95.216.59.92"),
        ("address", "95.216.59.92 ", "blank"),
        ("command_line", " ^ ", "no piece"),
        ("hash", HASH[:-1] + "\n", "line end"),
        ("certificate", HASH * 2 + "\n", "length <= 64|line end"),
        ("pe", "Export ", "blank"),
    ],
)
def test_what_nothing_on_a_host_can_have_is_refused(kind: str, value: str, why: str) -> None:
    with pytest.raises(PackError, match=why):
        parse_pack(pack(kind, value), "mine.json")


@pytest.mark.parametrize(
    ("kind", "value", "more", "why"),
    [
        ("hash", HASH, {"gate": {"min_size": 10, "max_size": 9}}, "at least 10 and at most 9"),
        ("hash", HASH, {"gate": {"size": 1, "magic": "4d5a"}}, "longer than 1"),
        ("hash", HASH, {"gate": {"size": 0}}, "an empty file"),
        ("pe", "x", {"gate": {"machine": "x86", "magic": "504b"}}, "another magic"),
        ("layout", "x", {"parts": {"far": "00"}}, "no offset"),
        ("layout", "x", {"parts": {"-1": "00"}}, "no offset"),
        ("layout", "x", {"parts": {"0x8": "0000"}, "gate": {"size": 9}}, "behind the 9 bytes"),
        ("pipe", r"\\\\.\\pipe\\x", {"example": r"\\.\pipe\x"}, "without"),
    ],
)
def test_a_condition_that_nothing_passes_is_refused(
    kind: str, value: str, more: dict[str, object], why: str
) -> None:
    with pytest.raises(PackError, match=why):
        parse_pack(pack(kind, value, **more), "mine.json")


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("domain", "evil.example.com"),
        ("domain", "_dmarc.evil.example.com"),
        ("domain", "evil.example.com."),
        ("domain", "straße.example"),
        ("domain", "пример.рф"),
        ("url", "https://evil.example.com/a?b=[c]&d=*"),
        ("url", "evil.example.com/a"),
        ("url", "https://[2001:db8::1]:8443/a"),
        ("file_name", "invoice[1].pdf"),
        ("file_name", "a.*"),
        ("file_name", "evil."),
        ("file_path", r"C:\Users\*\.ssh\id_*"),
        ("file_path", r"\\server\share\evil.exe"),
        ("file_path", r"%TEMP%\**\evil.exe"),
        ("file_path", r"evil\x.exe"),
        ("file_path", r"**\evil.exe"),
        ("file_path", r"?:\Users\*\evil.exe"),
        ("file_path", "evil?*.exe"),
        ("file_name", "invoice\u202eexe.pdf"),
        ("url", "https://evil.example.com:65535/a"),
        ("file_path", "/etc/evil"),
        ("command_line", "-split '[.]'"),
        ("command_line", r"type C:\Users\jo\.ssh\id_rsa"),
        ("content", "hxxp://evil[.]example.com"),
    ],
)
def test_what_a_host_can_have_is_taken(kind: str, value: str) -> None:
    assert parse_pack(pack(kind, value), "x").file.indicators[0].value == value


def test_what_is_not_written_defanged_stays_as_it_is() -> None:
    for text in ("https://evil.example.com/a?b=c", "invoice[1].pdf", r"C:\a\.b", "a (1).b"):
        assert refanged(text) == text


@given(st.text("hxtpsf*:/[](){}.@dota bX", max_size=24))
def test_no_defanged_spelling_is_passed_over(text: str) -> None:
    plain = text
    for spelling, meant in defanged._SPELLINGS:
        plain = spelling.sub(meant, plain)
    assert refanged(text) == plain


@pytest.mark.parametrize(
    ("value", "is_public"),
    [
        ("9.255.255.255", True), ("10.0.0.0", False), ("11.0.0.0", True), ("100.64.0.0", False),
        ("100.128.0.0", True), ("169.254.255.255", False), ("169.255.0.0", True),
        ("172.31.255.255", False), ("172.32.0.0", True), ("192.0.2.1", False),
        ("192.0.3.0", True), ("198.19.255.255", False), ("198.20.0.0", True),
        ("240.0.0.1", False), ("::1", False), ("2a00::1", True), ("::ffff:8.8.8.8", False),
        ("8.8.8.0/24", True), ("10.1.0.0/16", False),
    ],
)  # fmt: skip
def test_an_address_that_many_have_has_to_be_meant(value: str, is_public: bool) -> None:
    told = flaw(Address(id="a", value=value, **stated()))
    assert told == (
        "" if is_public else "not a public address; say `private: true` if that is meant"
    )
    assert flaw(Address(id="a", value=value, private=True, **stated())) == ""


@pytest.mark.parametrize("name", [r"C:\Windows\rundll32.exe", "System32/rundll32.exe", "a.exe "])
def test_a_chain_of_a_process_that_has_no_such_name_is_refused(name: str) -> None:
    document = json.loads(pack("domain", "evil.example.com"))
    document["chains"] = [
        {
            "id": "c",
            "title": "A chain",
            "strength": "strong",
            "process": [name],
            "all": [{"any": ["a"]}],
        }
    ]
    with pytest.raises(PackError, match="without their folders"):
        parse_pack(json.dumps(document).encode(), "mine.json")
