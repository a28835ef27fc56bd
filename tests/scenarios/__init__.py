"""Seeded logs in which one thing goes wrong at a time, and the figures of how well cdnlog tells what.

A world of sites and people (`people`, `sites`) gives ordinary traffic (`traffic`, `noise`); a planting function
(`origin`, `load`, `access`, `content`, `clients`, `nodes`) lets one thing happen in it, as a CDN would log it; the
list of what can happen is `plan`, `build` puts a log together and `score` judges a diagnosis of it.
"""

from __future__ import annotations
