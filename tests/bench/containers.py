"""What a container costs a sweep: the same volume raw and in each, in one run.

    python -m tests.bench.containers IMAGE [--runs 5] [--room DIR]

IMAGE: a raw NTFS volume or disk, such as ``python -m tests.bench.ntfs`` keeps in ``.cache/``. QEMU's
and libewf's tools put it into each container, once. Every sweep is a process of its own, ``python -m
agent offline``, start to end; they take turns and the best time counts. Beside it the time that
reading the whole container takes: by our reader, by qemu-img (compared with the raw image, which it
reads as well), and of a dynamic VHD by libvhdi. ``allowed``: 1.3 times the raw sweep and our own
reading.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from agent.targets.offline.containers.opening import open_medium
from tests.evidence.containers import EWF, acquired, converted

NAMES = ("best.E01", "dynamic.vhdx", "sparse.vmdk", "stream.vmdk", "zlib.qcow2", "zstd.qcow2",
         "dynamic.vhd", "dynamic.vdi")  # fmt: skip
ROOT = Path(__file__).parents[2]
PIECE = 1 << 20
SHARE = 1.3


def best(runs: int, *ways: Callable[[], None]) -> list[float]:
    """Seconds of each, the least of its runs; they take turns."""
    times = [float("inf")] * len(ways)
    for _ in range(runs):
        for index, way in enumerate(ways):
            began = time.perf_counter()
            way()
            times[index] = min(times[index], time.perf_counter() - began)
    return times


def sweeping(path: Path, room: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "agent", "offline", path, "--out", room / "out", "--no-delivery",
         "--quiet", "--exit-zero"],
        check=True, cwd=ROOT, stdout=subprocess.DEVNULL,
        env={**os.environ, "IOCSWEEP_HOME": str(room / "home")},
    )  # fmt: skip


def reading(path: Path) -> None:
    medium, space = open_medium(str(path)), memoryview(bytearray(PIECE))
    at = 0
    while count := medium.source.read_into(at, space):
        at += count
    medium.source.close()


def by_qemu(path: Path, raw: Path) -> None:
    subprocess.run(["qemu-img", "compare", "-q", "-F", "raw", path, raw], check=True)


def by_libvhdi(path: Path) -> None:
    import pyvhdi  # type: ignore[import-not-found]

    disk = pyvhdi.file()
    disk.open(str(path))
    for at in range(0, disk.get_media_size(), PIECE):
        disk.read_buffer_at_offset(min(PIECE, disk.get_media_size() - at), at)
    disk.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--room", type=Path)
    options = parser.parse_args()
    room = options.room or Path(tempfile.mkdtemp(prefix="iocsweep-containers-"))
    room.mkdir(exist_ok=True)
    good = True
    try:
        raw = options.image.absolute()
        print(f"load {os.getloadavg()[0]:.2f}   {raw.name}, {raw.stat().st_size / 1e6:,.0f} MB")
        print(f"{'':14}{'sweep':>8}{'raw':>8}{'ratio':>7}{'reading':>9}{'MB/s':>7}{'allowed':>9}"
              f"{'qemu-img':>10}")  # fmt: skip
        for name in NAMES:
            path = room / name
            if not path.exists():
                (acquired if name in EWF else converted)(raw, name, room)
            sweep, plain = best(
                options.runs, partial(sweeping, path, room), partial(sweeping, raw, room)
            )
            (read,) = best(3, partial(reading, path))
            allowed = SHARE * plain + read
            good &= sweep <= allowed
            beside = ""
            if name not in EWF:
                (seconds,) = best(1, partial(by_qemu, path, raw))
                beside = f"{seconds:9.2f}s"
            size = raw.stat().st_size / 1e6
            print(f"{name:14}{sweep:7.2f}s{plain:7.2f}s{sweep / plain:6.2f}x{read:8.2f}s"
                  f"{size / read:7,.0f}{allowed:8.2f}s{beside}"
                  f"{'' if sweep <= allowed else '   TOO SLOW'}")  # fmt: skip
            if name == "dynamic.vhd":
                try:
                    (library,) = best(1, partial(by_libvhdi, path))
                except ImportError:
                    print("libvhdi: needs the package libvhdi-python")
                else:
                    print(f"{'libvhdi':14}{'':30}{library:8.2f}s{size / library:7,.0f}"
                          f"   ours is {library / read:.1f}x as fast")  # fmt: skip
    finally:
        if options.room is None:
            shutil.rmtree(room, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
