"""What only people ask for who look closer: the rows behind a finding, and the columns' names elsewhere."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Unpack, cast

from cdnlog import source
from cdnlog.api import InputWarning, tables
from cdnlog.catalog import Catalog
from cdnlog.errors import DamagedInput, UnknownNameError, UsageError
from cdnlog.given import Paths, told_apart
from cdnlog.model import Finding, Verdict
from cdnlog.options import Options, names_of, spelt_out
from cdnlog.progressbar import Progress, observer

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from cdnlog.given import Frames

_VOCABULARIES = ("ecs", "otel")
_KEYS = ("domain", "status", "time")


@spelt_out
def rows(
    finding: Finding | Mapping[str, Any] | pd.Series[Any],
    paths_or_frames: Paths | Frames,
    columns: Iterable[str] | None = None,
    *,
    progress: Progress | bool | None = None,
    **options: Unpack[Options],
) -> pd.DataFrame:
    """Return the failing rows of a finding: its domain and code, and those of `also`, from its start to its end.

    Args:
        finding: One of a diagnosis, a row of its `.findings`, or one read back from its JSON.
        paths_or_frames: The logs it was found in, read again, or their rows.
        columns: As in `read`.
        progress: As in `count`.
        **options: See `cdnlog.options.Options`, as given to `diagnose`; `since`, `until` and `domain` are taken from
            the finding.

    Returns:
        The rows, all of them, in the order of files and lines; columns as in `read`. They are those of all codes in
        `also` too; of a "background" finding they are all rows with its code in its time, incidents included.

    Raises:
        InputWarning: As a warning, when a file is damaged: its rows are left out, as they were from the diagnosis.
        UsageError: That is no finding, or an option cannot work.

    Example:
        >>> import cdnlog
        >>> diagnosis = cdnlog.diagnose("sample_logs")
        >>> failed = cdnlog.rows(diagnosis[0], "sample_logs", ["time", "client_ip", "user_agent"])
        >>> len(failed) == diagnosis[0].requests
        True
    """
    from cdnlog.frames import frame_of  # noqa: PLC0415 - pandas costs 0.4 s, importing cdnlog does without

    where = _Place(finding)
    wanted = None if columns is None else names_of("columns", columns)
    frames, paths = told_apart(paths_or_frames)
    if frames is not None:
        if options.get("anonymize"):
            raise UsageError("frames stay as they are; anonymize where they are read: read(..., anonymize=True)")
        return frame_of(where.kept(table, wanted) for table in _arrow(frames))
    own = {"since": where.start, "until": where.end, "domain": sorted({domain for domain, _ in where.pairs})}
    read = None if wanted is None else list(dict.fromkeys([*wanted, *_KEYS]))
    found = source.find(paths)
    with observer(progress, found.size) as told:
        reading = partial(tables, columns=read, progress=told, **cast("Options", {**options, **own}))
        kept = [
            _whole(one, lambda path: (where.kept(table, wanted) for table in reading(path))) for one in found.inputs
        ]
    return frame_of(chain.from_iterable(kept))


def names(vocabulary: str) -> dict[str, str]:
    """Return what the columns are called elsewhere, for `frame.rename(columns=cdnlog.names("otel"))`.

    Args:
        vocabulary: "otel" (OpenTelemetry's attributes) or "ecs" (Elastic Common Schema).

    Returns:
        Our name to theirs, where there is one that means the same in the same unit; other columns keep their names.

    Raises:
        UnknownNameError: No such vocabulary.

    Example:
        >>> import cdnlog
        >>> cdnlog.names("otel")["status"]
        'http.response.status_code'
    """
    if vocabulary not in _VOCABULARIES:
        raise UnknownNameError("vocabulary", str(vocabulary), _VOCABULARIES)
    theirs = {name: str(getattr(entry, vocabulary)) for name, entry in Catalog().columns().items()}
    return {name: their for name, their in theirs.items() if their}


def _whole(one: source.Input, reading: Callable[[Any], Iterator[pa.Table]]) -> list[pa.Table]:
    """Return the rows of a file, none if it turns out to be damaged."""
    if one.verdict is Verdict.DUPLICATE:
        return []
    try:
        return list(reading(source.Found((one,))))
    except DamagedInput as error:
        warnings.warn(f"{error.path}: {error.verdict}: {error.problem}", InputWarning, stacklevel=4)
        return []


class _Place:
    """Where the rows of a finding are: pairs of domain and status, from start to end."""

    def __init__(self, finding: object) -> None:
        try:
            domain, status, also, start, end = (_part(finding, n) for n in ("domain", "status", "also", "start", "end"))
            self.pairs = [(str(domain), int(status)), *((str(one["domain"]), int(one["status"])) for one in also)]
            self.start, self.end = (datetime.fromisoformat(str(text)) for text in (start, end))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UsageError(f"expected a finding of a diagnosis, got {type(finding).__name__}") from error

    def kept(self, table: pa.Table, columns: Iterable[str] | None) -> pa.Table:
        """Return the rows of a table that are meant, and the columns that are wanted."""
        import pyarrow as pa  # noqa: PLC0415 - as above
        import pyarrow.compute as pc  # noqa: PLC0415

        domains, time = table.column("domain").cast(pa.string()), table.column("time")
        mask = pc.and_(
            pc.greater_equal(time, pa.scalar(self.start, time.type)), pc.less(time, pa.scalar(self.end, time.type))
        )
        meant = pa.scalar(value=False)
        for domain, status in self.pairs:
            one = pc.and_(pc.equal(domains, domain), pc.equal(table.column("status"), status))
            meant = pc.or_(meant, one)
        kept = table.filter(pc.and_(mask, meant))
        return kept if columns is None else kept.select([name for name in columns if name in kept.column_names])


def _part(finding: Any, name: str) -> Any:  # noqa: ANN401 - a record of any kind
    return getattr(finding, name) if hasattr(finding, name) else finding[name]


def _arrow(frames: Iterable[Any]) -> Iterator[pa.Table]:
    import pyarrow as pa  # noqa: PLC0415 - as above

    from cdnlog.intake import pandas_frame  # noqa: PLC0415 - as above

    for frame in frames:
        table = pa.Table.from_pandas(pandas_frame(frame), preserve_index=False)
        for name in _KEYS:
            if name not in table.column_names:
                raise UsageError(f"the frame lacks {name}; give one made by cdnlog.read")
        yield table
