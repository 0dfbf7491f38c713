"""Refusals about authentication and credentials."""

from datetime import UTC, datetime
from http import HTTPStatus

from reprotech.core.exceptions import Conflict, DomainError, Forbidden, NotAuthenticated


class OwnGrantEndsEarlier(Forbidden):
    """The actor holds what they give, but not for as long as they would give it."""

    code = "own_grant_ends"

    def __init__(self, required: str, own_end: datetime, target: object = None) -> None:
        super().__init__(required, target)
        moment = own_end.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        self.message = f"You can't give this for longer than you have it: yours ends on {moment}. Give an end by then."
        self.args = (self.message,)


class TooManyLeavers(Conflict):
    """A file lets more than a tenth of its list's people end, or the number that was repeated isn't theirs."""

    code = "confirm_leavers"

    def __init__(self, leavers: int, people: int, source: str, *, is_wrong: bool) -> None:
        share = f"{leavers:,} of the {people:,} people of {source} would end"
        sentence = (
            f"{share}, and another number was confirmed." if is_wrong else f"{share}, which is more than a tenth."
        )
        super().__init__(f"{sentence} Nothing was changed. If that is right, confirm the number {leavers}.")
        self.fields = {"leavers": leavers, "people": people}


class OwnerOnly(Conflict):
    """A credential of another person would let the actor act as that person."""

    code = "not_theirs"
    message = "Only people themselves make their API keys. For a program, make a service account and give that a key."


class PasswordChangeRequired(DomainError):
    code = "password_change_required"
    status = HTTPStatus.FORBIDDEN
    message = "Change your password first: POST /api/auth/change-password."


class ApiKeyNotAllowed(DomainError):
    """An API key was used where only a signed-in person may act."""

    code = "key_refused"
    status = HTTPStatus.FORBIDDEN
    message = "An API key can't do this. Sign in: POST /api/auth/login."


class SecondFactorSetupRequired(DomainError):
    """A role requires a second factor, and the account has none."""

    code = "second_factor_setup_required"
    status = HTTPStatus.FORBIDDEN
    message = "Set up a second factor first, on the page /profile/security."


class TokenMissing(NotAuthenticated):
    code = "token_missing"
    message = "Token is missing"


class TokenInvalid(NotAuthenticated):
    """Malformed, expired, forged, ended or of the wrong kind: the answer doesn't say which."""

    code = "token_invalid"
    message = "Token is invalid or expired"


class AccountDisabled(NotAuthenticated):
    """The token is genuine, but its account is deactivated or locked."""

    code = "account_disabled"
    message = "Account is disabled"


class InvalidCredentials(NotAuthenticated):
    """Unknown name, wrong password, disabled or locked account: the answer doesn't say which."""

    code = "invalid_credentials"
    message = "Invalid credentials"


class SecondFactorRequired(NotAuthenticated):
    """The password was right; `mfa_token` represents it in the next step, with a factor of one of `kinds`."""

    code = "mfa_required"

    def __init__(self, mfa_token: str, kinds: list[str]) -> None:
        super().__init__("A second factor is required")
        self.mfa_token, self.kinds = mfa_token, kinds
        self.fields = {"mfa_token": mfa_token, "kinds": kinds}


class InvalidFactor(NotAuthenticated):
    """The second factor is wrong or was used before: the answer doesn't say which."""

    code = "invalid_otp"
    message = "Invalid code"


class Segregation(Conflict):
    """Someone would hold what an exclusion keeps apart: `conflicts` are the first of `total`."""

    code = "segregation"

    def __init__(self, message: str, conflicts: list[dict[str, object]], total: int) -> None:
        super().__init__(message)
        self.conflicts, self.total = conflicts, total
        self.fields = {"conflicts": conflicts, "total": total}


class ExclusionBindsActor(Conflict):
    """An exclusion was to allow more, by someone who holds a part of what it keeps apart."""

    code = "exclusion_binds"
    NAMED = 3

    def __init__(self, held: list[str]) -> None:
        more = len(held) - self.NAMED
        names = ", ".join(held[: self.NAMED]) + (f" and {more} more" if more > 0 else "")
        super().__init__(
            f"This exclusion binds you: you hold {names}. To weaken or delete it, ask someone whom it doesn't bind. "
            "You can still make it stricter."
        )


class SecondPersonRequired(Conflict):
    """What needs four eyes was to be approved by who asked for it, or whom it is for, or by a program."""

    code = "second_person"
    message = (
        "A second person has to approve this: neither who asked for it nor whom it is for, nor one who chose the "
        "password or address of their account, or had theirs chosen by them, or shares their mailbox."
    )
