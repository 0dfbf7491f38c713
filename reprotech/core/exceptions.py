"""Errors of the domain. API, pages, admin and commands each render this one family their own way."""

from collections.abc import Mapping
from http import HTTPStatus


class DomainError(Exception):
    """A refusal with a sentence for people and a stable word for programs."""

    code = "refused"
    status = HTTPStatus.BAD_REQUEST
    message = ""

    def __init__(self, message: str = "", errors: Mapping[str, list[str]] | None = None) -> None:
        self.message = message or self.message
        super().__init__(self.message)
        #: Sentences about each field of the input.
        self.errors = dict(errors or {})
        #: Members of the API's answer besides sentence and code.
        self.fields: dict[str, object] = {"errors": self.errors} if self.errors else {}
        self.headers: dict[str, str] = {}


class ValidationFailed(DomainError):
    """The input breaks rules: `errors` lists the sentences by field."""

    code = "invalid"

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__("Some of the input is not valid. Correct it and try again.", errors)


class Conflict(DomainError):
    """The input is valid, but the present state forbids it."""

    code = "conflict"
    status = HTTPStatus.CONFLICT


class StaleVersion(Conflict):
    """The change starts from a version of the record that was replaced meanwhile."""

    code = "precondition_failed"
    status = HTTPStatus.PRECONDITION_FAILED


class NotFound(DomainError):
    """It doesn't exist, or not for this actor."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")


class Forbidden(DomainError):
    """The actor lacks the permission `required`; `target` is what they wanted to change or read, if known."""

    code = "permission_denied"
    status = HTTPStatus.FORBIDDEN

    def __init__(self, required: str, target: object = None) -> None:
        super().__init__("Insufficient permissions")
        self.required = required
        self.target = target
        #: Set once the audit log has it, so that no other layer records it again.
        self.recorded = False
        self.fields = {"required": required}


class NotAuthenticated(DomainError):
    """The caller must sign in, or sign in again."""

    code = "not_authenticated"
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.headers = {"WWW-Authenticate": "Bearer"}


class TooManyAttempts(DomainError):
    """Throttled or locked out for `retry_after` seconds (at least 1)."""

    code = "too_many_attempts"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many attempts")
        # 0 would invite clients to try again at once.
        self.retry_after = max(1, retry_after)
        self.headers = {"Retry-After": str(self.retry_after)}

    @property
    def sentence(self) -> str:
        units = ((86_400, "day"), (3600, "hour"), (60, "minute"))
        # A larger unit from two of it on: "90 minutes", "3 hours".
        size, unit = next((pair for pair in units if self.retry_after > 2 * pair[0]), units[-1])
        number = -(-self.retry_after // size)
        return f"Too many attempts. Try again in {number} {unit}{'s' if number > 1 else ''}."


class ServerBusy(TooManyAttempts):
    """More passwords wait to be hashed than the processors can take; this one was not checked."""

    code = "busy"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__(retry_after=3)
        self.message = self.sentence

    @property
    def sentence(self) -> str:
        return "Many passwords are being checked at this moment. Nothing was changed. Try again in a few seconds."
