"""Times cdnlog and its peers on the same logs in one paired run, and checks that all give the same answer.

    python tests/benchmarks/run.py [SCENARIO...] [--rounds 5] [--only cdnlog polars ...] [--folder DIR] [--lines N]

Every contestant is a whole process, started in turn, so that a noisy minute hits all alike; compare the ratios, not
the seconds. The logs are made on the first run and kept. Peers need the extra `bench`; README.md has the rest.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parent.parent)  # this folder is a package
    import_module("benchmarks.bench").main()
