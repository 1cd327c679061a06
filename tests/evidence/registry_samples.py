"""Hives of real hosts, from the samples folder beside the project, where it is there."""

from __future__ import annotations

import lzma
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "shared/samples/registry"
MISSING = "the samples folder is not here"


def there(name: str) -> bool:
    return (FOLDER / name).exists()


@cache
def sample(name: str) -> bytes:
    data = (FOLDER / name).read_bytes()
    return lzma.decompress(data) if name.endswith(".xz") else data
