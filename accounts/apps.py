"""Users, roles, permissions and sessions."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """App configuration."""

    name = "accounts"
    verbose_name = "Accounts"
