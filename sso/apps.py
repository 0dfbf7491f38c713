"""Single sign-on: applications that people open with their account here."""

from django.apps import AppConfig


class SsoConfig(AppConfig):
    name = "sso"
    verbose_name = "Single sign-on"

    def ready(self) -> None:
        from sso import tracked_models

        tracked_models.track_all()
