#!/usr/bin/env python3
"""Authenticode signatures, by a tool that is given: signtool, osslsigncode, or another.

    python build/signing.py A.exe B.exe    whether these are the same program, signatures aside

Format: Microsoft, "Windows Authenticode Portable Executable Signature Format", "Calculating the PE
Image Hash": a signature changes the checksum, the entry of the certificate table, and what that
points to at the end of the file.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pefile

SECONDS = 600
"""For one file: a hardware token or a time stamp may take a while."""


class SigningError(Exception):
    """A file was not signed, or something else was changed."""


def sign(command: str, source: Path, target: Path) -> None:
    """Sign `source` as `target`; raises `SigningError`. The command, which may hold a password, is
    shown nowhere.

    command: with `{in}` and `{out}` where the tool has two files (osslsigncode), else the file to
    be signed in its place is added at the end (signtool).
    """
    words = _words(command)
    target.parent.mkdir(parents=True, exist_ok=True)
    if "{in}" in words and "{out}" in words:
        target.unlink(missing_ok=True)
        places = {"{in}": str(source), "{out}": str(target)}
        words = [places.get(word, word) for word in words]
    else:
        shutil.copyfile(source, target)
        words.append(str(target))
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SigningError(f"{words[0]}: {type(error).__name__}") from error
    if done.returncode or not target.is_file():
        raise SigningError(f"{words[0]} ended with {done.returncode}:\n{done.stdout[-1500:]}")
    if not is_signed(target.read_bytes()):
        raise SigningError(f"{words[0]} left {target.name} without a signature")
    if program(target.read_bytes()) != program(source.read_bytes()):
        raise SigningError(f"{words[0]} changed more of {target.name} than its signature")


def is_signed(data: bytes) -> bool:
    """Whether a program has a certificate table; not whether its signature is valid."""
    return _certificates(data)[1] > 0


def program(data: bytes) -> bytes:
    """A program's bytes less what a signature changes: the same, signed or not."""
    start, size = _certificates(data)
    bare = bytearray(data[:start] if size else data)
    with pefile.PE(data=data, fast_load=True) as opened:
        header = opened.OPTIONAL_HEADER
        checksum = header.get_field_absolute_offset("CheckSum")
        entry = _entry(opened).get_file_offset()
    bare[checksum : checksum + 4] = bytes(4)
    bare[entry : entry + 8] = bytes(8)
    return bytes(bare) + bytes(-len(bare) % 8)


def _entry(opened: pefile.PE) -> pefile.Structure:
    security = pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_SECURITY"]
    return opened.OPTIONAL_HEADER.DATA_DIRECTORY[security]


def _certificates(data: bytes) -> tuple[int, int]:
    """Where the certificate table lies in the file, and its bytes: zero if there is none."""
    with pefile.PE(data=data, fast_load=True) as opened:
        entry = _entry(opened)
        return entry.VirtualAddress, entry.Size


def main(arguments: Sequence[str]) -> int:
    """The command line: 0 if two files are the same program, 1 if not."""
    if len(arguments) != 2:
        print(f"usage: {Path(__file__).name} A.exe B.exe", file=sys.stderr)
        return 2
    try:
        here, there = (Path(name).read_bytes() for name in arguments)
        same = program(here) == program(there)
    except (OSError, pefile.PEFormatError) as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        return 2
    said = [
        f"{name}: {'signed' if is_signed(data) else 'not signed'}"
        for name, data in zip(arguments, (here, there), strict=True)
    ]
    print("\n".join([*said, "the same program" if same else "another program"]))
    return 0 if same else 1


def _words(command: str) -> list[str]:
    """A command's words; on Windows, a backslash is a part of a path."""
    if sys.platform != "win32":
        return shlex.split(command)
    return [word.strip('"') for word in shlex.split(command, posix=False)]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
