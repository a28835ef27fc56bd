"""The README tells the truth: its output, its set-up lines, its list of commands."""

from __future__ import annotations

import re
import subprocess
import sys

from readme import README, ROOT, refreshed


def test_the_output_shown_is_what_the_commands_print() -> None:
    """Every block of output in the README is what its command prints today."""
    text = README.read_text()
    assert text.count("<!-- output of:") >= 3
    assert refreshed(text) == text, "run: python tests/readme.py"


def test_the_set_up_lines_stand_where_ci_looks_for_them() -> None:
    """The README has one line that runs the main job and one that runs the tests, each with its own venv."""
    lines = [line for line in README.read_text().splitlines() if line.startswith("python3 -m venv ")]
    assert [line.split()[3] for line in lines] == [".venv", ".venv-dev"]
    assert lines[0].endswith("cdnlog diagnose sample_logs")
    assert "pytest" in lines[1]


def test_every_command_is_in_the_readme() -> None:
    """No command is left for the reader to find out."""
    shown = subprocess.run(
        [sys.executable, "-m", "cdnlog", "--help"], capture_output=True, text=True, check=True
    ).stdout
    commands = re.findall(r"^  (\w+)  ", shown.split("Commands:")[1], re.MULTILINE)
    assert len(commands) >= 6
    readme = README.read_text()
    assert [name for name in commands if f"cdnlog {name}" not in readme] == []


def test_the_changelog_knows_this_version() -> None:
    """The newest heading of the changelog is the version, or Unreleased."""
    newest = re.search(r"^## \[?([^\]\n]+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    import cdnlog

    assert newest[1] in ("Unreleased", cdnlog.__version__)


def test_each_promise_names_what_holds_it() -> None:
    """Promises and limits are sections side by side, and every promise names tests or programs that exist."""
    sections = re.split(r"^## ", README.read_text(), flags=re.MULTILINE)
    place = next(i for i, text in enumerate(sections) if text.startswith("What it promises\n"))
    assert sections[place + 1].startswith("What it does not promise\n")
    promises = re.split(r"^\d+\. ", sections[place], flags=re.MULTILINE)[1:]
    held = [re.findall(r"tests/[a-z_/]+\.py", text) for text in promises]
    assert len(promises) >= 9
    assert all(held)
    assert [name for names in held for name in names if not (ROOT / name).is_file()] == []
    assert sections[place + 1].count("\n- **") >= len(promises)
