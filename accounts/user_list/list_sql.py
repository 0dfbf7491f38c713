"""Pages of the list of users as PostgreSQL itself writes them, which takes a fraction of the time.

A page is one statement that gives finished JSON and the number of all; where a role is asked for, another tells which
it is. The filters of every list put them together, once for each query string; then they are remembered. What is asked
for seldom, such as the end of thousands of users, is put together as usual. `UserAnswer` says what the fields are, and
tests compare the two.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain, repeat
from typing import Any

import psycopg
from django.contrib.postgres.expressions import ArraySubquery
from django.db import connection, models
from django.db.models import Case, F, Func, QuerySet, Value, When
from django.db.models.expressions import RawSQL
from django.http import HttpResponse

from accounts.common.requests import SignedInRequest
from accounts.models import Role, User
from accounts.models.querysets import UserQuerySet, roles_of
from accounts.user_list import counters as user_list_counters
from accounts.user_list import page_index
from accounts.user_list.filters import UserFilter
from reprotech.db.postgresql.statements import Row
from reprotech.web import estimated_counts
from reprotech.web.pagination import page_count

#: Query strings of which the statements are remembered.
MAX_CACHED_STATEMENTS = 500
FINDING = """
    WITH found (user_id, place) AS MATERIALIZED ({found}),
        page AS (SELECT user_id, place FROM found ORDER BY {order} LIMIT {count} OFFSET {first}),
        shown (user_id, answer) AS ({shown})
    SELECT answer, (SELECT count(*) FROM found)
    FROM (SELECT 1) AS one LEFT JOIN (page JOIN shown USING (user_id)) ON true ORDER BY {order}
"""


class JSONText(Func):
    """One JSON object, as text, of values that are JSON texts: PostgreSQL's own functions for it take longer."""

    function = "CONCAT"
    output_field = models.TextField()

    def __init__(self, **values: Any) -> None:
        named = zip(chain("{", repeat(",")), values.items(), strict=False)
        parts = (part for mark, (name, value) in named for part in (Value(f'{mark}"{name}":'), value))
        super().__init__(*parts, Value("}"))


class ToJSON(Func):
    """A text, or several, in JSON."""

    function = "TO_JSON"
    output_field = models.TextField()


class ISODateTime(Func):
    """A moment in JSON, as the API tells it: ISO 8601 in UTC, with microseconds if there are any."""

    template = (
        "coalesce(replace(to_char(%(expressions)s AT TIME ZONE 'UTC', "
        r"""'\"YYYY-MM-DD"T"HH24:MI:SS.US"Z"\"'), '.000000Z', 'Z'), 'null')"""
    )
    output_field = models.TextField()


class ListQuery(StrEnum):
    """What PostgreSQL is asked."""

    ROLE = "the role that was asked for"
    FOUND = "a page of few users, who are found first and then sorted, and their number"
    MANY = "a page of more users than are counted, and one user more"
    PAGE = "a page, and how many there are, where the database keeps count of that"
    DEEP = "the users of a page far down the list, and how many there are"


def list_response(asked: UserFilter, request: SignedInRequest) -> HttpResponse | None:
    """The answer to a request for a page; None where the list has to be put together as usual."""
    if not user_list_counters.is_supported():
        return None
    if not asked.value("role"):
        return _Pages(asked, request, None).answer()
    roles = _rows_of(_statement(ListQuery.ROLE, asked.value("role"), lambda: _role(asked.value("role"))))
    return _Pages(asked, request, _number(roles[0][0])).answer() if roles else None


@dataclass(frozen=True, slots=True)
class _Pages:
    """What was asked for, by whom, and the role that it names."""

    asked: UserFilter
    request: SignedInRequest
    role_id: int | None

    def answer(self) -> HttpResponse | None:
        asked = self.asked
        if not asked.given and asked.first >= page_index.MIN_POSITION:
            return self._deep()
        numbers = asked.numbers(self.role_id)
        # Of others there may be so few that walking would take long.
        if numbers is not None and (asked.is_by_id or asked.given.keys() <= {"status"}):
            return self._page()
        if not estimated_counts.large_results.has(asked.cache_key):
            rows = self._ask(ListQuery.FOUND)
            total = _number(rows[0][1])
            if total <= estimated_counts.MAX_COUNTED:
                return self._answered([row for row in rows if row[0] is not None], total)
            estimated_counts.large_results.add(asked.cache_key)
        return self._many() if numbers is None else self._page()

    def _page(self) -> HttpResponse | None:
        rows = self._ask(ListQuery.PAGE)
        return self._answered(rows, _number(rows[0][1])) if rows else None

    def _many(self) -> HttpResponse | None:
        rows, per_page = self._ask(ListQuery.MANY), self.asked.value("per_page")
        if len(rows) <= per_page:
            return None  # their end is in sight
        seen = max(estimated_counts.MAX_COUNTED, self.asked.first + len(rows))
        return self._answered(rows[:per_page], seen, is_exact=False)

    def _deep(self) -> HttpResponse | None:
        asked = self.asked
        shown = self._statement(ListQuery.DEEP)
        found = page_index.rows_at(asked.sorted_by or "id", asked.first, asked.value("per_page"), shown)
        rows = [row[1:] for row in found or () if row[0] is not None]
        return self._answered(rows, _number(rows[0][1])) if rows else None

    def _answered(self, rows: list[Row], total: int, *, is_exact: bool = True) -> HttpResponse:
        page, per_page = self.asked.value("page"), self.asked.value("per_page")
        numbers = f'"total":{total},"page":{page},"per_page":{per_page},"pages":{page_count(total, per_page)}'
        if not is_exact:
            numbers += ',"total_is_exact":false'
        users = b",".join(row[0] or b"" for row in rows)
        return HttpResponse(b'{"users":[%b],%b}' % (users, numbers.encode()), content_type="application/json")

    def _ask(self, question: ListQuery) -> list[Row]:
        return _rows_of(self._statement(question))

    def _statement(self, question: ListQuery) -> str:
        # Whoever may read users sees the same ones: with scopes, a scope would be part of the name.
        name = "" if question == ListQuery.DEEP else f"{self.role_id} {self.request.META.get('QUERY_STRING', '')}"
        return _statement(question, name, lambda: self._written_out(question))

    def _written_out(self, question: ListQuery) -> str:
        asked, count = self.asked, self.asked.value("per_page")
        is_many = question == ListQuery.MANY
        users = asked.narrowed(User.objects.visible_to(self.request.user), self.role_id, is_frequent=is_many)
        if question == ListQuery.FOUND:
            return _finding(asked, users)
        if is_many:
            wanted = asked.part(users, self.role_id, asked.first, count + 1)
            return _written(wanted.annotate(answer=_answer()).values_list("answer"))
        answers = {"answer": _answer(), "total": _total(asked.numbers(self.role_id) or {})}
        if question == ListQuery.DEEP:
            return _written(_shown_of_page().annotate(user_id=F("pk"), **answers).values_list("user_id", *answers))
        wanted = asked.part(users, self.role_id, asked.first, count)
        return _written(wanted.annotate(**answers).values_list(*answers))


def _statement(question: ListQuery, name: str, write: Callable[[], str]) -> str:
    """A statement with all its values in it: so it can be prepared, and PostgreSQL plans it for just these."""
    key = f"{question} {name}"
    statement = _statements.get(key)
    if statement is None:
        if len(_statements) >= MAX_CACHED_STATEMENTS:
            _statements.clear()
        statement = _statements[key] = write()
    return statement


def _rows_of(statement: str) -> list[Row]:
    backend: Any = connection
    rows: list[Row] = backend.fetch_all(statement)
    return rows


def _number(text: bytes | None) -> int:
    return int(text or 0)


_statements: dict[str, str] = {}


def _role(name: str) -> str:
    return _written(Role.objects.called(name).values_list("pk"))


def _total(numbers: dict[str, int]) -> Any:
    """What the numbers that are kept come to."""
    return sum((sign * _kept(name) for name, sign in numbers.items()), Value(0))


def _kept(name: str) -> RawSQL:
    return RawSQL(f"({user_list_counters.COUNTER_SQL})", [name], output_field=models.BigIntegerField())  # noqa: S611 (a constant)  # nosec B611


def _finding(asked: UserFilter, users: Any) -> str:
    """Users are found once, to be counted and to be sorted. There is a row in any case: it tells how many they are."""
    sort = asked.sorted_by or "id"
    expression = asked.sorts[sort.removeprefix("-")]
    placed = users.order_by().annotate(place=F(expression) if isinstance(expression, str) else expression)
    return FINDING.format(
        found=_written(placed.values_list("pk", "place")[: estimated_counts.MAX_COUNTED + 1]),
        shown=_written(_shown_of_page().annotate(answer=_answer()).values_list("pk", "answer")),
        order=f"place {'DESC' if sort.startswith('-') else 'ASC'} NULLS LAST, user_id",
        first=asked.first,
        count=asked.value("per_page"),
    )


def _shown_of_page() -> UserQuerySet:
    """The users whose ids a statement has in `page`, in no order."""
    users: UserQuerySet = User.objects.order_by().filter(pk__in=RawSQL("SELECT user_id FROM page", []))
    return users


def _written(rows: QuerySet[Any, Any]) -> str:
    sql, values = rows.query.sql_with_params()
    connection.ensure_connection()
    return psycopg.ClientCursor(connection.connection).mogrify(sql, values)


def _answer() -> JSONText:
    return JSONText(
        id=F("id"),
        username=ToJSON("username"),
        email=ToJSON("email"),
        first_name=ToJSON("first_name"),
        last_name=ToJSON("last_name"),
        is_active=_truth(is_active=True),
        is_locked=_truth(locked_at__isnull=False),
        status=Case(
            When(locked_at__isnull=False, then=Value('"locked"')),
            When(is_active=True, then=Value('"active"')),
            default=Value('"inactive"'),
        ),
        roles=ToJSON(ArraySubquery(roles_of("pk").order_by("role__position", "role__name").values("role__name"))),
        is_service=_truth(is_service=True),
        must_change_password=_truth(must_change_password=True),
        must_add_factor=_truth(must_add_factor=True),
        last_login=ISODateTime("last_login"),
        created_at=ISODateTime("created_at"),
        updated_at=ISODateTime("updated_at"),
    )


def _truth(**condition: bool) -> Case:
    return Case(When(**condition, then=Value("true")), default=Value("false"))
