"""An exe's archive as PyInstaller writes it (PyInstaller/archive/writers.py), made of bytes."""

from __future__ import annotations

import marshal
import struct
import zlib
from collections.abc import Mapping


def exe_with(
    files: Mapping[str, bytes],
    modules: Mapping[str, bytes] | None = None,
    scripts: Mapping[str, bytes] | None = None,
) -> bytes:
    """A loader's bytes with an archive behind them. modules: code by dotted name."""
    parts = [(name, "x", data) for name, data in files.items()]
    parts += [(name, "s", data) for name, data in (scripts or {}).items()]
    parts.append(("PYZ.pyz", "z", _modules(modules or {})))
    body, table = b"", b""
    for name, kind, data in parts:
        packed = zlib.compress(data)
        stated = name.encode() + b"\0"
        head = (18 + len(stated), len(body), len(packed), len(data), 1, kind.encode())
        table += struct.pack("!IIIIBc", *head) + stated
        body += packed
    cookie = (
        b"MEI\x0c\x0b\x0a\x0b\x0e",
        len(body) + len(table) + 88,
        len(body),
        len(table),
        311,
        b"",
    )
    return b"MZ a loader" + body + table + struct.pack("!8sIIII64s", *cookie)


def _modules(modules: Mapping[str, bytes]) -> bytes:
    body, table = bytes(17), []
    for name, code in modules.items():
        packed = zlib.compress(code)
        table.append((name, (0, len(body), len(packed))))
        body += packed
    return b"PYZ\0" + bytes(4) + struct.pack("!I", len(body)) + body[12:] + marshal.dumps(table)
