"""Refusals of single sign-on."""

from http import HTTPStatus
from typing import TYPE_CHECKING

from reprotech.core.exceptions import DomainError, NotAuthenticated

if TYPE_CHECKING:
    from sso.models import Application


class InvalidClient(NotAuthenticated):
    """Unknown, inactive or public, or with a wrong secret: the answer doesn't say which."""

    code = "invalid_client"
    message = "Invalid client credentials"

    def __init__(self) -> None:
        super().__init__()
        self.headers = {"WWW-Authenticate": 'Basic realm="Reprotech", charset="UTF-8"'}


class ApplicationNotOpen(DomainError):
    """No role of the person opens the application."""

    code = "forbidden"
    status = HTTPStatus.FORBIDDEN

    def __init__(self, application: "Application") -> None:
        names = application.role_names
        advice = f" for the role {' or '.join(names)}" if names else ""
        self.application = application
        super().__init__(f"{application.name} is not open to you. Ask an administrator of your lab{advice}.")
