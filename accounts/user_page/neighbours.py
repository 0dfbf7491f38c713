"""The people before and after one in the list of users from which the person's page was opened."""

from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, QueryDict
from django.urls import reverse

from accounts.models import User
from accounts.user_list.filters import UserPageFilter
from reprotech.core.exceptions import ValidationFailed
from reprotech.web.pagination import Page

#: Letters of a list's query string that an address carries along.
MAX_QUERY = 2000
#: The address of a person's tab, by the tab's name.
TAB_URLS = {
    "overview": "user",
    "access": "user_access",
    "sessions": "user_sessions",
    "keys": "user_keys",
    "history": "user_history",
    "activity": "user_activity",
}


@dataclass(frozen=True, slots=True)
class Neighbour:
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Place:
    """Where a person stands in the list, from 1 on."""

    position: int
    total: int
    is_exact: bool
    previous: Neighbour | None
    next: Neighbour | None


def opened_from(request: HttpRequest) -> str:
    """The query string of the list from which the page was opened; "" where it was opened from elsewhere."""
    query = request.POST.get("list") or request.GET.get("list") or ""
    return query if len(query) <= MAX_QUERY else ""


def list_suffix(query: str) -> str:
    """What the address of a person's page carries along, of the list's query string."""
    return f"?{urlencode({'list': query})}" if query and len(query) <= MAX_QUERY else ""


def list_url(query: str) -> str:
    return f"{reverse('users')}?{query}" if query else reverse("users")


def place_of(reader: User, user: User, query: str, tab: str) -> Place | None:
    """None where the list can't be shown any more, or the person isn't on that page of it any more.

    Two pages of the list at most are read, each as the list itself reads it.
    """
    page = _page(reader, query)
    found = [position for position, other in enumerate(page.items) if other.pk == user.pk] if page else []
    if page is None or not found:
        return None
    here = found[0]
    before, after = page.items[:here][-1:], page.items[here + 1 :][:1]
    before_page = after_page = page.page
    if not before and page.previous:
        before_page = page.previous
        before = _items(reader, query, before_page)[-1:]
    if not after and page.next:
        after_page = page.next
        after = _items(reader, query, after_page)[:1]
    return Place(
        position=page.first + here,
        total=page.total,
        is_exact=page.is_exact,
        previous=_neighbour(before, query, before_page, tab),
        next=_neighbour(after, query, after_page, tab),
    )


def _page(reader: User, query: str, number: int | None = None) -> Page[User] | None:
    try:
        asked = UserPageFilter.parse(_with_page(query, number))
    except ValidationFailed:
        return None
    return asked.page_of(User.objects.visible_to(reader))


def _items(reader: User, query: str, number: int) -> list[User]:
    page = _page(reader, query, number)
    return page.items if page else []


def _with_page(query: str, number: int | None) -> QueryDict:
    changed = QueryDict(query, mutable=True)
    if number is not None:
        changed["page"] = str(number)
    return changed


def _neighbour(found: list[User], query: str, page: int, tab: str) -> Neighbour | None:
    if not found:
        return None
    address = reverse(TAB_URLS[tab], args=[found[0].pk])
    return Neighbour(found[0].full_name, f"{address}{list_suffix(_with_page(query, page).urlencode())}")
