"""How the agent's modules are put together: floor by floor, and nothing runs up the stairs."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FLOORS = (
    ("__main__",),
    ("cli",),
    ("commands",),
    ("options",),
    ("command_line", "selftest"),
    ("sweep", "delivery"),
    ("sources",),
    ("targets", "findings"),
    ("packs",),
    ("matching", "ntfs"),
    ("engine", "formats"),
    ("reading", "signing"),
    ("output", "indicators", "coverage", "home", "own_processes"),
    ("model",),
    ("windows", "exit_codes", "spelling", ""),
)
"""From the roof down; those on one floor do not know of each other. "": the package itself."""
MOST_AT_THE_TOP = 9
MOST_LINES = 450

MOST_LINES_OF_A_CLASS = 300
LONG_CLASSES = {
    # docs/decisions/long-classes.md says why. None may join.
    "FileLook": 338,
    "Matcher": 321,
    "PostgresqlDatabase": 334,
}


def modules() -> dict[str, Path]:
    """By the name without ``agent.``; a package is its ``__init__``."""
    found = {}
    for path in (ROOT / "agent").rglob("*.py"):
        parts = path.relative_to(ROOT / "agent").with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(name: str, *, running: bool = False) -> Iterator[str]:
    """Modules of the agent that a module imports anywhere; ``running``: when it is loaded."""
    path = MODULES[name]
    package = ["agent", *name.split(".")] if name else ["agent"]
    if path.name != "__init__.py":
        package = package[:-1]
    tree = parsed(path)
    for node in loaded(tree) if running else ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            start = ".".join([*base, *([node.module] if node.module else [])])
            if start.split(".")[0] == "agent":
                for alias in node.names:
                    whole = f"{start}.{alias.name}".partition(".")[2]
                    yield whole if whole in MODULES else start.partition(".")[2]


def loaded(tree: ast.AST) -> Iterator[ast.AST]:
    """What runs when a module is loaded: no bodies of functions, nothing for type checkers."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        yield node
        yield from loaded(node)


def floor(module: str) -> int:
    room = module.split(".", maxsplit=1)[0]
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


@pytest.mark.parametrize("name", sorted(MODULES))
def test_no_import_runs_up_a_floor_or_across_one(name: str) -> None:
    room = name.split(".", maxsplit=1)[0]
    wrong = [
        other
        for other in imports(name)
        if other.split(".")[0] != room and floor(other) <= floor(name)
    ]
    assert wrong == []


def test_no_module_is_loaded_in_a_circle() -> None:
    above: list[str] = []
    done: set[str] = set()

    def visit(name: str) -> None:
        assert name not in above, f"a circle: {above[above.index(name) :]}"
        if name in done:
            return
        above.append(name)
        for other in imports(name, running=True):
            if other and other != name:
                visit(other)
        above.pop()
        done.add(name)

    for name in MODULES:
        visit(name)


def test_only_the_lowest_floor_talks_to_windows_by_ctypes() -> None:
    import_of_ctypes = re.compile(r"^\s*(import|from)\s+ctypes\b", re.MULTILINE)
    wrong = [
        name
        for name, path in MODULES.items()
        if import_of_ctypes.search(path.read_text(encoding="utf-8"))
        and path.parent.name != "windows"
    ]
    assert wrong == []


def test_few_modules_stand_at_the_top() -> None:
    assert len(list((ROOT / "agent").glob("*.py"))) <= MOST_AT_THE_TOP


def test_no_module_is_longer_than_can_be_read_at_once() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for package in ("agent", "collector")
        for path in (ROOT / package).rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert long == {}


def test_no_class_is_longer_than_can_be_kept_in_mind() -> None:
    long = {
        node.name: lines
        for package in ("agent", "collector")
        for path in (ROOT / package).rglob("*.py")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.ClassDef)
        and (lines := (node.end_lineno or 0) - node.lineno + 1) > MOST_LINES_OF_A_CLASS
    }
    assert {name: n for name, n in long.items() if n > LONG_CLASSES.get(name, 0)} == {}
    assert set(long) == set(LONG_CLASSES), "one that is short now leaves the list"


def test_no_source_is_compared_by_its_name() -> None:
    """What a sighting proves goes by claims and objects; only the catalog and packs name sources."""
    from agent.sources.catalog import NAMES

    wrong = []
    for name, path in MODULES.items():
        if name == "sources.catalog":
            continue
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Compare):
                parts = [node.left, *node.comparators]
                texts = {
                    inner.value
                    for part in parts
                    for inner in ast.walk(part)
                    if isinstance(inner, ast.Constant)
                }
                about = any(
                    isinstance(part, ast.Attribute) and part.attr == "source" for part in parts
                )
                if about and texts.intersection(NAMES):
                    wrong.append(f"{name}:{node.lineno}")
    assert wrong == []


@pytest.mark.parametrize("folder", ["agent", "collector"])
def test_what_a_type_consists_of_is_worked_out_before_threads_are_there(folder: str) -> None:
    """See the codec's ``_decoder``: a type given to ``decode`` is worked out by whoever comes."""
    late = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "decode"
        and any(given.arg == "type" for given in node.keywords)
    ]
    assert late == []


def test_telling_the_version_loads_no_source() -> None:
    code = (
        "import sys\n"
        "from agent import cli\n"
        "try:\n    cli.main(['--version'])\n"
        "except SystemExit:\n    pass\n"
        "print(*(m for m in sys.modules if m.startswith('agent.')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    version, names = done.stdout.splitlines()
    assert version.startswith("iocsweep ")
    inside = {name for name in names.split() if name.startswith("agent.sources")}
    assert inside == {"agent.sources", "agent.sources.catalog", "agent.sources.whereabouts"}
    assert not any(name.startswith(("agent.engine", "agent.ntfs")) for name in names.split())
