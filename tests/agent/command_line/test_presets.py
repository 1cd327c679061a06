"""Presets: what a channel needs, as one word; what is given wins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from agent.command_line.manners import manners_of
from agent.command_line.presets import PRESETS, SILENT
from agent.exit_codes import UsageError
from agent.options import parse

REPOSITORY = Path(__file__).parents[3]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
LIMITS_S = {"live-response": 10 * 60, "intune": 30 * 60}
"""Of the channel: a script of Live Response by its API, a remediation."""


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_says_what_its_options_say(name: str) -> None:
    options = parse(["--preset", name])
    given = parse([*PRESETS[name]])
    for field in given.__struct_fields__:
        if field not in ("preset", "taken"):
            assert getattr(options, field) == getattr(given, field), field
    assert options.preset == name
    assert set(options.taken.values()) == {f"--preset {name}"}


@pytest.mark.parametrize("name", PRESETS)
def test_the_readme_has_what_it_stands_for(name: str) -> None:
    (row,) = [line for line in README.splitlines() if line.startswith(f"| `{name}` |")]
    assert f"`{' '.join(PRESETS[name]).replace('=', ' ')}`" in row


@pytest.mark.parametrize(("name", "limit"), LIMITS_S.items())
def test_sweeping_and_sending_end_within_the_channels_time(name: str, limit: int) -> None:
    options = parse(["--preset", name])
    assert options.max_runtime is not None
    assert options.send_window is not None
    assert options.max_runtime + options.send_window < limit


def test_what_is_given_wins(tmp_path: Path) -> None:
    assert parse(["--preset", "intune", "--max-runtime", "5m"]).max_runtime == 300
    assert parse(["--preset", "intune"], {"IOCSWEEP_MAX_RUNTIME": "5m"}).max_runtime == 300
    assert parse(["--preset", "intune"], {"IOCSWEEP_NICE": "0"}).nice is False
    (tmp_path / "args").write_text("--preset\nintune\n--max-runtime\n5m\n")
    options = parse([f"@{tmp_path / 'args'}"])
    assert (options.max_runtime, options.send_window) == (300, 180)


def test_a_variable_may_name_it_and_the_command_line_another() -> None:
    environment = {"IOCSWEEP_PRESET": "intune"}
    assert parse([], environment).exit_zero
    other = parse(["--preset", "live-response"], environment)
    assert (other.exit_zero, other.max_runtime) == (False, 480)


def test_there_are_no_others() -> None:
    with pytest.raises(UsageError, match="IOCSWEEP_PRESET: argument --preset: invalid choice"):
        parse([], {"IOCSWEEP_PRESET": "psexec"})
    with pytest.raises(UsageError, match="unrecognized arguments: --preset"):
        parse(["offline", "x", "--preset", "intune"])


@pytest.mark.parametrize(
    ("arguments", "environment", "one_line", "silent"),
    [
        ([], {}, False, False),
        (["--quiet"], {}, True, False),
        ([], {"IOCSWEEP_QUIET": "1"}, True, False),
        (["--preset", "intune"], {}, True, True),
        (["--preset=intune", "--memory", "some"], {}, True, True),
        (["--preset", "live-response"], {"IOCSWEEP_PRESET": "intune"}, True, False),
        (["x"], {"IOCSWEEP_PRESET": "intune"}, True, True),
        (["@FILE"], {}, True, True),
        (["@nowhere"], {}, False, False),
        (["--preset"], {}, False, False),
    ],
)
def test_how_it_ends_is_known_before_anything_is_parsed(
    tmp_path: Path,
    arguments: list[str],
    environment: dict[str, str],
    one_line: object,
    silent: object,
) -> None:
    (tmp_path / "args").write_text("--preset\nintune\n--unknown\n")
    given = [one.replace("FILE", str(tmp_path / "args")) for one in arguments]
    assert manners_of(given, environment) == (one_line, silent)


INTUNE = ["--preset", "intune"]
ERRORS = {
    "clean": ([*INTUNE, "TREE", "--only", "files"], 0),
    "a variable is said nowhere": (["TREE", "--only", "files", "--no-delivery"], 0),
    "usage": ([*INTUNE, "--memory", "some"], 2),
    "a long error": ([*INTUNE, "--memory", "\U0001f600" * 900], 2),
    "no such pack": ([*INTUNE, "--pack", "/nowhere.yaml"], 2),
    "a defect": ([*INTUNE, "TREE", "DEFECT"], 2),
    "a part that does not load": ([*INTUNE, "TREE", "BLOCKED"], 2),
    "the program does not load": ([*INTUNE, "TREE", "GONE"], 2),
}
DEFECT = """
import sys
from agent import cli
from agent.commands import sweep
sweep.load_packs = None
sys.exit(cli.main())
"""
BROKEN = {
    "BLOCKED": ("boreal.py", "raise ImportError('DLL load failed')\n"),
    "GONE": ("msgspec.py", "raise ImportError('blocked')\n"),
}


@pytest.mark.parametrize("what", ERRORS)
def test_intune_gets_one_line_and_nothing_on_stderr(tmp_path: Path, what: str) -> None:
    words, code = ERRORS[what]
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "note.txt").write_text("nothing")
    (tmp_path / "path").mkdir()
    for word, (name, text) in BROKEN.items():
        if word in words:
            (tmp_path / "path" / name).write_text(text)
    arguments = [word.replace("TREE", str(tmp_path / "tree")) for word in words]
    environment = {
        **os.environ, "IOCSWEEP_HOME": str(tmp_path / "home"),
        "PYTHONPATH": str(tmp_path / "path"),
        "IOCSWEEP_PAUSE": "1s",
    }  # fmt: skip
    if what.startswith("a variable"):
        environment["IOCSWEEP_PRESET"] = "intune"
    program = ["-c", DEFECT] if "DEFECT" in words else ["-m", "agent"]
    done = subprocess.run(
        [sys.executable, *program, *[one for one in arguments if not one.isupper()]],
        cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    assert line.isascii()
    assert len(line) <= 2048
    told = json.loads(line)
    assert done.returncode == code
    assert told["verdict"] == ("clean" if code == 0 else None)
    if code:
        assert told["error"]


def test_only_intune_is_silent() -> None:
    assert set(SILENT) == {"intune"}
