"""The project: settings, addresses, errors, health and metrics. The product lives in the apps beside it."""

__version__ = "1.0.0"
