"""A Dask cluster on loopback: a scheduler and workers as processes, stopped when a test ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType

import trustme

from tests.lanes import HERE

_PATIENCE_S = 60
_LOOPBACK = ("--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0", "--no-dashboard")


class Cluster:
    """``folder``: where its processes write; ``protocol``: ``tcp`` or ``tls``; ``environment``: of
    all of them."""

    def __init__(self, folder: Path, protocol: str = "tcp", **environment: str) -> None:
        self.folder = folder
        self._protocol = protocol
        self._environment = environment
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._held = ExitStack()
        self._file = folder / "scheduler.json"

    def __enter__(self) -> Cluster:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._started("scheduler", "scheduler", "--port", "0", "--protocol", self._protocol)
        until(lambda: self._file.exists() and bool(self._file.read_bytes()))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self.processes.values():
            process.kill()
        for process in self.processes.values():
            process.wait()
        self._held.close()

    @property
    def address(self) -> str:
        """``tcp://127.0.0.1:PORT``"""
        return str(json.loads(self._file.read_bytes())["address"])

    def worker(self, name: str, before: str = "", **environment: str) -> None:
        """One with one thread. ``before``: Python that its processes run when they start."""
        hook = self.folder / f"{name}-first"
        hook.mkdir()
        (hook / "sitecustomize.py").write_text(before, encoding="utf-8")
        where = ("--local-directory", str(self.folder / name))
        self._started(
            name, "worker", "--name", name, "--nthreads", "1", "--no-nanny", *where,
            PYTHONPATH=os.pathsep.join((str(hook), str(HERE.parent))), **environment,
        )  # fmt: skip

    def kill(self, name: str) -> None:
        """As a machine that loses its power."""
        self.processes[name].send_signal(signal.SIGKILL)
        self.processes[name].wait()

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(encoding="utf-8")

    def _started(self, name: str, kind: str, *arguments: str, **environment: str) -> None:
        log = self._held.enter_context((self.folder / f"{name}.log").open("wb"))
        module = f"distributed.cli.dask_{kind}"
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", module, "--scheduler-file", str(self._file), *_LOOPBACK,
             *arguments],
            stdout=log, stderr=log, cwd=self.folder,
            env={**os.environ, "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES": "[]",
                 "DASK_DISTRIBUTED__WORKER__HTTP__ROUTES": "[]", **self._environment,
                 **environment},
        )  # fmt: skip


def certified(folder: Path) -> dict[str, str]:
    """Dask's configuration for TLS, each side with a certificate of one authority: variables."""
    folder.mkdir()
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    own = authority.issue_cert("127.0.0.1")
    own.private_key_and_cert_chain_pem.write_to_path(str(folder / "own.pem"))
    start = "DASK_DISTRIBUTED__COMM__TLS"
    made = {f"{start}__CA_FILE": str(folder / "ca.pem")}
    for side in ("SCHEDULER", "WORKER", "CLIENT"):
        made |= {f"{start}__{side}__{part}": str(folder / "own.pem") for part in ("CERT", "KEY")}
    return {**made, "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True"}


@contextmanager
def sweeping(*arguments: str | Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The command, as a process; killed if it is still there."""
    command = [sys.executable, "-P", "-m", "agent", *map(str, arguments)]
    python_path = {"PYTHONPATH": str(HERE.parent)}
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **python_path, **environment},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def until(holds: Callable[[], bool]) -> None:
    """Waits; raises TimeoutError when it takes too long."""
    end = time.monotonic() + _PATIENCE_S
    while not holds():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.05)
