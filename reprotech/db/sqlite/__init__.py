"""Django's backend for SQLite, with a number for each transaction."""
