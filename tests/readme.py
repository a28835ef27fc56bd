"""Puts the real output of the commands shown in README.md into README.md.

    python tests/readme.py

A block of output stands between a line `<!-- output of: COMMAND -->` and the end of the code block below it, or between
`<!-- output of this -->` below a block of Python and the end of the block that follows.
`tests/test_readme.py` fails when a block is not what the command prints.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
_BLOCK = re.compile(
    r"(?P<mark><!-- output of: (?P<command>[^\n]*?)(?: \| head -n (?P<lines>\d+))? -->\n```text\n)(?P<text>.*?)```",
    re.DOTALL,
)

_PYTHON = re.compile(
    r"(?P<mark>```python\n(?P<code>(?:(?!```).)*)```\n\n<!-- output of this -->\n```text\n)(?P<text>.*?)```", re.DOTALL
)


def output(command: str, lines: str | None) -> str:
    """Return what a cdnlog command prints to standard output, its first lines only if so many are asked for."""
    text = printed("-m", "cdnlog", *shlex.split(command)[1:])
    if lines is None:
        return text
    return "".join(f"{line}\n" for line in text.split("\n")[: int(lines)]) + "...\n"


def printed(*arguments: str) -> str:
    """Return what Python prints to standard output."""
    run = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, check=False)
    return run.stdout.decode()


def refreshed(text: str) -> str:
    """Return the README's text with every block of output made anew."""
    text = _PYTHON.sub(lambda m: f"{m['mark']}{printed('-c', m['code'])}```", text)
    return _BLOCK.sub(lambda m: f"{m['mark']}{output(m['command'], m['lines'])}```", text)


if __name__ == "__main__":
    README.write_text(refreshed(README.read_text()))
