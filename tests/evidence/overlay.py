"""Files as "CompactOS" keeps them: chunks that another program compressed, and the stream of them."""

from __future__ import annotations

import base64
import ctypes
import struct
from collections.abc import Callable, Sequence

import pytest

from tests.evidence.images import file_name, non_resident, record, resident, run, standard

WOF = 0x8000_0017
XPRESS4K, LZX, XPRESS8K, XPRESS16K = range(4)
CHUNK = {XPRESS4K: 4096, LZX: 32768, XPRESS8K: 8192, XPRESS16K: 16384}


def program(size: int) -> bytes:
    """Bytes that look like calls of x86, whose places LZX translates."""
    calls = (
        b"\xe8" + struct.pack("<i", 70_000 - number * number) + b"\x48\x8b%c" % (number % 7)
        for number in range(size // 8 + 1)
    )
    return b"".join(calls)[:size]


# ``program(600)``, compressed by wimlib 1.13.6: LZX with one block of either kind, and XPRESS.
VERBATIM = base64.b85decode(
    "B_IHT001Na05u>0e_!9fd2fS-je(7gfrBj3Y)lLsZ*1tIIxqwzHU<U`HZ~46HU>5}1`hN-i%!F!0E_?t3;_WQhya@;9P"
    "y2_(53h51nvL;00000002J(|Nmn79{5K`8G`<wmU;HIHg{YGcG$P5Y!trF?v`f9OLupyvLi=2qh3bo9+fU?)=?^>7mkx"
    "&CgGigEUA=8tC}l4Sr=K$M}<Yb9Mu@rdr~e^j+0fBjR%wklOHFV=Q)@!nDQ~pDfg#zrW6jD3#mKfGUIwiS;X@Znh9JJ-"
    "~v82`C7$`7|*q!%m&p^hT{F}X+!$M01y"
)
ALIGNED = base64.b85decode(
    "B_IHT001NaU^XBCy<hL%VRqnPV`E@rbl?+92OAp$q8q?qkmwi?IM~=2*w`32*w{GO`xu@0K^Gv0000317?1%1caZKEMU"
    "vSj#;krnK;QrX000000093(|NpO)rFnOAJE=`JizPd4;#Rj>(|<|Z#Qm?Nb#)^%**Q2<iJ3BxPwGsXp4669ed|^_#-x+"
    "B`hO4V40;{36?9T-wop8izW<eTan4`P?J;aIB**f_vYyJ7%5acpknlsQGwx?BWh@@i7%@KLEur9q&4keba{+VbC+0`bo"
    "{AklIx=u*!>wgYn2lOAg3%O<!D+8c+GPA_;?#aiK&J"
)
XPRESS = base64.b85decode(
    "WoBk(W@cqpg#ZA60001h0001h000Mo1^@tn0001h0001h2ml6v0001h0001h1^@tn000Jn1^@tn0001h0001h0DuR800"
    "01h0001R0001h000Mo0001h0001h0001h000Mo0001R0001h1^@tX1po(d0001h004-02LJ#70000000000000000000"
    "00000000jU5000000000000000044<h000002LJ#7000000000000000000000000000000000000000000000000000"
    "00000000000000000000000000000000000000000000{AD9g&8zPWd1y43&OV6dYZ)v=XzZ4WMl^@cw_=fFOW69c7_-"
    "ML%+gtBMUTChI%Z?mu_Lh~jDje9RmSZYicw?KMs-v))?*f<W7MOT=^F1bi%Bu*NzG}E>@gOT$D~XeplFT9D+b4)=H$*Y"
    "o?{quV@zYpCK>lJizzVWOsSA(Ovf;W$Bbr#857Zrt{5L9m@pHvU>a;OH3nin%;$J)@5R^{7lXzi$gLK~M6^52j!|eVhv"
    "6~$ZN;+>@;AaUAzA?5000"
)


def wimlib() -> Callable[[int, bytes, int], bytes | None]:
    """The compressor of wimlib: by 1 (XPRESS) or 2 (LZX), of a chunk of at most so many bytes; None
    where that is not worth it. Skips where the library is not installed."""
    try:
        library = ctypes.CDLL("libwim.so.15")
    except OSError as error:
        pytest.skip(f"needs wimlib: {error}")
    library.wimlib_compress.restype = ctypes.c_size_t

    def compress(kind: int, data: bytes, chunk: int) -> bytes | None:
        compressor = ctypes.c_void_p()
        assert not library.wimlib_create_compressor(
            kind, ctypes.c_size_t(chunk), 50, ctypes.byref(compressor)
        )
        space = ctypes.create_string_buffer(len(data))
        size = library.wimlib_compress(
            data, ctypes.c_size_t(len(data)), space, ctypes.c_size_t(len(data) - 1), compressor
        )
        library.wimlib_free_compressor(compressor)
        return space.raw[:size] or None

    return compress


def stored(chunks: Sequence[bytes], width: int = 4) -> bytes:
    """A ``WofCompressedData`` of these chunks."""
    places, at = b"", 0
    for chunk in chunks[:-1]:
        at += len(chunk)
        places += at.to_bytes(width, "little")
    return places + b"".join(chunks)


def reparse(algorithm: int, *, provider: int = 2) -> bytes:
    """The reparse point of such a file; provider 1: its bytes lie in a WIM."""
    return struct.pack("<IHHIIII", WOF, 16, 0, 1, provider, 1, algorithm)


def compact(
    name: str,
    size: int,
    kept: bytes,
    algorithm: int,
    *,
    cluster: int = 0,
    provider: int = 2,
    flags: int = 1,
) -> bytes:
    """The record of a file of ``size`` bytes in the root; what is kept of it lies in its record, or
    from a cluster on."""
    clusters = -(-len(kept) // 4096)
    hole = -(-size // 4096)
    where = run(clusters, cluster)
    data = (
        non_resident(0x80, len(kept), where, name="WofCompressedData", last=clusters - 1)
        if cluster
        else resident(0x80, kept, name="WofCompressedData")
    )
    return record(
        standard(bits=0x220),
        file_name(name),
        non_resident(0x80, size, run(hole, None), last=hole - 1, flags=0x8000),
        data,
        resident(0xC0, reparse(algorithm, provider=provider)),
        flags=flags,
    )
