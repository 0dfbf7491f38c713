"""Erases what reviews say of a person. Their lines stay, countable and nameless."""

from accounts.models import User
from reviews.models import ReviewItem

PERSONAL_FACTS = {"granted_reason", "last_sign_in"}


def forget_person(user: User) -> None:
    """Within the transaction that erases the account."""
    items = list(ReviewItem.objects.filter(user=user))
    for item in items:
        # A refusal by a service may name them.
        item.reason = item.outcome_note = ""
        item.facts = {name: value for name, value in item.facts.items() if name not in PERSONAL_FACTS}
    ReviewItem.objects.bulk_update(items, ["reason", "outcome_note", "facts"], batch_size=500)
