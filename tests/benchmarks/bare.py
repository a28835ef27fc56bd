"""A typer application that does nothing, with as many commands as cdnlog: what start-up costs anyone."""

from __future__ import annotations

import typer

COMMANDS = ("diagnose", "nightly", "history", "count", "diff", "parse", "explain", "codes", "formats")


def _nothing() -> None:
    """Do nothing."""


def application() -> typer.Typer:
    """Return the application."""
    app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)
    for name in COMMANDS:
        app.command(name)(_nothing)
    return app


if __name__ == "__main__":
    application()()
