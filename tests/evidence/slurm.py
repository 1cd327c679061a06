"""Slurm on loopback: a controller and one node as processes of this user, stopped when a test ends.

No munge, no accounting, no cgroups; a configuration and folders of its own.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .clusters import until

_CONFIGURATION = """
ClusterName=loop
SlurmctldHost={name}(127.0.0.1)
SlurmctldPort={controller}
SlurmdPort={node}
SlurmUser=root
SlurmdUser=root
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/controller.pid
SlurmdPidFile={folder}/node.pid
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
ReturnToService=2
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MailProg=/bin/true
NodeName={name} NodeAddr=127.0.0.1 CPUs=2 RealMemory=2048
PartitionName=all Nodes={name} Default=YES MaxTime=INFINITE State=UP
"""


@contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """The environment in which its commands reach it."""
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    with socket.socket() as one, socket.socket() as other:
        for each in (one, other):
            each.bind(("127.0.0.1", 0))
        controller, node = one.getsockname()[1], other.getsockname()[1]
    name = socket.gethostname().partition(".")[0]
    made = _CONFIGURATION.format(name=name, controller=controller, node=node, folder=folder)
    (folder / "slurm.conf").write_text(made, encoding="utf-8")
    environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
    with (folder / "slurm.log").open("wb") as log:
        running = [
            subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder)
            for command in (["slurmctld", "-D", "-c"], ["slurmd", "-D"])
        ]
        try:
            until(lambda: "idle" in told("sinfo", "--noheader", environment=environment))
            yield environment
        finally:
            told("scancel", "--user", "root", environment=environment)
            _ended(running)


def told(*command: str, environment: dict[str, str]) -> str:
    """What a command says."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout


def _ended(running: list[subprocess.Popen[bytes]]) -> None:
    """The node first; a job's own process ends with its job."""
    for process in reversed(running):
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
