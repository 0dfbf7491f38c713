"""Strict query parameters: unknown and repeated ones are refused."""

from functools import lru_cache
from typing import Any, ClassVar, Self

from django import forms
from django.http import HttpRequest, QueryDict
from rest_framework.request import Request

from reprotech.core.exceptions import ValidationFailed


class QueryParams(forms.Form):
    """The query parameters of a page or an API call."""

    #: Parameters that may be given several times.
    repeatable: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def parse(cls, query: QueryDict, **options: Any) -> Self:
        """The parameters; raises ValidationFailed for wrong, unknown and repeated ones."""
        parsed = cls(query, **options)
        errors = {name: ["There is no such parameter."] for name in query if name not in parsed.fields}
        repeated = (name for name in query if len(query.getlist(name)) > 1 and name not in cls.repeatable)
        errors |= {name: ["Give it once only."] for name in repeated}
        if errors or not parsed.is_valid():
            raise ValidationFailed(errors | {name: [str(e) for e in found] for name, found in parsed.errors.items()})
        return parsed

    @classmethod
    def from_request(cls, request: HttpRequest | Request) -> Self:
        return cls.parse_cached(request.META.get("QUERY_STRING", ""))

    @classmethod
    @lru_cache(maxsize=1_000)
    def parse_cached(cls, query: str) -> Self:
        """Parse a WSGI query string, cached: only for parameters whose meaning doesn't change with time."""
        # WSGI passes bytes as Latin-1 text (PEP 3333).
        return cls.parse(QueryDict(query.encode("latin-1")))

    def value(self, name: str) -> Any:
        return self.cleaned_data[name]
