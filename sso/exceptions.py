"""Refusals of single sign-on."""

from reprotech.core.exceptions import NotAuthenticated


class InvalidClient(NotAuthenticated):
    """Unknown, inactive or public, or with a wrong secret: the answer doesn't say which."""

    code = "invalid_client"
    message = "Invalid client credentials"

    def __init__(self) -> None:
        super().__init__()
        self.headers = {"WWW-Authenticate": 'Basic realm="Reprotech", charset="UTF-8"'}
