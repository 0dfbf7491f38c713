"""Access reviews: who still needs which access, decided one by one and on record."""

from django.apps import AppConfig


class ReviewsConfig(AppConfig):
    name = "reviews"
    verbose_name = "Access reviews"

    def ready(self) -> None:
        from accounts.access.authorization import TARGET_MODELS
        from accounts.users.erasure import ERASED_BY_OTHERS
        from reviews.decisions.erasure import forget_person
        from reviews.models import Review

        ERASED_BY_OTHERS.append(forget_person)
        TARGET_MODELS["review"] = Review
