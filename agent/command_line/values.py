"""From a word of the command line to a value; argparse tells what is wrong with one."""

from __future__ import annotations

import argparse
import re

from ..delivery.config import duration, splay_window
from ..model.custody import MAX_WORDS
from ..sources.catalog import NAMES

MAX_JOBS = 256
MAX_HOST_NAME = 255
"""Characters of a DNS name (RFC 1035, 2.3.4)."""
MAX_NAME = 128
"""Characters of a sweep's id that is kept on a host."""
LEAST_MEMORY = 256 << 20
_MOST_BYTES = (1 << 63) - 1
"""What a system takes as a limit."""
_SIZES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def size(text: str) -> int:
    """Bytes, of ``64M``."""
    found = re.fullmatch(r"([0-9]{1,12})([KMG]?)", text.upper())
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no size such as 64M")
    made = int(found[1]) * _SIZES[found[2]]
    if made > _MOST_BYTES:
        raise argparse.ArgumentTypeError(f"{text!r} is more than any machine has")
    return made


def memory(text: str) -> int:
    """Bytes; less than the program itself needs would only fail."""
    most = size(text)
    if most < LEAST_MEMORY:
        raise argparse.ArgumentTypeError(f"at least {LEAST_MEMORY >> 20}M")
    return most


def time(text: str) -> float:
    """Seconds, of ``25m``."""
    try:
        return duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def window(text: str) -> float:
    """Seconds, at least one."""
    seconds = time(text)
    if not seconds:
        raise argparse.ArgumentTypeError("at least one second")
    return seconds


def splay(text: str) -> tuple[float, float]:
    """The least and the most seconds, of ``0-60m``."""
    try:
        return splay_window(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def sources(text: str) -> list[str]:
    """Names of the catalog, of ``files,pipes``."""
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in NAMES:
            raise argparse.ArgumentTypeError(f"no source {name!r}; there are {', '.join(NAMES)}")
    return names


def sweep_name(text: str) -> str:
    """A sweep's id, as a registry's value can hold it and a rule can compare it."""
    if len(text) > MAX_NAME or not text.isprintable() or text != text.strip():
        raise argparse.ArgumentTypeError(f"one line of at most {MAX_NAME} characters")
    return text


def words(text: str) -> str:
    """Who or which case: one line, as long as the report keeps."""
    if len(text) > MAX_WORDS or not text.isprintable():
        raise argparse.ArgumentTypeError(f"one line of at most {MAX_WORDS:,} characters")
    return text


def host(text: str) -> str:
    """A computer's name, short or whole."""
    if len(text) > MAX_HOST_NAME or not text.isprintable() or not text.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a computer")
    return text


def jobs(text: str) -> int:
    """How many at once."""
    if not re.fullmatch(r"[0-9]{1,3}", text) or not 1 <= int(text) <= MAX_JOBS:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 to {MAX_JOBS}")
    return int(text)
