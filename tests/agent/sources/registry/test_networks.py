"""How the host reaches the web, and where it was, is told by its hives."""

from __future__ import annotations

import struct
from datetime import datetime, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import FormatError
from agent.formats.proxy_settings import ProxySettings, read_proxy_settings
from agent.model.observation import Claim, moments
from agent.model.report import State, Strength
from agent.sources.artefact_source import ArtefactSource
from agent.sources.registry.hives import Hives
from agent.sources.registry.networks import LOCAL
from tests.evidence.hive_files import nested
from tests.evidence.hives import Tree, hive
from tests.evidence.sweeping import Swept, swept
from tests.evidence.windows_folder import CONFIG, FORMS, windows

NTUSER = r"C:\Users\jo\NTUSER.DAT"
SETTINGS = r"Microsoft\Windows\CurrentVersion\Internet Settings"
NETWORKS = r"Microsoft\Windows NT\CurrentVersion\NetworkList"
NOON = datetime(2018, 11, 14, 12, 0, 2, tzinfo=timezone.utc)
SCRIPT = "https://pandorasong.com/proxy.pac"


def connection(proxy: str = "", bypass: str = "", script: str | None = "") -> bytes:
    texts = [proxy, bypass] + ([script] if script is not None else [])
    made = struct.pack("<III", 0x46, 7, 9)
    for text in texts:
        made += struct.pack("<I", len(text)) + text.encode()
    return made + (bytes(32) if script is not None else b"")


def sweep(place: Path, path: str, where: str, values: Tree, form: str = "folder") -> Swept:
    quiet = {r"C:\Users\Ann\NTUSER.DAT": hive({}), NTUSER: hive({}),
             rf"{CONFIG}\systemprofile\NTUSER.DAT": hive({})}  # fmt: skip
    made = hive(nested(where, values), written={where: NOON})
    target = FORMS[form](place / "c", windows({**quiet, path: made}))
    return swept(target, ArtefactSource(Hives()))


@pytest.mark.parametrize("form", FORMS)
def test_the_address_of_a_proxys_script_is_told_with_its_user(form: str, tmp_path: Path) -> None:
    found = sweep(tmp_path, NTUSER, rf"Software\{SETTINGS}", {"AutoConfigURL": SCRIPT}, form)
    assert ("c2-domain", Strength.STRONG) in {
        (one.indicator.id, one.strength) for one in found.matches()
    }
    (seen,) = found.seen
    assert (seen.claim, seen.url and seen.url.full) == (Claim.VISITED, SCRIPT)
    assert (seen.user and seen.user.name, seen.moments) == ("jo", moments(modified=NOON))
    assert seen.registry is not None
    assert seen.registry.path == rf"HKU\jo\Software\{SETTINGS}"
    assert "a setting" in seen.remarks[0]
    assert found.coverage.state is State.COMPLETE, found.reasons


@pytest.mark.parametrize(
    ("path", "where", "values", "url"),
    [
        (NTUSER, rf"Software\{SETTINGS}", {"ProxyServer": "http=a:1;https=pandorasong.com:8080"}, "http://pandorasong.com:8080"),
        (NTUSER, rf"Software\Policies\{SETTINGS}", {"ProxyServer": "pandorasong.com:8080"}, "http://pandorasong.com:8080"),
        (NTUSER, rf"Software\{SETTINGS}\Connections", {"DefaultConnectionSettings": connection("p:80", "<local>", SCRIPT)}, SCRIPT),
        (rf"{CONFIG}\SOFTWARE", rf"{SETTINGS}\Connections", {"WinHttpSettings": connection("pandorasong.com:80", "", None)}, "http://pandorasong.com:80"),
        (rf"{CONFIG}\SYSTEM", r"ControlSet001\Services\iphlpsvc\Parameters\ProxyMgr\{0A}", {"AutoConfigUrl": SCRIPT}, SCRIPT),
    ],
)  # fmt: skip
def test_each_place_of_a_proxy_is_known(
    path: str, where: str, values: Tree, url: str, tmp_path: Path
) -> None:
    found = sweep(tmp_path, path, where, values)
    (seen,) = (one for one in found.seen if one.claim is Claim.VISITED)
    assert (seen.url and seen.url.full) == url
    assert Strength.STRONG in {one.strength for one in found.matches()}


def test_what_goes_past_the_proxy_is_a_mention(tmp_path: Path) -> None:
    values: Tree = {"ProxyOverride": "pandorasong.com;<local>"}
    (match,) = sweep(tmp_path, NTUSER, rf"Software\{SETTINGS}", values).matches()
    assert (match.indicator.id, match.strength) == ("c2-domain", Strength.WEAK)


def test_settings_that_cannot_be_read_are_a_gap_and_a_mention(tmp_path: Path) -> None:
    broken = struct.pack("<IIII", 0x46, 7, 9, 9999) + b"pandorasong.com:80" + bytes(40)
    values: Tree = {"DefaultConnectionSettings": broken}
    found = sweep(tmp_path, NTUSER, rf"Software\{SETTINGS}\Connections", values)
    assert "registry: no settings of a connection" in found.reasons
    assert {one.strength for one in found.matches()} == {Strength.WEAK}


def test_a_network_is_told_with_when_it_was_joined(tmp_path: Path) -> None:
    joined = struct.pack("<8H", 2018, 11, 3, 14, 15, 4, 10, 0)
    values: Tree = {
        "ProfileName": "guest of pandorasong.com",
        "DateCreated": joined,
        "DateLastConnected": struct.pack("<8H", 2018, 11, 4, 15, 9, 0, 0, 0),
    }
    where = rf"{NETWORKS}\Profiles\{{0A1B}}"
    (match,) = sweep(tmp_path, rf"{CONFIG}\SOFTWARE", where, values).matches()
    assert match.strength is Strength.WEAK
    seen = match.observation
    assert (seen.seen, seen.remarks) == ("network that the host was in", (LOCAL,))
    assert seen.moments == moments(
        created=datetime(2018, 11, 14, 15, 4, 10, tzinfo=timezone.utc),
        connected=datetime(2018, 11, 15, 9, tzinfo=timezone.utc),
    )


def test_the_suffix_of_a_network_is_a_mention(tmp_path: Path) -> None:
    where = rf"{NETWORKS}\Signatures\Unmanaged\010103000F0000F0"
    values: Tree = {"DnsSuffix": "lan.pandorasong.com", "DefaultGatewayMac": b"\0\1\2\3\4\5"}
    (seen,) = sweep(tmp_path, rf"{CONFIG}\SOFTWARE", where, values).seen
    assert (seen.seen, seen.claim) == ("network that the host was in", Claim.LOGGED)


@given(st.text(max_size=20), st.binary(max_size=60))
def test_any_bytes_end_in_settings_or_in_an_error(script: str, data: bytes) -> None:
    plain = script.replace("\0", "")
    size = len(plain.encode("utf-8", "replace"))
    if plain.isascii() and size == len(plain):
        made = connection("p:80", "<local>", plain)
        assert read_proxy_settings(made) == ProxySettings("p:80", "<local>", plain)
    try:
        assert len("".join(read_proxy_settings(data))) <= len(data)
    except FormatError:
        return
