"""What a rule says when it refuses. API, pages and admin each render these their own way."""

from collections.abc import Mapping
from http import HTTPStatus


class RuleError(Exception):
    """A refusal with a sentence for people and a stable word for programs."""

    code = "refused"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Invalid(RuleError):
    """The input breaks rules: `errors` maps each field to its sentences."""

    code = "invalid"

    def __init__(self, errors: Mapping[str, list[str]]) -> None:
        super().__init__("Some of the input is not valid. Correct it and try again.")
        self.errors = dict(errors)


class Conflict(RuleError):
    """The input is fine, but the present state forbids it; `errors` names the fields, if any."""

    code = "conflict"

    def __init__(self, message: str, errors: Mapping[str, list[str]] | None = None) -> None:
        super().__init__(message)
        self.errors = dict(errors or {})


class NotTheirs(Conflict):
    """The actor would get a credential of another person, and could act as that person."""

    code = "not_theirs"

    def __init__(self) -> None:
        super().__init__(
            "Only people themselves make their API keys. For a program, make a service account and give that a key."
        )


class Outdated(Conflict):
    """The change starts from a version of the record that someone else has replaced meanwhile."""

    code = "precondition_failed"


class Missing(RuleError):
    """What was asked for isn't there, or isn't there for this actor."""

    code = "not_found"

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no such {what}.")


class Denied(RuleError):
    """The actor lacks `required`, a permission's name; `target` says what they wanted to touch, if known."""

    code = "permission_denied"

    def __init__(self, required: str, target: object = None) -> None:
        super().__init__("Insufficient permissions")
        self.required = required
        self.target = target
        #: Set once the audit log tells of it, so that no second door tells again.
        self.recorded = False


class PasswordChangeRequired(RuleError):
    """The account's password must be changed before anything else."""

    code = "password_change_required"

    def __init__(self) -> None:
        super().__init__("Change your password first: POST /api/auth/change-password.")


class KeyRefused(RuleError):
    """An API key came where only a person who signed in may act."""

    code = "key_refused"

    def __init__(self) -> None:
        super().__init__("An API key can't do this. Sign in: POST /api/auth/login.")


class SecondFactorSetupRequired(RuleError):
    """A role requires a second factor, and the account has none: nothing else is open before it does."""

    code = "second_factor_setup_required"

    def __init__(self) -> None:
        super().__init__("Set up a second factor first, on the page /profile/security.")


class NotAuthenticated(RuleError):
    """Base of the refusals that ask to sign in (again)."""

    code = "not_authenticated"
    #: What `WWW-Authenticate` names.
    challenge = "Bearer"


class TokenMissing(NotAuthenticated):
    """No token and no session."""

    code = "token_missing"

    def __init__(self) -> None:
        super().__init__("Token is missing")


class TokenInvalid(NotAuthenticated):
    """Broken, expired, forged, ended or of the wrong kind: the caller isn't told which."""

    code = "token_invalid"

    def __init__(self) -> None:
        super().__init__("Token is invalid or expired")


class AccountDisabled(NotAuthenticated):
    """The token is genuine, but its account is deactivated or locked."""

    code = "account_disabled"

    def __init__(self) -> None:
        super().__init__("Account is disabled")


class InvalidCredentials(NotAuthenticated):
    """Unknown name, wrong password, disabled or locked account: the caller isn't told which."""

    code = "invalid_credentials"

    def __init__(self) -> None:
        super().__init__("Invalid credentials")


class SecondFactorRequired(NotAuthenticated):
    """The password was right; `mfa_token` stands for it while the second factor, of one of `kinds`, is given."""

    code = "mfa_required"

    def __init__(self, mfa_token: str, kinds: list[str]) -> None:
        super().__init__("A second factor is required")
        self.mfa_token = mfa_token
        self.kinds = kinds


class InvalidFactor(NotAuthenticated):
    """The second factor is wrong or was used before: the caller isn't told which."""

    code = "invalid_otp"

    def __init__(self) -> None:
        super().__init__("Invalid code")


class TooManyAttempts(RuleError):
    """Throttled or locked out for `retry_after` seconds (at least 1)."""

    code = "too_many_attempts"
    status = HTTPStatus.TOO_MANY_REQUESTS

    def __init__(self, retry_after: int) -> None:
        super().__init__("Too many attempts")
        self.retry_after = max(1, retry_after)

    @property
    def sentence(self) -> str:
        """When the next attempt is looked at, for people."""
        units = ((86_400, "day"), (3600, "hour"), (60, "minute"))
        # In minutes while it is no more than two hours, and so on: "90 minutes", "3 hours".
        size, unit = next((pair for pair in units if self.retry_after > 2 * pair[0]), units[-1])
        number = -(-self.retry_after // size)
        return f"Too many attempts. Try again in {number} {unit}{'s' if number > 1 else ''}."


class Busy(TooManyAttempts):
    """More passwords are to be hashed at this moment than the processors can take; this one was not looked at."""

    code = "busy"
    status = HTTPStatus.SERVICE_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__(retry_after=3)
        self.message = self.sentence

    @property
    def sentence(self) -> str:
        """What is the matter, for people."""
        return "Many passwords are being checked at this moment. Nothing was changed. Try again in a few seconds."
