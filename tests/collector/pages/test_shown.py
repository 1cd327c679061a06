"""What the page of a sweep shows and what programs are told of it come from one place."""

from __future__ import annotations

import msgspec

from collector.pages.counters import Overview, Shown
from collector.pages.sweeps import Said, Standing, SweepStanding
from tests.collector.pages.conftest import Pages
from tests.collector.pages.seed import SWEEP, a_report, put


def test_no_field_is_carried_by_hand_twice() -> None:
    assert set(Shown.__struct_fields__) < set(Overview.__struct_fields__)
    both = set(Standing.__struct_fields__) & set(SweepStanding.__struct_fields__)
    assert set(Said.__struct_fields__) == both - {
        # in another form for programs
        "closed", "deadline", "first", "limits", "proposal",
    }  # fmt: skip


def test_programs_are_told_what_the_page_shows(pages: Pages) -> None:
    for name in ("A", "B"):
        pages.run(put, pages.store, a_report(name))
    told = pages.get(f"/sweeps/{SWEEP}/standing.json").json()
    assert told.keys() == set(SweepStanding.__struct_fields__)
    senders = pages.run(pages.store.senders, SWEEP, 5)
    assert senders
    assert told["senders"] == msgspec.to_builtins(senders)
    assert senders[0].source in pages.text(f"/sweeps/{SWEEP}")
