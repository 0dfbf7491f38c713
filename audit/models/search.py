"""Full-text search in the names and details of events.

PostgreSQL searches by words through an index; SQLite has none for it and looks at every row.
"""

import json
import re
from typing import TypedDict

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, Func, Q, Value, When
from django.db.models.functions import StrIndex
from django.db.models.lookups import GreaterThan
from django.db.models.sql.compiler import SQLCompiler

from reprotech.core.normalization import fold_text, normalize_text, unicode_forms

_SEPARATORS = "'[^[:alnum:]]+', ' ', 'g'"
_TYPED_WORDS = f"nullif(btrim(regexp_replace(%s, {_SEPARATORS})), '')"
#: Each typed word, or the beginning of a word; without a word nothing matches.
PREFIX_QUERY = f"to_tsquery('simple', replace({_TYPED_WORDS}, ' ', ':* & ') || ':*')"

NAME_COLUMNS = ("username", "resource_name")
SEARCHED_COLUMNS = (*NAME_COLUMNS, "details")
SQLITE_COLUMNS = (*NAME_COLUMNS, "details_text")

#: A limit, however high, makes PostgreSQL plan each query by itself; its estimate is that of the rows without it.
ESTIMATE_LIMIT = 10_000
#: Word separators in every locale of a database.
ASCII_SEPARATORS = re.compile(r"[\x00-/:-@\[-`{-\x7f]+")


#: A node of EXPLAIN's JSON.
_Plan = TypedDict("_Plan", {"Node Type": str, "Plan Rows": float, "Plans": list["_Plan"]})


class FoldedColumn(Func):
    """A column folded in case and Unicode form, on SQLite (`fold_column`)."""

    function = "reprotech_fold"
    output_field = models.TextField()


class ContainsWords(Func):
    """PostgreSQL's condition that each typed word begins a word of the event, in any case.

    The index `audit_words` is on the expression before the @@: the two change together.
    """

    template = f"to_tsvector('simple', regexp_replace(%(expressions)s::text, {_SEPARATORS}))"
    arg_joiner = "::text || ' ' || "
    output_field = models.BooleanField()

    def __init__(self, text: str, *columns: str, is_indexed: bool = True) -> None:
        """Search these columns, or all. Without `is_indexed` PostgreSQL checks rows that it has, not the index."""
        super().__init__(*(columns or SEARCHED_COLUMNS))
        self.text, self.is_indexed = text, is_indexed

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: str
    ) -> tuple[str, list[object]]:
        words, parameters = super().as_sql(compiler, connection, **context)
        forms = unicode_forms(self.text)
        query = " || ".join([PREFIX_QUERY] * len(forms))
        return f"({words} @@ ({query})){'' if self.is_indexed else ' IS TRUE'}", [*parameters, *forms]


def contains_all_words(text: str) -> Case:
    """The same condition for rows that were found already.

    Most matches are in names: PostgreSQL takes 30 µs to split up details, 7 for names.
    """
    is_name = Q(username=text) | Q(resource_name=text)
    in_names, in_all = (ContainsWords(text, *columns, is_indexed=False) for columns in (NAME_COLUMNS, SEARCHED_COLUMNS))
    return Case(When(is_name, then=Value(value=True)), When(in_names, then=Value(value=True)), default=in_all)


def estimated_rows(*queries: models.QuerySet[models.Model]) -> list[int]:
    """How many rows of each query PostgreSQL expects. It knows the frequency of words up to a few per cent."""
    # A limit has each planned by itself: it would share all of them out to several processes, in an order of its own.
    first, *others = (query.order_by().values("pk")[:ESTIMATE_LIMIT] for query in queries)
    asked = first.union(*others, all=True) if others else first
    plan = json.loads(asked.explain(format="json"))[0]["Plan"]
    return [int(_plan_below_limit(part)["Plan Rows"]) for part in (plan["Plans"] if others else [plan])]


def _plan_below_limit(plan: _Plan) -> _Plan:
    while plan["Node Type"] in {"Subquery Scan", "Limit"}:
        (plan,) = plan["Plans"]
    return plan


def split_words(text: str) -> list[str]:
    """The words of a text, split where PostgreSQL splits too; it may split them further."""
    return [word for word in ASCII_SEPARATORS.split(text) if word]


def contains_each_word(text: str) -> Q:
    """SQLite's condition that each word occurs somewhere; rows need `details_text`, the details as text."""
    condition = Q()
    text = normalize_text(text)
    for word in re.findall(r"[^\W_]+", text) or [text]:
        condition &= _contains_word(word)
    return condition


def _contains_word(word: str) -> Q:
    if not word.isascii():
        return Q(
            *[GreaterThan(StrIndex(FoldedColumn(column), Value(fold_text(word))), 0) for column in SQLITE_COLUMNS],
            _connector=Q.OR,
        )
    in_json = json.dumps(word)[1:-1]
    return Q(username__icontains=word) | Q(resource_name__icontains=word) | Q(details_text__icontains=in_json)
