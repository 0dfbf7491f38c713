"""The JSON of a user as an expression that PostgreSQL evaluates; tests compare it with the API's serializer."""

from itertools import chain, repeat

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import Case, F, Func, Value, When
from django.db.models.expressions import Combinable

from accounts.models.querysets import roles_of


class JSONText(Func):
    """One JSON object, as text, of values that are JSON texts: PostgreSQL's own functions for it take longer."""

    function = "CONCAT"
    output_field = models.TextField()

    def __init__(self, **values: Combinable) -> None:
        named = zip(chain("{", repeat(",")), values.items(), strict=False)
        parts = (part for mark, (name, value) in named for part in (Value(f'{mark}"{name}":'), value))
        super().__init__(*parts, Value("}"))


class ToJSON(Func):
    """A text, or an array of them, in JSON."""

    function = "TO_JSON"
    output_field = models.TextField()


class ISODateTime(Func):
    """A timestamp in JSON as the API writes it: ISO 8601 in UTC, with microseconds if there are any."""

    template = (
        "coalesce(replace(to_char(%(expressions)s AT TIME ZONE 'UTC', "
        r"""'\"YYYY-MM-DD"T"HH24:MI:SS.US"Z"\"'), '.000000Z', 'Z'), 'null')"""
    )
    output_field = models.TextField()


def user_json() -> JSONText:
    return JSONText(
        id=F("id"),
        username=ToJSON("username"),
        email=ToJSON("email"),
        first_name=ToJSON("first_name"),
        last_name=ToJSON("last_name"),
        is_active=_boolean(is_active=True),
        is_locked=_boolean(locked_at__isnull=False),
        status=Case(
            When(locked_at__isnull=False, then=Value('"locked"')),
            When(is_active=True, then=Value('"active"')),
            default=Value('"inactive"'),
        ),
        roles=ToJSON(ArraySubquery(roles_of("pk").order_by("role__position", "role__name").values("role__name"))),
        is_service=_boolean(is_service=True),
        must_change_password=_boolean(must_change_password=True),
        must_add_factor=_boolean(must_add_factor=True),
        last_login=ISODateTime("last_login"),
        created_at=ISODateTime("created_at"),
        updated_at=ISODateTime("updated_at"),
    )


def _boolean(**condition: bool) -> Case:
    return Case(When(**condition, then=Value("true")), default=Value("false"))
