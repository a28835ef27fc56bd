"""Blocks of log lines -> batches of canonical columns, and which format a file is."""

from __future__ import annotations

from cdnlog.parse.detect import Detection, detect
from cdnlog.parse.domains import INVALID, fold
from cdnlog.parse.rows import Parser
from cdnlog.parse.sample import Sample
from cdnlog.parse.w3c import Headers

__all__ = ["INVALID", "Detection", "Headers", "Parser", "Sample", "detect", "fold"]
