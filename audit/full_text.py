"""Search in what events tell: names and details.

On PostgreSQL by words, through an index; on SQLite, which has none for it, by looking at every row.
"""

import json
import re
from typing import Any

from django.db import models
from django.db.models import Q
from django.db.models.expressions import RawSQL

_SEPARATORS = "'[^[:alnum:]]+', ' ', 'g'"
_COLUMNS = ("username", "resource_name", "details")
_TEXT = " || ' ' || ".join(f'"audit_logs"."{column}"::text' for column in _COLUMNS)
#: The words of an event. The index `audit_words` is on this expression: the two change together.
WORDS = f"to_tsvector('simple', regexp_replace({_TEXT}, {_SEPARATORS}))"
_TYPED = f"nullif(btrim(regexp_replace(%s, {_SEPARATORS})), '')"
#: What was typed: each word, or its beginning. Without any word nothing is found.
QUERY = f"to_tsquery('simple', replace({_TYPED}, ' ', ':* & ') || ':*')"


def by_words(text: str) -> RawSQL:
    """PostgreSQL's condition: each of the words that were typed begins a word of the event, whatever the case."""
    statement = f"{WORDS} @@ {QUERY}"  # no text of others in it
    return RawSQL(statement, [text], output_field=models.BooleanField())  # noqa: S611  # nosec B611


def by_parts(text: str) -> Q:
    """SQLite's: each of the words stands somewhere; rows need `details_text`, the details as text."""
    condition = Q()
    for word in re.findall(r"[^\W_]+", text) or [text]:
        condition &= _somewhere(word)
    return condition


def _somewhere(word: str) -> Any:
    in_json = json.dumps(word)[1:-1]
    return Q(username__icontains=word) | Q(resource_name__icontains=word) | Q(details_text__icontains=in_json)
