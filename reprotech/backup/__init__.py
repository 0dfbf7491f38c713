"""Backups: a consistent copy of database and settings, encrypted for a public key, and its restore."""
