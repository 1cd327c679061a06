"""The scheduled task of the deployment kit holds Microsoft's schemas: of tasks, and of the policy
that hands one out.

"Task Scheduler Schema" (Microsoft Learn; 1.2), which has an XSD; [MS-GPPREF] 2.2.1.18.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

KIT = Path(__file__).parents[1] / "build" / "deploy" / "gpo"
NAMESPACE = "{http://schemas.microsoft.com/windows/2004/02/mit/task}"

CHILDREN = {
    "Task": ("RegistrationInfo", "Triggers", "Principals", "Settings", "Data", "Actions"),
    "RegistrationInfo": (
        "URI", "SecurityDescriptor", "Source", "Date", "Author", "Version", "Description",
        "Documentation",
    ),
    "Triggers": ("TimeTrigger",),
    "TimeTrigger": (
        "Enabled", "StartBoundary", "EndBoundary", "Repetition", "ExecutionTimeLimit",
        "RandomDelay",
    ),
    "Principals": ("Principal",),
    "Principal": ("UserId", "LogonType", "GroupId", "DisplayName", "RunLevel"),
    "Settings": (
        "MultipleInstancesPolicy", "DisallowStartIfOnBatteries", "StopIfGoingOnBatteries",
        "AllowHardTerminate", "StartWhenAvailable", "RunOnlyIfNetworkAvailable", "IdleSettings",
        "AllowStartOnDemand", "Enabled", "Hidden", "RunOnlyIfIdle", "WakeToRun",
        "ExecutionTimeLimit", "DeleteExpiredTaskAfter", "Priority",
    ),
    "IdleSettings": ("Duration", "WaitTimeout", "StopOnIdleEnd", "RestartOnIdle"),
    "Actions": ("Exec",),
    "Exec": ("Command", "Arguments", "WorkingDirectory"),
}  # fmt: skip
"""The triggers are sequences, whose order counts; of the others the schema takes any order, and
these are written in its own. What the kit has no use for is left out of it."""
NEEDED = {"Task": {"Actions"}, "Actions": {"Exec"}, "Exec": {"Command"}}
MANY = {"TimeTrigger": 48, "Exec": 32}
"""All others are there once."""
ATTRIBUTES = {
    "Task": {"version"},
    "TimeTrigger": {"id"},
    "Principal": {"id"},
    "Actions": {"Context"},
}

TEXT = r"(?s).+"
TRUTH = "true|false|1|0"
DURATION = r"P(?=.)(\d+Y)?(\d+M)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d+)?S)?)?"
TIME = (
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]\d\d:\d\d)?"
)
VALUES = {
    **dict.fromkeys(("URI", "SecurityDescriptor", "Source", "Author", "Version", "Description",
                     "Documentation", "UserId", "GroupId", "DisplayName", "Command", "Arguments",
                     "WorkingDirectory", "Data"), TEXT),
    **dict.fromkeys(("DisallowStartIfOnBatteries", "StopIfGoingOnBatteries", "AllowHardTerminate",
                     "StartWhenAvailable", "RunOnlyIfNetworkAvailable", "AllowStartOnDemand",
                     "Enabled", "Hidden", "RunOnlyIfIdle", "WakeToRun", "StopOnIdleEnd",
                     "RestartOnIdle"), TRUTH),
    **dict.fromkeys(("ExecutionTimeLimit", "RandomDelay", "Duration", "WaitTimeout",
                     "DeleteExpiredTaskAfter"), DURATION),
    **dict.fromkeys(("StartBoundary", "EndBoundary", "Date"), TIME),
    "MultipleInstancesPolicy": "Parallel|Queue|IgnoreNew|StopExisting",
    "LogonType": "S4U|Password|InteractiveToken|InteractiveTokenOrPassword",
    "RunLevel": "LeastPrivilege|HighestAvailable",
    "Priority": "10|[0-9]",
}  # fmt: skip
"""Of elements that have no children, by the types of the schema."""


def faults(task: ET.Element) -> list[str]:
    """What the schema does not take of a task whose names stand without the namespace."""
    found = [] if re.fullmatch(r"\d+\.\d+", task.get("version", "")) else ["Task: version"]
    for element in task.iter():
        name = element.tag
        found += [
            f"{name}: attribute {one}"
            for one in element.attrib.keys() - ATTRIBUTES.get(name, set())
        ]
        text = (element.text or "").strip()
        if name not in CHILDREN:
            if len(element) or not re.fullmatch(VALUES.get(name, r"(?!)"), text):
                found.append(f"{name}: {text}")
            continue
        children = [child.tag for child in element]
        known = [child for child in children if child in CHILDREN[name]]
        if text or known != children:
            found.append(f"{name}: not of it: {text or set(children) - set(known)}")
        if known != sorted(known, key=CHILDREN[name].index):
            found.append(f"{name}: order")
        counts = Counter(children)
        found += [f"{name}: {one} missing" for one in NEEDED.get(name, set()) - set(children)]
        found += [f"{name}: {one} again" for one in counts if counts[one] > MANY.get(one, 1)]
    return found + _meaning(task)


def _meaning(task: ET.Element) -> list[str]:
    """What the schema's keys and the reference say beside its types."""
    found = []
    principals = {one.get("id") for one in task.iter("Principal")}
    for actions in task.iter("Actions"):
        if "Context" in actions.attrib and actions.get("Context") not in principals:
            found.append(f"Actions: no principal {actions.get('Context')}")
    for principal in task.iter("Principal"):
        if (principal.find("UserId") is None) == (principal.find("GroupId") is None):
            found.append("Principal: a user or a group")
    ends = [one.find("EndBoundary") is not None for one in task.iter("TimeTrigger")]
    if task.find("Settings/DeleteExpiredTaskAfter") is not None and not any(ends):
        found.append("DeleteExpiredTaskAfter: no trigger ends")
    if any(one.find("StartBoundary") is None for one in task.iter("TimeTrigger")):
        found.append("TimeTrigger: it starts at no time")
    return found


def plain_task() -> ET.Element:
    task = ET.fromstring((KIT / "task.xml").read_bytes())
    for element in task.iter():
        assert element.tag.startswith(NAMESPACE)
        element.tag = element.tag.removeprefix(NAMESPACE)
    return task


def policy() -> ET.Element:
    return ET.fromstring((KIT / "ScheduledTasks.xml").read_bytes())


def tasks() -> Iterator[tuple[str, ET.Element]]:
    yield "task.xml", plain_task()
    found = policy().find("TaskV2/Properties/Task")
    assert found is not None
    yield "ScheduledTasks.xml", found


each_task = pytest.mark.parametrize(
    ("name", "task"), [*tasks()], ids=lambda one: one if isinstance(one, str) else ""
)


@each_task
def test_a_task_holds_the_schema(name: str, task: ET.Element) -> None:
    assert faults(task) == [], name
    assert {element.tag for element in task.iter()} >= CHILDREN.keys()


def put(path: str, text: str) -> Callable[[ET.Element], None]:
    def change(task: ET.Element) -> None:
        found = task.find(path)
        assert found is not None
        found.text = text

    return change


def named(path: str, name: str) -> Callable[[ET.Element], None]:
    def change(task: ET.Element) -> None:
        found = task.find(path)
        assert found is not None
        found.tag = name

    return change


def moved(path: str, *, copies: int = 0) -> Callable[[ET.Element], None]:
    """The first child behind the last; ``copies``: how many times it is there then."""

    def change(task: ET.Element) -> None:
        parent = task.find(path)
        assert parent is not None
        first = parent[0]
        if not copies:
            parent.remove(first)
        parent.extend([first] * max(copies, 1))

    return change


def without(path: str, child: str) -> Callable[[ET.Element], None]:
    def change(task: ET.Element) -> None:
        parent = task.find(path)
        assert parent is not None
        gone = parent.find(child)
        assert gone is not None
        parent.remove(gone)

    return change


def given(path: str, attribute: str, value: str) -> Callable[[ET.Element], None]:
    def change(task: ET.Element) -> None:
        found = task.find(path)
        assert found is not None
        found.set(attribute, value)

    return change


TRIGGER = "Triggers/TimeTrigger"
WRONG: list[tuple[Callable[[ET.Element], None], str]] = [
    (put(f"{TRIGGER}/RandomDelay", "1H"), "RandomDelay: 1H"),
    (put(f"{TRIGGER}/RandomDelay", "PT"), "RandomDelay: PT"),
    (put(f"{TRIGGER}/RandomDelay", "P1H"), "RandomDelay: P1H"),
    (put(f"{TRIGGER}/RandomDelay", "01:00:00"), "RandomDelay: 01:00:00"),
    (put("Settings/ExecutionTimeLimit", "3h"), "ExecutionTimeLimit: 3h"),
    (put("Settings/DeleteExpiredTaskAfter", "0"), "DeleteExpiredTaskAfter: 0"),
    (put(f"{TRIGGER}/StartBoundary", "30.11.2026 18:00"), "StartBoundary: 30.11.2026 18:00"),
    (put(f"{TRIGGER}/StartBoundary", "2026-11-30T24:30:00"), "StartBoundary: 2026-11-30T24:30:00"),
    (put(f"{TRIGGER}/Enabled", "yes"), "Enabled: yes"),
    (put("Settings/Hidden", "False"), "Hidden: False"),
    (put("Settings/Priority", "11"), "Priority: 11"),
    (put("Settings/MultipleInstancesPolicy", "Ignore"), "MultipleInstancesPolicy: Ignore"),
    (put("Principals/Principal/RunLevel", "Highest"), "RunLevel: Highest"),
    (put("Principals/Principal/UserId", " "), "UserId: "),
    (put("Settings", "x"), "Settings: not of it: x"),
    (named("Settings/Hidden", "Hiden"), "Settings: not of it: {'Hiden'}"),
    (named("Actions/Exec/Command", "WorkingDirectory"), "Exec: Command missing"),
    (moved(TRIGGER), "TimeTrigger: order"),
    (moved("Settings", copies=2), "Settings: MultipleInstancesPolicy again"),
    (moved("Actions", copies=40), "Actions: Exec again"),
    (without(".", "Actions"), "Task: Actions missing"),
    (without(TRIGGER, "EndBoundary"), "DeleteExpiredTaskAfter: no trigger ends"),
    (without(TRIGGER, "StartBoundary"), "TimeTrigger: it starts at no time"),
    (without("Principals/Principal", "UserId"), "Principal: a user or a group"),
    (given("Actions", "Context", "System"), "Actions: no principal System"),
    (given("Principals/Principal", "name", "x"), "Principal: attribute name"),
    (given(".", "version", "1"), "Task: version"),
]


@pytest.mark.parametrize(("change", "fault"), WRONG, ids=[fault for _, fault in WRONG])
def test_a_task_that_is_wrong_does_not(change: Callable[[ET.Element], None], fault: str) -> None:
    task = plain_task()
    change(task)
    assert fault in faults(task)


@each_task
def test_a_task_runs_once_as_the_system_and_spreads_the_fleet(name: str, task: ET.Element) -> None:
    said = {element.tag: (element.text or "").strip() for element in task.iter()}
    assert said["UserId"] == "S-1-5-18", name
    assert re.fullmatch(r"PT[1-9][0-9]*[HM]", said["RandomDelay"])
    assert said["StartBoundary"] < said["EndBoundary"]
    assert (said["StopOnIdleEnd"], said["RunOnlyIfIdle"]) == ("false", "false")
    assert (said["DisallowStartIfOnBatteries"], said["StopIfGoingOnBatteries"]) == ("false",) * 2
    assert said["MultipleInstancesPolicy"] == "IgnoreNew"
    assert said["Arguments"].startswith("@\\\\")


def test_the_policy_has_the_same_task() -> None:
    (_, plain), (_, told) = tasks()
    assert [(e.tag, e.attrib, (e.text or "").strip()) for e in plain.iter()] == [
        (e.tag, e.attrib, (e.text or "").strip()) for e in told.iter()
    ]


# -- The policy -------------------------------------------------------------------------------------

GUID = r"\{[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}\}"
POLICY = {
    "ScheduledTasks": {"clsid": r"\{CC63F200-7309-4ba0-B154-A71CD118DBCC\}"},
    "TaskV2": {
        "clsid": r"\{D8896631-B747-47a7-84A6-C155337F3BC8\}", "name": TEXT, "image": "[0-3]",
        "changed": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "uid": GUID, "removePolicy": "0",
        "userContext": "0",
    },
    "Properties": {
        "action": "[CRUD]", "name": TEXT, "runAs": TEXT, "logonType": "ServiceAccount|S4U",
    },
    "Filters": {},
    "FilterRunOnce": {"hidden": "[01]", "not": "0", "bool": "AND|OR", "id": GUID},
}  # fmt: skip
"""[MS-GPPREF] 2.2.1.18, 2.2.1.18.3 and of the filters: all attributes that are used, by values."""


def policy_faults(told: ET.Element) -> list[str]:
    found = [] if told.tag == "ScheduledTasks" else [told.tag]
    task = {id(one) for inner in told.iter("Task") for one in inner.iter()}
    for element in told.iter():
        if id(element) not in task:
            wanted = POLICY.get(element.tag, {})
            if element.tag not in POLICY or element.attrib.keys() != wanted.keys():
                found.append(f"{element.tag}: {sorted(element.attrib.keys() ^ wanted.keys())}")
            values = [(key, element.get(key, "")) for key in wanted]
            found += [
                f"{element.tag}: {key}={one}"
                for key, one in values
                if not re.fullmatch(wanted[key], one)
            ]
    return found


def test_the_policy_has_the_elements_and_attributes_of_preferences() -> None:
    told = policy()
    assert policy_faults(told) == []
    (item,) = told
    assert [child.tag for child in item] == ["Properties", "Filters"]
    properties = item[0]
    assert properties.get("name") == item.get("name")
    assert properties.get("runAs") == properties.findtext("Task/Principals/Principal/UserId")
    assert [one.tag for one in item[1]] == ["FilterRunOnce"], "it is applied once"


@pytest.mark.parametrize(
    ("path", "attribute", "value"),
    [
        (".", "clsid", "{CC63F200-7309-4BA0-B154-A71CD118DBCD}"),
        ("TaskV2", "clsid", "{2DEECB1C-261F-4e13-9B21-16FB83BC03BD}"),
        ("TaskV2", "uid", "0F1B6C7E-3D52-4C1B-9B60-7A6E0D9C4B21"),
        ("TaskV2", "changed", "30.11.2026"),
        ("TaskV2/Properties", "action", "X"),
        ("TaskV2/Filters/FilterRunOnce", "not", "1"),
    ],
)
def test_a_policy_that_is_wrong_has_not(path: str, attribute: str, value: str) -> None:
    told = policy()
    found = told.find(path)
    assert found is not None
    found.set(attribute, value)
    assert policy_faults(told) == [f"{found.tag}: {attribute}={value}"]
