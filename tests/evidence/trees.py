"""All that a tree holds, as whoever walks it sees it."""

from __future__ import annotations

from pathlib import Path

from agent.matching.own_traces import Own
from agent.targets.offline.image import ImageTarget
from agent.targets.tree import Entry, Kind, Tree


def tree_of(path: Path) -> Tree:
    """The only volume of an image that is walked."""
    (root,) = ImageTarget(str(path), own=Own()).roots()[0]
    assert root.tree is not None
    return root.tree


def gaps_of(path: Path) -> list[str]:
    """What of an image is not read."""
    return [one.reason for one in ImageTarget(str(path), own=Own()).roots()[1] if one.gap]


def walked(tree: Tree, problems: list[str] | None = None) -> dict[str, Entry]:
    """Entries by their paths with slashes; each folder is entered once. ``problems``: why names
    may be missing."""
    found: dict[str, Entry] = {}
    told = [] if problems is None else problems
    waiting, entered = [(tree.top, "")], set()
    while waiting:
        folder, path = waiting.pop()
        if folder.identity() in entered:
            continue
        entered.add(folder.identity())
        for entry in folder.entries(lambda _: True, told.append):
            found[path + entry.name] = entry
            if entry.kind() is Kind.FOLDER:
                waiting.append((entry, f"{path}{entry.name}/"))
    return found


def content(entry: Entry, stream: str = "") -> bytes:
    """Raises OSError."""
    with entry.open(stream)[0] as file:
        return file.read()


def contents(tree: Tree) -> dict[str, bytes]:
    """Of all files."""
    found = walked(tree)
    return {path: content(one) for path, one in found.items() if one.kind() is Kind.FILE}
