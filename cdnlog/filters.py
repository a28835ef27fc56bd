"""Leaves out what the user does not ask for: rows, which are counted as filtered, and what names a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from fnmatch import fnmatchcase

import numpy as np

from cdnlog.buffer import Bools
from cdnlog.columns import Coded, Column, Numbers
from cdnlog.model import Batch
from cdnlog.privacy import bare, network, shape
from cdnlog.settings import Settings

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def filtered(batch: Batch, settings: Settings, where: tzinfo) -> Batch:
    """Return what the settings keep of a batch; `where` is the zone of naive bounds without `settings.tz`."""
    kept = _asked_for(batch, settings, where)
    return anonymous(kept) if settings.anonymize else kept


def anonymous(batch: Batch) -> Batch:
    """Return a batch that names nobody: all that is made of it, whatever it is written to, does not either.

    Client addresses are cut to /24 and /48, query strings and ports are gone, users, fragments and addresses are left
    out of all other texts but the domain, and of rejected lines only the shape remains.
    """
    columns = {name: _anonymous(name, column) for name, column in batch.columns.items() if name not in _GONE}
    rejects = tuple(replace(reject, text=shape(reject.text)) for reject in batch.rejects)
    return replace(batch, columns=columns, rejects=rejects)


_GONE = frozenset({"query", "client_port"})


def _anonymous(name: str, column: Column) -> Column:
    if isinstance(column, Numbers) or name == "domain":
        return column
    codes, values = column.codes
    change = network if name == "client_ip" else bare
    return Coded((codes, [None if value is None else change(value) for value in values]))


def _asked_for(batch: Batch, settings: Settings, where: tzinfo) -> Batch:
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
