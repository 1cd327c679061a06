"""The exe, built once, on one host."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from tests.windows.host import REPOSITORY, Host

sys.path[:0] = [str(REPOSITORY / "build"), str(REPOSITORY / "build" / "wine")]


@pytest.fixture(scope="session")
def built_host() -> Iterator[Host]:
    from build_exe import main as build
    from lab import Lab

    assert build(["--dist", str(REPOSITORY / "dist")]) == 0
    lab = Lab.make()
    dist = REPOSITORY / "dist"
    yield Host(lab, dist / "iocsweep" / "iocsweep.exe", dist / "iocsweep.exe")
    lab.kill_all()


@pytest.fixture
def host(built_host: Host) -> Host:
    """Without what the test before planted."""
    built_host.clean()
    return built_host
