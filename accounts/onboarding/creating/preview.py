"""What importing a file would do, as the page shows it."""

from collections.abc import Mapping

from django.http import HttpResponse
from django.urls import reverse

from accounts.common.requests import PageRequest
from accounts.core.period_notices import described_end, described_start
from accounts.models import User
from accounts.users.account_period import invitation_is_due
from accounts.users.csv.columns import IGNORED_COLUMNS, PERIOD_COLUMNS
from accounts.users.csv.import_users import MAX_PASSWORDS, ImportRow
from accounts.users.csv.parser import ParsedFile
from accounts.users.csv.table import MAX_ROWS
from reprotech.web.responses import render_page

MAX_PREVIEW_ROWS, MAX_PROPOSALS = 10, 200
MAX_HEADINGS = 20


def preview_context(file: ParsedFile, name: str, *, has_proposals: bool = False) -> dict[str, object]:
    """The first rows and how many there are of which kind; more of them where usernames were proposed."""
    return {
        "filename": name,
        "rows": [
            (row, _described_period(row)) for row in file.users[: MAX_PROPOSALS if has_proposals else MAX_PREVIEW_ROWS]
        ],
        "has_proposals": has_proposals,
        "has_periods": any(column in file.columns.positions for column in PERIOD_COLUMNS),
        "row_count": len(file.users),
        **invitation_counts(file),
        "inactive_count": sum(not row.fields["is_active"] for row in file.users if row.fields),
        "left_out": file.ignored_columns[:MAX_HEADINGS],
        "left_out_count": len(file.ignored_columns),
        "text": file.text,
    }


def _described_period(row: ImportRow) -> str:
    starts_at, ends_at = row.fields.get("starts_at"), row.fields.get("ends_at")
    start = f"begins {described_start(starts_at)}" if starts_at else ""
    end = f"ends {described_end(ends_at)}" if ends_at else ""
    text = ", ".join(part for part in (start, end) if part)
    return text[:1].upper() + text[1:]


def invitation_counts(file: ParsedFile) -> dict[str, int]:
    """Of those without a password: who is invited at once, and who the day before they start."""
    invited = [row for row in file.users if row.password is None and not row.has_ended]
    later = sum(not invitation_is_due(User(starts_at=row.fields.get("starts_at"))) for row in invited)
    return {"invited_count": len(invited) - later, "later_count": later}


def render_import(request: PageRequest, context: Mapping[str, object], status: int = 200) -> HttpResponse:
    context = {
        **context,
        "most_rows": MAX_ROWS,
        "most_passwords": MAX_PASSWORDS,
        "passed_over": IGNORED_COLUMNS,
        "crumbs": [("Users", reverse("users")), ("Import", None)],
    }
    page, fragment = "accounts/user_import.html", "accounts/_user_import.html"
    return render_page(request, page, context, fragment=fragment, status=status)
