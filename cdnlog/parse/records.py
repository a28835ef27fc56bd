"""Classes for the objects of a JSON log: with just the keys that are asked for, so that msgspec skips all others."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from msgspec import UNSET

_STEP = re.compile(r"(?:[^.\\]|\\.)+")
_QUOTED = re.compile(r"\\(.)")

Path = tuple[str, ...]
Getter = Callable[[Any], Any]


def steps(key: str) -> Path:
    r"""Return the names that lead to a value: "a.b" is two, "a\.b" is one."""
    return tuple(_QUOTED.sub(r"\1", step) for step in _STEP.findall(key))


class Shape:
    """The class of the objects of one format.

    Args:
        paths: Where the values stand that are asked for.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._tree: dict[str, Any] = {}
        self._leaves = _leaves(set(paths))
        for path in self._leaves:
            node = self._tree
            for step in path[:-1]:
                node = node.setdefault(step, {})
            node[path[-1]] = None
        self._class = _struct(self._tree)
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(self._class).decode

    def getter(self, path: Path) -> Getter:
        """Return what takes the value at a path out of an object; UNSET if it is not there."""
        leaf = next(leaf for leaf in self._leaves if path[: len(leaf)] == leaf)
        get: Getter = operator.attrgetter(self._attribute(leaf))
        rest = path[len(leaf) :]
        return (lambda record: _walked(get(record), rest)) if rest else get

    def record(self, found: dict[str, Any]) -> object:
        """Return an object of the class with the values of a dictionary."""
        return _filled(self._class, self._tree, found)

    def _attribute(self, leaf: Path) -> str:
        node, names = self._tree, []
        for step in leaf:
            names.append(f"f{list(node).index(step)}")
            node = node[step]
        return ".".join(names)


def _leaves(paths: set[Path]) -> list[Path]:
    """Return the paths as far as they lead through objects only, none of them being the beginning of another."""
    named = {path[: next((i for i, step in enumerate(path) if i and step.isdigit()), len(path))] for path in paths}
    return sorted(p for p in named if not any(p[: len(q)] == q for q in named if q != p))


def _struct(tree: dict[str, Any]) -> type[msgspec.Struct]:
    fields: list[tuple[str, Any, Any]] = []
    for i, (key, below) in enumerate(tree.items()):
        if below is None:
            fields.append((f"f{i}", Any, msgspec.field(default=UNSET, name=key)))
        else:
            nested = _struct(below)
            fields.append((f"f{i}", nested, msgspec.field(default=nested(), name=key)))
    return msgspec.defstruct("Record", fields, gc=False, frozen=True)


def _filled(struct: type[msgspec.Struct], tree: dict[str, Any], found: dict[str, Any]) -> msgspec.Struct:
    values: dict[str, Any] = {}
    for i, (key, below) in enumerate(tree.items()):
        if key in found and below is None:
            values[f"f{i}"] = found[key]
        elif key in found and isinstance(found[key], dict):
            nested = struct.__annotations__[f"f{i}"]
            values[f"f{i}"] = _filled(nested, below, found[key])
    return struct(**values)


def _walked(value: Any, path: Path) -> Any:  # noqa: ANN401 - any JSON
    """Follow a path through objects and lists; UNSET if it ends before."""
    for step in path:
        if isinstance(value, dict):
            value = value.get(step, UNSET)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return UNSET
    return value
