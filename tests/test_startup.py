"""What makes the program start fast changes nothing: values are as typer has them, CSV is as its writer has it."""

from __future__ import annotations

import csv
import io
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st
from typer.core import TyperCommand
from typer.main import get_command

from cdnlog.cli.commands import SUMMARIES
from cdnlog.cli.values import Command, _converting
from cdnlog.report import render
from cdnlog.report.layout import Listing
from cdnlog.text import csv_cell, visible

HERE = Path(__file__)


class Word(StrEnum):
    """A choice."""

    one = "one"
    two = "two"


TEXTS = (
    "", " ", "one", "ONE", "three", "7", "-7", "+7", " 7 ", "007", "1_000", "7.0", "1e3", "\u0667", "9" * 5000, "nan",
    "caf\u00e9", "\udcff", "-", str(HERE), str(HERE.parent), "gone/nowhere", "a,b",
)  # fmt: skip


def answer(kind: object, args: list[str], *, plain: bool) -> object:
    """Return what the one option of a command is given as, or what is said of it; by typer's own way or by ours."""

    def run(option: Any = None) -> None:  # noqa: ANN401 - its type is set below
        raise AssertionError(option)

    run.__annotations__["option"] = kind
    app = typer.Typer(add_completion=False)
    app.command(cls=Command if plain else TyperCommand)(run)
    try:
        return get_command(app).make_context("run", list(args)).params["option"]
    except typer.BadParameter as error:
        return error.format_message()


@pytest.mark.parametrize("kind", [str, int, float, Path, Word, list[str], list[Path], list[int]], ids=str)
def test_values_are_what_typer_makes_of_them(kind: object) -> None:
    """Converted without pydantic or not, a value is the same, of the same type, and a faulty one is told the same."""
    for args in ([], *([f"--option={text}"] for text in TEXTS), ["--option", "7", "--option", "8"]):
        ours, typers = (answer(kind, args, plain=plain) for plain in (True, False))
        assert repr(ours) == repr(typers), args


def test_a_flag_is_what_typer_makes_of_it() -> None:
    """Set, unset and left out."""
    for args in ([], ["--option"], ["--no-option"]):
        assert answer(bool, args, plain=True) == answer(bool, args, plain=False)


def test_a_folder_that_cannot_be_read_is_told_by_typer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a path that is there and cannot be read, typer says so, as it always did."""
    monkeypatch.setattr("os.access", lambda *_: False)
    said = answer(Path, [f"--option={tmp_path}"], plain=True)
    assert "is not readable" in str(said)
    assert said == answer(Path, [f"--option={tmp_path}"], plain=False)


@pytest.mark.parametrize("name", SUMMARIES)
def test_every_parameter_is_given_an_answer(name: str) -> None:
    """All options of all commands, `--help` among them, convert plain values without pydantic."""
    made = get_command(import_module(f"cdnlog.cli.{name}").app)
    for one in (made, *getattr(made, "commands", {}).values()):
        for parameter in one.get_params(typer.Context(one)):
            assert not hasattr(parameter, "type_descriptor") or hasattr(parameter.get_runtime_param(), "coerce")
            assert "get_runtime_param" in vars(parameter) or not hasattr(parameter, "get_runtime_param")


def test_a_typer_that_asks_otherwise_is_left_alone() -> None:
    """Parameters of a typer that has other names for this, or none, stay as they are."""
    parameters = [SimpleNamespace(name="a"), SimpleNamespace(get_runtime_param=len), SimpleNamespace(type_descriptor=1)]
    before = [dict(vars(one)) for one in parameters]
    assert [vars(one) for one in _converting(parameters)] == before


CELLS = st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), st.text(alphabet=" \",\r\n\t=a1;'\x00\u202e|"))


@given(st.integers(1, 4).flatmap(lambda n: st.lists(st.tuples(*[CELLS] * n), max_size=8)))
def test_csv_is_what_its_writer_writes(rows: list[tuple[Any, ...]]) -> None:
    """Columns of texts and of whole numbers are put together at once; the bytes are those of `csv.writer`."""
    headers = tuple(f"column {i}" for i in range(len(rows[0]) if rows else 1))
    out = io.StringIO()
    safe = [[csv_cell(visible(cell)) if isinstance(cell, str) else cell for cell in row] for row in rows]
    csv.writer(out, lineterminator="\n").writerows([headers, *safe])
    assert render(Listing("", headers, tuple(rows)), "csv") == out.getvalue()
    for kind in (str, int):
        typed = [row for row in rows if all(type(cell) is kind for cell in row)]
        out = io.StringIO()
        safe = [[csv_cell(visible(cell)) if isinstance(cell, str) else cell for cell in row] for row in typed]
        csv.writer(out, lineterminator="\n").writerows([headers, *safe])
        assert render(Listing("", headers, tuple(typed)), "csv") == out.getvalue()
