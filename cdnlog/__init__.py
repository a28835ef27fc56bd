"""CDN access logs in; status codes per domain and time window, whose fault they are and what to do first out.

    import cdnlog

    cdnlog.diagnose("logs/")             what is wrong, worst first
    cdnlog.count("logs/").frame          requests and bytes per window, domain and status
    cdnlog.read("logs/*.gz")             all rows as a pandas frame
    cdnlog.explain(514)                  what a code means at Tencent Cloud CDN

Nothing is loaded before it is used: importing this package costs a few milliseconds.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cdnlog.api import InputWarning, count, diagnose, diff, explain, read, stream
    from cdnlog.counts import Counts
    from cdnlog.errors import CdnlogError, DamagedInput, SchemaError, UnknownNameError, UsageError
    from cdnlog.kept import holdings, stored
    from cdnlog.night import nightly
    from cdnlog.results import Diagnosis, Difference, Night

__version__ = "0.1.0"

_HOME = {
    "CdnlogError": "cdnlog.errors",
    "Counts": "cdnlog.counts",
    "DamagedInput": "cdnlog.errors",
    "Diagnosis": "cdnlog.results",
    "Difference": "cdnlog.results",
    "InputWarning": "cdnlog.api",
    "Night": "cdnlog.results",
    "SchemaError": "cdnlog.errors",
    "UnknownNameError": "cdnlog.errors",
    "UsageError": "cdnlog.errors",
    "count": "cdnlog.api",
    "diagnose": "cdnlog.api",
    "diff": "cdnlog.api",
    "explain": "cdnlog.api",
    "holdings": "cdnlog.kept",
    "nightly": "cdnlog.night",
    "read": "cdnlog.api",
    "stored": "cdnlog.kept",
    "stream": "cdnlog.api",
}

__all__ = [
    "CdnlogError",
    "Counts",
    "DamagedInput",
    "Diagnosis",
    "Difference",
    "InputWarning",
    "Night",
    "SchemaError",
    "UnknownNameError",
    "UsageError",
    "count",
    "diagnose",
    "diff",
    "explain",
    "holdings",
    "nightly",
    "read",
    "stored",
    "stream",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    """Load a public name when it is first used."""
    if name not in _HOME:
        raise AttributeError(f"module 'cdnlog' has no attribute '{name}'")
    value = globals()[name] = getattr(import_module(_HOME[name]), name)
    return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return [*__all__, "__version__"]
