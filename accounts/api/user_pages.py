"""Pages of the list of users as PostgreSQL itself writes them, which takes a fraction of the time.

What is asked for most, all users, those of a status or of a search, is one statement that gives finished JSON and the
number of all; a page far down the list three. The filters of every list put them together, once for each query
string; then they are remembered. Everything else is put together as usual. `UserAnswer` says what the fields are, and
tests compare the two.
"""

from enum import StrEnum
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
from reprotech import listing
from reprotech.listing import pages_of, part
from reprotech.postgresql.statements import Row

#: Query strings of which the statements are remembered.
MOST_REMEMBERED = 500
#: Stands in a statement for ids that differ from one time to the next.
IDS = "the ids of the page"
FINDING = """
    WITH found (user_id, place) AS MATERIALIZED ({found}),
        page AS (SELECT user_id, place FROM found ORDER BY {order} LIMIT {count} OFFSET {first}),
        shown (user_id, answer) AS ({shown})
    SELECT answer, (SELECT count(*) FROM found)
    FROM (SELECT 1) AS one LEFT JOIN (page JOIN shown USING (user_id)) ON true ORDER BY {order}
"""


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


class Question(StrEnum):
    """What PostgreSQL is asked."""

    FOUND = "a page of few users, who are found first and then sorted, and their number"
    MANY = "a page of more users than are counted, and one user more"
    PAGE = "a page, and how many there are of all or of a status"
    DEEP = "a page far down the list, of users whose ids are known"


def answer_of(asked: UserFilter, request: SignedInRequest) -> HttpResponse | None:
    """The answer to a request for a page; None where the list has to be put together as usual."""
    if not counts.is_kept() or set(asked.given) - {"status", "search"}:
        return None
    if "search" in asked.given:
        return _found(asked, request)
    rows = _page(asked, request)
    return _answered(asked, rows, _number(rows[0][1])) if rows else None


def _answered(asked: UserFilter, rows: list[Row], total: int, *, is_exact: bool = True) -> HttpResponse:
    per_page = asked.value("per_page")
    numbers = f'"total":{total},"page":{asked.value("page")},"per_page":{per_page},"pages":{pages_of(total, per_page)}'
    if not is_exact:
        numbers += ',"total_is_exact":false'
    users = b",".join(row[0] or b"" for row in rows)
    return HttpResponse(b'{"users":[%b],%b}' % (users, numbers.encode()), content_type="application/json")


def _found(asked: UserFilter, request: SignedInRequest) -> HttpResponse | None:
    if not listing.many.holds(asked.name):
        rows = _ask(Question.FOUND, asked, request)
        total = _number(rows[0][1])
        if total <= listing.MOST_COUNTED:
            return _answered(asked, [row for row in rows if row[0] is not None], total)
        listing.many.remember(asked.name)
    rows, per_page = _ask(Question.MANY, asked, request), asked.value("per_page")
    if len(rows) <= per_page:
        return None  # their end is in sight
    seen = max(listing.MOST_COUNTED, asked.first + len(rows))
    return _answered(asked, rows[:per_page], seen, is_exact=False)


def _page(asked: UserFilter, request: SignedInRequest) -> list[Row]:
    """A page of all or of a status; nothing where it has to be put together as usual."""
    if asked.first < places.DEEP:
        return _ask(Question.PAGE, asked, request)
    if asked.given:
        return []
    ids = places.ids_of(asked.sorted_by or "id", asked.first, asked.value("per_page"))
    if not ids:
        return []
    found = {_number(row[2]): row for row in _ask(Question.DEEP, asked, request, ids)}
    return [found[user_id] for user_id in ids if user_id in found]


def _ask(question: Question, asked: UserFilter, request: SignedInRequest, ids: list[int] | None = None) -> list[Row]:
    backend: Any = connection
    # Whoever may read users sees the same ones: with scopes, a scope would be part of the name.
    name = question.value if ids else f"{question} {request.META.get('QUERY_STRING', '')}"
    statement = _remembered.get(name)
    if statement is None:
        if len(_remembered) >= MOST_REMEMBERED:
            _remembered.clear()
        users = asked.apply(User.objects.visible_to(request.user))
        statement = _remembered[name] = _written_out(question, asked, users)
    rows: list[Row] = backend.rows_of(statement, [f"{{{','.join(map(str, ids))}}}"] if ids else [])
    return rows


def _number(text: bytes | None) -> int:
    return int(text or 0)


_remembered: dict[str, str] = {}


def _written_out(question: Question, asked: UserFilter, users: Any) -> str:
    """The statement, with all its values in it: so it can be prepared, and PostgreSQL plans it for just these."""
    first, count = asked.first, asked.value("per_page")
    if question == Question.FOUND:
        return _finding(asked, users)
    if question == Question.DEEP:
        wanted = users.order_by().filter(RawSQL('"users"."id" = ANY(%s)', [IDS], output_field=models.BooleanField()))
    else:
        wanted = part(asked.ordered(users), first, count + 1 if question == Question.MANY else count)
    total: Any = RawSQL(f"({counts.COUNT})", [asked.value("status") or "existing"])  # noqa: S611 (a constant)  # nosec B611
    written = _written(wanted.annotate(answer=_answer(), total=total).values_list("answer", "total", "pk"))
    # Only where no text that somebody typed is in it: that could hold anything.
    return written.replace(f"'{IDS}'", "$1::bigint[]") if question == Question.DEEP else written


def _finding(asked: UserFilter, users: Any) -> str:
    """Users are found once, to be counted and to be sorted. There is a row in any case: it tells how many they are."""
    sort = asked.sorted_by or "id"
    expression = asked.sorts[sort.removeprefix("-")]
    placed = users.order_by().annotate(place=F(expression) if isinstance(expression, str) else expression)
    shown = User.objects.order_by().filter(pk__in=RawSQL("SELECT user_id FROM page", []))
    return FINDING.format(
        found=_written(placed.values_list("pk", "place")[: listing.MOST_COUNTED + 1]),
        shown=_written(shown.annotate(answer=_answer()).values_list("pk", "answer")),
        order=f"place {'DESC' if sort.startswith('-') else 'ASC'} NULLS LAST, user_id",
        first=asked.first,
        count=asked.value("per_page"),
    )


def _written(rows: QuerySet[User, Any]) -> str:
    sql, values = rows.query.sql_with_params()
    connection.ensure_connection()
    return psycopg.ClientCursor(connection.connection).mogrify(sql, values)


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
