"""The library as a type checker sees it: nothing to say of a user's script, and something to say of a wrong one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PYRIGHT = Path(sys.executable).with_name("pyright")
WRONG = {
    "cdnlog.count(5)": "reportArgumentType",
    "cdnlog.count('a.log', windw='1h')": "reportCallIssue",
    "cdnlog.count('a.log', tz=8)": "reportArgumentType",
    "cdnlog.diagnose('a.log').finding": "reportAttributeAccessIssue",
    "cdnlog.diagnose('a.log')[0].owners": "reportAttributeAccessIssue",
    "cdnlog.reed('a.log')": "reportAttributeAccessIssue",
    "cdnlog.count('a.log').plot(domains='x')": "reportCallIssue",
}


def checked(*paths: Path) -> list[dict[str, Any]]:
    """Return what pyright (basic) says of some files; it starts once, as that takes longest."""
    command = [PYRIGHT, "--outputjson", "--level", "warning", "--pythonpath", sys.executable, *paths]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    said: list[dict[str, Any]] = json.loads(run.stdout)["generalDiagnostics"]
    return said


@pytest.mark.skipif(not PYRIGHT.exists(), reason="pyright is not installed")
def test_a_users_script_is_typed(tmp_path: Path) -> None:
    """Pyright has nothing to say of a script that uses all of the library, and names each fault of a wrong one."""
    wrong = tmp_path / "wrong.py"
    wrong.write_text("\n".join(["import cdnlog", *WRONG]), encoding="utf-8")
    said = checked(ROOT / "tests" / "typing_user.py", wrong)
    assert [one for one in said if Path(one["file"]) != wrong] == []
    found = {one["range"]["start"]["line"]: one["rule"] for one in said if one["severity"] == "error"}
    assert found == dict(enumerate(WRONG.values(), 1))
