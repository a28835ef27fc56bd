"""The fault matrix as data, and the bars that take longer than a test may."""
