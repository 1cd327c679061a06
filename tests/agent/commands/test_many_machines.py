"""``docs/many-machines.md``: what it says to type is tried, as far as it can be here."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from agent.cli import main
from agent.model.codec import decode
from agent.model.report import Report, Verdict
from agent.options import parse
from tests.evidence.clusters import until
from tests.evidence.slurm import slurm, told
from tests.evidence.small_disks import disk, strong
from tests.lanes import HERE

PAGE = (HERE.parent / "docs/many-machines.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", PAGE, re.DOTALL)
CAN_RUN_SLURM = (
    shutil.which("slurmctld") is not None
    and shutil.which("slurmd") is not None
    and os.geteuid() == 0
    and os.path.ismount("/sys/fs/cgroup")
)


def blocks(language: str) -> list[str]:
    return [text for kind, text in BLOCKS if kind == language]


def script() -> str:
    (found,) = blocks("bash")
    return found


def manifests() -> list[dict[str, Any]]:
    (found,) = blocks("yaml")
    return [*yaml.safe_load_all(found)]


def pod() -> dict[str, Any]:
    found: dict[str, Any] = manifests()[0]["spec"]["template"]["spec"]
    return found


def commands() -> list[list[str]]:
    """All that starts iocsweep on the page, as words."""
    whole = "\n".join([*blocks("sh"), script(), pod()["containers"][0]["command"][2]])
    lines = (line.partition("#")[0] for line in whole.splitlines())
    words = [shlex.split(line) for line in lines if re.search(r"\biocsweep (offline|render)", line)]
    return [line[line.index("iocsweep") + 1 :] for line in words]


def reports(out: Path) -> list[Report]:
    return [decode(path.read_bytes()) for path in sorted(out.glob("*.json"))]


def by_path(made: list[Report]) -> list[Report]:
    return sorted(made, key=lambda one: one.target.paths)


def test_each_command_of_the_page_is_one_that_is_understood() -> None:
    known = [parse(words if words[1:2] != ["--resume"] else [*words, "x"]) for words in commands()]
    assert [one.command for one in known] == ["offline", "offline", "render", "offline", "offline"]
    assert known[0].scheduler == "tcp://10.0.0.5:8786"
    alone = [one for one in known if one.exit_zero]
    assert [(one.resume, one.quiet, one.paths) for one in alone] == [(True, True, ["$image"])] * 2
    assert [str(one.out) for one in alone] == ["reports", "/reports"]


def test_the_array_goes_on_where_it_was_and_its_hits_are_no_failures() -> None:
    asked = dict(re.findall(r"^#SBATCH --([a-z-]+)=?(.*)$", script(), re.MULTILINE))
    assert asked["open-mode"] == "append"
    assert "requeue" in asked
    assert script().startswith("#!/bin/bash\n")


def test_the_pods_have_no_rights_and_no_network() -> None:
    job, network = manifests()
    spec = job["spec"]
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "Job")
    assert (spec["completionMode"], spec["backoffLimitPerIndex"]) == ("Indexed", 3)
    assert spec["maxFailedIndexes"] == spec["completions"] >= spec["parallelism"] > 0
    assert pod()["restartPolicy"] == "Never", "as an Indexed Job with limits of its own needs it"
    assert pod()["automountServiceAccountToken"] is False
    assert pod()["securityContext"]["runAsNonRoot"] is True
    (container,) = pod()["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    volumes = {one["name"]: one for one in pod()["volumes"]}
    mounts = {one["name"]: one for one in container["volumeMounts"]}
    assert volumes.keys() == mounts.keys()
    assert mounts["evidence"]["readOnly"] is True
    assert volumes["evidence"]["persistentVolumeClaim"]["readOnly"] is True
    written = [mount["mountPath"] for mount in mounts.values() if not mount.get("readOnly")]
    for place in (container["env"][0]["value"], container["env"][1]["value"], "/reports"):
        assert place.startswith(tuple(written))

    assert (network["apiVersion"], network["kind"]) == ("networking.k8s.io/v1", "NetworkPolicy")
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert network["spec"]["podSelector"]["matchLabels"] == labels
    assert network["spec"] | {"podSelector": None} == {
        "podSelector": None, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": [],
    }  # fmt: skip


def on_the_path(tmp_path: Path) -> Path:
    """A folder in which the program lies under its name."""
    program = tmp_path / "bin/iocsweep"
    program.parent.mkdir()
    home = shlex.quote(str(HERE.parent))
    program.write_text(
        f'#!/bin/sh\nPYTHONPATH={home} exec {shlex.quote(sys.executable)} -P -m agent "$@"\n',
        encoding="utf-8",
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program.parent


def listed(tmp_path: Path) -> list[Path]:
    paths = [strong(tmp_path / "e/ws-1.dd"), *(disk(tmp_path / f"e/ws-{n}.dd") for n in (2, 3))]
    (tmp_path / "images.txt").write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
    return paths


def test_each_index_sweeps_its_line_and_a_second_time_there_is_nothing_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = listed(tmp_path)
    monkeypatch.setenv("PATH", f"{on_the_path(tmp_path)}:{os.environ['PATH']}")
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    command = pod()["containers"][0]["command"]
    assert command[:2] == ["/bin/sh", "-euc"]
    here = command[2].replace("/list/", f"{tmp_path}/").replace("/reports", f"{tmp_path}/reports")
    ended = [
        subprocess.run(
            [*command[:2], here], env={**os.environ, "JOB_COMPLETION_INDEX": str(index)},
            capture_output=True, text=True, check=False,
        )
        for index in (0, 1, 1, 3)
    ]  # fmt: skip
    assert [one.returncode for one in ended[:3]] == [0, 0, 0], "a hit is no failure"
    assert json.loads(ended[2].stdout.splitlines()[-1])["resumed"] == 1
    assert "images.txt has no line 4" in ended[3].stderr
    assert ended[3].returncode != 0, "an image that is not there was not swept"
    made = reports(tmp_path / "reports")
    assert [one.target.paths for one in by_path(made)] == [[str(path)] for path in paths[:2]]


@pytest.mark.skipif(not CAN_RUN_SLURM, reason="slurmctld, slurmd, root and cgroups")
def test_slurm_runs_the_array(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = listed(tmp_path)
    monkeypatch.setenv("PATH", f"{on_the_path(tmp_path)}:{os.environ['PATH']}")
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sweep.sbatch").write_text(script(), encoding="utf-8")
    (sent,) = [line for line in "\n".join(blocks("sh")).splitlines() if line.startswith("sbatch")]
    with slurm(tmp_path / "slurm") as environment:
        for _ in range(2):  # again: what is there stays as it is
            assert "Submitted batch job" in told("bash", "-c", sent, environment=environment)
            until(lambda: not told("squeue", "--noheader", environment=environment).strip())
        states = told("scontrol", "show", "job", environment=environment)
    assert re.findall(r"JobState=(\w+)", states) == ["COMPLETED"] * 6, states
    made = reports(tmp_path / "reports")
    assert [one.target.paths for one in by_path(made)] == [[str(path)] for path in paths]
    assert [one.verdict is Verdict.HIT for one in by_path(made)] == [True, False, False]
    assert [*(tmp_path / "reports").iterdir()] == [*(tmp_path / "reports").glob("*.json")]
    said = [path.read_text(encoding="utf-8") for path in tmp_path.glob("iocsweep-*.log")]
    assert len(said) == 6
    lasts = [json.loads(text.splitlines()[-1]) for text in said]
    assert sorted(one["resumed"] for one in lasts) == [0, 0, 0, 1, 1, 1]
    monkeypatch.undo()
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    given = [str(path) for path in paths]
    assert main(["offline", *given, "--resume", "--out", str(tmp_path / "reports")]) == 1
    assert len(reports(tmp_path / "reports")) == 3
