"""Django's PostgreSQL backend with health checks without a round trip, and fast statements."""
