"""``delivery.yaml`` and the splay: fixed for a fleet, and the command line wins."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest
import trustme

from agent.delivery import config
from agent.delivery.collector import DeliveryError
from agent.delivery.config import splay_window
from agent.delivery.splay import splay_s
from agent.exit_codes import UsageError
from agent.options import parse
from agent.packs.document import PackError


def written(folder: Path, text: str) -> Path:
    path = folder / "delivery.yaml"
    path.write_text(textwrap.dedent(text))
    return path


@pytest.fixture
def pem() -> str:
    return trustme.CA().cert_pem.bytes().decode()


def test_every_part_is_taken(tmp_path: Path, pem: str) -> None:
    path = written(
        tmp_path,
        """\
        collector: https://collector.example:8443
        share: /mnt/drop
        sweep_id: 2026-w48
        splay: 0-60m
        send_window: 5m
        token_file: token.txt
        """,
    )
    with path.open("a") as file:
        file.write("ca: |\n" + textwrap.indent(pem, "  "))
    options = config.merged(parse([]), config.parse(path), path)
    assert options.collector == "https://collector.example:8443"
    assert options.share == Path("/mnt/drop")
    assert (options.sweep_id, options.splay, options.send_window) == ("2026-w48", (0, 3600), 300)
    assert options.token_file == tmp_path / "token.txt"
    assert options.pinned_ca is not None
    assert options.pinned_ca.strip() == pem.strip()
    assert not {"pinned_ca", "token_file"} & set(options.recorded())


def test_the_command_line_wins_and_another_collector_gets_no_token_of_this_one(
    tmp_path: Path, pem: str
) -> None:
    path = tmp_path / "delivery.yaml"
    settings = config.Settings(
        collector="https://a", ca=pem, token_file="t", splay="1h", send_window="5m", sweep_id="x"
    )
    given = ["--collector", "https://b", "--splay", "5", "--send-window", "1m", "--sweep-id", "y"]
    options = config.merged(parse(given), settings, path)
    assert (options.collector, options.splay) == ("https://b", (0, 5))
    assert (options.send_window, options.sweep_id) == (60, "y")
    assert (options.pinned_ca, options.token_file) == (None, None)
    options = config.merged(parse(["--ca", "mine.pem", "--token-file", "mine"]), settings, path)
    assert (options.ca, options.pinned_ca) == (Path("mine.pem"), None)
    assert options.token_file == Path("mine")
    assert config.merged(parse(["send"]), settings, path).splay is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("collector: https://a\ntoken: secret\n", "unknown field"),
        ("collector: [a]\n", ":1: Expected"),
        ("\n\ncollector: {a: b}\n", ":3: Expected"),
        ("", "Expected `object`"),
        ("a: b: c", ":1:"),
        ("collector: http://a\n", "plain http is for loopback"),
        ("collector: https://u:p@a\n", "no user name or password"),
        ("ca: nothing\n", "no certificates to trust"),
        ("splay: soon\n", "'soon' is no splay"),
        ("send_window: soon\n", "'soon' is no time"),
    ],
)
def test_a_flaw_is_told_with_its_file(tmp_path: Path, text: str, why: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises((PackError, DeliveryError, UsageError)) as caught:
        config.merged(parse([]), config.parse(path), path)
    assert why in str(caught.value)


def test_it_is_read_from_the_bundle_or_from_beside_the_exe_and_said_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, beside = tmp_path / "inside", tmp_path / "beside"
    inside.mkdir()
    beside.mkdir()
    written(inside, "share: /inside\n")
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    monkeypatch.setattr(sys, "_MEIPASS", str(inside), raising=False)
    monkeypatch.setattr(sys, "executable", str(beside / "iocsweep.exe"))
    assert config.with_settings(parse([])) == (parse(["--share", "/inside"]), None)
    path = written(beside, "share: /beside\n")
    assert config.with_settings(parse([])) == (parse(["--share", "/beside"]), path)
    for arguments in (["--no-delivery"], ["offline", "/evidence"]):
        assert config.with_settings(parse(arguments)) == (parse(arguments), None)


def test_from_source_there_is_none() -> None:
    assert config.with_settings(parse([])) == (parse([]), None)


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("0-60m", (0, 3600)),
        ("60m", (0, 3600)),
        ("5-60m", (300, 3600)),
        ("30s-2h", (30, 7200)),
        ("90", (0, 90)),
        ("0-0", (0, 0)),
    ],
)
def test_a_splay_is_from_and_to(text: str, window: tuple[float, float]) -> None:
    assert splay_window(text) == window


def test_a_host_always_waits_as_long_and_a_fleet_is_spread() -> None:
    window = (60.0, 3660.0)
    assert splay_s(window, "host", "s") == splay_s(window, "host", "s")
    assert splay_s(window, "host", "s") != splay_s(window, "host", "t")
    assert splay_s(window, "bad \udcff", None) >= 60
    waits = [splay_s(window, f"host-{n}", "s") for n in range(6000)]
    assert min(waits) >= 60
    assert max(waits) < 3660
    minutes = [int(wait // 60) for wait in waits]
    assert max(minutes.count(n) for n in range(1, 61)) < 150  # 100 expected
