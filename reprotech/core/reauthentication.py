"""Whether the user who acts proved a short time ago who they are, before what guards accounts is changed ("sudo mode").

Only a page's cookie can be left behind on an open screen: who acts by one must have typed their password within
SUDO_MINUTES, on the pages, in Django admin and where the API is called with the cookie. A token or an API key is itself
what a program was given for the purpose, and commands have no cookie at all. What would outlive a stolen token is the
exception: `require_recent_proof` holds for tokens too.
"""

from reprotech.core.request_context import current_principal


class ReauthenticationRequired(Exception):
    """The user who acts by a page's cookie proved too long ago who they are for a change to what guards accounts.

    No refusal, and so no DomainError: no form shows it at its fields and no list of outcomes counts it. Pages ask for
    the password and then go on with what was being done; the API answers with this sentence and code.
    """

    code = "reauthentication_required"
    message = "You signed in a while ago. Confirm your password on the page /profile/security/confirm, and try again."

    def __init__(self) -> None:
        super().__init__(self.message)


class TokenReauthenticationRequired(ReauthenticationRequired):
    """The same of an access token, whose holder can send the proof along with the call."""

    message = (
        "You signed in a while ago. Send your password as `current_password` along and, if the account has a second "
        "factor, a code as `otp`."
    )


def require_recent_authentication() -> None:
    """Raise ConfirmationRequired if the user who acts by a page's cookie proved too long ago who they are."""
    session = current_principal().session
    if session and session.acts_by_cookie and not session.is_fresh:
        raise ReauthenticationRequired


def require_recent_authentication_for_tokens() -> None:
    """As `require_fresh`, also for an access token."""
    require_recent_authentication()
    session = current_principal().session
    if session and not session.is_fresh:
        raise TokenReauthenticationRequired
