"""The evidence rules, grouped by family; each looks at a case and says what speaks for which cause."""

from __future__ import annotations

from cdnlog.diagnosis.case import Rule
from cdnlog.diagnosis.rules import aborts, access, content, general, origin, platform

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = (*general.RULES, *aborts.RULES, *access.RULES, *content.RULES, *origin.RULES, *platform.RULES)
"""All rules; their order makes no difference to the cause, only to the order of sentences of equal weight."""
