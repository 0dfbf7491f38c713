"""Access reviews: who still needs which access, decided one by one and on record."""

from django.apps import AppConfig


class ReviewsConfig(AppConfig):
    name = "reviews"
    verbose_name = "Access reviews"

    def ready(self) -> None:
        from accounts.access.authorization import TARGET_MODELS
        from reviews.models import Review

        TARGET_MODELS["review"] = Review
