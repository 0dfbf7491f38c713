"""The tabs of a person's page and of one's own profile: each is a page with an address of its own."""

from dataclasses import dataclass

from django.urls import reverse

from accounts.models import User


@dataclass(frozen=True, slots=True)
class Tab:
    name: str
    label: str
    url: str
    #: How many things the tab lists; None where nobody counts them.
    count: int | None = None


def own_tabs(user: User) -> list[Tab]:
    if user.must_add_factor:
        return []  # no other page opens before that
    return [
        Tab("overview", "Overview", reverse("profile")),
        Tab("access", "Access", reverse("own_access")),
        Tab("requests", "Requests", reverse("own_requests")),
        Tab("sessions", "Sessions", reverse("own_sessions"), user.sessions.alive().count()),
        Tab("keys", "API keys", reverse("own_keys"), user.api_keys.unrevoked().count()),
        Tab("security", "Security", reverse("security")),
    ]


def own_page(user: User, open_tab: str) -> dict[str, object]:
    """What the head and the tabs of one's own pages show."""
    return {"person": user, "is_profile": True, "tabs": own_tabs(user), "open_tab": open_tab}
