r"""One host, swept as it runs, as a folder, by drives, as a raw image and as a collection: the same
findings, with the same claims, users, times and views.

What runs and what was deleted are not part of it: a copy has none of both.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from agent.model.report import Report, State, Strength
from agent.sources.catalog import Setup, sources_of
from agent.targets import Target
from tests.evidence.logs import WHEN
from tests.evidence.memories import (
    DNS_CLIENT,
    POWERSHELL,
    SECURITY,
    SIGHTINGS,
    SYSMON,
    evidence,
    shortcoming,
    told,
)
from tests.evidence.sweeping import reported
from tests.evidence.windows_folder import FORMS


@cache
def swept_as(form: str, place: Path) -> Report:
    target: Target = FORMS[form](place, evidence())
    kind = target.describe().kind
    setup = Setup(64 << 20, lambda _: None)
    running = {"processes", "modules", "memory", "connections", "dns_cache", "pipes"}
    sources = [source for source in sources_of(kind, setup) if source.name not in running]
    return reported(target, *sources)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    return {form: swept_as(form, tmp_path_factory.mktemp(form) / "c") for form in FORMS}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_host_gives_the_same_findings(
    form: str, reports: dict[str, Report]
) -> None:
    of_folder = sorted(map(repr, map(told, reports["folder"].findings)))
    assert sorted(map(repr, map(told, reports[form].findings))) == of_folder
    assert {finding.strength for finding in reports[form].findings} >= {Strength.CONFIRMED}


@pytest.mark.parametrize("form", sorted(set(FORMS) - {"running"}))
def test_an_analysts_note_stays_with_its_finding_whatever_form_is_swept(
    form: str, reports: dict[str, Report]
) -> None:
    assert reports[form].host.id == reports["folder"].host.id
    ids = {finding.id for finding in reports[form].findings}
    assert ids == {finding.id for finding in reports["folder"].findings}
    assert len(ids) == len(reports[form].findings)


@pytest.mark.parametrize("form", FORMS)
def test_every_memory_was_looked_at(form: str, reports: dict[str, Report]) -> None:
    states = {one.source: one.state for one in reports[form].coverage}
    for source in (
        "hosts_file", "event_logs", "prefetch", "registry", "console_history", "srum", "scheduled_tasks",
        "startup_info", "compatibility_assistant", "error_reports", "wmi_repository",
    ):  # fmt: skip
        assert states[source] is State.COMPLETE, source
    logs = next(one for one in reports[form].coverage if one.source == "event_logs")
    reaches = {part.name: part.reach for part in logs.parts}
    assert set(reaches) == {SECURITY, SYSMON, POWERSHELL, DNS_CLIENT}
    security = reaches[SECURITY]
    assert security is not None
    assert security.oldest == WHEN


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", SIGHTINGS)
def test_each_memory_says_what_where_who_and_when(
    name: str, form: str, reports: dict[str, Report]
) -> None:
    assert shortcoming(reports[form], name) == ""
