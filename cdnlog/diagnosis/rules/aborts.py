"""Rules on requests that ended before their answer: people, timers, networks and slow origins (0, 499, 408)."""

from __future__ import annotations

from cdnlog.diagnosis.case import Rule

RULES: tuple[Rule, ...] = ()
