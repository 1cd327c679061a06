"""The corpus through every target, and a few thousand inputs of the fuzzer's own.

How many is fixed, not how long: a busy machine is no defect. ``make fuzz`` runs for longer.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from .seeds import seeds
from .targets import TARGETS, corpus

ROOT = Path(__file__).parents[2]
RUNS = {
    "boot_sector": 100_000,
    "run_list": 50_000,
    "attribute_list": 100_000,
    "lznt1": 20_000,
    "overlay": 10_000,
    "fixups": 30_000,
    "record": 1_000,
    "folder_index": 5_000,
    "volume": 2_000,
    "usn_journal": 10_000,
    "log_file": 1_500,
    "shadow_copies": 1_000,
    "archive": 20_000,
    "remembered": 20_000,
    "memories": 4_000,
}
"""Inputs for each target: a few seconds."""
MAX_CORPUS = 300 << 10
needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="needs atheris, which has wheels for Python 3.11 to 3.13 on Linux x86-64 alone",
)


@pytest.mark.parametrize("target", TARGETS)
def test_every_input_of_the_corpus_ends_in_a_result_or_a_typed_error(target: str) -> None:
    inputs = corpus(target)
    assert inputs
    for path in inputs:
        TARGETS[target](path.read_bytes())


def test_the_corpus_is_small_and_its_seeds_are_what_the_script_makes() -> None:
    assert seeds().keys() == TARGETS.keys() == RUNS.keys()
    files = [path for target in TARGETS for path in corpus(target)]
    assert sum(path.stat().st_size for path in files) < MAX_CORPUS
    made = {
        f"{target}/{name}": data for target in TARGETS for name, data in seeds()[target].items()
    }
    kept = {
        f"{path.parent.name}/{path.name}": path.read_bytes()
        for path in files
        if not path.name.startswith("found-")
    }
    assert kept == made


@needs_atheris
@pytest.mark.parametrize("target", TARGETS)
def test_the_fuzzer_finds_nothing(target: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            # libFuzzer takes the most memory that this very process ever had for its own, and one
            # that pytest starts inherits pytest's: so a shell starts it.
            "sh",
            "-c",
            '"$@"; exit $?',
            "sh",
            sys.executable,
            "-m",
            "tests.fuzz.run",
            target,
            f"-runs={RUNS[target]}",
            "-seed=2018",
            f"-artifact_prefix={tmp_path}/",
            str(tmp_path),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert f"Done {RUNS[target]} runs" in done.stderr
