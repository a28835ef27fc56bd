"""Rules on the CDN's own nodes, routes and capacity."""

from __future__ import annotations

from cdnlog.diagnosis.case import Rule

RULES: tuple[Rule, ...] = ()
