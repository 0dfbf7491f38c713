"""Reports as files to download, for the API and the page."""

from collections.abc import Iterator
from datetime import datetime

from django.http import HttpResponse, HttpResponseBase
from django.template.loader import render_to_string
from django.utils import timezone

from accounts.models import User
from reprotech.core.actors import Actor
from reprotech.web.streaming import stream_csv, stream_json_lines
from reviews.models import Review
from reviews.reports.rows import rows_of
from reviews.reports.services import BUNDLE, CSV, Report, start_bundle, start_report

COLUMNS = (
    *("line", "kind", "user", "user_id", "role", "key", "application", "last_sign_in", "granted_by", "granted_at"),
    *("granted_reason", "changed_since_last_review", "decision", "reason", "decided_by", "decided_at", "unanswered"),
    *("action", "outcome", "carried_out_by", "carried_out_at", "events", "matches_log"),
)


def report_context(reader: User, review: Review) -> dict[str, object]:
    """What the page and the file of a report show; making it is recorded."""
    report = start_report(actor=reader, review=review)
    rows = rows_of(report.items, reader, is_reviewer=False, is_closed=review.is_closed)
    return {
        "review": review,
        "report": report,
        "entries": [(row, report.events.get(row.item.pk, []), row.item.pk in report.contradicted) for row in rows],
        "checkpoint": report.checkpoint,
        "maker": reader,
        "made_at": timezone.now(),
    }


def report_file(*, actor: Actor, review: Review, file_format: str, with_bom: bool = False) -> HttpResponseBase:
    """The report as CSV or as a bundle; raises Forbidden or ProofUnavailable."""
    name = f"review-{review.pk}-{timezone.now():%Y-%m-%d}.{file_format}"
    if file_format == BUNDLE:
        return stream_json_lines(f"{name}.jsonl", start_bundle(actor=actor, review=review).lines())
    report = start_report(actor=actor, review=review, file_format=CSV)
    return stream_csv(name, COLUMNS, _lines(report), with_bom=with_bom)


def html_file(reader: User, review: Review) -> HttpResponse:
    """The report as a page that stands by itself."""
    response = HttpResponse(render_to_string("reviews/report_file.html", report_context(reader, review)))
    response["Content-Disposition"] = f'attachment; filename="review-{review.pk}.html"'
    return response


def _lines(report: Report) -> Iterator[list[object]]:
    for item in report.items:
        facts, person = item.facts, item.user
        yield [
            item.position,
            item.kind,
            person.username if person else "",
            item.user_id or "",
            facts.get("role", ""),
            facts.get("key", ""),
            facts.get("name", "") if item.application_id else "",
            _moment(facts.get("last_sign_in")),
            getattr(item, "granted_by_name", None) or "",
            _moment(facts.get("granted_at")),
            facts.get("granted_reason", ""),
            "; ".join(item.changes),
            item.decision,
            item.reason,
            item.decided_by.username if item.decided_by else "",
            _text(item.decided_at),
            "true" if item.is_unanswered else "false",
            item.action,
            item.outcome,
            item.done_by.username if item.done_by else "",
            _text(item.done_at),
            " ".join(map(str, report.events.get(item.pk, []))),
            "false" if item.pk in report.contradicted else "true",
        ]


def _text(moment: datetime | None) -> str:
    return _moment(moment.isoformat() if moment else None)


def _moment(text: str | None) -> str:
    return (text or "").replace("+00:00", "Z")
