"""CDN access logs in; status codes per domain and time window, whose fault they are and what to do first out.

    import cdnlog

    cdnlog.diagnose("logs/")             what is wrong, worst first
    cdnlog.count("logs/").frame          requests and bytes per window, domain and status
    cdnlog.read("logs/*.gz")             all rows as a pandas frame
    cdnlog.explain(514)                  what a code means at Tencent Cloud CDN
    cdnlog.rows(finding, "logs/")        the rows behind a finding

Nothing is loaded before it is used: importing this package costs a few milliseconds.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # that of `typing`, whose import would take longer than all of this
if TYPE_CHECKING:
    from cdnlog.answers import Answer
    from cdnlog.api import InputWarning, count, diagnose, diff, explain, read, stream
    from cdnlog.counts import Counts
    from cdnlog.errors import (
        CdnlogError,
        DamagedInput,
        SchemaError,
        StoreBusy,
        StoreError,
        UnknownNameError,
        UsageError,
    )
    from cdnlog.kept import holdings, stored
    from cdnlog.model import Finding
    from cdnlog.night import nightly
    from cdnlog.notebook import names, rows
    from cdnlog.results import Diagnosis, Difference, Night

__version__ = "0.1.0"

_HOME = {
    "Answer": "cdnlog.answers",
    "CdnlogError": "cdnlog.errors",
    "Counts": "cdnlog.counts",
    "DamagedInput": "cdnlog.errors",
    "Diagnosis": "cdnlog.results",
    "Difference": "cdnlog.results",
    "Finding": "cdnlog.model",
    "InputWarning": "cdnlog.api",
    "Night": "cdnlog.results",
    "SchemaError": "cdnlog.errors",
    "StoreBusy": "cdnlog.errors",
    "StoreError": "cdnlog.errors",
    "UnknownNameError": "cdnlog.errors",
    "UsageError": "cdnlog.errors",
    "count": "cdnlog.api",
    "diagnose": "cdnlog.api",
    "diff": "cdnlog.api",
    "explain": "cdnlog.api",
    "holdings": "cdnlog.kept",
    "names": "cdnlog.notebook",
    "nightly": "cdnlog.night",
    "read": "cdnlog.api",
    "rows": "cdnlog.notebook",
    "stored": "cdnlog.kept",
    "stream": "cdnlog.api",
}

__all__ = [
    "Answer",
    "CdnlogError",
    "Counts",
    "DamagedInput",
    "Diagnosis",
    "Difference",
    "Finding",
    "InputWarning",
    "Night",
    "SchemaError",
    "StoreBusy",
    "StoreError",
    "UnknownNameError",
    "UsageError",
    "count",
    "diagnose",
    "diff",
    "explain",
    "holdings",
    "names",
    "nightly",
    "read",
    "rows",
    "stored",
    "stream",
]


if not TYPE_CHECKING:  # a type checker knows the names, and tells a misspelt one

    def __getattr__(name: str) -> object:
        """Load a public name when it is first used."""
        if name not in _HOME:
            raise AttributeError(f"module 'cdnlog' has no attribute '{name}'")
        value = globals()[name] = getattr(import_module(_HOME[name]), name)
        return value


def __dir__() -> list[str]:
    """List the public names, loaded or not."""
    return [*__all__, "__version__"]
