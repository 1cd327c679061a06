"""Files of real hosts, from the samples folder beside the project, where it is there."""

from __future__ import annotations

import lzma
from functools import cache
from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[3] / "shared/samples"


def sample(name: str) -> bytes:
    """The bytes of one (``evtx/system.evtx``), unpacked; a test whose sample is not there is
    skipped."""
    if not (_FOLDER / name).exists():
        pytest.skip(f"the sample {name} is not here")
    return _read(name)


def samples(pattern: str) -> list[str]:
    """The names of those that are there."""
    return sorted(str(path.relative_to(_FOLDER)) for path in _FOLDER.glob(pattern))


@cache
def _read(name: str) -> bytes:
    data = (_FOLDER / name).read_bytes()
    return lzma.decompress(data) if name.endswith(".xz") else data
