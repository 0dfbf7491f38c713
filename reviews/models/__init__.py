"""Access reviews and their items: fields, and questions about one object."""

from reviews.models.items import Decision, ItemKind, Outcome, ReviewItem
from reviews.models.reviews import IfUnanswered, Review, ScopeKind

__all__ = ["Decision", "IfUnanswered", "ItemKind", "Outcome", "Review", "ReviewItem", "ScopeKind"]
