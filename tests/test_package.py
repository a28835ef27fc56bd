"""The package carries its data: in a wheel, in a zip, and in a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROBE = "import cdnlog, sys; print(cdnlog.__file__); print(cdnlog.explain(514).entry.name.en)"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


def probe(path: Path, cwd: Path) -> list[str]:
    """Import cdnlog from a path, away from the checkout; return where it came from and what it knows."""
    environment = {**os.environ, "PYTHONPATH": str(path)}
    run = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=cwd, env=environment, capture_output=True, text=True, check=True
    )
    return run.stdout.splitlines()


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


def test_an_installed_package_finds_its_data(wheel: Path, tmp_path: Path) -> None:
    """Unpacked as pip does, the package answers from its own data."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    where, name = probe(tmp_path / "site", tmp_path)
    assert Path(where).is_relative_to(tmp_path / "site")
    assert name == "IP access frequency limit exceeded"


def test_a_zip_finds_its_data(wheel: Path, tmp_path: Path) -> None:
    """Imported from the wheel itself, as a cluster's worker does, it answers too."""
    where, name = probe(wheel, tmp_path)
    assert where.startswith(str(wheel))
    assert name == "IP access frequency limit exceeded"


def test_a_checkout_finds_its_data(tmp_path: Path) -> None:
    """An editable install reads the checkout's schemas folder."""
    where, _ = probe(ROOT, tmp_path)
    assert Path(where).is_relative_to(ROOT)


def test_there_is_no_code_among_the_data() -> None:
    """A Python file under schemas/ would break editable installs."""
    assert list((ROOT / "schemas").rglob("*.py")) == []
