"""Whether a build may be shipped."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import exe_contents
import pe_resources
import yaml

MOST_ONE_FILE = 20 * 1000 * 1000
"""Bytes: what a fleet still downloads without thought, and the most that Live Response takes."""

LEAST_VALUE = 5
"""Bytes of an indicator that cannot stand in 20 MB of packed bytes by chance."""

_FORBIDDEN = {
    r"(?i)(.*/)?bcryptprimitives\.dll": "the lab's stub: a real Windows has its own",
    r"(?i)(.*/)?(api-ms-win-.*|ucrtbase|dnsapi)\.dll": "a part of Windows itself, taken from Wine",
    r"(?i)_?(pytest|hypothesis|coverage|PyInstaller|setuptools|pip)(/.*)?": "a tool, not the agent",
}
"""Paths inside."""


def indicators(packs: Path) -> dict[str, list[bytes]]:
    """What of each indicator, by its id, must not stand in clear: lower case, each encoding.

    Packs have indicators, exclusions have none. A number that is written as hex digits (a hash,
    bytes) must not stand there as bytes either.
    """
    found = {}
    for pack in sorted(packs.glob("*.yaml")):
        document = yaml.safe_load(pack.read_text(encoding="utf-8"))
        for indicator in document.get("indicators", ()):
            value = str(indicator["value"])
            forms = [value.lower().encode("utf-8"), value.lower().encode("utf-16-le")]
            if re.fullmatch(r"(?:[0-9A-Fa-f]{2})+", value):
                forms.append(bytes.fromhex(value).lower())
            found[indicator["id"]] = [form for form in forms if len(form) >= LEAST_VALUE]
    return found


def in_clear(contents: Sequence[tuple[str, bytes]], wanted: dict[str, list[bytes]]) -> list[str]:
    """Which indicators stand in clear where. contents: name of a file, its bytes."""
    return [
        f"{name} holds the indicator {identity} in clear"
        for name, data in contents
        for lower in [data.lower()]
        for identity, forms in wanted.items()
        if any(form in lower for form in forms)
    ]


def named_folders(contents: Sequence[tuple[str, bytes]], folders: Sequence[str]) -> list[str]:
    """Which folders of the machine that built are named where: another one makes other bytes."""
    return [
        f"{name} names {folder}, where it was built"
        for folder in folders
        for name, data in contents
        if any(_starts_a_path(spelling, data) for spelling in _spellings(folder))
    ]


def _spellings(folder: str) -> list[tuple[bytes, bytes]]:
    """A folder as Linux and as Windows write it, and a zero behind each letter or none."""
    texts = (folder, folder.replace("/", "\\"))
    encodings = (("utf-8", b""), ("utf-16-le", b"\\0"))
    return [(text.encode(encoding), zero) for text in texts for encoding, zero in encodings]


def _starts_a_path(spelling: tuple[bytes, bytes], data: bytes) -> bool:
    folder, zero = spelling
    before = b"(?<![A-Za-z0-9_./\\\\-]" + zero + b")"
    return folder in data and re.search(before + re.escape(folder), data) is not None


def unpacked(data: bytes) -> list[tuple[str, bytes]]:
    """All that is in an exe's archive, by name, as it is when it runs."""
    parts = (exe_contents.scripts, exe_contents.pure_modules, exe_contents.files)
    return [item for part in parts for item in part(data).items()]


def check(exe: Path, packs: Path | None, version: str, folders: Sequence[str] = ()) -> list[str]:
    """Why an exe must not be shipped; empty if nothing is wrong.

    exe: the one-file exe, or the exe of a one-dir build (its `_internal` is looked at too).
    packs: the folder `iocs`; none of its indicators may stand in clear in any file.
    folders: those that it was built in; none may be named in what is packed.
    """
    data = exe.read_bytes()
    internal = exe.parent / "_internal"
    one_dir = internal.is_dir()
    beside = sorted(path for path in internal.rglob("*") if path.is_file()) if one_dir else []
    loose = [(path.relative_to(internal).as_posix(), path.read_bytes()) for path in beside]
    packed = unpacked(data)
    problems = list(wrong_names({name for name, _ in (*packed, *loose)}))
    problems += pe_resources.wrong_manifest(data) + pe_resources.wrong_version(data, version)
    if not one_dir and len(data) > MOST_ONE_FILE:
        problems.append(f"{len(data):,} bytes, more than {MOST_ONE_FILE:,}")
    wanted = indicators(packs) if packs else {}
    problems += in_clear([(exe.name, data), *loose], wanted)
    return problems + named_folders([(exe.name, data), *packed, *loose], folders)


def check_archive(archive: Path, packs: Path) -> list[str]:
    """Which indicators stand in clear in a zip, as it lies there or unpacked."""
    with zipfile.ZipFile(archive) as opened:
        members = [(f"{archive.name}: {name}", opened.read(name)) for name in opened.namelist()]
    return in_clear([(archive.name, archive.read_bytes()), *members], indicators(packs))


def wrong_names(names: set[str]) -> Iterator[str]:
    """What of the paths inside must not be there, and what is missing."""
    for name in sorted(names):
        for pattern, why in _FORBIDDEN.items():
            if re.fullmatch(pattern, name):
                yield f"{name} is inside: {why}"
    for name in ("build.json", "iocs.zip", "THIRD-PARTY.txt"):
        if name not in names:
            yield f"{name} is missing"
