"""Many images on a Dask cluster of three workers on this machine, one of which is killed in
mid-task; beside the same with ``--jobs 3``.

    python -m tests.bench.cluster IMAGE [--images 8] [--room DIR]

IMAGE: a raw NTFS volume or disk, large enough that a sweep takes a second. It stands for as many
hosts as there are to be, by hard links of other names. The worker is killed as soon as a sweep of
its has a journal. The times are of whole commands; the cluster is there before.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

import psutil

from agent.model.codec import decode
from tests.evidence.clusters import Cluster, sweeping, until

WORKERS = ("first", "second", "third")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--room", type=Path, help="on the volume of IMAGE")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.room or asked.image.parent) as made:
        room = Path(made)
        os.environ["IOCSWEEP_HOME"] = str(room / "home")
        images = [room / f"ws-{number}.dd" for number in range(asked.images)]
        for image in images:
            os.link(asked.image, image)
        jobs = timed(images, room / "jobs", "--jobs", str(len(WORKERS)))
        print(f"--jobs {len(WORKERS)}: {jobs:.1f} s")
        with Cluster(room / "cluster") as running:
            for name in WORKERS:
                running.worker(name)
            until(lambda: all("Registered to" in running.said(name) for name in WORKERS))
            given = ("--scheduler", running.address)
            print(f"--scheduler: {timed(images, room / 'whole', *given):.1f} s")
            seconds = timed(images, room / "killed", *given, killing=running)
            print(f"--scheduler, one of {len(WORKERS)} workers killed: {seconds:.1f} s")


def timed(images: list[Path], out: Path, *given: str, killing: Cluster | None = None) -> float:
    """Seconds; ends the program where an image has no report, or two."""
    began = time.perf_counter()
    with sweeping("offline", *images, *given, "--out", out, "--exit-zero", "--quiet") as command:
        if killing is not None:
            until(lambda: has_a_sweep(killing) and any(out.glob("*.partial.jsonl")))
            killing.kill(WORKERS[0])
        command.communicate()
    seconds = time.perf_counter() - began
    reports = [decode(path.read_bytes()) for path in out.glob("*.json")]
    swept = sorted(report.target.paths[0] for report in reports)
    if swept != sorted(map(str, images)) or command.returncode:
        raise SystemExit(f"{given[0]}: {len(reports)} reports of {len(images)} images")
    return seconds


def has_a_sweep(running: Cluster) -> bool:
    """Whether the worker that is to be killed is at work."""
    return bool(psutil.Process(running.processes[WORKERS[0]].pid).children())


if __name__ == "__main__":
    main()
