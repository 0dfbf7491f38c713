"""Figures about users and sign-ins."""

from django.apps import AppConfig


class AnalyticsConfig(AppConfig):
    """App configuration."""

    name = "analytics"
    verbose_name = "Analytics"
