"""The deployment kit: what it asks of the program is there, and each file is of its channel's form."""

from __future__ import annotations

import re
import string
from collections.abc import Iterator
from pathlib import Path

import jinja2
import pytest
import yaml

from agent import cli
from agent.command_line.commands import COMMANDS
from agent.home import REPORTS
from agent.options import parse

ROOT = Path(__file__).parents[1]
KIT = ROOT / "build" / "deploy"
GUIDE = ROOT / "docs" / "deploying.md"
SCRIPTS = sorted(KIT.rglob("*.ps1"))
FILES = sorted(path for path in KIT.rglob("*") if path.is_file())
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*[a-z](?![\w-])")
_FLEET = "clean" in COMMANDS
"""Whether the program has what a fleet needs; the kit is written for that."""
AWAITED: set[str] = set() if _FLEET else {"--once", "--preset", "--yes"}
AWAITED_PRESETS: set[str] = set() if _FLEET else {"gpo-startup", "intune", "live-response", "rtr"}


def known_options(capsys: pytest.CaptureFixture[str]) -> set[str]:
    """Of all commands, as their helps name them."""
    found = set()
    for command in COMMANDS:
        with pytest.raises(SystemExit):
            cli.main([command, "--help"])
        found |= set(_OPTION.findall(capsys.readouterr().out))
    return found


@pytest.mark.parametrize("path", [*FILES, GUIDE], ids=lambda path: path.name)
def test_every_option_that_is_used_is_one_of_the_program(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    used = set(_OPTION.findall(path.read_text("utf-8")))
    assert used - known_options(capsys) - AWAITED == set()


def test_the_kit_is_not_looked_at_in_vain() -> None:
    used = {option for path in FILES for option in _OPTION.findall(path.read_text("utf-8"))}
    assert {"--quiet", "--once", "--preset", "--collector", "--yes", "--no-delivery"} <= used


@pytest.mark.parametrize("path", [*FILES, GUIDE], ids=lambda path: path.name)
def test_every_preset_and_command_is_one_of_the_program(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = path.read_text("utf-8")
    with pytest.raises(SystemExit):
        cli.main(["live", "--help"])
    told = re.search(r"--preset[ =\n]*\{([a-z,-]+)\}", capsys.readouterr().out)
    presets = set(told[1].split(",")) if told else AWAITED_PRESETS
    assert set(re.findall(r"--preset[ =]([a-z-]+)", text)) <= presets
    commands = set(re.findall(r"iocsweep\.exe (?!is\b|did\b)([a-z]+)\b", text))
    assert commands - {*COMMANDS, *([] if _FLEET else ["clean"])} == set()


def command_lines() -> Iterator[tuple[str, list[str]]]:
    """Each that stands whole in the kit, with the file; and the arguments of the scripts."""
    for path in KIT.glob("**/*.txt"):
        for line in path.read_text("utf-8").splitlines():
            _, program, rest = line.partition("iocsweep.exe ")
            if program and rest.startswith(("-", *COMMANDS, "clean")):
                yield path.name, rest.split()
    given = (KIT / "sweep.args").read_text("ascii").splitlines()
    yield "sweep.args", [line for line in given if not line.startswith("#")]
    script = (KIT / "intune/Remediate-IocSweep.ps1").read_text("ascii")
    yield "Remediate-IocSweep.ps1", re.findall(r"^ +'(--[^']+)'", script, re.MULTILINE)
    script = (KIT / "Invoke-IocSweep.ps1").read_text("ascii")
    options = re.findall(r"Arguments \+= '(--[a-z-]+=)'", script)
    values = {"--preset=": "rtr", "--collector=": "https://collector.example"}
    yield "Invoke-IocSweep.ps1", ["live", "--quiet", *(o + values.get(o, "x") for o in options)]
    cleaning = re.search(r"@\('clean'[^)]*\)", script)
    assert cleaning is not None
    yield "Invoke-IocSweep.ps1", re.findall(r"'([^']+)'", cleaning[0])


@pytest.mark.parametrize(("name", "arguments"), [*command_lines()])
def test_the_program_takes_each_command_line_of_the_kit(name: str, arguments: list[str]) -> None:
    if not _FLEET:
        arguments = [one for one in arguments if one.partition("=")[0] not in AWAITED]
        arguments = arguments if arguments[0] != "clean" else ["send", "--quiet"]
    assert parse(arguments).command in COMMANDS, name


def test_reports_are_fetched_from_where_a_sweep_writes_them() -> None:
    text = (KIT / "psexec.txt").read_text("utf-8")
    (fetched,) = re.findall(r"^    copy (\S+\\iocsweep\\\S+)", text, re.MULTILINE)
    assert fetched.endswith(rf"\C$\ProgramData\iocsweep\{REPORTS}\*.json")


def test_nothing_in_the_kit_names_a_real_server() -> None:
    for path in [*FILES, GUIDE]:
        hosts = re.findall(r"https?://([^/:\s\"']+)", path.read_text("utf-8"))
        assert set(hosts) <= {
            "collector.example", "fileserver.example", "schemas.microsoft.com",
        }  # fmt: skip


def test_arguments_of_the_file_are_one_a_line() -> None:
    lines = (KIT / "sweep.args").read_text("ascii").splitlines()
    given = [line for line in lines if not line.startswith("#")]
    assert all(_OPTION.match(line) and line == line.strip() for line in given)
    assert "--quiet" in given


# -- PowerShell ------------------------------------------------------------------------------------

ALIASES = {
    "%", "?", "cat", "cd", "copy", "cp", "curl", "del", "diff", "dir", "echo", "fl", "foreach", "ft",
    "gc", "gci", "gi", "gp", "iex", "iwr", "ls", "measure", "mv", "ni", "ps", "pwd", "rm", "sc",
    "select", "sleep", "sort", "start", "tee", "type", "where", "wget", "write",
}  # fmt: skip


def code_of(script: str) -> str:
    """Without comments, and with what stands in quotes blanked."""
    text = re.sub(r"<#.*?#>", "", script, flags=re.DOTALL)
    text = re.sub(r"'[^'\n]*'|\"[^\"\n]*\"", "''", text)
    return re.sub(r"#.*", "", text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_fit_for_windows_powershell(path: Path) -> None:
    data = path.read_bytes()
    text = data.decode("ascii")
    assert len(data) <= 4096
    code = code_of(text)
    for newer in ("&&", "||", "??", "?.", "-Parallel", "ForEach-Object -P", "ternary"):
        assert newer not in code
    assert not re.search(r"\?[^\n]*:[^:\n]", code)
    words = re.findall(r"(?:^|[|;{(]|= )\s*([A-Za-z%?][\w.-]*)", code, re.MULTILINE)
    assert {word.lower() for word in words} & (ALIASES - {"foreach"}) == set()
    for opening, closing in ("()", "{}", "[]"):
        assert code.count(opening) == code.count(closing)
    assert text.count('"') % 2 == 0
    assert set(text) <= set(string.printable) - {"\t", "\x0b", "\x0c"}


def test_the_check_finds_what_windows_powershell_refuses() -> None:
    assert "&&" in code_of("a && b # 'x'")
    assert "&&" not in code_of("'a && b'")
    assert re.search(r"\?[^\n]*:[^:\n]", code_of("$x = $a ? 1 : 2"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_program_that_a_policy_blocks_ends_in_no_code_of_a_verdict(path: Path) -> None:
    text = path.read_text("ascii")
    started = text.count("& $Exe")
    caught = re.findall(
        r"try \{\s+\$Lines = @\(& \$Exe [^}]*\} catch \{(.*?)^\}", text, re.DOTALL | re.MULTILINE
    )
    assert len(caught) == started
    assert all("exit 2" in one or "Stop-Unstarted" in one for one in caught)


def test_detection_asks_the_values_that_a_finished_sweep_leaves() -> None:
    text = (KIT / "intune/Detect-IocSweep.ps1").read_text("ascii")
    assert "'SOFTWARE\\iocsweep'" in text
    assert set(re.findall(r"GetValue\('(\w+)'", text)) == {"LastSweep", "Verdict", "Finished"}
    assert "RegistryView]::Registry64" in text
    assert "Write-Error" not in text
    assert "throw" not in text


def test_all_of_the_kit_speaks_of_one_sweep() -> None:
    text = "\n".join(path.read_text("utf-8") for path in FILES)
    named = set(re.findall(r"--once=([\w-]+)|\$Sweep = '([^']+)'", text))
    assert {"".join(one) for one in named} == {"cyzfc-2026-11"}


# -- Ansible ----------------------------------------------------------------------

MODULES = {
    "ansible.builtin.assert", "ansible.builtin.debug", "ansible.builtin.fetch",
    "ansible.builtin.include_tasks", "ansible.builtin.set_fact", "ansible.builtin.stat",
    "ansible.windows.win_command", "ansible.windows.win_copy", "ansible.windows.win_file",
}  # fmt: skip
KEYWORDS = {
    "name", "when", "register", "delegate_to", "become", "no_log", "async", "poll", "changed_when",
    "failed_when",
}  # fmt: skip


@pytest.mark.parametrize(
    "path", sorted((KIT / "ansible").rglob("tasks/*.yml")), ids=lambda path: path.name
)
def test_each_task_of_the_role_has_a_name_and_one_known_module(path: Path) -> None:
    tasks = yaml.safe_load(path.read_text("utf-8"))
    assert tasks
    for task in tasks:
        assert task["name"][0].isupper()
        assert len(task.keys() & MODULES) == 1
        assert task.keys() - MODULES <= KEYWORDS


def test_the_role_uses_no_variable_that_it_does_not_name() -> None:
    role = KIT / "ansible/roles/iocsweep"
    defaults = yaml.safe_load((role / "defaults/main.yml").read_text("utf-8"))
    made: set[str] = set()
    used: set[str] = set()
    for path in (role / "tasks").glob("*.yml"):
        text = path.read_text("utf-8")
        for task in yaml.safe_load(text):
            made |= {task.get("register", "")} | set(task.get("ansible.builtin.set_fact", {}))
        used |= set(re.findall(r"\biocsweep_\w+", text))
    assert used - made == set(defaults)


@pytest.mark.parametrize(
    ("given", "more"),
    [
        ({}, ["--no-delivery"]),
        (
            {"iocsweep_collector": "https://c.example", "iocsweep_token_file": "t", "iocsweep_ca": "c"},
            [
                "--collector=https://c.example",
                "--token-file=C:\\Windows\\Temp\\iocsweep\\token.txt",
                "--ca=C:\\Windows\\Temp\\iocsweep\\collector-ca.pem",
            ],
        ),
    ],
)  # fmt: skip
def test_the_role_starts_the_program_with_what_its_variables_say(
    given: dict[str, str], more: list[str]
) -> None:
    role = KIT / "ansible/roles/iocsweep"
    variables = yaml.safe_load((role / "defaults/main.yml").read_text("utf-8")) | given
    tasks = yaml.safe_load((role / "tasks/sweep.yml").read_text("utf-8"))
    (command,) = (task["ansible.windows.win_command"] for task in tasks if "poll" in task)
    written = command["argv"].strip().removeprefix("{{").removesuffix("}}")
    made = jinja2.Environment(autoescape=True).compile_expression(written)(**variables)
    assert made == [
        "C:\\Windows\\Temp\\iocsweep\\iocsweep.exe", "live", "--quiet", "--nice",
        "--once=cyzfc-2026-11", "--max-runtime=2h", *more,
    ]  # fmt: skip


def test_the_guide_names_every_file_of_the_kit() -> None:
    text = GUIDE.read_text("utf-8")
    for path in KIT.rglob("*"):
        relative = path.relative_to(KIT)
        if path.is_file():
            names = {relative.as_posix(), relative.name, f"{relative.parts[0]}/"}
            assert any(name in text for name in names), relative
