"""The certificate of one's own: what it says, how long, and what is left on the disk."""

from __future__ import annotations

import ipaddress
import ssl
import stat
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from collector import certificate
from collector.certificate import (
    AUTHORITY,
    AUTHORITY_KEY,
    AUTHORITY_LIFETIME,
    CERTIFICATE,
    KEY,
    LIFETIME,
    end_of,
    make_certificate,
    names_of,
    read_chain,
    renew,
)
from collector.cli import main

NAMES = ["collector.corp.example", "COLLECTOR", "*.corp.example", "192.0.2.1", "2001:db8::1"]


def read(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With the three files of a server of all these names."""
    made = tmp_path / "home"
    make_certificate(made, NAMES)
    return made


def test_it_is_for_these_names_and_addresses_and_no_others(folder: Path) -> None:
    found = read(folder / CERTIFICATE).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert found.value.get_values_for_type(x509.DNSName) == NAMES[:3]
    assert found.value.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address(name) for name in NAMES[3:]
    ]
    assert len(list(found.value)) == len(NAMES)


def test_it_lasts_as_long_as_clients_take_and_begins_before_slow_clocks(folder: Path) -> None:
    for name, lifetime in ((CERTIFICATE, LIFETIME), (AUTHORITY, AUTHORITY_LIFETIME)):
        made = read(folder / name)
        now = datetime.now(timezone.utc)
        assert made.not_valid_before_utc <= now - timedelta(minutes=30)
        lasts = made.not_valid_after_utc - now
        assert lifetime - timedelta(hours=1) < lasts <= lifetime


def test_it_is_a_servers_and_makes_no_others(folder: Path) -> None:
    made = read(folder / CERTIFICATE).extensions
    assert not made.get_extension_for_class(x509.BasicConstraints).value.ca
    assert list(made.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.SERVER_AUTH
    ]
    authority = read(folder / AUTHORITY).extensions
    constraints = authority.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value.ca, constraints.value.path_length) == (
        True,
        True,
        0,
    )


def test_the_keys_are_their_owners_alone(folder: Path) -> None:
    for name in (KEY, AUTHORITY_KEY):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_each_key_is_in_its_file_and_nowhere_else(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {CERTIFICATE, KEY, AUTHORITY, AUTHORITY_KEY}
    keys = {path.name for path in folder.iterdir() if b"PRIVATE KEY" in path.read_bytes()}
    assert keys == {KEY, AUTHORITY_KEY}
    key = ssl_key(folder)
    assert key.public_key() == read(folder / CERTIFICATE).public_key()
    assert key.public_key() != read(folder / AUTHORITY).public_key()
    assert ssl_key(folder, AUTHORITY_KEY).public_key() == read(folder / AUTHORITY).public_key()


def ssl_key(folder: Path, name: str = KEY) -> ec.EllipticCurvePrivateKey:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key((folder / name).read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"
    return key


def test_the_authority_signed_it(folder: Path) -> None:
    read(folder / CERTIFICATE).verify_directly_issued_by(read(folder / AUTHORITY))


def shake_hands(folder: Path, name: str, authority: Path) -> None:
    """TLS in memory, as strictly as OpenSSL verifies."""
    ours = ssl.create_default_context(cafile=authority)
    ours.verify_flags |= ssl.VERIFY_X509_STRICT
    theirs = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    theirs.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ours.wrap_bio(to_client, to_server, server_hostname=name)
    server = theirs.wrap_bio(to_server, to_client, server_side=True)
    for side in (client, server, client, server):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    assert client.version() == "TLSv1.3"
    assert client.getpeercert()


@pytest.mark.parametrize(
    "name", ["collector.corp.example", "collector", "x.corp.example", "192.0.2.1", "2001:db8::1"]
)
def test_openssl_takes_it_at_its_strictest(folder: Path, name: str) -> None:
    shake_hands(folder, name, folder / AUTHORITY)


def test_openssl_does_not_take_it_for_another_name(folder: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake_hands(folder, "other.example", folder / AUTHORITY)


def test_openssl_does_not_take_it_by_another_authority(folder: Path, tmp_path: Path) -> None:
    make_certificate(tmp_path / "other", NAMES)
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(folder, NAMES[0], tmp_path / "other" / AUTHORITY)


@pytest.mark.parametrize("there", [CERTIFICATE, KEY, AUTHORITY, AUTHORITY_KEY])
def test_files_that_are_there_are_not_replaced_and_none_is_added(
    tmp_path: Path, there: str
) -> None:
    (tmp_path / there).write_text("of someone")
    with pytest.raises(FileExistsError, match=there):
        make_certificate(tmp_path, NAMES)
    assert [path.name for path in tmp_path.iterdir()] == [there]
    assert (tmp_path / there).read_text() == "of someone"


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "a b",
        "https://collector",
        "collector:8440",
        "collector/x",
        "10.0.0.0/8",
        "b\u00fccher.example",
        "a..b",
        ".a",
        "-a",
        "a\0b",
        "x" * 64 + ".example",
        "a.*.example",
    ],
)
def test_what_is_no_name_is_refused_and_nothing_is_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        make_certificate(tmp_path / "home", ["collector", name])
    assert not (tmp_path / "home").exists()


def test_it_takes_a_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one"):
        make_certificate(tmp_path, [])


def test_the_command_tells_what_is_for_whom(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certificate", "--home", str(tmp_path / "home"), *NAMES]) == 0
    told = capsys.readouterr().out
    assert str(tmp_path / "home" / AUTHORITY) in told
    assert "--ca" in told
    assert main(["certificate", "--home", str(tmp_path / "home"), *NAMES]) == 1
    refused = capsys.readouterr().err
    assert f"{tmp_path / 'home' / CERTIFICATE}: is there already" in refused
    assert "--renew" in refused
    (tmp_path / "home" / CERTIFICATE).unlink()
    assert main(["certificate", "--home", str(tmp_path / "home"), *NAMES]) == 1
    assert f"{tmp_path / 'home' / KEY}: File exists\n" in capsys.readouterr().err


class TestRenewal:
    def test_a_new_year_needs_no_new_ca(self, folder: Path, tmp_path: Path) -> None:
        before = {path.name: path.read_bytes() for path in folder.iterdir()}
        renew(folder)
        after = {path.name: path.read_bytes() for path in folder.iterdir()}
        assert {name for name in after if after[name] != before.get(name)} == {CERTIFICATE}
        assert names_of(read(folder / CERTIFICATE)) == NAMES
        assert read(folder / CERTIFICATE).serial_number != (
            x509.load_pem_x509_certificate(before[CERTIFICATE]).serial_number
        )
        given = tmp_path / "given to agents.pem"
        given.write_bytes(before[AUTHORITY])
        shake_hands(folder, NAMES[0], given)

    def test_so_does_a_new_name(self, folder: Path) -> None:
        renew(folder, ["new.corp.example"])
        shake_hands(folder, "new.corp.example", folder / AUTHORITY)
        with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
            shake_hands(folder, NAMES[0], folder / AUTHORITY)

    def test_a_key_that_is_kept_elsewhere_is_named(self, folder: Path, tmp_path: Path) -> None:
        kept = (folder / AUTHORITY_KEY).rename(tmp_path / "safe.pem")
        with pytest.raises(ValueError, match="--ca-key"):
            renew(folder)
        renew(folder, authority_key=kept)
        assert not (folder / AUTHORITY_KEY).exists()
        shake_hands(folder, NAMES[0], folder / AUTHORITY)

    def test_a_home_of_an_earlier_version_gets_a_new_authority_beside_its_own(
        self, folder: Path, tmp_path: Path
    ) -> None:
        (folder / AUTHORITY_KEY).unlink()  # those kept none
        old = tmp_path / "old"
        old.mkdir()
        for name in (CERTIFICATE, KEY, AUTHORITY):
            (old / name).write_bytes((folder / name).read_bytes())
        renew(folder, new_authority=True)
        # Agents with the new file take the server as it is and as it was; the others do not.
        shake_hands(folder, NAMES[0], folder / AUTHORITY)
        shake_hands(old, NAMES[0], folder / AUTHORITY)
        with pytest.raises(ssl.SSLCertVerificationError):
            shake_hands(folder, NAMES[0], old / AUTHORITY)
        renew(folder)
        shake_hands(folder, NAMES[0], folder / AUTHORITY)

    def test_a_key_of_another_authority_is_refused(self, folder: Path, tmp_path: Path) -> None:
        make_certificate(tmp_path / "other", NAMES)
        before = (folder / CERTIFICATE).read_bytes()
        with pytest.raises(ValueError, match="is not the key of"):
            renew(folder, authority_key=tmp_path / "other" / AUTHORITY_KEY)
        assert (folder / CERTIFICATE).read_bytes() == before

    def test_it_does_not_outlast_its_authority(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(certificate, "AUTHORITY_LIFETIME", timedelta(days=100))
        renew(folder, new_authority=True)
        first = read_chain(folder / AUTHORITY)[0]
        assert read(folder / CERTIFICATE).not_valid_after_utc == first.not_valid_after_utc

    def test_an_authority_that_has_ended_signs_nothing(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(certificate, "AUTHORITY_LIFETIME", timedelta(seconds=-1))
        renew(folder, new_authority=True)
        with pytest.raises(ValueError, match="has ended"):
            renew(folder)

    def test_there_must_be_one(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError, match=CERTIFICATE):
            renew(tmp_path)

    def test_the_end_is_that_of_the_first_to_end(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chain = read_chain(folder / CERTIFICATE)
        assert end_of(chain, read_chain(folder / AUTHORITY)) == chain[0].not_valid_after_utc
        monkeypatch.setattr(certificate, "AUTHORITY_LIFETIME", timedelta(days=9))
        make_certificate(folder / "short", NAMES)
        short = read_chain(folder / "short" / AUTHORITY)
        assert end_of(chain, short) == chain[0].not_valid_after_utc
        assert end_of([*chain, *short], []) == short[0].not_valid_after_utc

    def test_the_command_says_until_when(
        self, folder: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["certificate", "--renew", "--home", str(folder)]) == 0
        told = capsys.readouterr().out
        assert f"until {datetime.now(timezone.utc) + LIFETIME:%Y-%m-%d}" in told
        assert "agents need nothing" in told
        assert main(["certificate", "--renew", "--new-authority", "--home", str(folder)]) == 0
        assert "give it to all agents" in capsys.readouterr().out
