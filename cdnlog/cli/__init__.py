"""The command line: options in, one library call, a rendered result and an exit code out."""

from __future__ import annotations

import atexit
import gc
import os
from typing import Annotated

import typer

import cdnlog
from cdnlog.cli.commands import Commands
from cdnlog.cli.guard import INTERRUPTED, TERMINATED, Terminated, failed, refuse, settle
from cdnlog.cli.screen import emit, leave
from cdnlog.errors import EXIT_OK, CdnlogError, OutputError

_GARBAGE = 50_000
"""Objects made before Python looks for cycles among them, else 700: few are in cycles; looking takes 3 % of a run."""

app = typer.Typer(
    cls=Commands, no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False, rich_markup_mode=None
)


def _version(*, wanted: bool) -> None:
    if wanted:
        from cdnlog import kernel  # noqa: PLC0415 - numpy costs 0.1 s

        emit(f"{cdnlog.__version__}\ncompiled kernel: {'yes' if kernel.on else 'no'}\n")
        raise typer.Exit


@app.callback()
def cli(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=lambda wanted: _version(wanted=wanted),
            is_eager=True,
            help="Print the version, and whether the compiled kernel is used.",
        ),
    ] = False,
) -> None:
    """CDN access logs in; which status codes occurred, whose fault they are and what to do first out.

    cdnlog diagnose logs/             what is wrong, worst first, and the fix

    cdnlog count logs/ --window 1h    requests and bytes per hour and status

    cdnlog nightly logs/ --store history.db    each night: count what is new once, compare, report

    cdnlog explain 514                what a code means at this CDN

    Results go to standard output, everything else to standard error. Exit codes: 'cdnlog diagnose --help'.
    """
    del version


def main() -> None:
    """Run the command line and exit."""
    # No matrix is multiplied here: numpy need not start threads for that, one per processor.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(_GARBAGE)
    atexit.register(gc.freeze)  # memory goes with the process: Python need not look through it, which takes 20 ms
    try:
        code = _code()
        settle()
    except KeyboardInterrupt:  # at the very end, or while something was loaded
        code = INTERRUPTED
    except Terminated:
        code = TERMINATED
    leave(code)


def _code() -> int:
    try:
        return int(app(standalone_mode=False) or EXIT_OK)
    except SystemExit:
        return EXIT_OK  # what typer makes of a reader that went away while it printed help
    except OSError as error:
        return failed(OutputError("to standard output", error.strerror or str(error)))
    except CdnlogError as error:
        return failed(error)
    except Exception as error:  # noqa: BLE001 - typer has no public name for its errors
        return refuse(error)
