"""What a finding becomes, whole: any change of a mapping shows here.

After a wanted change: ``python -m tests.agent.output.mapping.rich``, and read the difference.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from agent.model.report import Finding
from agent.output.mapping import cef, defender, ecs, sentinel, splunk
from tests.agent.output.mapping.rich import GOLDEN, golden, report_of, rich_finding

FOUND = rich_finding()
REPORT = report_of(FOUND)


@pytest.mark.parametrize("name", sorted(golden()))
def test_a_finding_is_mapped_as_its_golden_file_says(name: str) -> None:
    assert golden()[name] == (GOLDEN / name).read_text(encoding="utf-8")


def test_the_rich_finding_leaves_no_field_of_the_model_empty() -> None:
    plain = msgspec.to_builtins(FOUND)
    assert set(Finding.__struct_fields__) - set(plain) == {"excluded_by", "in_window"}


MAPPED = {
    "ecs": ecs.document(REPORT, FOUND),
    "splunk": splunk.event(REPORT, FOUND),
    "sentinel table": sentinel.finding_row(REPORT, FOUND),
    "sentinel alert": sentinel.asim_alert_row(REPORT, FOUND),
    "defender": defender.rows(REPORT, FOUND),
}
ELSEWHERE = {
    "ecs": {"destination.local"},  # in two: source.ip and source.port
}


@pytest.mark.parametrize("name", sorted(MAPPED))
def test_every_value_of_a_finding_is_in_the_mapping(name: str) -> None:
    there = {str(value) for _, value in leaves(MAPPED[name])}
    lost = {path for path, value in leaves(msgspec.to_builtins(FOUND)) if str(value) not in there}
    assert lost == ELSEWHERE.get(name, set())


NOT_IN_CEF = {
    # CEF is an alert of 8 KB that leads to the report; these stay in the report.
    "file.accessed", "file.created", "file.mtime", "file.inode", "file.recycled", "file.stream", "file.member_of", "file.signer",
    "file.hash.md5", "file.hash.sha1", "file.pe.machine", "file.pe.exports[0]",
    "file.pe.original_file_name", "file.pe.compiled", "file.zone_url[0]", "file.zone_url[1]",
    "file.lnk.arguments", "file.lnk.target", "file.lnk.machine_id", "file.lnk.mac",
    "file.lnk.volume_serial", "file.lnk.droid_time", "file.lnk.droid_sequence",
    "process.executable", "process.start", "process.user.name", "process.user.id",
    "process.hash.md5", "process.hash.sha1", "process.hash.sha256", "process.original_file_name",
    "process.signer", "process.parent[0].executable", "process.parent[0].command_line",
    "process.parent[0].start", "process.parent[1].pid", "process.parent[1].name",
    "process.parent[1].executable", "process.parent[1].command_line", "process.parent[1].start",
    "dll.path", "dll.name", "dll.size", "dll.hash.md5", "dll.hash.sha1", "dll.hash.sha256",
    "dll.pe.machine", "dll.pe.exports[0]", "dll.pe.original_file_name", "dll.pe.compiled",
    "dll.on_disk", "dll.pe.dll", "file.pe.dll", "dns.type", "dns.answers[0]", "destination.state",
    "destination.local", "process.entity_id", "pipe.name", "task.name", "task.command",
    "service.name", "service.display_name", "service.executable",
}  # fmt: skip


def test_cef_says_which_fields_it_has_no_room_for() -> None:
    line = cef.cef(REPORT, FOUND)
    lost = {
        path
        for path, value in leaves(msgspec.to_builtins(FOUND))
        if escaped(value) not in line and str(value) not in line
    }
    told_otherwise = {
        "time", "first_seen", "last_seen",  # as milliseconds
        "user.name",  # in two: dntdom and duser
        "registry.path", "process.command_line", "reasons[1]",  # escaped twice
        "url.full",
    }  # fmt: skip
    assert lost - told_otherwise <= NOT_IN_CEF
    assert {path.partition(".")[0] for path in NOT_IN_CEF} <= {
        "file",
        "process",
        "dll",
        "dns",
        "destination",
        "pipe",
        "task",
        "service",
    }


def escaped(value: object) -> str:
    return str(value).replace("\\", "\\\\").replace("=", "\\=")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield path, value


def test_golden_files_are_plain_json() -> None:
    for path in GOLDEN.glob("*.json"):
        json.loads(path.read_text(encoding="utf-8"))
