"""An answer with its proof: the events that its rows rest on, for `scripts/verify-export --access-at`."""

import hashlib
from itertools import chain

from django.db.models import CharField, Q
from django.db.models.functions import Cast
from django.http import HttpResponseBase

from access_history.access_events import MATTERS, PERMISSION, ROLE, USER
from access_history.models import RolePeriod
from access_history.projection.catch_up import catch_up
from access_history.questions.answers import READ, all_rows, count_of
from access_history.questions.files import COLUMNS, cells, csv_response, file_name, start_export
from access_history.questions.filters import BUNDLE, AccessFilter, AccessQuery
from access_history.questions.selection import Question, matching
from access_history.questions.windows import utc_text
from accounts.access.authorization import authorize
from audit.authorization import recording_denials
from audit.export.bundles import Bundle
from audit.export.signed_answers import answer_bundle
from audit.models import Action, AuditLog
from audit.models.querysets import AuditLogQuerySet
from audit.permissions import AUDIT_EXPORT
from reprotech.core.actors import Actor
from reprotech.core.reauthentication import require_recent_authentication
from reprotech.web.streaming import csv_lines, stream_json_lines


def file_response(*, actor: Actor, query: AccessFilter, with_bom: bool) -> HttpResponseBase:
    """The file that is asked for, as CSV or with its proof; raises as the functions that it calls."""
    if query.file_format != BUNDLE:
        return csv_response(actor=actor, query=query, with_bom=with_bom)
    question, bundle = start_bundle(actor=actor, query=query)
    return stream_json_lines(f"{file_name(question)}.jsonl", bundle.lines())


@recording_denials
def start_bundle(*, actor: Actor, query: AccessQuery) -> tuple[Question, Bundle]:
    """Record the export of an answer with its events, then return it.

    Raises Forbidden, ValidationFailed for the question, ProofUnavailable while nothing is sealed, or SigningKeyError.
    """
    # It holds whole events, with clients and addresses.
    authorize(actor, {*READ, AUDIT_EXPORT})
    require_recent_authentication()
    catch_up()
    question = query.question()
    bundle = answer_bundle(events_of(question), "access", describe(question, query))
    start_export(actor=actor, query=query, file_format=BUNDLE)
    return question, bundle


def events_of(question: Question) -> AuditLogQuerySet:
    """All that a replay needs for these rows: what was so of these accounts by then, and of all roles until now.

    Erasures too, which explain what is missing.
    """
    numbers = matching(question).annotate(number=Cast("user_id", CharField())).values("number")
    # A period that begins or ends is recorded later than it does.
    was_so = Q(timestamp__lte=question.window.last) | Q(details__has_key="effective_at")
    of_users = Q(resource=USER, resource_id__in=numbers) & ((MATTERS & was_so) | Q(action=Action.ERASE))
    of_roles = Q(resource__in=[ROLE, PERMISSION]) & MATTERS
    return AuditLog.objects.order_by().filter(of_users | of_roles, success=True)


def describe(question: Question, query: AccessQuery) -> dict[str, object]:
    """The question in words that the events know too, and what proves that its answer was this one."""
    found: dict[str, object] = {**query.given}
    if question.window.day is None:
        found["at"] = utc_text(question.window.begin)
    if question.user_ids is not None and len(question.user_ids) == 1:
        found["user"] = str(next(iter(question.user_ids)))
    if question.role_ids is not None and len(question.role_ids) == 1:
        names = RolePeriod.objects.between(question.window.begin, question.window.end)
        name = names.filter(role_id__in=question.role_ids).order_by("from_at").values_list("name", flat=True).last()
        found["role"] = name or found["role"]
    table = hashlib.sha256()
    for line in csv_lines(chain([COLUMNS], map(cells, all_rows(question))), with_bom=False):
        table.update(line.encode())
    return {
        **found,
        "until": utc_text(question.window.last),
        "rows": count_of(question),
        "sha256": table.hexdigest(),
    }
