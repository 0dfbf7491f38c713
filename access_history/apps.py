"""Who could do what at any moment: a projection of the audit log, made by replaying its events."""

from django.apps import AppConfig


class AccessHistoryConfig(AppConfig):
    name = "access_history"
    verbose_name = "Access history"
