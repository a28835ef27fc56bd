"""Counts x code tables -> findings: what is wrong, whose it is, what to do first."""

from __future__ import annotations

from cdnlog.diagnosis.changes import changes, lost_paths
from cdnlog.diagnosis.findings import Tables, findings
from cdnlog.diagnosis.statistics import difference

__all__ = ["Tables", "changes", "difference", "findings", "lost_paths"]
