"""The table of contents: which commands there are. What runs one is loaded when it is called, and not for `--help`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer
from typer.main import get_command

from cdnlog.cli.values import Command, Group

SUMMARIES = {
    "diagnose": "Say which errors occurred, whose they are, and what to do first.",
    "nightly": "Count what is new exactly once, compare with the nights before, write reports. For cron and systemd.",
    "history": "Show what a store holds: domains, days, files and what became of each.",
    "count": "Count status codes per domain and time window.",
    "diff": "Compare two sets of logs, BEFORE and AFTER: what became more or less frequent, which paths used to work.",
    "parse": "Write the parsed rows to Parquet, CSV or JSON lines, by the suffix of --out.",
    "explain": "Say what a status code means, whose it is and what to do first.",
    "codes": "List the status codes of a provider's table.",
    "formats": "List the log formats, or tell which one a file is.",
}
"""Each command, in the order they are listed, and the first sentence of its help; it is `cdnlog.cli.<name>.app`."""


class Commands(Group):
    """A group that knows its commands by name and summary, and loads the one that is called."""

    def __init__(self, **attributes: Any) -> None:  # noqa: ANN401 - what typer says of a group
        listed = {name: Command(name, help=text, rich_markup_mode=None) for name, text in SUMMARIES.items()}
        super().__init__(**{**attributes, "commands": listed})

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:  # noqa: ANN401 - typer's own types have no public name
        """Return the name, the command itself in place of its entry in the list, and the rest of the arguments."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None:
            command = _loaded(str(command.name))
        return name, command, rest


def having(option: str) -> list[str]:
    """Return the commands that list an option in their help."""
    return [
        name
        for name in SUMMARIES
        if any(option in one.opts and not getattr(one, "hidden", False) for one in _loaded(name).params)
    ]


def _loaded(name: str) -> Any:  # noqa: ANN401 - as above
    return get_command(import_module(f"cdnlog.cli.{name}").app)


def application(*, group: bool = False) -> typer.Typer:
    """Return what one command, or a group that also does something when called alone, is added to."""
    return typer.Typer(cls=Group, add_completion=False, rich_markup_mode=None, invoke_without_command=group)
