"""Rules on refusals: lists, signatures, limits, bans (401, 403, 405, 429, 509, 514)."""

from __future__ import annotations

from cdnlog.diagnosis.case import Rule

RULES: tuple[Rule, ...] = ()
