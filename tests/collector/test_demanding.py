"""What an operator's words make of a demand."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path

import pytest
from msgspec import structs

import iocs
from collector.demanding import add_demand, demand_by, first_demand
from collector.judging import usual_demand
from collector.records import Demand

BUILT_IN = Path(iocs.__file__).parent / "cyzfc.yaml"
USUAL = usual_demand("s1", 1000)


def said(*arguments: str, of: Demand = USUAL) -> Demand:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_demand(parser)
    return demand_by(parser.parse_args(arguments), of)


def test_without_a_word_it_stays() -> None:
    assert said() == USUAL
    pinned = said("--pack", "cyzfc-2018-11")
    assert said(of=pinned) == pinned


def test_a_file_pins_its_pack_and_its_version_or_its_very_bytes() -> None:
    pinned = said("--pack", str(BUILT_IN))
    assert (pinned.pack, pinned.pack_sha256) == ("cyzfc-2018-11", "")
    assert pinned.pack_version.startswith("2026.")
    exact = said("--pack", str(BUILT_IN), "--exact")
    assert (exact.pack, exact.pack_version) == ("cyzfc-2018-11", "")
    assert exact.pack_sha256 == hashlib.sha256(BUILT_IN.read_bytes()).hexdigest()
    assert first_demand("s1", 1000) == pinned


def test_the_conditions_one_by_one() -> None:
    made = said(
        "--pack", "other", "--min-version", "3", "--scope", "any", "--require", "files,prefetch",
        "--not-before", "2026-12-01T18:00", "--report-sweep-id", "w48", "--kind", "live,image",
    )  # fmt: skip
    assert made == Demand(
        pack="other", pack_version="3", whole_host=False, all_time=False,
        sources=("files", "prefetch"), after=1796148000000, sweep_id="w48",
        kinds=("live", "image"),
    )  # fmt: skip


def test_each_condition_can_be_none() -> None:
    made = said(
        "--any-pack", "--scope", "any", "--require", "any", "--not-before", "any",
        "--report-sweep-id", "any", "--kind", "any", of=structs.replace(USUAL, pack="x"),
    )  # fmt: skip
    assert made == Demand(any_pack=True, whole_host=False, all_time=False)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--exact"], "--exact is of a pack's file"),
        (["--min-version", "3"], "--min-version is of a pack"),
        (["--any-pack", "--pack", "x"], "not both"),
        (["--pack", "there-is-none.yaml"], "there is no such pack"),
        (["--pack", "there/is-none"], "there is no such pack"),
        (["--pack", "x", "--exact"], "there is no such pack"),
        (["--require", "files,crystal_ball"], "no source is called crystal_ball"),
        (["--kind", "moon"], "no kind of target is called moon"),
        (["--not-before", "tomorrow"], "'tomorrow' is no time"),
    ],
)
def test_what_cannot_be_meant_is_said(arguments: list[str], why: str) -> None:
    with pytest.raises((ValueError, argparse.ArgumentError), match=why):
        said(*arguments)


def test_a_file_that_is_no_pack_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("nothing: here")
    with pytest.raises(ValueError, match=r"x\.yaml:1"):
        said("--pack", str(tmp_path / "x.yaml"))
