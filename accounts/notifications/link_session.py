"""Moves the token of an e-mail link from the URL, which logs and other sites see, into the session."""

from typing import TypedDict

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.notifications.links import decode_user_id


class StashedLink(TypedDict):
    """What services take of a link; the user's id is 0 without one."""

    user_id: int
    link_token: str


def stash_link(request: HttpRequest, name: str, page: str, user: str, link_token: str) -> HttpResponse:
    """Store a link in the session under a name, and redirect to the page that uses it."""
    request.session[name] = [user, link_token]
    response = redirect(page)
    # Not even to this site: the address must be in no `Referer`.
    response["Referrer-Policy"] = "no-referrer"
    return response


def stashed_link(request: HttpRequest, name: str) -> StashedLink:
    user, link_token = request.session.get(name, ["", ""])
    return {"user_id": decode_user_id(user), "link_token": link_token}
