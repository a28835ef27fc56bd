"""The options that every command has that reads logs, as one signature."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from cdnlog.cli.output import Lang, LangOption

ProviderOption = Annotated[str, Option(help="Whose code table to ask.")]
SchemasOption = Annotated[Path | None, Option(help="Folder with code tables of your own.", metavar="DIR")]
DebugOption = Annotated[bool, Option("--debug", help="Show a traceback with an error.")]
AnonymizeOption = Annotated[
    bool,
    Option(
        "--anonymize",
        help="Cut client addresses to /24 and /48 and drop query strings, in all that is written.",
    ),
]
StoreOption = Annotated[Path, Option(help="The store of the nights before; made if there is none.", metavar="FILE")]
StoredOption = Annotated[
    Path | None, Option("--store", help="Take the counts of this store instead of logs.", metavar="FILE")
]


def options(  # noqa: PLR0913, PLR0917 - one parameter per option, typer passes them by name
    paths: Annotated[
        list[str],
        Argument(
            help="Files, folders, globs, - for standard input, or URLs: s3://, gs://, abfs://, https://.",
            metavar="PATH...",
        ),
    ],
    fmt: Annotated[
        str | None,
        Option(
            "--format",
            help="Format of all files, else told per file ('cdnlog formats'); or what the server's configuration says: "
            "'nginx:$remote_addr ...', 'apache:%h ...'.",
        ),
    ] = None,
    provider: Annotated[str | None, Option(help="Code table to ask, else the format's.")] = None,
    domain: Annotated[
        list[str] | None, Option(help="Only domains that match this glob. Repeatable.", metavar="GLOB")
    ] = None,
    domain_name: Annotated[str | None, Option(help="Domain of lines that name none.")] = None,
    keep_damaged: Annotated[
        bool,
        Option(
            "--keep-damaged",
            help="Take the lines of truncated and corrupt files too, as far as they can be read; exit 3 all the same.",
        ),
    ] = False,
    anonymize: AnonymizeOption = False,
    rejects: Annotated[
        Path | None,
        Option(
            help="Write the rejected lines here, all of them: JSON lines with file, line, offset, reason, text.",
            metavar="FILE",
        ),
    ] = None,
    max_rejects: Annotated[
        float,
        Option(help="Share of rejected lines above which a file with more than ten counts as incomplete (exit 3)."),
    ] = 0.01,
    schemas: Annotated[
        Path | None, Option(help="Folder with formats and code tables of your own.", metavar="DIR")
    ] = None,
    window: Annotated[str, Option(help="Time window, a divisor of a day: 1m, 5m, 1h, 1d.")] = "5m",
    tz: Annotated[
        str | None, Option(help="Zone to show: +08:00, Asia/Seoul, UTC; else the logs' own.", metavar="ZONE")
    ] = None,
    log_tz: Annotated[str | None, Option(help="Zone of log lines that name none.", metavar="ZONE")] = None,
    since: Annotated[
        str | None,
        Option(
            help="Leave out what is before: 2026-11-20, '2026-11-20 10:00' (in --tz), 2026-11-20T10:00+08:00.",
            metavar="TIME",
        ),
    ] = None,
    until: Annotated[str | None, Option(help="Leave out this instant and all after it.", metavar="TIME")] = None,
    jobs: Annotated[int | None, Option(help="Files read at the same time, else one per processor.")] = None,
    cluster: Annotated[
        str | None,
        Option(
            help="Read on the workers of this Dask scheduler (tcp://10.0.0.1:8786), which must see the files under the "
            "same paths; or 'local', on --jobs workers of its own. Needs pip install 'cdnlog[dask]'.",
            metavar="ADDRESS",
        ),
    ] = None,
    require_data: Annotated[bool, Option("--require-data", help="Exit 4 if not one line was counted.")] = False,
    out: Annotated[
        Path | None, Option(help="Write the result here instead of to standard output.", metavar="FILE")
    ] = None,
    lang: LangOption = Lang.en,
    quiet: Annotated[bool, Option("-q", "--quiet", help="Say nothing on stderr but what is wrong.")] = False,
    debug: Annotated[bool, Option("--debug", help="Show a traceback with an error.")] = False,
) -> None:
    """Carries the signature that `reading` gives to the commands."""
