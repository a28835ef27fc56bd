"""Counts x code tables -> findings: what is wrong, whose it is, what to do first."""

from __future__ import annotations

from cdnlog.diagnosis.changes import changes, lost_paths
from cdnlog.diagnosis.findings import Tables, findings
from cdnlog.diagnosis.series import DomainSeries, series_of
from cdnlog.diagnosis.statistics import difference

__all__ = ["DomainSeries", "Tables", "changes", "difference", "findings", "lost_paths", "series_of"]
