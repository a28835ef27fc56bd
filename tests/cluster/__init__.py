"""Clusters that are started, killed and poisoned."""
