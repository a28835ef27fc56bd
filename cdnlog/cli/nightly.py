"""`cdnlog nightly` and `cdnlog history`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

import cdnlog
from cdnlog.catalog import language
from cdnlog.cli.guard import Terminated, guarded, worst
from cdnlog.cli.output import Lang, LangOption, Output, OutputOption, deliver
from cdnlog.cli.reading import Reading, reading
from cdnlog.cli.screen import emit, say, width
from cdnlog.errors import EXIT_FINDING, NothingToAnalyse, UsageError
from cdnlog.model import SEVERITIES
from cdnlog.results import Night
from cdnlog.text import visible

StoreOption = Annotated[Path, typer.Option(help="The store of the nights before; made if there is none.", metavar="FILE")]
_NEVER = "never"
_INTERRUPTED, _TERMINATED = 130, 143
_ROLLED_BACK = "the file that was being counted is rolled back, what was finished stays; run again to go on"


@reading
def nightly(  # noqa: PLR0913, PLR0917 - one parameter per option, typer passes them by name
    job: Reading,
    store: StoreOption,
    report: Annotated[
        list[str] | None,
        typer.Option(
            help="Write a report: html=FILE, markdown=FILE, json=FILE, prometheus=FILE. Repeatable; without one the "
            "result goes to standard output.",
            metavar="KIND=FILE",
        ),
    ] = None,
    keep: Annotated[
        str,
        typer.Option(
            help="How long to keep 5 minutes, hours and days, counted from the newest data.", metavar="LENGTHS"
        ),
    ] = "7d,400d,5y",
    replace: Annotated[
        bool, typer.Option("--replace", help="Let files that lost lines take the place of what was counted of them.")
    ] = False,
    fail_on: Annotated[
        str, typer.Option(help="Exit 1 if a finding is as bad as this severity, or worse; or never.", metavar="SEVERITY")
    ] = "high",
    output: OutputOption = Output.table,
) -> int:
    """Count what is new exactly once, compare with the nights before, write reports. For cron and systemd.

    cdnlog nightly logs/ --store history.db --report html=report.html

    cdnlog nightly logs/ --store history.db --report prometheus=/var/lib/node_exporter/cdnlog.prom --fail-on never

    Says nothing when all is well, and one line otherwise. Run it again after whatever went wrong: what was counted is
    counted once. Exit codes: 0 well, 1 a finding at or above --fail-on, 2 wrong usage, 3 input incomplete, 4 nothing
    to analyse (--require-data), 70 a bug of ours, 74 output or store not written, 75 another run has the store, 130
    interrupted, 143 terminated.
    """
    # Only this command needs SQLite.
    from cdnlog.cli.reports import put, wanted  # noqa: PLC0415

    if fail_on not in (*SEVERITIES, _NEVER):
        raise UsageError(f"fail-on '{visible(fail_on)}' is none of {', '.join(SEVERITIES)}, {_NEVER}")
    reports = wanted(report or (), REPORTS)
    outputs = [*reports, *(path for path in (job.out, job.given["rejects"]) if path is not None)]

    def written(night: Night) -> None:
        put({path: render_night(night, kind) for path, kind in reports.items()}, store)

    try:
        with job.observed() as observers:
            night = cdnlog.nightly(
                job.paths, store, job.window, keep=keep, replace_lost=replace, deliver=written, beside=outputs,
                **job.options(), **observers,
            )  # fmt: skip
    except KeyboardInterrupt:
        say(f"cdnlog: interrupted; {_ROLLED_BACK}")
        return _INTERRUPTED
    except Terminated:
        say(f"cdnlog: terminated; {_ROLLED_BACK}")
        return _TERMINATED
    if not reports:
        deliver(night.diagnosis, output, job.out, job.lang)
    return _told(night, fail_on, require_data=bool(job.given["require_data"]))
