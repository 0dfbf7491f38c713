"""Content negotiation and strict parsers of request bodies."""

import json
from collections.abc import Iterable
from typing import IO, Any
from urllib.parse import parse_qsl

from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class JSONOnlyNegotiation(BaseContentNegotiation):
    """Answer JSON whatever `Accept` says: there is nothing else to choose."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser | None:
        media_type = media_type_of(request)
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(
        self,
        request: Request,  # noqa: ARG002
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,  # noqa: ARG002
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


def media_type_of(request: Request) -> str:
    return (request.content_type or "").partition(";")[0].strip().lower()


def is_form(request: Request) -> bool:
    return media_type_of(request) == StrictFormParser.media_type


class StrictJSONParser(BaseParser):
    """JSON (RFC 8259) in UTF-8, without what parsers disagree about (RFC 7493): repeated keys, NaN, lone surrogates."""

    media_type = "application/json"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: object = None) -> Any:  # noqa: ARG002
        try:
            value = json.loads(
                stream.read().decode("utf-8"), object_pairs_hook=_unique_keys, parse_constant=_refuse_constant
            )
            # Escaped lone surrogates parse, but can't be stored or answered.
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except RecursionError:
            raise ParseError("The JSON is nested too deeply.") from None
        except ValueError as error:
            # UnicodeError's text repeats the input, which may be a secret.
            reason = error.msg if isinstance(error, json.JSONDecodeError) else _reason(error)
            raise ParseError(f"The body is not valid JSON: {reason}.") from None
        return value


class StrictFormParser(BaseParser):
    """A form (application/x-www-form-urlencoded) in UTF-8 without repeated fields, as OAuth 2 requires (RFC 6749)."""

    media_type = "application/x-www-form-urlencoded"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: object = None) -> dict[str, str]:  # noqa: ARG002
        try:
            text = stream.read().decode("ascii")
            pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=100)
        except ValueError:
            raise ParseError("The body is not a form.") from None
        fields = dict(pairs)
        if len(fields) != len(pairs):
            raise ParseError("The body is not a form: a field is given twice.")
        return fields


def _reason(error: ValueError) -> str:
    if isinstance(error, UnicodeError):
        return "it is not UTF-8 text"
    return str(error) if isinstance(error, StrictnessError) else "a number is too long"


class StrictnessError(ValueError):
    """Valid JSON to some parsers, not to us."""


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise StrictnessError("a key is given twice")
    return members


def _refuse_constant(name: str) -> None:
    raise StrictnessError(f"{name} is not a JSON value")
