"""Reports of a night: written beside their places, all of them, and only then put there."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from cdnlog.cli.files import is_special, special
from cdnlog.errors import OutputError, UnknownNameError, UsageError
from cdnlog.failpoints import failpoint
from cdnlog.history.store import sweep, sync, temporary_prefix
from cdnlog.text import visible
from cdnlog.urls import check_local


def wanted(reports: Sequence[str], kinds: Sequence[str]) -> dict[Path, str]:
    """Read "html=FILE" and the like; return the kind of each file.

    Raises:
        UsageError: One does not say that, or two name the same file.
    """
    found: dict[Path, str] = {}
    for text in reports:
        kind, equals, name = text.partition("=")
        if not equals or not name:
            raise UsageError(f"report '{visible(text)}' does not say what and where; write html=report.html")
        if kind not in kinds:
            raise UnknownNameError("kind of report", visible(kind), kinds)
        path = Path(name)
        check_local(path)
        if path in found:
            raise UsageError(f"two reports name {visible(path)}; give each a file of its own")
        found[path] = kind
    return found


def put(texts: Mapping[Path, str], store: Path) -> None:
    """Write files that appear under their names when all of them are whole; the store must be locked.

    Raises:
        OutputError: One cannot be written; those that were there before are there still.
    """
    temporaries: dict[Path, Path] = {}
    where = Path()
    try:
        for where in sorted({path.parent for path in texts}):
            sweep(where, store)
        for number, where in enumerate(texts):
            if not is_special(where):
                temporaries[where] = where.with_name(f"{temporary_prefix(store)}report{number}.tmp")
                _write(temporaries[where], texts[where])
        for where in texts:
            if where not in temporaries:
                with special(where) as file:
                    file.write(texts[where].encode())
        for where, temporary in temporaries.items():
            failpoint()
            temporary.replace(where)
            failpoint()
        for where in sorted({path.parent for path in temporaries}):
            sync(where)
    except OSError as error:
        raise OutputError(visible(where), error.strerror or str(error)) from error
    finally:
        for temporary in temporaries.values():
            with suppress(OSError):  # what cannot be removed now is swept by the next run
                temporary.unlink(missing_ok=True)


def _write(temporary: Path, text: str) -> None:
    failpoint()
    with temporary.open("wb") as file:
        file.write(text.encode())
        failpoint()
        file.flush()
        os.fsync(file.fileno())
    failpoint()
