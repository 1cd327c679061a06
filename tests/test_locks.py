"""What is pinned is what is asked for, each file by its hash."""

from __future__ import annotations

import configparser
import json
import re
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "requirements"
PIN = re.compile(r"(?m)^([a-z0-9-]+)==(\S+).*\\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)*)")


def asked(*extras: str) -> list[Requirement]:
    """What setup.cfg asks for to run, and for these extras."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    lines = setup["options"]["install_requires"].splitlines()
    for extra in extras:
        lines += setup["options.extras_require"][extra].splitlines()
    return [Requirement(line) for line in lines if line]


def asked_by(path: str) -> list[Requirement]:
    """A file of requirements."""
    text = (ROOT / path).read_text(encoding="utf-8")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [Requirement(line) for line in lines if line]


def pinned(name: str) -> dict[str, str]:
    """Versions by name."""
    text = (LOCKS / name).read_text(encoding="utf-8")
    return {package: version for package, version, _ in PIN.findall(text)}


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("exe.lock", [*asked(), *asked_by("build/requirements.txt")]),
        ("tests.lock", asked("collector", "offline", "cluster", "test")),
        ("npm.lock", asked_by("tests/npm/requirements.txt")),
    ],
    ids=["exe", "tests", "npm"],
)
def test_each_pin_is_within_the_bounds_that_are_asked_for(
    name: str, wanted: list[Requirement]
) -> None:
    pins = pinned(name)
    outside = [
        str(requirement)
        for requirement in wanted
        if not requirement.specifier.contains(pins.get(canonicalize_name(requirement.name), "0"))
        or canonicalize_name(requirement.name) not in pins
    ]
    assert outside == [], "make lock"
    assert len(pins) > len(wanted)


def test_what_is_tested_is_what_the_exe_is_made_of() -> None:
    exe, tests = pinned("exe.lock"), pinned("tests.lock")
    names = [canonicalize_name(requirement.name) for requirement in asked()]
    assert {name: exe[name] for name in names} == {name: tests[name] for name in names}


@pytest.mark.parametrize("name", ["exe.lock", "tests.lock", "npm.lock"])
def test_each_pin_has_hashes_and_no_place_it_comes_from(name: str) -> None:
    text = (LOCKS / name).read_text(encoding="utf-8")
    assert len(PIN.findall(text)) == len(re.findall(r"(?m)^[^\s#]", text))
    assert [package for package, _, hashes in PIN.findall(text) if not hashes] == []
    assert "://" not in text


def test_what_npm_installs_is_pinned_by_hash_and_comes_from_no_named_place() -> None:
    folder = ROOT / "tests/npm"
    asked_for = json.loads((folder / "package.json").read_text("utf-8"))["dependencies"]
    text = (folder / "package-lock.json").read_text("utf-8")
    packages = json.loads(text)["packages"]
    assert packages.pop("")["dependencies"] == asked_for
    assert "://" not in text
    pins = {name.removeprefix("node_modules/"): one for name, one in packages.items()}
    assert {name: pins[name]["version"] for name in asked_for} == asked_for
    assert [name for name, one in pins.items() if not one["integrity"].startswith("sha512-")] == []
