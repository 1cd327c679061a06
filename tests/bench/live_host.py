r"""The live default sweep of the made host (``made_host.py``), by the built exe under Wine.

``python -m tests.bench.live_host [--runs 3] [--samples DIR]``

The host is Wine's own with the made host and the exe on its ``C:``, without another drive. Each run
is the whole call: Wine starts the exe, and the report is written. The report has to say that each
source looked at all that was made, and that nothing was found: else the bench is void, and fails.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.model.codec import decode
from agent.model.report import Report
from tests.evidence.images import laid_down
from tests.windows.host import REPOSITORY, Host

from .engine import CACHE, LOGS, logs_of
from .made_host import NAME, made_host
from .other_work import load
from .windows_image import EXAMINED

sys.path[:0] = [str(REPOSITORY / "build"), str(REPOSITORY / "build" / "wine")]

_SHOWN_MS = 50


def by_path(top: Path, there: str) -> dict[str, bytes]:
    """The files below a folder, by their paths on ``C:``."""
    return {
        "\\".join((there, *path.relative_to(top).parts)): path.read_bytes()
        for path in sorted(top.rglob("*"))
        if path.is_file()
    }


def sweep(host: Host, *options: str) -> tuple[int, Report]:
    """Exit code and report; ``C:`` is all that there is, the exe included."""
    out = host.lab.drive_c / "reports"
    shutil.rmtree(out, ignore_errors=True)
    command = ["live", "--out", r"C:\reports", "--no-delivery", *options]
    done = host.lab.run_exe(r"C:\iocsweep\iocsweep.exe", command, cwd=host.lab.drive_c, timeout=600)
    reports = list(out.glob("*.json"))
    if len(reports) != 1:
        raise SystemExit(done.stdout + done.stderr)
    return done.returncode, decode(reports[0].read_bytes())


@contextmanager
def host_of(samples: Path) -> Iterator[Host]:
    """The made host with the exe on it."""
    from build_exe import main as build
    from lab import Lab

    CACHE.mkdir(parents=True, exist_ok=True)
    made = made_host(CACHE / NAME, samples, logs_of(samples / "evtx-hosts"))
    files = by_path(made, "C:")
    dist = REPOSITORY / "dist"
    if build(["--dist", str(dist)]):
        raise SystemExit("the exe was not built")
    with tempfile.TemporaryDirectory(dir=CACHE) as place:
        lab = Lab.make().clone_prefix(Path(place, "prefix"))
        laid_down(lab.drive_c, {**files, **by_path(dist / "iocsweep", "C:\\iocsweep")})
        lab.map_drive("z", None)
        try:
            yield Host(lab, Path(), Path())
        finally:
            lab.kill_all()


def main() -> None:
    """The bench by the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--samples", type=Path, default=LOGS.parent)
    options = parser.parse_args()
    with host_of(options.samples) as host:
        measure(host, options.runs)


def measure(host: Host, runs: int) -> None:
    """Sweeps in turn; the first, of a cold host, does not count."""
    sweep(host)
    print(f"the live default sweep of the made host and Wine's own files; {load()}")
    for _ in range(runs):
        start = time.perf_counter()
        code, report = sweep(host)
        wall = time.perf_counter() - start
        told = {one.source: one for one in report.coverage}
        print(f"  {wall:6.2f} s, exit code {code}")
        for source, one in told.items():
            if one.elapsed_ms >= _SHOWN_MS:
                print(f"    {source:26}{one.examined:10,}{one.elapsed_ms:8,} ms", flush=True)
        if report.findings:
            raise SystemExit(f"void: {len(report.findings)} findings")
        for source, count in EXAMINED.items():
            if told[source].examined < count:
                raise SystemExit(f"void: {source}: {told[source].examined:,}, not {count:,}")


if __name__ == "__main__":
    main()
