"""Kills nights at every failpoint and at random times, and kills the recovery too.

    python tests/crash/run.py [--times 200] [--doubles 50] [--orders 10] [--calls 40] [--seed 1] [--cold]

Three nights are killed: the first one of a store, a second one of four files, and one to which whatever may come has
come. The last of them is killed at random times too, told in any order, and told while system calls fail.

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
