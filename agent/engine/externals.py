"""What the operator's rules may ask of a file beside its bytes: scanners' external variables.

signature-base, Loki and THOR share five of them (THOR manual, "YARA Rules", Additional Attributes;
Loki, ``scan_path`` and ``scan_data``): ``filename``, ``filepath`` (the folder, without the name),
``extension`` (lower case, with its dot), ``filetype`` (by the first bytes) and ``owner``.
``filesize`` is YARA's own. THOR's others (``timezone``, ``unpack_parent``, …) are facts of the
host or of THOR's unpacking, and Loki's ``md5`` is there for rules older than the ``hash`` module;
a rule that asks for one of them is named as unfit (``FOREIGN``).
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

EXTERNALS: Final[Mapping[str, str | int | bool]] = MappingProxyType(
    {"filename": "", "filepath": "", "extension": "", "filetype": "", "owner": ""}
)
"""Name and the value given when rules are compiled, which fixes its type."""

FOREIGN: Final = frozenset(
    (
        "md5",
        "timezone",
        "language",
        "group",
        "filemode",
        "osversion",
        "unpack_parent",
        "unpack_source",
        "permissions",
        "age",
    )
)
"""Variables of other scanners that are not filled here; a rule that uses one does not run."""

UNKNOWN: Final = "UNKNOWN"
"""``filetype`` of a file whose first bytes are none of those known, as Loki says it."""
HEAD_BYTES: Final = 512
"""How many first bytes ``externals_of`` looks at."""

# Names as rules compare them (signature-base, misc/file-type-signatures.txt); values by the
# formats' own documents. Loki's guesses by a single byte (E8, E9, EB for "SYS") are left out.
_MAGICS: Final = (
    (b"MZ", "EXE"),
    (b"\x7fELF", "ELF"),
    (b"\xca\xfe\xba\xbe", "Class"),
    (b"%PDF", "PDF"),
    (b"{\\rtf1", "RTF"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "OLE"),
    (b"PK\x03\x04\x14\x00\x06\x00", "Office"),
    (b"PK\x03\x04\x14\x00\x08\x00", "JAR"),
    (b"PK\x03\x04", "ZIP"),
    (b"PK\x05\x06", "PKZIP"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"7z\xbc\xaf\x27\x1c", "7Zip"),
    (b"\x1f\x8b\x08", "GZIP"),
    (b"BZh", "BZip2"),
    (b"MSCF", "CAB"),
    (b"\x60\xea", "ARJ"),
    (b"\x1f\x9d", "TARZ"),
    (b"\x1f\xa0", "TARZ"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "LNK"),
    (b"MDMP", "MDMP"),
    (b"regf", "Registry Hive"),
    (b"ElfFile\x00", "EVTX"),
    (b"0\x00\x00\x00LfLe", "EVT"),
    (b"FILE0", "NTFS MFT"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"CWS", "CWS"),
    (b"ZWS", "ZWS"),
    (b"FWS", "FWS (Flash)"),
    (b"<?php", "PHP"),
    (b"<%", "JSP"),
    (b"\xff\xfe<\x00%\x00@", "JSP"),
    (b"\xff\xfe<\x00?\x00x\x00m\x00l", "Windows At Job"),
    (b"<?xm", "XML"),
    (b"<?XM", "XML"),
    (b"#!/", "UNIX SCRIPT"),
    (b"#!", "Script"),
    (b"\xff\xfe", "Windows Registry File"),
    (b"\xd4\xc3\xb2\xa1", "WINPCAP"),
    (b"\xa1\xb2\xc3\xd4", "LIBPCAP"),
    (b"KDM", "VMDK"),
    (b"COWD", "VMDK"),
    (b"# Disk D", "VMDK"),
    (b"conectix", "VHD"),
    (b"_CASE_", "Encase File"),
    (b"AES", "AESCrypt"),
    (b"WinZip", "WinZIP"),
)
_LONGEST_FIRST: Final = {
    first: tuple(sorted((m for m in _MAGICS if m[0][0] == first), key=lambda m: -len(m[0])))
    for first in {magic[0] for magic, _ in _MAGICS}
}
"""By the first byte: it is asked of every file."""
_TAR_MAGIC: Final = (257, b"ustar")


def filetype_of(head: bytes) -> str:
    """Loki's name of the kind of file (``EXE``, ``ZIP``, …) by its first bytes, else ``UNKNOWN``.

    The longest magic wins, so that a document is ``Office`` and not ``ZIP``.
    """
    for magic, name in _LONGEST_FIRST.get(head[0], ()) if head else ():
        if head.startswith(magic):
            return name
    offset, magic = _TAR_MAGIC
    return "TAR" if head[offset : offset + len(magic)] == magic else UNKNOWN


def externals_of(path: str, head: bytes, owner: str = "") -> dict[str, str | int]:
    """The external variables of one file.

    ``path`` as the host knows it, with either kind of separator; ``head`` its first
    ``HEAD_BYTES`` bytes or more; ``owner`` empty where it is not known. Characters that no
    engine takes (lone surrogates of undecodable names) become ``?``, as Loki gives them.
    """
    path = path.encode("utf-8", "replace").decode()
    cut = max(path.rfind("\\"), path.rfind("/"))
    folder, filename = path[: max(cut, 0)], path[cut + 1 :]
    if cut >= 0 and (not folder or folder.endswith(":")):
        folder = path[: cut + 1]  # a root keeps its separator: rules ask `filepath contains "C:\\"`
    return {
        "filename": filename,
        "filepath": folder,
        "extension": posixpath.splitext(filename)[1].lower(),
        "filetype": filetype_of(head),
        "owner": owner.encode("utf-8", "replace").decode(),
    }
