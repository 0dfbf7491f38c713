"""Django's SQLite backend with transaction ids."""
