"""Windows programs and DLLs from C, by Debian's MinGW."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from wine import LabError, checked, program

MINGW = "x86_64-w64-mingw32-"


def compile_pe(arguments: Sequence[str | Path], out: Path) -> None:
    """Compile and link a Windows program; the same bytes from the same input, wherever.

    The linker would make a DLL's image base of a hash of the path that it writes to ("ld", section
    "Options specific to PE": --enable-auto-image-base).
    """
    compiler = program(f"{MINGW}gcc", "gcc-mingw-w64-x86-64")
    out.parent.mkdir(parents=True, exist_ok=True)
    options: list[str | Path] = [
        "-Os",
        "-s",
        "-Wall",
        "-Werror",
        "-Wl,--no-insert-timestamp",
        "-Wl,--disable-auto-image-base",
        "-o",
        out,
    ]
    checked([compiler, *options, *arguments], f"compiling {out.name}")


def compile_dll(
    source: Path,
    exports: Sequence[str],
    out: Path,
    size: int | None = None,
    libraries: Sequence[str] = (),
) -> Path:
    """Compile a C file to a DLL that exports exactly `exports`; gives `out`.

    size: bytes the file shall have; the rest is zeros after the last section, which loaders
    ignore. Raises `LabError` if the code alone is larger.
    """
    with tempfile.TemporaryDirectory() as scratch:
        definition = Path(scratch) / "exports.def"
        text = "EXPORTS\n" + "".join(f"  {name}\n" for name in exports)
        definition.write_text(text, encoding="ascii")
        linked = [f"-l{name}" for name in libraries]
        compile_pe(["-shared", source, definition, *linked], out)
    if size is not None:
        have = out.stat().st_size
        if have > size:
            raise LabError(f"{out} has {have:,} bytes, more than the {size:,} asked for")
        with out.open("ab") as file:
            file.write(bytes(size - have))
    return out
