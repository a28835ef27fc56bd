"""The package carries its data and its kernel: in a wheel, in a zip, and in a checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from runpy import run_path
from typing import Any
from zlib import crc32

import pytest
from hatchling.bridge.app import Application

from cdnlog.kernel import library
from cdnlog.kernel.build import compiler

ROOT = Path(__file__).parent.parent
PROBE = """
import cdnlog
from cdnlog import kernel
print(cdnlog.__file__, cdnlog.explain(514).entry.name.en, kernel.on, sep="\\n")
print(len(cdnlog.read("a.log", format="tencent-cdn")))
"""
NAME = "IP access frequency limit exceeded"
LINE = '20261120223000 203.0.113.7 www.example.com / 412 22 2 200 - 3 "curl" "-" GET HTTPS hit 1\n'
LIBRARIES = {"cdnlog/kernel/kernel.so", "cdnlog/kernel/kernel.sum"}
needs_compiler = pytest.mark.skipif(compiler() is None, reason="there is no C compiler")


def built(folder: Path, **environment: str) -> Path:
    """Build the wheel from this checkout; nothing but the wheel may be left behind."""
    folder.mkdir()
    rest = folder.with_name("tmp")
    rest.mkdir()
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    surroundings = {**os.environ, "TMPDIR": str(rest), **environment}
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=surroundings)
    assert list(rest.iterdir()) == []
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    return built(tmp_path_factory.mktemp("whole") / "wheel")


@pytest.fixture(scope="module")
def pure_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same where there is no compiler."""
    return built(tmp_path_factory.mktemp("pure") / "wheel", CC="/nonexistent/cc", PATH="/nonexistent")


def probe(path: Path, cwd: Path, **environment: str) -> dict[str, str]:
    """Import cdnlog from a path, away from the checkout; return where it came from, what it knows and what it does."""
    (cwd / "a.log").write_text(LINE * 3)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROBE],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(path), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stderr == ""
    return dict(zip(("where", "name", "kernel", "rows"), run.stdout.splitlines(), strict=True))


def unpacked(wheel: Path, folder: Path) -> Path:
    """Unpack a wheel as pip does."""
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def data_files() -> set[str]:
    """The data files of the checkout, as the wheel should name them."""
    files = (path for path in (ROOT / "schemas").rglob("*") if path.is_file())
    return {f"cdnlog/_schemas/{path.relative_to(ROOT / 'schemas').as_posix()}" for path in files}


def test_the_wheel_holds_the_data_and_nothing_else(wheel: Path) -> None:
    """The wheel has every data file, the type marker, and no test or sample."""
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name for name in names if name.startswith("cdnlog/_schemas/")} == data_files()
    assert "cdnlog/py.typed" in names
    assert {name.split("/")[0] for name in names} == {"cdnlog", "cdnlog-0.1.0.dist-info"}


@needs_compiler
def test_a_wheel_has_the_compiled_kernel(wheel: Path) -> None:
    """With a compiler the kernel is in the wheel, which is for one platform and any Python."""
    platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
    assert wheel.name == f"cdnlog-0.1.0-py3-none-{platform}.whl"
    assert set(zipfile.ZipFile(wheel).namelist()) >= LIBRARIES


def test_a_wheel_without_a_compiler_is_pure(pure_wheel: Path, tmp_path: Path) -> None:
    """Without one the wheel is for any platform, and does its work by numpy."""
    assert pure_wheel.name == "cdnlog-0.1.0-py3-none-any.whl"
    assert not set(zipfile.ZipFile(pure_wheel).namelist()) & LIBRARIES
    found = probe(unpacked(pure_wheel, tmp_path / "site"), tmp_path)
    assert (found["name"], found["kernel"], found["rows"]) == (NAME, "False", "3")


def test_the_source_archive_has_no_library(tmp_path: Path) -> None:
    """What is compiled here is of no use elsewhere: the archive has the sources alone."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert "cdnlog/kernel/lines.c" in names
    assert not names & LIBRARIES


def test_an_installed_package_finds_its_data(wheel: Path, tmp_path: Path) -> None:
    """Unpacked as pip does, the package answers from its own data, and uses its kernel unless told not to."""
    site = unpacked(wheel, tmp_path / "site")
    found = probe(site, tmp_path, CDNLOG_KERNEL="")
    assert Path(found["where"]).is_relative_to(site)
    assert (found["name"], found["kernel"], found["rows"]) == (NAME, str(compiler() is not None), "3")
    assert probe(site, tmp_path, CDNLOG_KERNEL="off") == found | {"kernel": "False"}


def test_a_zip_finds_its_data(wheel: Path, tmp_path: Path) -> None:
    """Imported from the wheel itself, as a cluster's worker does, it answers too; nothing is loaded from a zip."""
    found = probe(wheel, tmp_path)
    assert found["where"].startswith(str(wheel))
    assert (found["name"], found["kernel"], found["rows"]) == (NAME, "False", "3")


def test_a_checkout_finds_its_data(tmp_path: Path) -> None:
    """An editable install reads the checkout's schemas folder, and has its kernel compiled beside the sources."""
    for name in ("cdnlog", "schemas"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("kernel.s*", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    assert probe(tmp_path, tmp_path, CDNLOG_KERNEL="")["kernel"] == "False"
    data: dict[str, Any] = {"force_include": {}}
    hook = run_path(str(tmp_path / "cdnlog" / "kernel" / "build.py"))["KernelHook"](*[None] * 6, app=Application())
    hook.initialize("editable", data)
    hook.finalize("editable", data, "")
    assert data == {"force_include": {}}
    found = probe(tmp_path, tmp_path, CDNLOG_KERNEL="")
    assert Path(found["where"]).is_relative_to(tmp_path)
    assert (found["name"], found["kernel"], found["rows"]) == (NAME, str(compiler() is not None), "3")


# Libraries that must not be loaded


def summed(folder: Path, made: bytes) -> None:
    """Put a library into a folder, with the sum that says it is of these sources."""
    sources = b"".join(path.read_bytes() for path in sorted(library.HERE.glob("*.[ch]")))
    (folder / "kernel.so").write_bytes(made)
    (folder / "kernel.sum").write_text(f"{crc32(made + sources):08x}")


def _cut(folder: Path, made: bytes) -> None:
    (folder / "kernel.so").write_bytes(made[: len(made) // 2])


def _changed(folder: Path, made: bytes) -> None:
    (folder / "kernel.so").write_bytes(made + b"\0")


def _other_machine(folder: Path, made: bytes) -> None:
    summed(folder, made[:18] + b"\x15\x00" + made[20:])  # where ELF names the processor


def _no_library(folder: Path, _library: bytes) -> None:
    summed(folder, b"\x7fELF, so it seems")


def _no_functions(folder: Path, _library: bytes) -> None:
    (folder / "none.c").write_text("int none;")
    made = [*(compiler() or ()), "-shared", "-fPIC", "-o", str(folder / "none.so"), str(folder / "none.c")]
    subprocess.run(made, check=True)
    summed(folder, (folder / "none.so").read_bytes())


def _no_sum(folder: Path, _library: bytes) -> None:
    (folder / "kernel.sum").unlink()


def _odd_sum(folder: Path, _library: bytes) -> None:
    (folder / "kernel.sum").write_bytes(b"\xff\xfe")


def _gone(folder: Path, _library: bytes) -> None:
    (folder / "kernel.so").unlink()


SPOILT = (_cut, _changed, _other_machine, _no_library, _no_functions, _no_sum, _odd_sum, _gone)


@pytest.fixture
def folder(wheel: Path, tmp_path: Path) -> Path:
    """A folder with a library that can be loaded; not yet done, for what is loaded must not be overwritten."""
    site = unpacked(wheel, tmp_path / "site")
    for name in LIBRARIES:
        shutil.copy(site / name, tmp_path)
    return tmp_path


@needs_compiler
@pytest.mark.parametrize("spoil", SPOILT)
def test_a_spoilt_library_is_ignored(spoil: Callable[[Path, bytes], None], folder: Path) -> None:
    """A library that was cut short, is another machine's or has no such functions is not used, and no error."""
    spoil(folder, (folder / "kernel.so").read_bytes())
    assert library.load(folder) is None


@needs_compiler
def test_a_library_of_other_sources_is_ignored(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that was made before the sources changed is not used."""
    sources = folder / "sources"
    sources.mkdir()
    for path in library.HERE.glob("*.[ch]"):
        shutil.copy(path, sources)
    monkeypatch.setattr(library, "HERE", sources)
    assert library.load(folder) is not None
    (sources / "lines.c").write_bytes((sources / "lines.c").read_bytes() + b"\n")
    assert library.load(folder) is None


def test_there_is_no_code_among_the_data() -> None:
    """A Python file under schemas/ would break editable installs."""
    assert list((ROOT / "schemas").rglob("*.py")) == []
