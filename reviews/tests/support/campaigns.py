"""Reviews for tests."""

from datetime import timedelta

from reviews.models import Review
from reviews.models.days import today
from reviews.opening.services import open_review


def make_review(cast, **fields) -> Review:
    """A review of the Managers and Viewers by manager and administrator, unless others are given."""
    given = {
        "actor": cast.super_admin,
        "name": "Quarterly review",
        "scope_kind": "roles",
        "due": today() + timedelta(days=14),
        **fields,
    }
    if given["scope_kind"] == "roles":
        given.setdefault("roles", ["Manager", "Viewer"])
    given.setdefault("reviewers", [cast.manager.username, cast.admin.username])
    return open_review(**given)


def item_about(review, person, role=None):
    """The item about a person's account, key or role (by its name)."""
    found = review.items.filter(user=person)
    return (found.filter(role__name=role) if role else found).get()
