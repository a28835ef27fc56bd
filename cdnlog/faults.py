"""What is wrong with a data file, in words that help to mend it: the line, the key, and what may stand there."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import tomli

_AT = r" - at `\$(.*)`\Z"
_STEP = r"\.([^.\[\]]+)|\[(\d+)\]|\[\.\.\.\]"  # the last is any key of a table
_UNKNOWN = r"Object contains unknown field `(.*)`"
_VALUE = r"Invalid (?:enum )?value ('.*'|\S+)"
_LINE = r" \(at (?:line (\d+), column \d+|end of document)\)\Z"
_SAID = {
    "Invalid value": "no value (text stands between quotes)",
    "Illegal character '\\n'": "text without the quote that ends it",
    "Cannot overwrite a value": "a key that is there already",
}
"""What the parser says in words of its own."""
_SHOWN = 60

Path = list[str | int]


def located(error: Exception, data: bytes, shape: Any) -> tuple[int | None, str]:  # noqa: ANN401 - any type
    """Return the line of a fault, as far as it can be told, and a sentence about it.

    Args:
        error: What msgspec said of the file.
        data: The file.
        shape: What it should have been.
    """
    message = str(error)
    text = data.decode("utf-8", "replace")
    if isinstance(error, UnicodeDecodeError):
        return data.count(b"\n", 0, error.start) + 1, "not UTF-8 text; save the file as UTF-8"
    if match := re.search(_LINE, message):
        return _no_toml(text, int(match[1] or 0), message[: match.start()])
    match = re.search(_AT, message)
    path: Path = [int(i) if i else name for name, i in re.findall(_STEP, match[1])] if match else []
    problem = message[: match.start()] if match else message
    problem = problem.replace("`date`, got `str`", "a date without quotes, such as 2026-12-31")
    if unknown := re.match(_UNKNOWN, problem):
        path, problem = [*path, unknown[1]], f"there is no key `{unknown[1]}`"
        return _line_of(text, path), problem + _hint(unknown[1], _keys(text, path[:-1], shape))
    key = next((step for step in reversed(path) if step), None) if path and isinstance(path[-1], str) else None
    if (value := re.match(_VALUE, problem)) and key:
        words = list(_words(_node(text, path, shape)))
        return _line_of(text, path), f"`{key}` cannot be {value[1]}" + _hint(value[1].strip("'"), words)
    return _line_of(text, path), f"`{key}`: {problem}" if key else problem


def _no_toml(text: str, line: int, problem: str) -> tuple[int, str]:
    """Return the line, the last one for 0, and what is wrong with it."""
    lines = text.split("\n")
    shown = f", in `{lines[line - 1].strip()[:_SHOWN]}`" if line else ""
    return line or len(lines), f"not TOML: {_SAID.get(problem, problem)}{shown}"


def line_of(data: bytes, *path: str | int) -> int | None:
    """Return the line of a file on which a key stands."""
    return _line_of(data.decode("utf-8", "replace"), [*path])


def nearest(name: str, known: Iterable[str]) -> str:
    """Return which names come nearest to one that is none, or all there are."""
    return _hint(name, list(known)).removeprefix("; ")


def _hint(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if near:
        return f"; did you mean {' or '.join(near)}? There are {', '.join(sorted(known))}"
    return f"; there are {', '.join(sorted(known))}" if known else ""


def _line_of(text: str, path: Path) -> int | None:
    """Find the line by its looks: the n-th `[[table]]`, and in it the key."""
    lines, at, end = text.split("\n"), 0, text.count("\n") + 1
    found: int | None = None
    for i, step in enumerate(path):
        if isinstance(step, int) or not step:
            continue
        index = path[i + 1] if i + 1 < len(path) and isinstance(path[i + 1], int) else 0
        tables = [n for n in range(at, end) if re.match(rf"\s*\[\[?\s*{re.escape(step)}\s*\]", lines[n])]
        if isinstance(index, int) and index < len(tables):
            at = found = tables[index]
            end = next((n for n in range(at + 1, end) if lines[n].lstrip().startswith("[")), end)
            continue
        keys = [n for n in range(at, end) if re.match(rf'\s*"?{re.escape(step)}"?\s*[=.]', lines[n])]
        found = keys[0] if keys else found
    return None if found is None else found + 1


def _keys(text: str, path: Path, shape: Any) -> list[str]:  # noqa: ANN401
    return [key for node in _node(text, path, shape) for key in node.get("properties", ())]


def _words(nodes: Iterable[dict[str, Any]]) -> Iterator[str]:
    for node in nodes:
        yield from (str(word) for word in node.get("enum", ()))


def _node(text: str, path: Path, shape: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    """Return what the schema has at a path; several nodes where one of several may stand."""
    schema = msgspec.json.schema(shape)
    nodes = _open([schema], schema.get("$defs", {}))
    kinds = [node for node in nodes if _kind(text) in node.get("properties", {}).get("kind", {}).get("enum", ())]
    for step in path:
        below = [_below(node, step) for node in (kinds or nodes)]
        nodes, kinds = _open([node for node in below if node], schema.get("$defs", {})), []
    return kinds or nodes


def _kind(text: str) -> str:
    try:
        return str(tomli.loads(text).get("kind", ""))
    except tomli.TOMLDecodeError:
        return ""


def _below(node: dict[str, Any], step: str | int) -> dict[str, Any] | None:
    if isinstance(step, int):
        items = node.get("items")
        return items if isinstance(items, dict) else None
    extra = node.get("additionalProperties")
    found = node.get("properties", {}).get(step)
    return found or (extra if isinstance(extra, dict) else None)


def _open(nodes: Iterable[dict[str, Any]], named: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the nodes with references followed and alternatives side by side."""
    opened: list[dict[str, Any]] = []
    for node in nodes:
        if "$ref" in node:
            opened += _open([named[node["$ref"].rsplit("/", 1)[-1]]], named)
        elif "anyOf" in node:
            opened += _open(node["anyOf"], named)
        else:
            opened.append(node)
    return opened
