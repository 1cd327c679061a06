"""Which small mistakes in a part of the agent would no test of that part notice?

    python -m tests.mutation.run WHAT [--module NAME] [--limit N]

WHAT is a package of the agent that has a folder of tests: ``findings`` is ``agent/findings`` and
``tests/agent/findings``. One mutation at a time is made in its modules (``--module chains``: in
that one alone), and its tests run until the first that fails. What no test noticed is a survivor:

    agent/findings/finding.py:118: min -> max

The last line is ``K of N killed``; the code is 0 if all were, 1 if any survived, 2 if the tests
do not pass as they are. ``--limit N`` takes N mutations, spread evenly over all of them.

A survivor is a missing test, or code that does nothing; now and then it is neither, because the
mutation changes nothing that could be seen (``len(x) > 0`` for ``len(x) >= 1``). Those that were
found to be so stand in ``EQUIVALENT``, by the function they are in, with the reason; they are not
made, and an entry that does not fit exactly one mutation any more is named at the end.

Everything happens in a temporary copy of the checkout; the tree itself is only read. The order is
always the same, one pytest runs at a time, each with bounds on time and memory (a mutation that
exceeds them is killed), and Ctrl-C (or SIGTERM) ends it, says how far it came and removes the copy.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

ROOT = Path(__file__).parents[2]
COPIED = ("agent", "collector", "iocs", "tests", "setup.cfg", "pyproject.toml")
MEMORY = 4 << 30
LONGEST = 100
AROUND = 24
LEAST_TIMEOUT_S = 20.0
PYTEST = ("-x", "-q", "-p", "no:cacheprovider", "--hypothesis-seed=0")
UNUSED = ("-p", "no:schemathesis", "-p", "no:anyio")
"""Plugins that the tests of the collector alone need, and whose import takes the longest."""

EQUIVALENT: dict[tuple[str, str, str, str], str] = {
    (
        "agent/findings/chains.py",
        "build",
        "keys[id(match.observation)] = own[0]",
        "keys[id(match.observation)] = own[-1]",
    ): "all keys of an observation are joined, so that any of them stands for it",
    (
        "agent/findings/chains.py",
        "build",
        "for key in own[1:]: groups.join(own[0], key)",
        "for key in own[0:]: groups.join(own[0], key)",
    ): "a key that is joined with itself stays what it is",
}
"""Of mutations that change nothing anyone could see (file, function, before, after), why."""

_OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any"}
_Node = TypeVar("_Node", bound=ast.AST)


class Mutant(NamedTuple):
    """One mutation of one module."""

    file: str
    line: int
    before: str
    """The statement, or of a long one what changes."""
    after: str
    function: str
    """That it is in, or the class, or nothing."""
    source: str
    """The whole module."""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.before} -> {self.after}"

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it from others, whatever line it is on."""
        return (self.file, self.function, self.before, self.after)


# ---- What is mutated


class _Site(NamedTuple):
    """A node, and how its twin in a copy of the tree changes."""

    node: ast.AST
    change: Callable[[ast.AST], ast.AST]
    """Takes the twin, which it may change, and gives what stands in its place."""


def mutants_of(file: str, source: str, required: dict[str, set[str]]) -> Iterator[Mutant]:
    """In the order of the lines; ``required``: as :func:`required_keywords`."""
    tree = ast.parse(source)
    skipped = set(_skipped(tree))
    places = _places(tree)
    kinds = ast.expr | ast.Return | ast.If | ast.Expr
    nodes = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    nodes.sort(key=lambda node: (node.lineno, node.col_offset))
    for node in nodes:
        if id(node) in skipped:
            continue
        function, statement = places[id(node)]
        for old, change in _sites(node, required):
            memo: dict[int, Any] = {}
            whole = copy.deepcopy(tree, memo)
            twin, around = memo[id(old)], memo[id(statement)]
            new = change(twin)
            _Replace(twin, new).visit(whole)
            shown = _shown(ast.unparse(statement), ast.unparse(new if around is twin else around))
            yield Mutant(file, node.lineno, *shown, function, ast.unparse(whole))


def _skipped(tree: ast.AST) -> Iterator[int]:
    """Annotations, docstrings, keywords of classes, names of type variables, pieces of f-strings'
    formats."""
    for node in ast.walk(tree):
        whole: list[ast.AST | None] = []
        if isinstance(node, ast.arg | ast.AnnAssign):
            whole = [node.annotation]
        elif isinstance(node, ast.FunctionDef):
            whole = [node.returns, *node.decorator_list]
        elif isinstance(node, ast.ClassDef):
            whole = [*node.bases, *node.keywords, *node.decorator_list]
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            whole = [node.value]
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("TypeVar", "NewType"):
            whole = [node]
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            whole = [node.value]
        elif isinstance(node, ast.FormattedValue):
            whole = [node.format_spec]
        for part in whole:
            if part is not None:
                yield from (id(inner) for inner in ast.walk(part))


def _places(tree: ast.AST) -> dict[int, tuple[str, ast.stmt]]:
    """Of each node, the name of the innermost function or class, and the innermost statement."""
    found: dict[int, tuple[str, ast.stmt]] = {}
    for node in ast.walk(tree):  # outer ones come first
        if isinstance(node, ast.stmt):
            name, _ = found.get(id(node), ("", node))
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                name = node.name
            found.update((id(inner), (name, node)) for inner in ast.walk(node))
    return found


def _sites(node: ast.AST, required: dict[str, set[str]]) -> Iterator[_Site]:
    """All mutations of this node itself, not of what lies in it."""
    if isinstance(node, ast.Compare):
        yield from _compare(node)
    elif isinstance(node, ast.BoolOp):
        yield _Site(node, _other_bool)
        for number in range(len(node.values)):
            yield _Site(node, _without_value(number))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        yield _Site(node, lambda new: _as(ast.UnaryOp, new).operand)
    elif isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
        yield _Site(node, _other_operator)
    elif isinstance(node, ast.Constant):
        yield from _constant(node)
    elif isinstance(node, ast.Set | ast.List | ast.Tuple):
        if isinstance(getattr(node, "ctx", None), ast.Store):
            return
        for number in range(len(node.elts)):
            yield _Site(node, _without_element(number))
    elif isinstance(node, ast.Dict):
        for number in range(len(node.keys)):
            yield _Site(node, _without_entry(number))
    elif isinstance(node, ast.Call):
        yield from _call(node, required)
    else:
        yield from _conditions(node)


def _conditions(node: ast.AST) -> Iterator[_Site]:
    if isinstance(node, ast.Return):
        value = node.value
        if value is not None and not isinstance(value, ast.Constant):
            yield _Site(node, lambda _: ast.Return(ast.Constant(None)))
    elif isinstance(node, ast.Expr):
        if isinstance(node.value, ast.Call):
            yield _Site(node, lambda _: ast.Pass())
    elif isinstance(node, ast.If | ast.IfExp):
        if isinstance(node.test, ast.Name | ast.Attribute | ast.Call):
            yield _Site(node.test, lambda new: ast.UnaryOp(ast.Not(), _as(ast.expr, new)))
    elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp):
        for number, generator in enumerate(node.generators):
            for place in range(len(generator.ifs)):
                yield _Site(node, _without_filter(number, place))


def _compare(node: ast.Compare) -> Iterator[_Site]:
    for number, operator in enumerate(node.ops):
        other = _OPPOSITES[type(operator)]

        def change(new: ast.AST, number: int = number, other: type[ast.cmpop] = other) -> ast.AST:
            _as(ast.Compare, new).ops[number] = other()
            return new

        yield _Site(node, change)


def _constant(node: ast.Constant) -> Iterator[_Site]:
    value = node.value
    others: Sequence[object] = ()
    if isinstance(value, bool):
        others = (not value,)
    elif isinstance(value, int | float):
        others = (value + 1, value - 1)
    elif isinstance(value, str):
        others = (f"{value}#",)
    elif isinstance(value, bytes):
        others = (value + b"#",)
    for other in others:
        yield _Site(node, lambda _, other=other: ast.Constant(other))  # type: ignore[misc]


def _call(node: ast.Call, required: dict[str, set[str]]) -> Iterator[_Site]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ast.unparse(node.func)
    if isinstance(node.func, ast.Name) and name in _FUNCTIONS:
        yield _Site(node.func, lambda _: ast.Name(_FUNCTIONS[name], ast.Load()))
    for number, keyword in enumerate(node.keywords):
        if keyword.arg is not None and keyword.arg not in required.get(name, ()):
            yield _Site(node, _without_keyword(number))


def _other_bool(new: ast.AST) -> ast.AST:
    node = _as(ast.BoolOp, new)
    node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    return node


def _other_operator(new: ast.AST) -> ast.AST:
    node = _as(ast.BinOp, new)
    node.op = _OPERATORS[type(node.op)]()
    return node


def _without_value(number: int) -> Callable[[ast.AST], ast.AST]:
    def change(new: ast.AST) -> ast.AST:
        node = _as(ast.BoolOp, new)
        del node.values[number]
        return node if len(node.values) > 1 else node.values[0]

    return change


def _without_element(number: int) -> Callable[[ast.AST], ast.AST]:
    def change(new: ast.AST) -> ast.AST:
        assert isinstance(new, ast.Set | ast.List | ast.Tuple)
        del new.elts[number]
        if isinstance(new, ast.Set) and not new.elts:
            return ast.Call(ast.Name("set", ast.Load()), [], [])
        return new

    return change


def _without_entry(number: int) -> Callable[[ast.AST], ast.AST]:
    def change(new: ast.AST) -> ast.AST:
        node = _as(ast.Dict, new)
        del node.keys[number], node.values[number]
        return node

    return change


def _without_keyword(number: int) -> Callable[[ast.AST], ast.AST]:
    def change(new: ast.AST) -> ast.AST:
        del _as(ast.Call, new).keywords[number]
        return new

    return change


def _without_filter(number: int, place: int) -> Callable[[ast.AST], ast.AST]:
    def change(new: ast.AST) -> ast.AST:
        assert isinstance(new, ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp)
        del new.generators[number].ifs[place]
        return new

    return change


def _as(kind: type[_Node], node: ast.AST) -> _Node:
    assert isinstance(node, kind)
    return node


class _Replace(ast.NodeTransformer):
    """Puts one node in the place of another."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        if node is self._old:
            return self._new
        return _as(ast.AST, self.generic_visit(node))


def _shown(before: str, after: str) -> tuple[str, str]:
    """Both in one line; of long ones what differs, with a little around it."""
    first, second = " ".join(before.split()), " ".join(after.split())
    if max(len(first), len(second)) <= LONGEST:
        return first, second
    start = _same(first, second)
    head = max(0, start - AROUND)
    tail = max(0, _same(first[start:][::-1], second[start:][::-1]) - AROUND)
    shown = []
    for text in (first, second):
        middle = text[head : len(text) - tail]
        cut = tail or len(middle) > LONGEST
        shown.append(f"{'...' if head else ''}{middle[:LONGEST]}{'...' if cut else ''}")
    return shown[0], shown[1]


def _same(first: str, second: str) -> int:
    """How many characters they begin with alike."""
    pairs = zip(first, second, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a != b), min(len(first), len(second)))


def required_keywords(package: Path) -> dict[str, set[str]]:
    """Of each class and function, by name, what a call cannot leave out; to do so is no mutation
    that says anything."""
    found: dict[str, set[str]] = {}
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.ClassDef):
                fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
                names = {ast.unparse(one.target) for one in fields if one.value is None}
            elif isinstance(node, ast.FunctionDef):
                own = node.args
                plain = [*own.posonlyargs, *own.args]
                names = {one.arg for one in plain[: len(plain) - len(own.defaults)]}
                only = zip(own.kwonlyargs, own.kw_defaults, strict=True)
                names |= {one.arg for one, default in only if default is None}
            else:
                continue
            # Of two with one name, what both require.
            found[node.name] = found.get(node.name, names) & names
    return found


# ---- Where the tests run


class Checkout:
    """A temporary copy that a mutated module can be put into."""

    def __init__(self, root: Path, tests: str) -> None:
        self.root = root
        self._tests = tests
        self._timeout = 600.0
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(root),  # before the finder of the editable installation
            "PYTHONHASHSEED": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        for name in COPIED:
            if (ROOT / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__", ".hypothesis")
                shutil.copytree(ROOT / name, root / name, ignore=ignored)
            else:
                shutil.copy(ROOT / name, root / name)

    def prepare(self, files: Sequence[str]) -> str:
        """Why nothing can be found out here, or nothing; takes the time that the tests need."""
        problem = self._foreign(files)
        if problem:
            return problem
        # Compiled once; the modules that change have no byte code, which could be mistaken for
        # that of the mutation before (the same size, within the same second).
        started = time.monotonic()
        with tempfile.TemporaryFile() as output:
            failed = not self._passes(output.fileno(), PYTHONDONTWRITEBYTECODE="")
            output.seek(0)
            told = output.read().decode("utf-8", "replace").splitlines()[-20:]
        self._timeout = max(LEAST_TIMEOUT_S, 10 * (time.monotonic() - started))
        for file in files:
            path = self.root / file
            for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
                compiled.unlink()
        return "\n".join([*told, "the tests do not pass as they are"]) if failed else ""

    def _foreign(self, files: Sequence[str]) -> str:
        """Whether Python would take one of the modules from elsewhere."""
        names = [file.removesuffix(".py").replace("/", ".") for file in files]
        asks = "; ".join(f"import {name}; print({name}.__file__)" for name in ["agent", *names])
        asked = [sys.executable, "-c", asks]
        answer = subprocess.run(
            asked, cwd=self.root, env=self._environment, capture_output=True, text=True, check=False
        )
        expected = [str(self.root / file) for file in ["agent/__init__.py", *files]]
        if answer.returncode or answer.stdout.splitlines() != expected:
            return f"the modules are not those of the copy:\n{answer.stdout}{answer.stderr}"
        return ""

    def survives(self, mutant: Mutant) -> bool:
        """Whether every test passes with it."""
        path = self.root / mutant.file
        whole = path.read_bytes()
        path.write_text(mutant.source, encoding="utf-8")
        try:
            return self._passes(subprocess.DEVNULL)
        finally:
            path.write_bytes(whole)

    def _passes(self, output: int, **environment: str) -> bool:
        """Whether every test does, in the time that there is."""
        running = subprocess.Popen(
            [sys.executable, "-m", "pytest", *PYTEST, *UNUSED, self._tests],
            cwd=self.root,
            env={**self._environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return running.wait(self._timeout) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()


# ---- The command


def collect(root: Path, files: Sequence[str]) -> tuple[list[Mutant], list[str]]:
    """The mutants of these modules, and what of ``EQUIVALENT`` does not fit one of them."""
    required = required_keywords(root / "agent")
    made = [
        mutant
        for file in files
        for mutant in mutants_of(file, (root / file).read_text(encoding="utf-8"), required)
    ]
    times = Counter(mutant.key for mutant in made)
    wrong = [" | ".join(key) for key in EQUIVALENT if key[0] in files and times[key] != 1]
    known = {key for key in EQUIVALENT if times[key] == 1}
    return [mutant for mutant in made if mutant.key not in known], wrong


def spread(mutants: Sequence[Mutant], limit: int | None) -> list[Mutant]:
    """At most so many, evenly."""
    if limit is None or limit >= len(mutants):
        return list(mutants)
    return [mutants[number * len(mutants) // limit] for number in range(limit)]


def run(root: Path, what: str, module: str, limit: int | None) -> int:
    """In a copy that is still empty; the code to end with."""
    pattern = f"{module or '*'}.py"
    files = [f"agent/{what}/{path.name}" for path in (ROOT / "agent" / what).glob(pattern)]
    files = sorted(file for file in files if not file.endswith("/__init__.py"))
    if not files or not (ROOT / "tests" / "agent" / what).is_dir():
        print(f"agent/{what}/{pattern} and tests/agent/{what} are not both there", file=sys.stderr)
        return 2
    checkout = Checkout(root, f"tests/agent/{what}")
    problem = checkout.prepare(files)
    if problem:
        print(problem, file=sys.stderr)
        return 2
    mutants, wrong = collect(root, files)
    survivors: list[Mutant] = []
    done = 0
    killed: Counter[str] = Counter()
    made: Counter[str] = Counter()
    interrupted = False
    try:
        for mutant in spread(mutants, limit):
            survived = checkout.survives(mutant)
            done += 1
            made[mutant.file] += 1
            killed[mutant.file] += not survived
            if survived:
                survivors.append(mutant)
                print(mutant, flush=True)
    except KeyboardInterrupt:
        interrupted = True
        print("interrupted", file=sys.stderr)
    for line in wrong:
        print(f"EQUIVALENT does not fit one mutation: {line}", file=sys.stderr)
    for file in files:
        print(f"{file}: {killed[file]} of {made[file]}")
    print(f"{done - len(survivors)} of {done} killed", flush=True)
    return 130 if interrupted else bool(survivors)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation.run")
    parser.add_argument("what", help="a package of agent/ that tests/agent/ has tests for")
    parser.add_argument("--module", default="", help="one module of it, without .py")
    parser.add_argument("--limit", type=int, help="so many mutations, spread evenly")
    options = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, resource.getrlimit(resource.RLIMIT_AS)[1]))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="iocsweep-mutation-") as folder:
        return run(Path(folder).resolve(), options.what, options.module, options.limit)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
