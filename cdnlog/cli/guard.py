"""Runs a command: every error becomes one readable message and the exit code of the contract."""

from __future__ import annotations

import functools
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, ParamSpec

import typer

from cdnlog.cli.commands import having
from cdnlog.cli.screen import say
from cdnlog.errors import EXIT_BUG, EXIT_USAGE, CdnlogError
from cdnlog.urls import check_local

# What a library says that typer asks, and how it is said here.
_SAID = {
    "Value error, ": "",
    "Input should be a valid integer, unable to parse string as an integer": "it is no whole number",
    "Input should be a valid number, unable to parse string as a number": "it is no number",
}
P = ParamSpec("P")
REPORT = "https://github.com/cdnlog/cdnlog/issues"
# If several apply, the first of these wins.
PRIORITY = (70, 2, 75, 74, 3, 4, 1, 0)
INTERRUPTED, TERMINATED = 130, 143


class Terminated(BaseException):
    """SIGTERM: stop after the current block, leave nothing half-written."""


def refuse(error: Exception) -> int:
    """Say what typer found wrong with the call, nothing of it raw; return the exit code.

    Raises:
        Exception: It is no error of the call.
    """
    message = getattr(error, "format_message", None)
    if message is None:
        raise error
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
        for line in context.get_help().split("\n"):
            say(line)
        return EXIT_USAGE
    path = f"{context.command_path} --help" if context is not None else "cdnlog --help"
    say(f"cdnlog: {_elsewhere(error) or _plain(message())}; see '{path}'")
    return int(getattr(error, "exit_code", EXIT_USAGE))


def _plain(message: str) -> str:
    """Return what typer says without the words of the library it asks."""
    for theirs, ours in _SAID.items():
        message = message.replace(theirs, ours)
    return message.rstrip(".")


def _elsewhere(error: Exception) -> str:
    """Say which commands have an option that this one lacks, if some do."""
    option = getattr(error, "option_name", None)
    if type(error).__name__ != "NoSuchOption" or option is None:
        return ""
    names = ", ".join(having(option))
    return f"No such option: {option}; it is one of {names}" if names else ""


def worst(*codes: int) -> int:
    """Return the exit code that wins."""
    return min(codes, key=PRIORITY.index, default=0)


def guarded(command: Callable[P, int]) -> Callable[P, NoReturn]:
    """Make a command that returns an exit code one that exits with it, whatever happens."""

    def checked(*args: P.args, **kwargs: P.kwargs) -> int:
        for value in kwargs.values():
            for one in value if isinstance(value, list) else [value]:
                if isinstance(one, Path):
                    check_local(one)
        return command(*args, **kwargs)

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> NoReturn:
        signal.signal(signal.SIGTERM, _terminate)
        raise typer.Exit(_exit_code(lambda: checked(*args, **kwargs), debug=bool(kwargs.get("debug"))))

    return run


def settle() -> None:
    """Let no signal end a process that is through before its exit code has said so."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _terminate(_signal: int, _frame: object) -> NoReturn:
    raise Terminated


def _exit_code(call: Callable[[], int], *, debug: bool) -> int:
    try:
        return call()
    except CdnlogError as error:
        if debug:
            traceback.print_exc()
        return failed(error)
    except KeyboardInterrupt:
        say("cdnlog: interrupted; nothing was written")
        return INTERRUPTED
    except Terminated:
        say("cdnlog: terminated; nothing was written")
        return TERMINATED
    except typer.Exit:
        raise
    except Exception as error:  # noqa: BLE001 - the last line of defence: one message instead of a traceback
        if debug:
            traceback.print_exc()
        say(_bug(error))
        return EXIT_BUG


def failed(error: CdnlogError) -> int:
    """Say what went wrong; return the exit code."""
    say(f"cdnlog: {error}" if error.exit_code != EXIT_BUG else _bug(error))
    return error.exit_code


def _bug(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else "?"  # noqa: PTH119
    python = ".".join(map(str, sys.version_info[:3]))
    return (
        f"cdnlog: a bug of ours: {type(error).__name__}: {error} (at {where}, Python {python}); "
        f"please report it at {REPORT} with what --debug prints"
    )
