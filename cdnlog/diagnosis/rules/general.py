"""Rules for every code: where the failures are, and what other incidents there are."""

from __future__ import annotations

from cdnlog.diagnosis.case import Rule

RULES: tuple[Rule, ...] = ()
