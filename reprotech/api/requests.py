"""Requests of signed-in callers, for the type checker."""

from rest_framework.request import Request

from reprotech.core.actors import SignedInUser


class SignedInRequest(Request):
    """A request to a view that only the signed-in reach."""

    user: SignedInUser  # type: ignore[assignment]  # as for pages
