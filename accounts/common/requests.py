"""Requests of signed-in users, for the type checker."""

from accounts.models import Session, User
from reprotech.api import requests as api
from reprotech.web import responses as web


class PageRequest(web.PageRequest):
    user: User
    page_session: Session


class SignedInRequest(api.SignedInRequest):
    user: User
    auth: Session  # or an API key, where `open_to_keys` or a permission lets it in
