"""Demonstration data: a laboratory's people, and years of what they did, the same again for the same seed."""
