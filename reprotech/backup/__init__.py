"""Backups: a consistent copy of database and settings, encrypted for whoever holds the private key, and back again."""
