"""Compiles the kernel when cdnlog is installed, if there is a C compiler; without one the numpy path does the work.

The library has no Python in it: one build serves all versions. By hand: `python cdnlog/kernel/build.py`.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any
from zlib import crc32

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).parent
NAME = "kernel.so"
FLAGS = ("-std=gnu11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra", "-Werror")


def source_mark(folder: Path) -> int:
    """Return a number that tells these sources from others: a library of other sources is never loaded."""
    return crc32(b"".join(path.read_bytes() for path in sorted(folder.glob("*.[ch]"))))


def compiler() -> list[str] | None:
    """Return the command of a C compiler, None without one."""
    named = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    for command in (shlex.split(named), ["cc"], ["gcc"], ["clang"]):
        if command and shutil.which(command[0]):
            return command
    return None


def build(target: Path, flags: tuple[str, ...] = FLAGS) -> str:
    """Compile the kernel; return what went wrong, empty if nothing did."""
    command = compiler()
    if command is None or sys.platform == "win32":
        return "no C compiler was found"
    mark = f"-DSOURCE_MARK={source_mark(HERE)}u"
    sources = sorted(map(str, HERE.glob("*.c")))
    made = subprocess.run(  # noqa: S603 - the compiler of this Python, or the one that CC names
        [*command, *flags, mark, "-o", str(target), *sources], capture_output=True, text=True, check=False
    )
    return "" if made.returncode == 0 else made.stderr


class KernelHook(BuildHookInterface):  # type: ignore[type-arg]  # the configuration that it is generic over is not used
    """Puts the compiled kernel into the wheel, or beside its sources where cdnlog is installed in place."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say so if that is not possible: everything works without, only slower."""
        in_place = version == "editable"
        target = HERE / NAME if in_place else Path(tempfile.mkdtemp()) / NAME
        problem = build(target)
        if problem:
            self.app.display_warning(f"cdnlog's kernel was not compiled, the numpy path is used: {problem}")
            return
        if not in_place:
            build_data["force_include"][str(target)] = f"cdnlog/kernel/{NAME}"
            build_data["pure_python"] = False
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"py3-none-{platform}"


if __name__ == "__main__":
    raise SystemExit(build(HERE / NAME) or 0)
