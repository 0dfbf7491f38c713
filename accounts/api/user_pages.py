"""Pages of the list of users as PostgreSQL itself writes them, which takes a fraction of the time.

What is asked for most, all users or those of a status, is one statement that gives finished JSON and the number of all.
The filters of every list put it together, once for each query string; then it is remembered. Where there is no such
statement the list is put together as usual. `UserAnswer` says what the fields are, and tests compare the two.
"""

from typing import Any

import psycopg
from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection, models
from django.db.models import Case, ExpressionWrapper, F, Func, Q, QuerySet, Value, When
from django.db.models.expressions import RawSQL
from django.http import HttpResponse

from accounts import counts, places
from accounts.api.authentication import SignedInRequest
from accounts.filters import UserFilter
from accounts.models import User
from accounts.querysets import roles_of
from reprotech.listing import Page, part

#: Query strings of which the statements are remembered.
MOST_REMEMBERED = 500


class JSONText(Func):
    """Names and values as one JSON object, in the order in which they are given, as text."""

    function = "JSON_BUILD_OBJECT"
    template = "%(function)s(%(expressions)s)::text"
    output_field = models.TextField()


class Moment(Func):
    """A moment as the API tells it: ISO 8601 in UTC, with microseconds if there are any."""

    template = (
        "replace(to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"'), '.000000Z', 'Z')"
    )
    output_field = models.TextField()


def answer_of(asked: UserFilter, request: SignedInRequest) -> HttpResponse | None:
    """The answer to a request for a page; None where the list has to be put together as usual."""
    is_near = asked.value("page") * asked.value("per_page") < places.DEEP
    if not counts.is_kept() or not is_near or set(asked.given) - {"status"}:
        return None
    rows = _rows(request.META.get("QUERY_STRING", ""), asked, request)
    if not rows:
        return None
    page: Page[User] = Page([], int(rows[0][1]), asked.value("page"), asked.value("per_page"))
    numbers = f'"total":{page.total},"page":{page.page},"per_page":{page.per_page},"pages":{page.pages}'
    users = ",".join(user for user, _ in rows)
    return HttpResponse(f'{{"users":[{users}],{numbers}}}', content_type="application/json")


def _rows(query: str, asked: UserFilter, request: SignedInRequest) -> list[tuple[str, int]]:
    backend: Any = connection
    with backend.statement_cursor() as cursor:
        statement = _remembered.get(query)
        if statement is None:
            statement = _statement(asked, User.objects.visible_to(request.user), cursor.connection)
            if len(_remembered) >= MOST_REMEMBERED:
                _remembered.clear()
            # Whoever may read users sees the same ones: with scopes, a scope would be part of the key.
            _remembered[query] = statement
        cursor.execute(statement)
        found: list[tuple[str, int]] = cursor.fetchall()
        return found


_remembered: dict[str, str] = {}


def _statement(asked: UserFilter, users: Any, link: Any) -> str:
    """The statement, with all its values in it: so it can be prepared, and PostgreSQL plans it for just these."""
    first = (asked.value("page") - 1) * asked.value("per_page")
    total: Any = RawSQL(f"({counts.COUNT})", [asked.value("status") or "existing"])  # noqa: S611 (a constant)  # nosec B611
    wanted = part(asked.ordered(asked.apply(users)), first, asked.value("per_page"))
    rows: QuerySet[User, Any] = wanted.annotate(answer=_answer(), total=total).values_list("answer", "total")
    sql, values = rows.query.sql_with_params()
    return psycopg.ClientCursor(link).mogrify(sql, values)


def _answer() -> JSONText:
    fields = {
        "id": F("id"),
        "username": F("username"),
        "email": F("email"),
        "first_name": F("first_name"),
        "last_name": F("last_name"),
        "is_active": F("is_active"),
        "is_locked": ExpressionWrapper(Q(locked_at__isnull=False), models.BooleanField()),
        "status": Case(
            When(locked_at__isnull=False, then=Value("locked")),
            When(is_active=True, then=Value("active")),
            default=Value("inactive"),
        ),
        "roles": ArraySubquery(roles_of("pk").order_by("role__position", "role__name").values("role__name")),
        "is_service": F("is_service"),
        "must_change_password": F("must_change_password"),
        "must_add_factor": F("must_add_factor"),
        "last_login": Moment("last_login"),
        "created_at": Moment("created_at"),
        "updated_at": Moment("updated_at"),
    }
    return JSONText(*(part for name, value in fields.items() for part in (Value(name), value)))
