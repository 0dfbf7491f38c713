"""Secrets of confidential applications: made, shown once, compared."""

import hashlib
import hmac
import secrets

from accounts.core.client_networks import client_network
from accounts.throttling import rate_limits
from audit.models import Action
from audit.services import record
from reprotech.core.actors import NamedActor
from reprotech.core.exceptions import TooManyAttempts
from reprotech.core.request_context import current_origin
from sso.exceptions import InvalidClient
from sso.models import Application

#: Starts every client secret, for programs that look for leaked ones.
SECRET_PREFIX = "rps_"  # noqa: S105 (no secret)
#: Of wrong client secrets.
LIMIT = "client_secret"


def new_secret() -> str:
    """A client secret of 256 random bits."""
    return f"{SECRET_PREFIX}{secrets.token_hex(32)}"


def hash_secret(text: str) -> str:
    """What is stored and looked for, also of tokens and codes: they are random, so a slow hash would add nothing."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def authenticate_client(*, client_id: str, secret: str) -> Application:
    """The active confidential application of these credentials. Raises InvalidClient or TooManyAttempts.

    Wrong secrets are counted by client and network, and the first of a window is recorded.
    """
    address = current_origin().ip_address
    guesses = f"{client_id[:64]} {client_network(address)}"
    application = Application.objects.filter(client_id=client_id[:64]).first()
    digest = hash_secret(secret)
    if application and application.is_active and application.accepts_secret(digest, hmac.compare_digest):
        return application
    # After the comparison: 256 random bits can't be guessed, and others at this address must not lock a program out.
    if rate_limits.is_exceeded(LIMIT, guesses):
        raise TooManyAttempts(rate_limits.seconds_left(LIMIT, guesses))
    rate_limits.increment(LIMIT, guesses)
    # Of unknown clients nothing is recorded: strangers could fill the log.
    if application and rate_limits.is_first_refusal(f"client-{application.pk}", address):
        record(
            actor=NamedActor(f"application {application.name}"),
            action=Action.ACCESS_DENIED,
            resource="application",
            resource_id=application.pk,
            resource_name=application.name,
            success=False,
            reason="The client credentials were wrong." if application.is_active else "The application is inactive.",
            method=current_origin().method,
            path=current_origin().path[:200],
        )
    raise InvalidClient
