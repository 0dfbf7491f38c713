"""What an authorization request asks for (RFC 6749, 4.1.1; OpenID Connect Core, 3.1.2.1), and what refuses it.

As long as application and redirect URI aren't certain, a refusal is a page of ours: an answer to an unchecked address
would be an open redirect.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from authlib.oauth2.base import OAuth2Error
from authlib.oauth2.rfc6749.errors import InvalidRequestError, InvalidScopeError
from authlib.oidc.core.errors import (
    RegistrationNotSupportedError,
    RequestNotSupportedError,
    RequestURINotSupportedError,
)

from sso.models import Application
from sso.provider.claims import allowed_scope
from sso.provider.issuer import issuer
from sso.provider.parameters import Parameters, with_parameters
from sso.provider.tokens.grants import check_challenge

MAX_STATE_BYTES = 2_048
MAX_NONCE_LENGTH = 512
#: Of a query, so that our pages take it as their way back (`reprotech.web.responses.MAX_TARGET_LENGTH`).
MAX_QUERY_LENGTH = 7_900
#: What RFC 6749 allows in a state.
STATE = re.compile(r"[\x20-\x7e]*", re.ASCII)
SECONDS = re.compile(r"[0-9]{1,9}", re.ASCII)
#: The others ask for pages that a lab's own programs don't need, and are passed over.
PROMPTS = {"none", "login", "consent", "select_account"}
NOT_SUPPORTED = {
    "request": RequestNotSupportedError,
    "request_uri": RequestURINotSupportedError,
    "registration": RegistrationNotSupportedError,
}


class UnsupportedResponseType(OAuth2Error):  # type: ignore[misc]  # Authlib has no type hints
    # Authlib's own quotes what was sent, in which it allows no quotation mark.
    error = "unsupported_response_type"


class NotAnswerable(Exception):
    """There is no checked address for an answer: a page with this sentence."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Client:
    """Where answers go: an application's registered address, and the state that it sent."""

    application: Application
    redirect_uri: str
    state: str

    def refusal(self, error: OAuth2Error) -> str:
        """The address that tells the application of an error."""
        return self._address(error.get_body())

    def code_address(self, code: str) -> str:
        return self._address([("code", code)])

    def _address(self, answer: list[tuple[str, str]]) -> str:
        state = [("state", self.state)] if self.state else []
        # `iss` with errors too (RFC 9207, section 2).
        return with_parameters(self.redirect_uri, [*answer, *state, ("iss", issuer())])


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    client: Client
    scope: str
    nonce: str
    code_challenge: str
    prompts: frozenset[str]
    max_age: int | None
    id_token_hint: str
    #: As they were sent, for the way back from our own pages.
    values: Mapping[str, str]

    @property
    def is_silent(self) -> bool:
        """Whether no page may be shown."""
        return "none" in self.prompts


def find_client(parameters: Parameters) -> Client:
    """The application and its checked redirect URI; raises NotAnswerable."""
    state = parameters.once("state")
    if len(state.encode()) > MAX_STATE_BYTES or not STATE.fullmatch(state):
        raise NotAnswerable("The application sent a state that is too long or has characters that are not allowed.")
    application = Application.objects.active().filter(client_id=parameters.once("client_id")[:64]).first()
    if application is None:
        raise NotAnswerable("The application is not registered here, or it is switched off.")
    redirect_uri = parameters.once("redirect_uri")
    # As text: whatever is resolved or decoded first, another address could pass for it.
    if redirect_uri not in application.redirect_uris:
        raise NotAnswerable(f"The address that {application.name} wants you to return to is not registered for it.")
    return Client(application, redirect_uri, state)


def read_request(parameters: Parameters, client: Client) -> AuthorizationRequest:
    """Everything else; raises an OAuth2Error, of which the client may be told."""
    if parameters.repeated:
        raise InvalidRequestError("A parameter was sent twice.")
    for name, error in NOT_SUPPORTED.items():
        if parameters.get(name):
            raise error
    if not parameters.get("response_type"):
        raise InvalidRequestError("The response_type is missing.")
    if parameters.get("response_type") != "code":
        raise UnsupportedResponseType("Only the response_type code is supported.")
    if parameters.get("response_mode", "query") != "query":
        raise InvalidRequestError("Only the response_mode query is supported.")
    check_challenge(parameters.get("code_challenge"), parameters.get("code_challenge_method"))
    scope = allowed_scope(client.application, parameters.get("scope"))
    if not scope:
        raise InvalidScopeError
    nonce = parameters.get("nonce")
    if len(nonce) > MAX_NONCE_LENGTH:
        raise InvalidRequestError("The nonce is too long.")
    return AuthorizationRequest(
        client=client,
        scope=scope,
        nonce=nonce,
        code_challenge=parameters.get("code_challenge"),
        prompts=_prompts(parameters.get("prompt")),
        max_age=_max_age(parameters.get("max_age")),
        id_token_hint=parameters.get("id_token_hint"),
        values=parameters.values,
    )


def _prompts(text: str) -> frozenset[str]:
    prompts = frozenset(text.split(" ")) - {""}
    if prompts - PROMPTS:
        raise InvalidRequestError("The prompt is not one of none, login, consent and select_account.")
    if "none" in prompts and len(prompts) > 1:
        raise InvalidRequestError("The prompt none can't be combined with others.")
    return prompts


def _max_age(text: str) -> int | None:
    if not text:
        return None
    if not SECONDS.fullmatch(text):
        raise InvalidRequestError("The max_age is not a number of seconds.")
    return int(text)
