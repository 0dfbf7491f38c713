"""Parameters of OAuth requests, read strictly: each once, none empty, all of it UTF-8 (RFC 6749, 3.1 and 3.2)."""

from collections import Counter
from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

from authlib.oauth2.rfc6749.errors import InvalidRequestError
from django.http import HttpRequest

FORM = "application/x-www-form-urlencoded"
MAX_PARAMETERS = 60


class Parameters:
    """What a client sent: `values` has each parameter once, `repeated` names those that came twice.

    Raises InvalidRequestError for a NUL, which PostgreSQL can't look for.
    """

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        if any("\0" in name or "\0" in value for name, value in pairs):
            raise InvalidRequestError("A parameter has a character that is not allowed.")
        # Parameters without a value are treated as if they were omitted.
        given = [(name, value) for name, value in pairs if value]
        self.values: Mapping[str, str] = dict(reversed(given))
        self.repeated = sorted(name for name, times in Counter(name for name, _ in given).items() if times > 1)

    def get(self, name: str, default: str = "") -> str:
        return self.values.get(name, default)

    def once(self, name: str) -> str:
        """The parameter, or "" if it is missing or was sent twice."""
        return "" if name in self.repeated else self.get(name)


def parse_parameters(text: str) -> Parameters:
    """Raises InvalidRequestError."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_PARAMETERS, errors="strict")
    except ValueError:
        raise InvalidRequestError("There are too many parameters, or they are not UTF-8.") from None
    return Parameters(pairs)


def read_query(request: HttpRequest) -> Parameters:
    return parse_parameters(request.META.get("QUERY_STRING", ""))


def read_form(request: HttpRequest) -> Parameters:
    """The parameters of a request's body, each of them once; raises InvalidRequestError."""
    if request.content_type != FORM:
        raise InvalidRequestError(f"Send the parameters as {FORM}.")
    try:
        text = request.body.decode("ascii")
    except UnicodeDecodeError:
        raise InvalidRequestError("The body is not encoded as a form.") from None
    parameters = parse_parameters(text)
    if parameters.repeated:
        raise InvalidRequestError("A parameter was sent twice.")
    return parameters


def with_parameters(uri: str, pairs: list[tuple[str, str]]) -> str:
    """A registered address with parameters behind its own query, which stays letter by letter (RFC 6749, 3.1.2)."""
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode(pairs)}"
