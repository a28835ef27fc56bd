"""What was typed -> values, without the library that typer asks: importing that takes longer than most commands.

typer asks each parameter for what converts its text (`get_runtime_param`), and makes that with pydantic, even for plain
text. Here each parameter has an answer of its own, which converts what is beyond doubt and leaves everything else to
typer, whose message is then the one that is shown. A typer that does not ask in this way converts as it always does.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from enum import Enum
from functools import partial
from pathlib import Path
from types import MethodType
from typing import Any, get_args, get_origin

from typer.core import TyperCommand, TyperGroup


class Command(TyperCommand):
    """A command whose parameters convert plain values themselves."""

    def get_params(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's own types have no public name
        """Return the parameters, `--help` among them."""
        return _converting(super().get_params(ctx))


class Group(TyperGroup):
    """A group of commands whose own parameters do the same."""

    def get_params(self, ctx: Any) -> Any:  # noqa: ANN401 - as above
        """Return the parameters of the group itself, `--help` among them."""
        return _converting(super().get_params(ctx))


def _converting(parameters: list[Any]) -> list[Any]:
    for parameter in parameters:
        typers = getattr(parameter, "get_runtime_param", None)
        described = getattr(parameter, "type_descriptor", None)
        if described is not None and isinstance(typers, MethodType):  # not yet given an answer
            parameter.get_runtime_param = partial(_Converter, described.annotation, typers)
    return parameters


class _Converter:
    """What a parameter answers when typer asks it."""

    def __init__(self, kind: object, typers: Callable[[], Any]) -> None:
        self._kind, self._typers = kind, typers

    def coerce(self, value: object, param: object, ctx: object) -> object:
        """Return a value as its declared type, as typer would.

        Raises:
            typer.BadParameter: It is none.
        """
        try:
            return plain(self._kind, value)
        except ValueError:
            return self._typers().coerce(value, param=param, ctx=ctx)


def plain(kind: Any, value: object) -> object:  # noqa: ANN401 - a type, or a list of one
    """Return a value as a type, None as it is.

    Raises:
        ValueError: That is not beyond doubt.
    """
    several = get_origin(kind) is list
    if value is None:
        return () if several else None
    if several and isinstance(value, list | tuple):
        return [plain(get_args(kind)[0], one) for one in value]
    if isinstance(value, kind):  # a default, or text where text is wanted
        return value
    if isinstance(value, str):
        if issubclass(kind, Enum):
            return kind(value)
        if kind is int and value.isascii() and value.isdigit():
            return int(value)
        if kind is Path and (os.access(value, os.R_OK) or not os.path.lexists(value)):
            return Path(value)
    raise ValueError(value)
