"""Kills nights at every point and at any time, and looks at what the next run makes of it."""
