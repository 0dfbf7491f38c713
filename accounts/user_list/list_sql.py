"""Pages of the list of users as PostgreSQL itself writes them (docs/adr/0005-list-written-by-sql.md).

A page is one statement that gives finished JSON and the total; where a role is asked for, another finds it. The filters
of every list build the statements, once for each query string; then they are cached. What is asked for seldom, such as
the end of thousands of users, has the ordinary answer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, repeat
from typing import TYPE_CHECKING, cast

import psycopg
from django.conf import settings
from django.contrib.postgres.expressions import ArraySubquery
from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import Case, F, Func, QuerySet, Value, When
from django.db.models.expressions import Combinable, RawSQL
from django.http import HttpResponse

from accounts.common.requests import SignedInRequest
from accounts.models import Role, User
from accounts.models.grants import roles_of
from accounts.models.querysets import UserQuerySet
from accounts.models.user_states import HAS_ENDED, WAITING
from accounts.user_list import counters, page_index
from accounts.user_list.filters import UserFilter
from reprotech.core.process_cache import process_cache
from reprotech.db.postgresql.statements import Row
from reprotech.db.present_time import PresentTime, database_time
from reprotech.web import estimated_counts
from reprotech.web.pagination import page_count

if TYPE_CHECKING:
    from reprotech.db.postgresql.base import DatabaseWrapper

#: Users are found once, to be counted and to be sorted. There is a row in any case, for the total.
SMALL_RESULT_SQL = """
    WITH found (user_id, place) AS MATERIALIZED ({found}),
        page AS (SELECT user_id, place FROM found ORDER BY {order} LIMIT {count} OFFSET {first}),
        shown (user_id, answer) AS ({shown})
    SELECT answer, (SELECT count(*) FROM found)
    FROM (SELECT 1) AS one LEFT JOIN (page JOIN shown USING (user_id)) ON true ORDER BY {order}
"""


class ListQuery(StrEnum):
    ROLE = "the role with this name"
    SMALL = "a page of few users, who are found first and then sorted, and their number"
    LARGE = "a page of more users than are counted, and one user more"
    COUNTED = "a page, and the total from the maintained counters"
    DEEP = "the users of a page in the page index, and the total"


def list_response(asked: UserFilter, request: SignedInRequest) -> HttpResponse | None:
    """The answer to a request for a page; None where the list has to be serialized as usual."""
    if not counters.is_supported():
        return None
    role_id = None
    if name := asked.value("role"):
        roles = _fetch(_cached(ListQuery.ROLE, name, lambda: _literal(Role.objects.called(name).values_list("pk"))))
        if not roles:
            return None
        role_id = _number(roles[0][0])
    try:
        return _Page(asked, request, role_id).response()
    except EmptyResultSet:  # the filters let nobody through, as Django sees without asking the database
        return None


@dataclass(frozen=True, slots=True)
class _Page:
    """What was asked for, by whom, and the role that it names."""

    asked: UserFilter
    request: SignedInRequest
    role_id: int | None

    def response(self) -> HttpResponse | None:
        asked = self.asked
        if not asked.given and asked.first >= page_index.MIN_POSITION:
            return self._deep()
        terms = asked.counter_terms(self.role_id)
        # Of other filters' users there may be so few that scanning an index of a sort for them would take long.
        if terms is not None and (asked.is_by_id or asked.given in ({}, {"status": "active"})):
            return self._counted()
        if not estimated_counts.is_known_large(asked.cache_key):
            rows = self._fetch(ListQuery.SMALL)
            total = _number(rows[0][1])
            if total <= estimated_counts.MAX_COUNTED:
                return self._respond([row for row in rows if row[0] is not None], total)
            estimated_counts.remember_large(asked.cache_key)
        return self._large() if terms is None else self._counted()

    def _counted(self) -> HttpResponse | None:
        rows = self._fetch(ListQuery.COUNTED)
        return self._respond(rows, _number(rows[0][1])) if rows else None

    def _large(self) -> HttpResponse | None:
        rows, per_page = self._fetch(ListQuery.LARGE), self.asked.value("per_page")
        if len(rows) <= per_page:
            return None  # the last page has an exact total
        seen = max(estimated_counts.MAX_COUNTED, self.asked.first + len(rows))
        return self._respond(rows[:per_page], seen, is_exact=False)

    def _deep(self) -> HttpResponse | None:
        asked, shown = self.asked, self._statement(ListQuery.DEEP)
        found = page_index.rows_at(asked.sorted_by or "id", asked.first, asked.value("per_page"), shown)
        rows = [row[1:] for row in found or () if row[0] is not None]
        return self._respond(rows, _number(rows[0][1])) if rows else None

    def _respond(self, rows: list[Row], total: int, *, is_exact: bool = True) -> HttpResponse:
        page, per_page = self.asked.value("page"), self.asked.value("per_page")
        numbers = f'"total":{total},"page":{page},"per_page":{per_page},"pages":{page_count(total, per_page)}'
        if not is_exact:
            numbers += ',"total_is_exact":false'
        users = b",".join(row[0] or b"" for row in rows)
        return HttpResponse(b'{"users":[%b],%b}' % (users, numbers.encode()), content_type="application/json")

    def _fetch(self, kind: ListQuery) -> list[Row]:
        return _fetch(self._statement(kind))

    def _statement(self, kind: ListQuery) -> str:
        # All who may read users see the same ones: with scopes, a scope would be part of the name.
        name = "" if kind == ListQuery.DEEP else f"{self.role_id} {self.request.META.get('QUERY_STRING', '')}"
        return _cached(kind, name, lambda: self._build(kind))

    def _build(self, kind: ListQuery) -> str:
        asked, count = self.asked, self.asked.value("per_page")
        is_large = kind == ListQuery.LARGE
        users = asked.narrowed(User.objects.visible_to(self.request.user), self.role_id, is_frequent=is_large)
        if kind == ListQuery.SMALL:
            return _small_result(asked, users)
        if is_large:
            part = asked.part(users, self.role_id, asked.first, count + 1)
            return _literal(part.annotate(answer=user_json()).values_list("answer"))
        columns = {"answer": user_json(), "total": _total(asked.counter_terms(self.role_id) or {})}
        if kind == ListQuery.DEEP:
            return _literal(_users_of_page().annotate(user_id=F("pk"), **columns).values_list("user_id", *columns))
        part = asked.part(users, self.role_id, asked.first, count)
        return _literal(part.annotate(**columns).values_list(*columns))


def _cached(kind: ListQuery, name: str, build: Callable[[], str]) -> str:
    """A statement with all its values in it: so it can be prepared, and PostgreSQL plans it for just these."""
    return str(process_cache.get_or_set(f"users: {kind} {name}", build))


def _fetch(statement: str) -> list[Row]:
    backend = cast("DatabaseWrapper", connection)
    return backend.fetch_all(statement)


def _number(text: bytes | None) -> int:
    return int(text or 0)


def _total(terms: dict[str, int]) -> Combinable:
    total: Combinable = Value(0)
    for name, sign in terms.items():
        counter = RawSQL(f"({counters.COUNTER_SQL})", [name], output_field=models.BigIntegerField())  # noqa: S611 (a constant)  # nosec B611
        total = total + sign * counter
    return total


def _small_result(asked: UserFilter, users: UserQuerySet) -> str:
    sort = asked.sorted_by or "id"
    expression = asked.sorts[sort.removeprefix("-")]
    placed = users.order_by().annotate(place=F(expression) if isinstance(expression, str) else expression)
    return SMALL_RESULT_SQL.format(
        found=_literal(placed.values_list("pk", "place")[: estimated_counts.MAX_COUNTED + 1]),
        shown=_literal(_users_of_page().annotate(answer=user_json()).values_list("pk", "answer")),
        order=f"place {'DESC' if sort.startswith('-') else 'ASC'} NULLS LAST, user_id",
        first=asked.first,
        count=asked.value("per_page"),
    )


def _users_of_page() -> UserQuerySet:
    """The users whose ids a statement has in `page`, in no order."""
    users: UserQuerySet = User.objects.order_by().filter(pk__in=RawSQL("SELECT user_id FROM page", []))
    return users


def _literal(rows: QuerySet[models.Model, object]) -> str:
    """A query's SQL with its values quoted in it."""
    with database_time():
        sql, values = rows.query.sql_with_params()
    connection.ensure_connection()
    return psycopg.ClientCursor(connection.connection).mogrify(sql, values)


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
            When(is_active=False, then=Value('"inactive"')),
            When(HAS_ENDED, then=Value('"ended"')),
            When(starts_at__gt=PresentTime(), then=Value('"pending"')),
            When(WAITING, then=Value('"invited"')),
            default=Value('"active"'),
        ),
        starts_at=ISODateTime("starts_at"),
        ends_at=ISODateTime("ends_at"),
        roles=ToJSON(ArraySubquery(roles_of("pk").order_by("role__position", "role__name").values("role__name"))),
        is_service=_boolean(is_service=True),
        must_change_password=_boolean(must_change_password=True),
        must_add_factor=_boolean(must_add_factor=True),
        has_second_factor=Case(When(factor_kinds="", then=Value("false")), default=Value("true")),
        invited_at=ISODateTime("invited_at"),
        invitation_expires_at=ISODateTime(F("invited_at") + Value(settings.INVITATION_LIFETIME)),
        last_login=ISODateTime("last_login"),
        created_at=ISODateTime("created_at"),
        updated_at=ISODateTime("updated_at"),
    )


def _boolean(**condition: bool) -> Case:
    return Case(When(**condition, then=Value("true")), default=Value("false"))
