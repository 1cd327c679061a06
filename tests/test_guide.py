"""The guide in docs/guide: each of its consoles, run as it stands, says what stands there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from agent.command_line.commands import COMMANDS
from agent.options import parse
from collector.cli import _parser as collector_parser
from tests.evidence.collected import as_folder, as_zip, laid_out
from tests.evidence.infected import infected, quiet
from tests.evidence.windows_folder import as_image

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs/guide"
PAGES = sorted(GUIDE.glob("*.md"))
_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ANY = "…"
"""In a page: whatever stands there; on a line of its own, any lines."""
WHEN = 1_542_211_200.0
"""Of what was collected: 2018-11-14."""


def consoles(page: Path) -> list[tuple[str, list[str]]]:
    """Each command of a page, and the lines that are said to come of it."""
    found: list[tuple[str, list[str]]] = []
    for block in _CONSOLE.findall(page.read_text(encoding="utf-8")):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def pattern(lines: list[str]) -> str:
    """Of a whole answer."""
    parts = [
        r"(?:.*\n)*?" if line == _ANY else re.escape(line).replace(_ANY, ".*") + r"\n"
        for line in lines
    ]
    return "".join(parts)


def test_nothing_is_to_be_installed_by_a_name_that_is_anybodys_to_take() -> None:
    """The program is in no registry: ``pip install`` of its name would get a stranger's."""
    places = [ROOT / "README.md", ROOT / "CHANGELOG.md"]
    places += [
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("agent/**/*.py"),
        *ROOT.glob("collector/**/*.py"),
    ]
    wrong = re.compile(r"pip3? install [^\n`]*\biocsweep(?!/)|\biocsweep\[")
    told = [str(p) for p in places if wrong.search(p.read_text("utf-8").replace("~/iocsweep", ""))]
    assert len(places) > 500
    assert told == []


def commands(page: Path) -> list[list[str]]:
    """All that a page shows: indented lines with what they start, without the words behind them;
    and what stands in a sentence with an option."""
    text = page.read_text("utf-8")
    shown = re.findall(r"^    ((?:iocsweep|packs) ?.*|iocsweep[.-].*)$", text, re.MULTILINE)
    shown = [re.split(r" {2,}| > | 2>", line)[0] for line in shown]
    within = re.findall(r"`([a-z][^`\n]* --?[^`\n]*)`", text)
    for one in within:
        start = one.split()[0].removesuffix(".exe")
        if start in ("iocsweep", "iocsweep-collector"):
            shown.append(one)
        elif start in KEEPING or (start in COMMANDS and page.name == "collector.md"):
            shown.append(f"iocsweep-collector {one}")
        elif start in COMMANDS:
            shown.append(f"iocsweep {one}")
    return [shlex.split(line.replace("\\", "/").replace("…", "https://c")) for line in shown]


KEEPING = ("backup", "forget", "sweep", "token", "serve")
"""Commands of the collector alone."""
DOCUMENTS = sorted([*ROOT.glob("docs/*.md"), *PAGES])


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_every_command_that_a_page_shows_is_one_that_the_program_takes(page: Path) -> None:
    for program, *arguments in commands(page):
        if program == "iocsweep-collector":
            assert collector_parser().parse_args(arguments)
        else:
            assert parse([one for one in arguments if not one.startswith("@")]), page


def test_commands_are_found_where_they_stand() -> None:
    found = [" ".join(one) for page in DOCUMENTS for one in commands(page)]
    assert "iocsweep.exe --max-runtime 8m" in found
    assert "iocsweep-collector forget --older-than 180d --dry-run" in found
    assert "iocsweep-collector verify --database FILE" in found
    assert "iocsweep verify REPORT.json FOLDER --pubkey sweep.pub" in found
    assert len(found) > 20


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the pages speak of: an image, a collection in a ZIP, one of which much is
    missing, and a feed."""
    folder = tmp_path_factory.mktemp("guide")
    Path(as_image(folder / "made", infected())).rename(folder / "WS-0421.dd")
    as_zip(folder / "WS-0422.zip", laid_out("kape", quiet()), WHEN)
    few = {path: data for path, data in quiet().items() if not path.endswith(("SYSTEM", ".evtx"))}
    as_folder(folder / "WS-0423", laid_out("kape", few), WHEN)
    shutil.copy(GUIDE / "examples/feed.txt", folder)
    shutil.copytree(GUIDE / "examples", folder / "docs/guide/examples")
    return folder


@pytest.mark.parametrize("page", [*filter(consoles, PAGES)], ids=lambda page: str(page.name))
def test_every_console_says_what_stands_there(page: Path, evidence: Path, tmp_path: Path) -> None:
    case = shutil.copytree(evidence, tmp_path / "case")
    environment = {**os.environ, "COLUMNS": "100", "IOCSWEEP_HOME": str(tmp_path / "home")}
    environment["PYTHONPATH"] = str(ROOT)
    for command, said in consoles(page):
        program, *arguments = shlex.split(command)
        assert program == "iocsweep"
        done = subprocess.run(
            [sys.executable, "-P", "-m", "agent", *arguments],
            cwd=case,
            env=environment,
            check=False,
            capture_output=True,
            stdin=subprocess.DEVNULL,
        )
        answer = done.stdout.decode() + f"(code {done.returncode})\n"
        assert re.fullmatch(pattern(said), answer), f"$ {command}\n{answer}{done.stderr!r}"


def test_every_page_is_reached_from_the_first_one() -> None:
    first = (GUIDE / "README.md").read_text(encoding="utf-8")
    assert {page.name for page in PAGES} - {"README.md"} == {
        Path(link).name for link in re.findall(r"\]\(([a-z-]+\.md)\)", first)
    }


def test_a_page_without_anything_run_is_no_page_of_the_guide() -> None:
    assert len(PAGES) > 3
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
    assert sum(bool(consoles(page)) for page in PAGES) > 3


def test_an_answer_that_is_another_is_noticed() -> None:
    assert re.fullmatch(pattern(["a … c", "…", "z"]), "a b c\nx\ny\nz\n")
    assert not re.fullmatch(pattern(["a … c", "…", "z"]), "a b c\nx\nz\nmore\n")
    assert not re.fullmatch(pattern(["HIT   3 confirmed"]), "HIT   4 confirmed\n")
