"""The project: settings, URLs, error pages, health and metrics. The product is in the other apps."""

__version__ = "1.0.0"
