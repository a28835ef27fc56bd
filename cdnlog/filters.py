"""Leaves out the rows that the user does not ask for; they are counted as filtered."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from fnmatch import fnmatchcase

import numpy as np

from cdnlog.buffer import Bools
from cdnlog.columns import Numbers
from cdnlog.model import Batch
from cdnlog.settings import Settings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def filtered(batch: Batch, settings: Settings, where: tzinfo) -> Batch:
    """Return the rows that the settings keep; `where` is the zone of naive bounds without `settings.tz`."""
    if not batch.rows or not settings.filters:
        return batch
    keep = _in_time(batch, settings, where) & _of_domains(batch, settings)
    if keep.all():
        return batch
    rows = int(keep.sum())
    account = replace(batch.accounting, counted=rows, filtered=batch.rows - rows)
    kept = {name: column.take(keep) for name, column in batch.columns.items()}
    return replace(batch, columns=kept, rows=rows, accounting=account)


def _in_time(batch: Batch, settings: Settings, where: tzinfo) -> Bools:
    keep = np.ones(batch.rows, bool)
    time = batch.columns["time"]
    if isinstance(time, Numbers):
        if settings.since is not None:
            keep &= time.values >= microseconds(settings.since, settings.tz or where)
        if settings.until is not None:
            keep &= time.values < microseconds(settings.until, settings.tz or where)
    return keep


def _of_domains(batch: Batch, settings: Settings) -> Bools:
    domain = batch.columns.get("domain")
    if not settings.domains or domain is None or isinstance(domain, Numbers):
        return np.full(batch.rows, not settings.domains)
    codes, values = domain.codes
    wanted = [any(fnmatchcase(value or "", glob.lower()) for glob in settings.domains) for value in values]
    kept: Bools = np.array(wanted, bool)[codes]
    return kept


def microseconds(moment: datetime, where: tzinfo) -> int:
    """Return a bound in microseconds of UTC; a naive one is on the zone's clock."""
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=where)
    return (moment - _EPOCH) // timedelta(microseconds=1)
