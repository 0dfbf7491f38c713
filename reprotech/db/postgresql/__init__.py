"""Django's backend for PostgreSQL, with what it lacks: checks that cost no round trip, and quick statements."""
