"""Makes the logs of all scenarios, diagnoses them, and prints how well cdnlog tells what is planted.

    python tests/scenarios/run.py [--seeds tuning|test|N..M|N] [--only NAME] [--situation quiet|hour] [--verbose]
    python tests/scenarios/run.py --only origin-dns-531 --seeds 3 --keep DIR     keep the logs, to look at them

Tune with the seeds 0 to 9; publish what 100 to 104 give. NAME is a part of a scenario's name or a glob.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parent.parent)  # this folder is a package
    import_module("scenarios.suite").main()
