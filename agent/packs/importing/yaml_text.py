"""YAML of foreign forms as plain values: texts, lists and mappings, bounded; no tag makes anything
of it, and an alias is refused, as many of them stand for more than there is room for."""

from __future__ import annotations

from typing import Any

import yaml

_MOST_NODES = 500_000
_MOST_DEEP = 32


class NoYaml(Exception):
    """It is none that is read: why, and in which line."""


def read_documents(text: str) -> list[Any]:
    """All documents of a file; what stands for nothing (``null``, ``~``) is None.

    Raises NoYaml.
    """
    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    reader = _Reader()
    try:
        return [reader.plain(node, 0) for node in yaml.compose_all(text, Loader=loader)]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise NoYaml(f"{where}{getattr(error, 'problem', None) or error}") from error
    except RecursionError as error:
        raise NoYaml("nested too deeply") from error


class _Reader:
    def __init__(self) -> None:
        self._seen: set[int] = set()
        self._kept: list[Any] = []
        """So that no two nodes have one address."""

    def plain(self, node: Any, depth: int) -> Any:
        line = node.start_mark.line + 1
        if id(node) in self._seen and not isinstance(node, yaml.ScalarNode):
            raise NoYaml(f"line {line}: an alias")
        self._seen.add(id(node))
        self._kept.append(node)
        if len(self._kept) > _MOST_NODES or depth > _MOST_DEEP:
            raise NoYaml(f"line {line}: too many or too deeply nested values")
        if isinstance(node, yaml.MappingNode):
            return {
                str(getattr(key, "value", "")): self.plain(value, depth + 1)
                for key, value in node.value
            }
        if isinstance(node, yaml.SequenceNode):
            return [self.plain(value, depth + 1) for value in node.value]
        return None if node.tag == "tag:yaml.org,2002:null" else node.value
