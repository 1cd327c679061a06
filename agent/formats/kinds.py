"""What kind of file holds others, or a volume, or memory: told by its bytes, whatever its name.

All that is known of them stands in the tables here. Sources: documentation of libewf, libvhdi,
libqcow and libvmdk (J. Metz), [MS-VHDX] 2.2, AFF4 Standard 1.0, APPNOTE.TXT, 7zFormat.txt, RAR 5.0
technote, [MS-CAB] 2, [MS-WIM], POSIX pax (tar), RFC 1952 (gzip), RFC 8878 (zstd), ECMA-119 (ISO
9660), the file systems' headers in Linux (``fs/*/``), ``file(1)``, acquire's ``crypt.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from ..spelling import extension_of


class Holds(Enum):
    """What there is in such a file, and so who looks into it."""

    ZIP = "zip"
    TAR = "tar"
    STREAM = "stream"
    """One compressed stream that the standard library unpacks."""
    CAB = "cab"
    NTFS = "ntfs"
    VOLUME = "volume"
    """Files, in a file system other than NTFS that is read here."""
    DISK = "disk"
    """Partitions."""
    FILES = "files"
    """Files, or what may be one, that nothing here looks into."""
    MEMORY = "memory"
    """Of a machine or a process; no files."""


class Kind(NamedTuple):
    """A kind of file."""

    name: str
    holds: Holds
    least: int = 0
    """Bytes; no smaller one holds anything."""


Read = Callable[[int, int], bytes]
"""Offset and length to bytes, fewer at the end. Raises OSError."""

ZIP = Kind("ZIP archive", Holds.ZIP)
TAR = Kind("tar archive", Holds.TAR)
GZIP = Kind("gzip stream", Holds.STREAM)
BZIP2 = Kind("bzip2 stream", Holds.STREAM)
XZ = Kind("xz stream", Holds.STREAM)
NTFS = Kind("NTFS volume", Holds.NTFS, 256 << 10)
DISK = Kind("disk with partitions", Holds.DISK, 256 << 10)
SEVEN_ZIP = Kind("7z archive", Holds.FILES)
OF_ACQUIRE = Kind("collection encrypted by acquire", Holds.FILES)
_MINIDUMP = Kind("memory of a process", Holds.MEMORY)
_DUMP = Kind("memory image", Holds.MEMORY, 16 << 20)
BITLOCKER = Kind("BitLocker volume", Holds.NTFS, 256 << 10)
"""Read as NTFS is, which says that it is locked."""
BITLOCKER_IS = UUID("4967d63b-2e29-4ad8-8399-f6a339e3d001").bytes_le
BITLOCKER_ON_WRITE = UUID("92a84d3b-dd80-4d0e-9e4e-b1e3284eaed8").bytes_le
BITLOCKER_TO_GO = 424
"""Where one of the two lies behind what looks like FAT."""
UNKNOWN = Kind("volume of an unknown kind", Holds.FILES, 256 << 10)
NAMED_SO = Kind("image by its name, of unknown content", Holds.FILES, 1 << 20)
PIECE = Kind("piece of an image by its name, of unknown content", Holds.FILES, 16 << 20)
"""Windows numbers the files that an update replaces, ``ole32.dll.000``: those are smaller."""


def _files(name: str) -> Kind:
    return Kind(name, Holds.FILES)


def _volume(name: str) -> Kind:
    return Kind(name, Holds.FILES, 64 << 10)


_GPT = b"EFI PART"
FAT = Kind("FAT volume", Holds.VOLUME, 64 << 10)
EXFAT = Kind("exFAT volume", Holds.VOLUME, 64 << 10)
EXT = Kind("ext volume", Holds.VOLUME, 64 << 10)
WIM = Kind("WIM image", Holds.FILES)

_STARTS: tuple[tuple[bytes, Kind], ...] = (
    (b"PK\3\4", ZIP),
    (b"PK\5\6", ZIP),
    (b"PK\7\x08PK\3\4", ZIP),
    (b"PK00PK\3\4", ZIP),
    (b"\x1f\x8b\x08", GZIP),
    (b"\xfd7zXZ\0", XZ),
    (b"EVF\t\r\n\xff\0", _files("EnCase image (E01)")),
    (b"EVF2\r\n\x81\0", _files("EnCase image (Ex01)")),
    (b"LVF\t\r\n\xff\0", _files("EnCase logical image (L01)")),
    (b"LEF2\r\n\x81\0", _files("EnCase logical image (Lx01)")),
    (b"AFF10\r\n\0", _files("AFF image")),
    (b"ADSEGMENTEDFILE\0", _files("AD1 image")),
    (b"ADCRYPT\0", _files("encrypted image of AccessData")),
    (b"conectix", _files("VHD disk")),
    (b"vhdxfile", _files("VHDX disk")),
    (b"KDMV", _files("VMDK disk")),
    (b"COWD\1\0\0\0", _files("VMDK disk")),
    (b"# Disk DescriptorFile", _files("VMDK description")),
    (b"QFI\xfb", _files("QCOW disk")),
    (b"QED\0", _files("QED disk")),
    (b"WithoutFreeSpace", _files("Parallels disk")),
    (b"WithouFreSpacExt", _files("Parallels disk")),
    (b"MSWIM\0\0\0", WIM),
    (b"WLPWM\0\0\0", _files("pipable WIM image")),
    (b"7z\xbc\xaf\x27\x1c", SEVEN_ZIP),
    (b"ENCRYPTEDACQUIRE", OF_ACQUIRE),
    (b"Rar!\x1a\x07", _files("RAR archive")),
    (b"MSCF\0\0\0\0", Kind("CAB archive", Holds.CAB)),
    (b"\x28\xb5\x2f\xfd", _files("zstd stream")),
    (b"\x04\x22\x4d\x18", _files("LZ4 stream")),
    (b"LZIP\1", _files("lzip stream")),
    (b"\x60\xea", _files("ARJ archive")),
    (b"\x1f\x9d", _files("compress stream")),
    (b"]\0\0", _files("LZMA stream")),
    (b"070701", _files("cpio archive")),
    (b"070702", _files("cpio archive")),
    (b"070707", _files("cpio archive")),
    (b"\xed\xab\xee\xdb", _files("RPM package")),
    (b"!<arch>\ndebian", _files("Debian package")),
    (b"hsqs", _files("SquashFS volume")),
    (b"XFSB", _volume("XFS volume")),
    (b"LUKS\xba\xbe", _volume("LUKS volume")),
    (b"EMiL", _DUMP),
    (b"AVML\2\0\0\0", _DUMP),
    (b"PAGEDU64", _DUMP),
    (b"PAGEDUMP", _DUMP),
    (b"MDMP\x93\xa7", _MINIDUMP),
)
_STARTS_OF = tuple(start for start, _ in _STARTS)
_WEAK = {b"\x60\xea": ".arj", b"\x1f\x9d": ".z", b"]\0\0": ".lzma"}
"""Starts that much else has: believed behind this extension."""
_AT: tuple[tuple[int, bytes, Kind], ...] = (
    (3, b"NTFS    ", NTFS),
    (3, b"-FVE-FS-", BITLOCKER),
    (BITLOCKER_TO_GO, BITLOCKER_IS, BITLOCKER),
    (BITLOCKER_TO_GO, BITLOCKER_ON_WRITE, BITLOCKER),
    (3, b"ReFS\0\0\0\0", _volume("ReFS volume")),
    (3, b"EXFAT   ", EXFAT),
    (54, b"FAT1", FAT),
    (82, b"FAT32", FAT),
    (2, b"-lh", _files("LHA archive")),
    (7, b"**ACE**", _files("ACE archive")),
    (32, b"NXSB", _volume("APFS volume")),
    (64, b"\x7f\x10\xda\xbe", _files("VDI disk")),
    (257, b"ustar", TAR),
    (512, _GPT, DISK),
    (512, b"LABELONE", _volume("LVM volume")),
    (1024, b"H+\0\4", _volume("HFS+ volume")),
    (1024, b"HX\0\5", _volume("HFS+ volume")),
)
_DEEP: tuple[tuple[int, bytes, Kind], ...] = (
    (0x1000, _GPT, DISK),  # sectors of 4,096 bytes
    (0x8001, b"CD001", _volume("ISO 9660 image")),
    (0x8001, b"BEA01", _volume("UDF image")),
    (0x1_0040, b"_BHRfS_M", _volume("btrfs volume")),
)
"""Beyond the first bytes: asked where those are blank, or the end of a boot sector."""
_LAST, _LAST_LARGE = 512, 4096
"""Bytes of a sector."""
ZIP_END = 22
"""Bytes of the record that ends an archive without a comment."""
_FOOTERS = ((b"conectix", _files("VHD disk")), (b"koly", _files("DMG image")))
_BZIP2 = re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")
_AFF4 = (b"container.description", b"information.turtle")
_BOOT_END = b"\x55\xaa"

_OF_IMAGES = """
    .dd .raw .img .e01 .ex01 .l01 .lx01 .s01 .aff .aff4 .ad1 .vhd .vhdx .avhd .avhdx .vmdk .vdi
    .qcow .qcow2 .qed .hdd .hds .iso .wim .esd .swm .dmg .vbk .vib .mem .vmem .lime"""
_OF_ARCHIVES = """
    .zip .zipx .docx .docm .dotx .dotm .xlsx .xlsm .xlsb .pptx .pptm .ppsx .odt .ods .7z .rar .cab
    .tar .gz .tgz .bz2 .tbz .tbz2 .xz .txz .zst .tzst .lz .lz4 .lzma .z .arj .lzh .lha .ace .cpio
    .rpm .deb .ova .xva .enc"""
_IMAGES = frozenset(_OF_IMAGES.split())
EXTENSIONS = _IMAGES | frozenset(_OF_ARCHIVES.split())
"""Of files that are opened for what they may hold, from :data:`LEAST` on; lower case."""
LEAST = 20
"""Bytes; a smaller file holds none."""
LARGE = 16 << 20
"""Bytes; from there on a file is opened whatever its name: an image or an archive under a name that
is none of theirs is rarely smaller, and of a thousand files of a host one or two are larger."""
_SPLIT = re.compile(r"\.[0-9]{3}")


def may_hold(name: str, size: int) -> bool:
    """Whether a file is worth its first bytes, to see whether it holds others."""
    return size >= LARGE or (size >= LEAST and extension_of(name) in EXTENSIONS)


def kind_by_name(name: str) -> Kind | None:
    """What a file of unknown content is by its name: an image of a disk or of memory, or a piece
    of one; None for neither."""
    extension = extension_of(name)
    if extension in _IMAGES:
        return NAMED_SO
    return PIECE if _SPLIT.fullmatch(extension) else None


def kind_of(head: bytes, size: int, name: str, read: Read, *, given: bool = False) -> Kind | None:
    """The kind of a file of this size and name, by its first bytes, 4,096 if it has so many; None
    if it is none that holds others. ``read``: asked where those bytes call for more; ``given``: its
    end is looked at too, whatever its name.

    Raises OSError.
    """
    extension = extension_of(name)
    if head.startswith(_STARTS_OF):
        start, kind = next(pair for pair in _STARTS if head.startswith(pair[0]))
        if _WEAK.get(start, extension) == extension:
            return _AFF4_IMAGE if kind is ZIP and _is_aff4(head, extension) else kind
    if head.startswith(b"MZ") and size > ZIP_END and read(size - ZIP_END, 4) == b"PK\5\6":
        return ZIP  # Behind the program that unpacks it.
    if _BZIP2.match(head):
        return BZIP2
    for at, magic, kind in _AT:
        if head.startswith(magic, at):
            return kind
    if _is_ext(head):
        return EXT
    if size >= _LAST and (extension == ".tar" or _is_old_tar(head)):
        return TAR  # Of before ustar.
    if size > _LAST and (given or size >= LARGE or extension in _IMAGES):
        at_end = _by_its_end(head, read(max(0, size - _LAST_LARGE), _LAST_LARGE))
        if at_end is not None:
            return at_end
    return _deeper(head, size, extension, read)


def _by_its_end(head: bytes, end: bytes) -> Kind | None:
    for magic, kind in _FOOTERS:
        if end.startswith(magic, max(0, len(end) - _LAST)) and not _has_partitions(head):
            return kind
    sectors = (end, end[-_LAST:])
    # Of a disk whose first sectors are gone.
    return DISK if any(sector.startswith(_GPT) for sector in sectors) else None


_AFF4_IMAGE = _files("AFF4 image")


def _is_aff4(head: bytes, extension: str) -> bool:
    return extension == ".aff4" or any(name in head for name in _AFF4)


def _deeper(head: bytes, size: int, extension: str, read: Read) -> Kind | None:
    boots = head[510:512] == _BOOT_END and not head.startswith(b"MZ")
    if size > _DEEP[0][0] and (boots or not any(head[:512]) or extension in _IMAGES):
        for at, magic, kind in _DEEP:
            if at < size and read(at, len(magic)) == magic:
                return kind
    if boots:
        return DISK if _has_partitions(head) else UNKNOWN
    return None


def _has_partitions(head: bytes) -> bool:
    """Whether the table of a master boot record makes sense: four entries of 16 bytes at 446, each
    beginning with 0 or 0x80, one of them in use."""
    if head[510:512] != _BOOT_END:
        return False
    entries = [head[at : at + 16] for at in range(446, 510, 16)]
    return all(entry[0] in (0, 0x80) for entry in entries) and any(
        entry[4] and any(entry[12:]) for entry in entries
    )


def _is_old_tar(head: bytes) -> bool:
    """The checksum of a header at 148, in octal digits: of all its bytes, its own as blanks."""
    field = _OCTAL.fullmatch(head, 148, 156)
    if field is None or len(head) < _LAST or not head[0]:
        return False
    return int(field[1], 8) == sum(head[:148]) + sum(head[156:_LAST]) + 8 * ord(" ")


_OCTAL = re.compile(rb"[ 0]*([0-7]{1,7})[ \0]*")


def _is_ext(head: bytes) -> bool:
    """The superblock at 1,024: magic at 56, the size of a block at 24, the state at 58."""
    return (
        head[1080:1082] == b"\x53\xef"
        and int.from_bytes(head[1048:1052], "little") <= 6
        and 1 <= int.from_bytes(head[1082:1084], "little") <= 7
    )
