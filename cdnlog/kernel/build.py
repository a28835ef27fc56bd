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
FLAGS = ("-std=gnu11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden")


def compiler() -> list[str] | None:
    """Return the command of a C compiler, None without one."""
    named = os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc"
    for command in (shlex.split(named), ["cc"], ["gcc"], ["clang"]):
        if command and shutil.which(command[0]):
            return command
    return None


def build(folder: Path, *flags: str) -> str:
    """Compile the kernel into a folder; return what went wrong, empty if nothing did.

    Beside the library goes a sum over it and its sources: with any other it is not loaded.
    """
    command = compiler()
    if command is None or sys.platform == "win32":
        return "no C compiler was found"
    library, sources = folder / NAME, sorted(HERE.glob("*.[ch]"))
    units = [str(path) for path in sources if path.suffix == ".c"]
    library.unlink(missing_ok=True)  # a process that has loaded it keeps what it has
    made = subprocess.run(  # noqa: S603 - the compiler of this Python, or the one that CC names
        [*command, *FLAGS, *flags, "-o", str(library), *units], capture_output=True, text=True, check=False
    )
    if made.returncode:
        return made.stderr
    whole = b"".join(path.read_bytes() for path in (library, *sources))
    library.with_suffix(".sum").write_text(f"{crc32(whole):08x}", "ascii")
    return ""


class KernelHook(BuildHookInterface):  # type: ignore[type-arg]  # the configuration that it is generic over is not used
    """Puts the compiled kernel into the wheel, or beside its sources where cdnlog is installed in place."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and say so if that is not possible: everything works without, only slower."""
        in_place = version == "editable"
        self._made = tempfile.TemporaryDirectory()
        folder = HERE if in_place else Path(self._made.name)
        problem = build(folder)
        if problem:
            self.app.display_warning(f"cdnlog's kernel was not compiled, the numpy path is used: {problem}")
        elif not in_place:
            for path in folder.iterdir():
                build_data["force_include"][str(path)] = f"cdnlog/kernel/{path.name}"
            build_data["pure_python"] = False
            platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
            build_data["tag"] = f"py3-none-{platform}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Throw away what the wheel has a copy of."""
        del version, build_data, artifact_path
        self._made.cleanup()


if __name__ == "__main__":
    raise SystemExit(build(HERE) or 0)
