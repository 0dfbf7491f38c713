"""Demonstration data: users of a laboratory and years of their events, the same for the same seed."""
