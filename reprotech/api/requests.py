"""Requests of signed-in callers, for the type checker."""

from rest_framework.request import Request

from reprotech.core.actors import SignedInUser


class SignedInRequest(Request):
    """A request to a view for signed-in users."""

    user: SignedInUser  # type: ignore[assignment]  # as for pages
