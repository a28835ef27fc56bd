"""Loaded by a worker before it begins: a file called poison.log kills it, one called slow-... takes its time."""

from __future__ import annotations

import os
import time
from functools import wraps
from pathlib import Path
from typing import Any

from cdnlog.pipeline import CountFile
from cdnlog.sections import Section

COUNT = getattr(CountFile.__call__, "__wrapped__", CountFile.__call__)  # a worker loads this twice


@wraps(COUNT)
def _count(self: CountFile, numbered: Any, *rest: Any) -> Any:  # noqa: ANN401 - whatever it is given
    given = numbered[1].found if isinstance(numbered[1], Section) else numbered[1]
    if Path(given.path).name == "poison.log":
        os._exit(1)
    if Path(given.path).name.startswith("slow-"):
        time.sleep(0.3)
    return COUNT(self, numbered, *rest)


CountFile.__call__ = _count  # type: ignore[method-assign]  # at once: a worker gets tasks before `dask_setup` is called
