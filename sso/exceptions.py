"""Refusals of single sign-on."""

from http import HTTPStatus

from reprotech.core.exceptions import DomainError


class SlugTaken(DomainError):
    """Roles still hold permissions of an application that had this slug."""

    code = "slug_taken"
    status = HTTPStatus.CONFLICT
    message = "An application of this slug was deleted, and roles still hold its permissions."
