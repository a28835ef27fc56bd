"""Measures what must hold under attack: damage bit by bit, lines made to be slow, a bomb, a million hosts.

    python tests/faults/run.py [flips] [slow] [bomb] [hosts]

Prints each figure with its bar, and exits 1 if one is missed. Times are of the processor, memory is that of all
processes together with shared pages counted once.
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    sys.path[:1] = [str(folder) for folder in Path(__file__).parents[1:3]]  # this folder is a package, of this program
    sys.exit(import_module("faults.bars").main())
