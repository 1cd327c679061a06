"""A device of the bytes of an image."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def attached(image: Path) -> Iterator[str]:
    """Its path, to be read alone. Skips the test where none can be had."""
    made = subprocess.run(
        ["losetup", "--read-only", "--find", "--show", image],
        check=False,
        capture_output=True,
        text=True,
    )
    if made.returncode:
        pytest.skip(f"needs a loop device: {made.stderr.strip()}")
    device = made.stdout.strip()
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", device], check=True)
