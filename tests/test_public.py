"""The public names: complete, documented, light to import, with examples that run."""

from __future__ import annotations

import doctest
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import cdnlog

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted({*(value.__module__ for name in cdnlog.__all__ if (value := getattr(cdnlog, name))), "cdnlog.views"})


def test_the_list_is_sorted_and_complete() -> None:
    """`from cdnlog import *` gives exactly the public list, and every name is there."""
    namespace: dict[str, object] = {}
    exec("from cdnlog import *", namespace)
    del namespace["__builtins__"]
    assert sorted(namespace) == cdnlog.__all__ == sorted(cdnlog.__all__)


@pytest.mark.parametrize("name", cdnlog.__all__)
def test_every_name_has_an_example(name: str) -> None:
    """Each public name shows how it is used; `test_examples_run` runs it."""
    assert ">>> " in (inspect.getdoc(getattr(cdnlog, name)) or "")


@pytest.mark.parametrize("name", cdnlog.__all__)
def test_every_name_is_documented(name: str) -> None:
    """Each public name, and each public method of it, says what it does."""
    value = getattr(cdnlog, name)
    assert inspect.getdoc(value)
    members = inspect.getmembers(value) if inspect.isclass(value) and not issubclass(value, Exception) else []
    bare = [m for m, v in members if not m.startswith("_") and callable(v) and not inspect.getdoc(v)]
    assert bare == []


@pytest.mark.parametrize("name", ["count", "diagnose", "stream", "read", "explain", "rows", "names"])
def test_every_function_tells_what_a_caller_needs(name: str) -> None:
    """Each public function documents its arguments, what it returns, its errors, and has an example."""
    text = inspect.getdoc(getattr(cdnlog, name)) or ""
    sections = ("Args:", "Example:", "Returns:", "Raises:") if name not in ("stream", "read") else ("Example:",)
    assert [section for section in sections if section not in text] == []


@pytest.mark.parametrize("module", EXAMPLES)
def test_examples_run(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every example in a docstring runs and gives what it shows."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("MPLBACKEND", "agg")
    result = doctest.testmod(importlib.import_module(module))
    assert result.attempted > 0
    assert result.failed == 0


def test_importing_is_light() -> None:
    """Importing loads none of the heavy libraries and prints nothing."""
    heavy = ("numpy", "pandas", "pyarrow", "typer", "matplotlib")
    code = f"import sys, cdnlog; sys.exit(any(name in sys.modules for name in {heavy}))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (run.returncode, run.stdout, run.stderr) == (0, b"", b"")
