"""The house rules that a machine can hold."""

from __future__ import annotations

import ast
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "cdnlog").rglob("*.py"))
Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the functions of a file with their lengths, docstrings and signatures of options left out."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, Function):
            first = node.body[0]
            docstring = 0
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                docstring = (first.end_lineno or 0) - first.lineno + 1
            yield f"{path.name}:{node.name}", (node.end_lineno or 0) - node.lineno + 1 - docstring


def test_functions_and_files_are_small() -> None:
    """Functions have a median of at most 10 lines and none over 60, files none over 400."""
    sizes = [size for path in SOURCES for size in functions(path)]
    assert statistics.median(size for _, size in sizes) <= 10
    options = "shared.py:options"  # one parameter per option, no statement
    assert [(name, size) for name, size in sizes if size > 60 and name != options] == []
    assert [path.name for path in SOURCES if path.read_text().count("\n") > 400] == []


def test_nothing_prints_past_the_screen() -> None:
    """Only `cli/screen.py` writes to the standard streams, so that nothing reaches them unescaped."""
    writers = [
        path.name
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert writers == []


@pytest.mark.parametrize("word", ["eval(", "exec(", "pickle.load", "shell=True", "os.system", "yaml"])
def test_nothing_runs_what_it_reads(word: str) -> None:
    """No way to run text that came from outside is in the product."""
    assert [path.name for path in SOURCES if word in path.read_text()] == []


def test_the_law_is_no_assert() -> None:
    """The product has no assert statement: `python -O` would drop it."""
    asserts = [p.name for p in SOURCES for n in ast.walk(ast.parse(p.read_text())) if isinstance(n, ast.Assert)]
    assert asserts == []


def test_floors_hold() -> None:
    """Imports go downward only."""
    linter = Path(sys.executable).with_name("lint-imports")  # of this environment, activated or not
    run = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout
