"""A page of what is known, with what proves it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from access_history.checking.outcome import problem_of
from access_history.projection.catch_up import catch_up
from access_history.questions.filters import AccessFilter, AccessQuery
from access_history.questions.page_sql import Sealed, facts_from, proof_of, read_opening
from access_history.questions.rows import AccessRow, read_rows, rows_of
from access_history.questions.selection import Question, matching_ids
from access_history.questions.totals import accounts_in, known_accounts_in
from accounts.permissions import USER_READ
from audit.authorization import recording_denials
from audit.permissions import AUDIT_READ
from reprotech.core.actors import SignedInUser
from reprotech.core.exceptions import Forbidden
from reprotech.web.estimated_counts import MAX_COUNTED, is_known_large, remember_large
from reprotech.web.pagination import MAX_OFFSET, Page

#: What one needs for any of it.
READ = (USER_READ, AUDIT_READ)
#: More would be no page to read.
MAX_REPORT_ROWS = 2_000
#: Accounts that a file reads at a time.
CHUNK = 500


@dataclass(frozen=True, slots=True)
class Answer:
    question: Question
    page: Page[AccessRow]
    checkpoint: Sealed | None
    #: Events that the page rests on, and that no checkpoint covers yet.
    unsealed: int
    #: Until when the history is complete, if it isn't yet.
    complete_to: datetime | None
    #: What the last check found wrong with the history, in a sentence; empty where it found nothing.
    problem: str


@recording_denials
def answer(*, actor: SignedInUser, query: AccessFilter) -> Answer:
    """Raises Forbidden or ValidationFailed. The same number of queries for any number of accounts."""
    # The request has just read what its user may do.
    for permission in READ:
        if not actor.has_perm(permission):
            raise Forbidden(permission)
    seen, newest = read_opening()
    progress = catch_up(seen=seen)
    question = query.question(progress.begins_at)
    total = known_accounts_in(question.window, progress.version) if question.is_unfiltered else None
    page = page_of(question, query.value("page"), query.value("per_page"), total)
    unsealed, checkpoint = proof_of({event for row in page.items for event in row.events}, newest)
    return Answer(question, page, checkpoint, unsealed, progress.complete_to, problem_of(progress.difference_count))


def page_of(question: Question, number: int, per_page: int, of_all: int | None = None) -> Page[AccessRow]:
    """A page of accounts in the order of their numbers; empty past the end. `of_all`: how many there were, if known."""
    first = min((number - 1) * per_page, MAX_OFFSET)
    if question.is_unfiltered:
        total = count_of(question) if of_all is None else of_all
        wanted = min(per_page, total - first)
        rows = rows_of(question, facts_from(question.window, first, wanted)) if wanted > 0 else []
        return Page(rows, total, number, per_page)
    if not is_known_large(question.cache_key):
        counted = matching_ids(question)[: MAX_COUNTED + 1].count()
        if counted <= MAX_COUNTED:
            ids = list(matching_ids(question)[first : first + per_page]) if first < counted else []
            return Page(read_rows(question, ids), counted, number, per_page)
        remember_large(question.cache_key)
    # Its end isn't known: one more says whether there is another page.
    ids = list(matching_ids(question)[first : first + per_page + 1])
    seen = first + len(ids)
    if len(ids) > per_page:
        return Page(read_rows(question, ids[:per_page]), max(MAX_COUNTED, seen), number, per_page, is_exact=False)
    return Page(read_rows(question, ids), seen if ids else matching_ids(question).count(), number, per_page)


def count_of(question: Question) -> int:
    """How many rows there are, however many."""
    return accounts_in(question.window) if question.is_unfiltered else matching_ids(question).count()


def all_rows(question: Question) -> Iterator[AccessRow]:
    """Every row in the order of the accounts' numbers, in constant memory."""
    last = 0
    while ids := list(matching_ids(question).filter(user_id__gt=last)[:CHUNK]):
        yield from read_rows(question, ids)
        last = ids[-1]


def root_of(checkpoint: Sealed) -> str:
    """The root of the tree, base64, as the signed note has it."""
    return checkpoint.note.split("\n", 3)[2]


@dataclass(frozen=True, slots=True)
class Report:
    """All rows of an answer, for a page to read; None if they are too many."""

    rows: list[AccessRow] | None
    complete_to: datetime | None
    problem: str


def read_report(query: AccessQuery) -> Report:
    """Raises ValidationFailed."""
    progress = catch_up()
    question = query.question()
    ids = list(matching_ids(question)[: MAX_REPORT_ROWS + 1])
    rows = None if len(ids) > MAX_REPORT_ROWS else read_rows(question, ids)
    return Report(rows, progress.complete_to, problem_of(progress.difference_count))
