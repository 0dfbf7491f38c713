"""Links of mails: their tokens move from the address, which logs and other sites see, into the signed cookie."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.notifications.links import decode_user_id


def stash_link(request: Any, name: str, page: str, user: str, link_token: str) -> HttpResponse:
    """Keep a link under a name, and go to the page that uses it."""
    request.session[name] = [user, link_token]
    response = redirect(page)
    # Not even to ourselves: the address must be in no `Referer`.
    response["Referrer-Policy"] = "no-referrer"
    return response


def stashed_link(request: Any, name: str) -> dict[str, Any]:
    """What services take: the number of the user that the link is for, 0 without one, and its token."""
    user, link_token = request.session.get(name, ["", ""])
    return {"user_id": decode_user_id(user), "link_token": link_token}
