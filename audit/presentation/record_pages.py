"""The pages of the records that events name."""

from django.urls import reverse

from reprotech.core.actors import SignedInUser
from reprotech.web.access import declared_access

#: The URL name of the list below which a resource's records have their pages.
LISTS = {
    "user": "users",
    "role": "roles",
    "application": "applications",
    "review": "reviews",
    "exclusion": "exclusions",
    "access_request": "requests",
}


def record_page(reader: SignedInUser, resource: str, number: str) -> str:
    """The address of a record's page; "" if it has none or it wouldn't open."""
    if resource not in LISTS or not number.isdecimal():
        return ""
    page = f"{reverse(LISTS[resource])}/{number}"
    return page if reader.has_perm(declared_access(page)) else ""
