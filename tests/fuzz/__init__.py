"""Looks for input on which cdnlog breaks its promises, for as long as it is told to."""
