"""PowerShell that is given to hosts, runners and readers parses (PyPI, tree-sitter-powershell).

A second reader beside our own rules for 5.1 (``test_deploy.py``) and the real parser, which the
workflow on windows-latest asks. It knows PowerShell's older grammar: ``??`` and ``?:`` are faults,
``&&`` and unpaired ``else`` and ``try`` are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted((ROOT / "build").rglob("*.ps1"))
GUIDES = [ROOT / "README.md", ROOT / "build/README.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"(?ms)^( *)```(?:powershell|pwsh|ps1)\n(.*?)^\1```$")
_INDENTED = re.compile(r"(?m)^ {4,}(\$\w.*|[A-Z][a-z]+-[A-Z]\w+ .*)$")


def faults(script: str) -> list[str]:
    """``LINE: text`` of each that does not parse."""
    tree_sitter = pytest.importorskip("tree_sitter")
    grammar = pytest.importorskip("tree_sitter_powershell")
    parser = tree_sitter.Parser(tree_sitter.Language(grammar.language()))
    found, nodes = [], [parser.parse(script.encode()).root_node]
    while nodes:
        node = nodes.pop()
        if node.is_error or node.is_missing:
            text = node.text.decode()[:60] or f"{node.type} is missing"
            found.append(f"{node.start_point.row + 1}: {text}")
        nodes += node.children
    return found


def of_guides(text: str) -> list[str]:
    """What stands in fences, and lines that begin as PowerShell does in what is indented."""
    return [body for _, body in _FENCE.findall(text)] + _INDENTED.findall(text)


def of_workflows() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / ".github/workflows").glob("*.yml")):
        for job in yaml.safe_load(path.read_text("utf-8"))["jobs"].values():
            for step in job["steps"]:
                if step.get("shell") in ("pwsh", "powershell"):
                    yield step["name"], step["run"]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_for_hosts_parses(path: Path) -> None:
    assert faults(path.read_text("ascii")) == []


@pytest.mark.parametrize(("name", "script"), [*of_workflows()])
def test_a_step_of_a_workflow_parses(name: str, script: str) -> None:
    assert faults(script) == [], name


def test_what_guides_tell_to_type_parses() -> None:
    told = [(path.name, one) for path in GUIDES for one in of_guides(path.read_text("utf-8"))]
    assert len(told) >= 3
    assert [(name, one) for name, one in told if faults(one)] == []


def test_powershell_in_a_guide_is_found() -> None:
    text = "a\n\n    $s = 1\n    iocsweep.exe live\n\n```powershell\nGet-Item a\n$b\n```\n```sh\nls\n```\n"
    assert of_guides(text) == ["Get-Item a\n$b\n", "$s = 1"]


@pytest.mark.parametrize(
    "broken",
    [
        "if ($a) { 1", "$a = 'x", "foo (1, 2", "$a = @(1", "param([string]$a,)", "$a =",
        "$x = $a ? 1 : 2", "$x = $a ?? 1", 'Write-Output "$(1"', "foreach ($a in 1) 2",
    ],
)  # fmt: skip
def test_a_script_that_is_broken_does_not(broken: str) -> None:
    assert faults(f"$before = 1\n{broken}\n") != []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_of_which_the_end_is_lost_does_not(path: Path) -> None:
    """Cut behind each brace that opens: a block is open then."""
    text = path.read_text("ascii")
    places = [at + 1 for at, letter in enumerate(text) if letter == "{"]
    assert places
    assert [text[:at][-40:] for at in places if not faults(text[:at])] == []
