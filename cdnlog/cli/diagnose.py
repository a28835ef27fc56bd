"""`cdnlog diagnose`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

import cdnlog
from cdnlog.cli.commands import application
from cdnlog.cli.guard import worst
from cdnlog.cli.output import Output, OutputOption, deliver
from cdnlog.cli.reading import Reading, reading
from cdnlog.cli.shared import StoredOption
from cdnlog.cli.values import Command
from cdnlog.errors import EXIT_FINDING


class Severity(StrEnum):
    """How bad a finding is, worst first."""

    critical = "critical"
    high = "high"
    medium = "medium"
    low = "low"
    info = "info"


app = application()


@app.command(cls=Command)
@reading
def diagnose(
    job: Reading,
    fail_on: Annotated[
        Severity | None,
        typer.Option(help="Exit 1 if a finding is as bad as this, or worse; else never. Burn rates are nightly's."),
    ] = None,
    store: StoredOption = None,
    output: OutputOption = Output.table,
) -> int:
    """Say which errors occurred, whose they are, and what to do first. The main job.

    cdnlog diagnose logs/

    cdnlog diagnose logs/ --since 2026-11-20T10:00 --domain 'www.*'

    cdnlog diagnose logs/ -o json --fail-on high

    cdnlog diagnose --store history.db --since 2026-11-20

    cdnlog diagnose logs/ -o html --out report.html --lang ko

    Exit codes: 0 done, 1 a finding at or above --fail-on, 2 wrong usage, 3 input incomplete, 4 nothing to analyse
    (--require-data), 70 a bug of ours, 74 output not written, 130 interrupted, 143 terminated.
    """
    with job.observed() as observers:
        given = job.found if store is None else job.stored(store)
        diagnosis = cdnlog.diagnose(given, job.window, **job.options(), **observers)
    deliver(diagnosis, output, job.out, job.lang)
    failed = fail_on is not None and diagnosis.at_or_above(fail_on.value)
    return worst(job.tell(diagnosis.counts.inputs), EXIT_FINDING if failed else 0)
