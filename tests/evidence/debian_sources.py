"""Test data that public programs bring in their source, out of Debian's source packages
(tests/sources.txt), which ``make sources`` downloads; no test does."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

_FOLDER = Path(__file__).parents[2] / ".cache/sources"


def source_member(package: str, end: str) -> bytes:
    """The file of a package's original source whose path ends so; a test is skipped where the
    package is not here."""
    found = sorted(_FOLDER.glob(f"{package}_*.orig.tar.*"))
    if not found:
        pytest.skip(f"Debian's source package {package} is not here: make sources")
    with tarfile.open(found[-1]) as archive:
        for member in archive:
            if member.name.endswith(f"/{end}"):
                file = archive.extractfile(member)
                assert file is not None
                return file.read()
    raise LookupError(f"{found[-1]} has no {end}")
