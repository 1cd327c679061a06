"""What is under the LGPL can be replaced by whoever has the exe, and is told how."""

from __future__ import annotations

from importlib.metadata import version

from third_party import distributions, licence_of, relinking


def test_what_is_under_the_lgpl_is_named_with_its_file_and_nothing_else() -> None:
    text = relinking(distributions(["pylnk", "pyscca", "yaml", "requests"]))
    named = [line.split()[:2] for line in text.splitlines() if line.startswith("    lib")]
    assert named == [
        ["liblnk-python", f"{version('liblnk-python')}:"],
        ["libscca-python", f"{version('libscca-python')}:"],
    ]
    assert "pylnk." in text
    assert "pip download --no-deps --no-binary :all: NAME==VERSION" in text


def test_a_licence_is_told_as_the_distribution_states_it() -> None:
    (boreal, scca, requests) = distributions(["boreal", "pyscca", "requests.adapters"])
    assert licence_of(scca) == "LGPL-3.0-or-later"
    assert licence_of(requests) == "Apache-2.0"
    assert licence_of(boreal) == "MIT OR Apache-2.0", "as the bill in its wheel says"
