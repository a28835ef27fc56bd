"""`cdnlog diff`."""

from __future__ import annotations

import cdnlog
from cdnlog.cli.commands import application
from cdnlog.cli.output import Output, OutputOption, deliver
from cdnlog.cli.reading import Reading, reading
from cdnlog.cli.screen import say
from cdnlog.cli.values import Command
from cdnlog.errors import UsageError

_SIDES = 2


app = application()


@app.command(cls=Command)
@reading
def diff(job: Reading, output: OutputOption = Output.table) -> int:
    """Compare two sets of logs, BEFORE and AFTER: what became more or less frequent, which paths used to work.

    cdnlog diff logs/2026-11-19/ logs/2026-11-20/

    cdnlog diff before.gz after.gz --domain 'www.*' -o json
    """
    if len(job.paths) != _SIDES:
        raise UsageError("diff takes two paths, BEFORE and AFTER; put several files into a folder, or quote a glob")
    with job.observed() as observers:
        difference = cdnlog.diff(*job.paths, **job.options(), **observers)
    deliver(difference, output, job.out, job.lang)
    code = job.tell(difference.before.inputs, difference.after.inputs)
    if difference.uncounted:
        sides = " and ".join(side.upper() for side in difference.uncounted)
        say(f"cdnlog: nothing was compared: not one line was counted of {sides}")
    return code
