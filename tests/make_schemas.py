"""Writes the JSON Schemas of the declarative data, made from `cdnlog/declared.py`.

    python tests/make_schemas.py [OUT_DIR]

Editors and CI check the TOML files under schemas/ with them. The schemas of what the program prints are written by
hand and are no business of this script.
"""

from __future__ import annotations

import argparse
import inspect
import json
from pathlib import Path
from typing import Any

import msgspec

from cdnlog.declared import Causes, Classes, Codes, Columns, Phrases, Regions, Rules
from cdnlog.formats import AnyFormat
from cdnlog.mute import MuteFile

OUT_DIR = Path(__file__).parent.parent / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
SHAPES: dict[str, Any] = {
    "causes": Causes,
    "classes": Classes,
    "codes": Codes,
    "columns": Columns,
    "format": AnyFormat,
    "mute": MuteFile,
    "phrases": Phrases,
    "regions": Regions,
    "rules": Rules,
}


def schema_id(name: str, number: int = 1) -> str:
    """Return the address that names a schema."""
    return f"https://cdnlog.dev/schemas/{name}/{number}"


def generated() -> dict[str, str]:
    """Return the text of every generated schema by file name."""
    return {f"{name}.schema.json": _text(name, shape) for name, shape in SHAPES.items()}


def _text(name: str, shape: Any) -> str:  # noqa: ANN401 - a struct, or a union of some
    schema = {"$schema": DIALECT, "$id": schema_id(name), **msgspec.json.schema(shape)}
    return json.dumps(_dedented(schema), indent=1, sort_keys=True) + "\n"


def _dedented(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """Take the indentation out of docstrings: Python 3.13 does so itself, older ones do not."""
    if isinstance(node, dict):
        return {key: _dedented(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_dedented(value) for value in node]
    return inspect.cleandoc(node) if isinstance(node, str) and "\n" in node else node


def main() -> None:
    """Read the command line and write the schemas."""
    parser = argparse.ArgumentParser(description="Write the JSON Schemas of the declarative data.")
    parser.add_argument("out_dir", nargs="?", type=Path, default=OUT_DIR, help="default: %(default)s")
    folder = parser.parse_args().out_dir
    for name, text in generated().items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
        print(folder / name)


if __name__ == "__main__":
    main()
