"""An answer as a file, on record."""

from collections.abc import Iterable

from django.http import HttpResponseBase

from access_history.projection.catch_up import catch_up
from access_history.questions.answers import READ, all_rows, count_of
from access_history.questions.filters import CSV, AccessQuery
from access_history.questions.rows import AccessRow
from access_history.questions.selection import Question
from access_history.questions.windows import utc_text
from accounts.access.authorization import authorize
from audit.authorization import recording_denials
from audit.models import Action
from audit.services import record
from reprotech.core.actors import Actor
from reprotech.core.reauthentication import require_recent_authentication
from reprotech.web.streaming import stream_csv

REPORT = "report"
#: `scripts/verify-export --access-at` writes the same ones.
COLUMNS = (
    *("id", "username", "full_name", "status", "roles", "permissions", "since", "granted_by", "from", "until"),
    "events",
)
SEPARATOR = ";"


@recording_denials
def start_export(*, actor: Actor, query: AccessQuery, file_format: str) -> Question:
    """Record that an answer leaves as a file or a report; raises Forbidden, or ValidationFailed for the question."""
    authorize(actor, READ)
    require_recent_authentication()
    catch_up()
    question = query.question()
    record(
        actor=actor,
        action=Action.EXPORT,
        resource="access",
        format=file_format,
        filters=query.given,
        rows=count_of(question),
    )
    return question


def csv_response(*, actor: Actor, query: AccessQuery, with_bom: bool) -> HttpResponseBase:
    question = start_export(actor=actor, query=query, file_format=CSV)
    return stream_csv(f"{file_name(question)}.csv", COLUMNS, map(cells, all_rows(question)), with_bom=with_bom)


def file_name(question: Question) -> str:
    """Such as "access-2026-03-03": without a file's ending."""
    return f"access-{question.window.day or question.window.begin.date()}"


def cells(row: AccessRow) -> list[object]:
    """In the order of `COLUMNS`."""
    return [
        row.id,
        row.username,
        row.full_name,
        row.status,
        joined(row.roles),
        joined(row.permissions),
        utc_text(row.since),
        row.granted_by,
        row.begins and utc_text(row.begins),
        row.ends and utc_text(row.ends),
        " ".join(map(str, row.events)),
    ]


def joined(names: Iterable[str]) -> str:
    """In one cell, as a line of CSV with semicolons: a name with one in it is quoted, and is not taken for two."""
    return SEPARATOR.join(_quoted(name) for name in names)


def _quoted(name: str) -> str:
    if not any(mark in name for mark in (SEPARATOR, '"', "\r", "\n")):
        return name
    return '"' + name.replace('"', '""') + '"'
