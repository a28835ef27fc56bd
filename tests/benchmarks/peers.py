"""What a person would run instead of cdnlog: requests and bytes per 5 minutes, domain and status, as CSV.

    python tests/benchmarks/peers.py polars|duckdb|chdb|chdb-text|pandas|floor LAYOUT FILE...

Each is written for speed as one who knows the tool well would: only the columns that the job needs, typed, all
processors. A window is written in any way whose first twelve digits are year, month, day, hour and minute.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parent.parent)  # this folder is a package
    _, peer, layout, *files = sys.argv
    module, _, variant = peer.partition("-")
    import_module(f"benchmarks.with_{module}").count(layout, files, *filter(None, [variant]))
