"""Counts x code tables -> findings: what is wrong, whose it is, what to do first."""

from __future__ import annotations

from cdnlog.diagnosis.changes import changes, lost_paths
from cdnlog.diagnosis.findings import Tables, findings

__all__ = ["Tables", "changes", "findings", "lost_paths"]
