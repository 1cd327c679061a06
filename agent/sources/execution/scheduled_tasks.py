r"""Scheduled tasks: what starts by itself at a time or an event.

Evidence: ``%SystemRoot%\System32\Tasks\**``, XML in UTF-16, since Windows Vista; before, and for
programs of that time, ``%SystemRoot%\Tasks\*.job``. What the registry keeps of the same tasks tells
when they were made and ran (``registry``).
Cannot tell: whether and when a task of XML ran; who wrote the file; what a class does that a task
calls (``ComHandler``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...formats import FormatError
from ...formats.plain_text import text_of
from ...formats.simple_xml import elements
from ...formats.task_file import TaskFile, read_task
from ...model.objects import Process, Task, User
from ...model.observation import Claim
from ...spelling import base_name
from .. import whereabouts
from ..remembered import Memories, Remembered

if TYPE_CHECKING:
    from ...targets.evidence import EvidenceFile

_MAX_TEXT = 32_767
_HIDES = ("&#", "<!--", "<![CDATA[")
_END = re.compile(r"</(?:\w+:)?Task\s*>")
_FOLDER = "\\tasks\\"


class ScheduledTasks(Memories):
    """One thing for each action."""

    name = "scheduled_tasks"
    kind = "scheduled task"
    where = whereabouts.SCHEDULED_TASKS
    max_bytes = 8 << 20

    def plain(self, data: bytes) -> bytes:
        """XML that writes characters as numbers, or cuts its texts, is followed by its texts.
        Raises FormatError, also for XML that is cut short."""
        text = text_of(data) if b"<" in data else ""
        if text.lstrip("\r\n\t ").startswith("<") and not _END.search(text):
            raise FormatError("XML that does not end", f"{len(data)} bytes")
        if not any(mark in text for mark in _HIDES):
            return data
        texts = "\n".join(element.text for element in elements(text))
        return data + bytes(4 + len(data) % 2) + texts.encode("utf-16-le", "surrogatepass")

    def things(self, file: EvidenceFile, data: bytes) -> Iterator[Remembered]:
        """What the task starts."""
        task = read_task(data)
        name = task.uri or _name_by(file.path)
        for number, action in enumerate(task.actions, start=1):
            line = f"{action.command} {action.arguments}".strip()[:_MAX_TEXT]
            yield Remembered(
                seen=self.kind,
                claim=Claim.RAN,
                texts=(line, action.folder, name, task.author),
                process=Process(
                    name=base_name(action.command.strip('"')),
                    executable=action.command if "\\" in action.command else "",
                    command_line=line,
                    user=_account(task.user),
                ),
                task=Task(name=name, command=line),
                record=f"action {number}" if len(task.actions) > 1 else "",
                remarks=tuple(_remarks(task)),
            )


def _name_by(path: str) -> str:
    at = path.lower().rfind(_FOLDER)
    return path[at + len(_FOLDER) - 1 :] if at >= 0 else base_name(path)


def _account(user: str) -> User | None:
    if not user:
        return None
    return User(id=user) if user.startswith("S-1-") else User(name=user)


def _remarks(task: TaskFile) -> Iterator[str]:
    if task.registered:
        yield f"registered {task.registered}, says its author"
    if task.last_run is not None:
        yield f"last ran {task.last_run:%Y-%m-%d %H:%M:%S}, local time"
    if task.author:
        yield f"author {task.author}"
