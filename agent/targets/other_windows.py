r"""Windows that are not the one of the host: ``C:\Windows.old\Windows``, which an upgrade keeps
with its logs and profiles, and others that were installed beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..spelling import fold
from .tree import Entry, Kind, Tree, child

_NAMES = ("Windows", "WINNT")
_HOLDS = (("System32", "config", "SOFTWARE"), ("System32", "winevt", "Logs"))
"""What makes a folder one."""
_MAX_FOLDERS = 1000
"""At the top of a volume."""


def other_windows(trees: Sequence[Tree], system_root: str) -> tuple[str, ...]:
    """Their folders, one or two levels below the top of a volume.

    A folder that cannot be listed is passed over: the files source tells of it.
    """
    found: dict[str, str] = {}
    for tree in trees:
        try:
            with tree.opened():
                for path in _in(tree):
                    found.setdefault(fold(path), path)
        except OSError:
            continue  # whoever looks for a file on it tells why
    found.pop(fold(system_root), None)
    return tuple(found.values())


def _in(tree: Tree) -> Iterator[str]:
    """Raises OSError."""
    entries = tree.top.entries(lambda _: True, lambda _: None)
    for folder in sorted(entries, key=lambda entry: fold(entry.name))[:_MAX_FOLDERS]:
        path = f"{tree.drive}\\{folder.name}"
        if _is_windows(folder):
            yield path
        else:
            for name in _NAMES:
                below = _below(folder, name)
                if below is not None and _is_windows(below):
                    yield f"{path}\\{below.name}"


def _is_windows(folder: Entry) -> bool:
    return any(_below(folder, *names) is not None for names in _HOLDS)


def _below(folder: Entry, *names: str) -> Entry | None:
    found: Entry | None = folder
    try:
        for name in names:
            if found is None or found.kind() is not Kind.FOLDER:
                return None
            found = child(found, name)
    except OSError:
        return None
    return found
