"""GitHub's workflows hold its schema (PyPI, check-jsonschema, which brings it along)."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def told(path: Path) -> tuple[int, str]:
    """The exit code and what it says."""
    main = pytest.importorskip("check_jsonschema").main
    testing = pytest.importorskip("click.testing")
    done = testing.CliRunner().invoke(
        main, ["--builtin-schema", "vendor.github-workflows", str(path)]
    )
    return done.exit_code, done.output


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_holds_the_schema(path: Path) -> None:
    code, said = told(path)
    assert code == 0, said


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("runs-on: windows-latest", "run-on: windows-latest"),
        ("contents: read", "contents: reed"),
        ("timeout-minutes: 15", "timeout-minutes: soon"),
        ("if-no-files-found: error", "if-no-files-found: [error]"),
    ],
)
def test_a_workflow_that_is_wrong_is_told(tmp_path: Path, right: str, wrong: str) -> None:
    text = (ROOT / ".github/workflows/release.yml").read_text("utf-8")
    assert right in text
    path = tmp_path / "release.yml"
    path.write_text(text.replace(right, wrong), "utf-8")
    code, said = told(path)
    assert (code, "Schema validation errors were encountered" in said) == (1, True)
