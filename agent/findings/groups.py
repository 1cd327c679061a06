"""What belongs together because it shares keys."""

from __future__ import annotations


class Groups:
    """Union-find over keys."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, key: str) -> str:
        """The key that stands for all that this one was joined with."""
        parent = self._parent.setdefault(key, key)
        while parent != self._parent[parent]:
            self._parent[parent] = parent = self._parent[self._parent[parent]]
        self._parent[key] = parent
        return parent

    def join(self, first: str, second: str) -> None:
        """From now on the two, and all that they were joined with, are one."""
        self._parent[self.find(first)] = self.find(second)
