"""Requests of signed-in users, for the type checker."""

from typing import TYPE_CHECKING

from accounts.models import Session, User
from reprotech.api import requests as api
from reprotech.web import responses as web

if TYPE_CHECKING:
    pass


class PageRequest(web.PageRequest):
    """A request to a page that only the signed-in reach, for the type checker."""

    user: User
    page_session: Session


class SignedInRequest(api.SignedInRequest):
    """A request to a view that only the signed-in reach, for the type checker."""

    user: User
    auth: Session  # or an API key, where `open_to_keys` or a permission lets it in
