"""Refusals. API, pages, admin and commands each render this one family their own way."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any


class DomainError(Exception):
    """A refusal with a sentence for people and a stable word for programs."""

    code = "refused"
    status = HTTPStatus.BAD_REQUEST

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message

    @property
    def fields(self) -> dict[str, Any]:
        """What the API answers in addition to the sentence and the code."""
        return {}

    @property
    def headers(self) -> dict[str, str]:
        return {}


class ValidationFailed(DomainError):
    """The input breaks rules: `errors` maps each field to its sentences."""

    code = "invalid"

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__("Some of the input is not valid. Correct it and try again.")
        self.errors = dict(errors)

    @property
    def fields(self) -> dict[str, Any]:
        return {"errors": self.errors} if self.errors else {}


class Conflict(DomainError):
    """The input is fine, but the present state forbids it; `errors` names the fields, if any."""

    code = "conflict"
    status = HTTPStatus.CONFLICT

    def __init__(self, message: str, errors: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.errors = dict(errors or {})

    @property
    def fields(self) -> dict[str, Any]:
        return {"errors": self.errors} if self.errors else {}


class StaleVersion(Conflict):
    """The change starts from a version of the record that has been replaced meanwhile."""

    code = "precondition_failed"
    status = HTTPStatus.PRECONDITION_FAILED


class NotFound(DomainError):
    """What was asked for isn't there, or isn't there for this actor."""

    code = "not_found"
    status = HTTPStatus.NOT_FOUND

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")


class Forbidden(DomainError):
    """The actor lacks `required`, a permission's name; `target` says what they wanted to touch, if known."""

    code = "permission_denied"
    status = HTTPStatus.FORBIDDEN

    def __init__(self, required: str, target: object = None) -> None:
        super().__init__("Insufficient permissions")
        self.required = required
        self.target = target
        #: Set once the audit log has it, so that no second layer records it again.
        self.recorded = False

    @property
    def fields(self) -> dict[str, Any]:
        return {"required": self.required}


class NotAuthenticated(DomainError):
    """Base of the refusals that ask to sign in (again)."""

    code = "not_authenticated"
    status = HTTPStatus.UNAUTHORIZED
    #: What `WWW-Authenticate` names.
    challenge = "Bearer"

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": self.challenge}


class TooManyAttempts(DomainError):
    """Throttled or locked out for `retry_after` seconds (at least 1)."""

    code = "too_many_attempts"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many attempts")
        self.retry_after = max(1, retry_after)

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after)}

    @property
    def sentence(self) -> str:
        """When the next attempt is possible, for people."""
        units = ((86_400, "day"), (3600, "hour"), (60, "minute"))
        # In minutes while it is no more than two hours, and so on: "90 minutes", "3 hours".
        size, unit = next((pair for pair in units if self.retry_after > 2 * pair[0]), units[-1])
        number = -(-self.retry_after // size)
        return f"Too many attempts. Try again in {number} {unit}{'s' if number > 1 else ''}."


class ServerBusy(TooManyAttempts):
    """More passwords are to be hashed at this moment than the processors can take; this one was not checked."""

    code = "busy"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__(retry_after=3)
        self.message = self.sentence

    @property
    def sentence(self) -> str:
        return "Many passwords are being checked at this moment. Nothing was changed. Try again in a few seconds."
