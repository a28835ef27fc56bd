"""Which format a file is, on what grounds, and three of its lines parsed: `cdnlog formats detect`."""

from __future__ import annotations

from cdnlog import source
from cdnlog.catalog import Catalog
from cdnlog.columns import Numbers
from cdnlog.errors import DamagedInput, UsageError
from cdnlog.filerun import detection_of, new_parser, sample_for
from cdnlog.filters import filtered
from cdnlog.model import MICROSECONDS, Batch, Verdict
from cdnlog.parse import Detection, Sample
from cdnlog.report.layout import Listing
from cdnlog.settings import Settings
from cdnlog.text import visible
from cdnlog.zones import UTC_ZONE, instant

_SHOWN = 3


def inspect(path: str, catalog: Catalog, *, anonymize: bool = False) -> tuple[Listing, int]:
    """Return what there is to say of a file, and the exit code: 0 if one format fits, else 3; `anonymize` its rows.

    Raises:
        DamagedInput: There is no file, or it cannot be read at all.
        UsageError: There are several.
    """
    inputs, shown = source.find([path]).inputs, visible(source.named(path))
    if not inputs:
        raise DamagedInput(shown, Verdict.MISSING, "no log is in this folder")
    if len(inputs) > 1:
        raise UsageError(f"{shown} holds {len(inputs)} logs; name one file")
    found = inputs[0]
    settings = Settings(catalog=catalog, anonymize=anonymize)
    sample, anything = _sample(found, settings)
    detection = detection_of(sample, settings) if anything else Detection(())
    title = f"{shown}: {detection.format or (detection.verdict if anything else 'empty')}"
    rows = _rows(detection, sample, settings)
    names = rows[0] if rows else ()
    code = 0 if detection.verdict is Verdict.OK else DamagedInput.exit_code
    table = tuple(zip(names, *rows[1:], strict=True)) if rows else ()
    headers = ("column", *(f"row {i}" for i in range(1, len(rows)))) if rows else ()
    return Listing(title, headers, table, (detection.why,) if detection.why else ()), code


def _sample(found: source.Input, settings: Settings) -> tuple[Sample, bool]:
    """Return the first lines of a file, and whether there is anything in it at all."""
    sample, anything = sample_for(settings), False
    for item in source.read(found, source.BLOCK // 4):
        if isinstance(item, source.Ending):
            if item.verdict not in (Verdict.OK, Verdict.EMPTY) and not anything:
                raise DamagedInput(visible(found.path), item.verdict, item.problem)
            break
        anything = True
        sample.add(item)
        if sample.full:
            break
    return sample, anything


def _rows(detection: Detection, sample: Sample, settings: Settings) -> list[tuple[str | None, ...]]:
    """Return the column names, then the first accepted rows."""
    if detection.format is None:
        return []
    fmt = settings.catalog.format(detection.format)
    batch = filtered(new_parser(fmt, settings.catalog.columns(), settings).parse(sample.block), settings, UTC_ZONE)
    names = [name for name in settings.catalog.columns() if name in batch.columns]
    return [
        tuple(names),
        *(tuple(_value(batch, name, i) for name in names) for i in range(min(_SHOWN, batch.rows))),
    ]


def _value(batch: Batch, name: str, row: int) -> str | None:
    column = batch.columns[name]
    if not isinstance(column, Numbers):
        codes, values = column.codes
        return values[int(codes[row])]
    if column.missing is not None and column.missing[row]:
        return None
    value = int(column.values[row])
    return instant(value // MICROSECONDS, UTC_ZONE) if name == "time" else str(value)
