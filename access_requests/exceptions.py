"""Refusals of requests for access."""

from http import HTTPStatus

from reprotech.core.exceptions import Conflict, DomainError


class PeopleOnly(DomainError):
    """A program asks for nothing, and decides nothing: those who hold its key could do it in their own favour."""

    code = "people_only"
    status = HTTPStatus.FORBIDDEN
    message = "Only people ask for roles and decide about it. A program gets its roles from an administrator."


class OwnRequest(Conflict):
    """Nobody decides their own request."""

    code = "own_request"
    message = "This is your own request: someone else who may give the role has to decide it."


class RequestClosed(Conflict):
    """It was decided, withdrawn, or has expired."""

    code = "request_closed"


class AskedAlready(Conflict):
    code = "asked_already"


class TooManyRequests(Conflict):
    code = "too_many_requests"


class CantSignIn(Conflict):
    """Who asked couldn't use the role now."""

    code = "account_closed"
