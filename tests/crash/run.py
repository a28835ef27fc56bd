"""Kills a night of four files at every failpoint and at random times, and kills the recovery too.

    python tests/crash/run.py [--times 200] [--doubles 50] [--calls 40] [--seed 1] [--cold]

Nights are forks of one process that has loaded everything, so that kills fall into the work and not into the start;
system calls that fail are tried on processes of their own.

Prints how often the totals, the store or a report were wrong after the next run, and which files were left behind.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    sys.path[:1] = [str(folder) for folder in Path(__file__).parents[1:3]]  # this folder is a package, of this program
    import_module("crash.kills").main()
