"""Rules on what was asked for: missing, moved, malformed or too large (400, 404, 405, 410, 411, 413, 414, 416)."""

from __future__ import annotations

from cdnlog.diagnosis.case import Rule

RULES: tuple[Rule, ...] = ()
