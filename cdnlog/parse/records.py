"""Classes for the objects of a JSON log: with just the keys that are asked for, so that msgspec skips all others.

Values are kept as the raw text they have in the line; what they mean is worked out later, for all lines at once.
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Raw

_STEP = re.compile(r"(?:[^.\\]|\\.)+")
_QUOTED = re.compile(r"\\(.)")
_ABSENT = Raw(b"")
_FRACTION = re.compile(r"-?[0-9]+(?=[.eE])(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")

Path = tuple[str, ...]


def steps(key: str) -> Path:
    r"""Return the names that lead to a value: "a.b" is two, "a\.b" is one."""
    return tuple(_QUOTED.sub(r"\1", step) for step in _STEP.findall(key))


class Shape:
    """The class of the objects of one format.

    Args:
        paths: Where the values stand that are asked for, two at least.

    Attributes:
        leaves: How far the paths lead through objects; the values of an object are given in this order.
        decode: Makes an object of a line.
        values: Gives the values of an object, each as raw JSON, empty where absent.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self.leaves = _leaves(set(paths))
        self._tree: dict[str, Any] = {}
        for path in self.leaves:
            node = self._tree
            for step in path[:-1]:
                node = node.setdefault(step, {})
            node[path[-1]] = None
        self._class = _struct(self._tree)
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(self._class).decode
        self.values: Callable[[Any], Sequence[Raw]] = operator.attrgetter(*map(self._attribute, self.leaves))

    def place(self, path: Path) -> tuple[int, Path]:
        """Return the place of a path's value among the leaves, and the rest of the path, within that value."""
        leaf = next(leaf for leaf in self.leaves if path[: len(leaf)] == leaf)
        return self.leaves.index(leaf), path[len(leaf) :]

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
            fields.append((f"f{i}", Raw, msgspec.field(default=_ABSENT, name=key)))
        else:
            nested = _struct(below)
            fields.append((f"f{i}", nested, msgspec.field(default=nested(), name=key)))
    return msgspec.defstruct("Record", fields, gc=False, frozen=True)


def _filled(struct: type[msgspec.Struct], tree: dict[str, Any], found: dict[str, Any]) -> msgspec.Struct:
    values: dict[str, Any] = {}
    for i, (key, below) in enumerate(tree.items()):
        if key in found and below is None:
            values[f"f{i}"] = Raw(encoded(json.dumps(found[key], ensure_ascii=False)))
        elif key in found and isinstance(found[key], dict):
            values[f"f{i}"] = _filled(struct.__annotations__[f"f{i}"], below, found[key])
    return struct(**values)


def encoded(text: str) -> bytes:
    """Return text as UTF-8, bytes that were none as they were, and halves of a character as no UTF-8."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def meant(raw: bytes, path: Path = (), *, whole: bool = False) -> bytes:
    """Return what a raw value means as a log would write it; an absent one, null or an object is empty.

    Args:
        raw: JSON.
        path: Where in it the value stands.
        whole: Whether a number is a whole one, even if it is written as "404.0".
    """
    shown = raw.decode("utf-8", "surrogateescape")
    value: Any = json.loads(shown, strict=False, parse_float=str, parse_int=str, parse_constant=str)
    for step in path:
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return b""
    return _whole(text) if whole and (text := _text(value)) else encoded(_text(value))


def _text(value: Any) -> str:  # noqa: ANN401 - any JSON
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return value if isinstance(value, str) else ""


def _whole(text: str) -> bytes:
    if not _FRACTION.fullmatch(text):
        return encoded(text)
    number = float(text)
    exact = number.is_integer() and abs(number) < 2**53
    return str(int(number)).encode() if exact else encoded(text)
