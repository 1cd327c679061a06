"""The template of docs/write-a-source.md, run as it stands: its tests are tests of this suite."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

from agent.sources import catalog

DOCS = Path(__file__).parents[1] / "docs"


def _loaded(name: str, file: str) -> ModuleType:
    """A file of the template as the module that it would be."""
    spec = importlib.util.spec_from_file_location(name, DOCS / "template" / file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


_loaded("agent.formats.example_log", "format.py")
_loaded("agent.sources.logs.example_log", "source.py")
_tests = _loaded("tests.agent.sources.logs.test_example_log", "test_source.py")
globals().update({name: test for name, test in vars(_tests).items() if name.startswith("test_")})


def test_the_line_of_the_catalog_makes_the_source() -> None:
    (line,) = re.findall(
        r"^    (_artefact\(.*\)),$", (DOCS / "write-a-source.md").read_text(), re.MULTILINE
    )
    entry = eval(line, vars(catalog))
    assert entry.make(catalog.Setup(1, lambda _: None)).name == entry.name == "example_log"
