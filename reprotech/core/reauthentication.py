"""Recent authentication ("sudo mode"), required before what protects accounts is changed.

A page's session can be left behind on an open screen: its user must have typed their password within SUDO_MINUTES, on
pages, in Django admin and where the API is called with the cookie. A token or API key was given to a program for the
purpose. What would outlive a stolen token is the exception: `require_recent_authentication_for_tokens`.
"""

from reprotech.core.request_context import current_principal


class ReauthenticationRequired(Exception):
    """The user of a page's session authenticated too long ago for this change.

    Pages ask for the password and then continue; the API answers with this sentence and code. So it is no DomainError:
    no form shows it at its fields, and no list of outcomes counts it.
    """

    code = "reauthentication_required"
    message = "You signed in a while ago. Confirm your password on the page /profile/security/confirm, and try again."

    def __init__(self) -> None:
        super().__init__(self.message)


class TokenReauthenticationRequired(ReauthenticationRequired):
    """The same for an access token, whose holder can send password and code with the call."""

    message = (
        "You signed in a while ago. Send your password as `current_password` along and, if the account has a second "
        "factor, a code as `otp`."
    )


def require_recent_authentication() -> None:
    """Raise ReauthenticationRequired if this is a page's session whose user authenticated too long ago."""
    session = current_principal().session
    # Without a session it is an API key or a command, which nobody leaves open on a screen.
    if session and session.acts_by_cookie and not session.is_fresh:
        raise ReauthenticationRequired


def require_recent_authentication_for_tokens() -> None:
    """As `require_recent_authentication`, and for access tokens too."""
    require_recent_authentication()
    session = current_principal().session
    if session and not session.is_fresh:
        raise TokenReauthenticationRequired
