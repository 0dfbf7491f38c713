from collections.abc import Mapping, Sequence
from itertools import groupby

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from accounts.common.requests import PageRequest
from accounts.core.period_notices import described_end, described_start
from accounts.models import User
from accounts.permissions import USER_CREATE, USER_READ
from accounts.user_list.filters import UserQuery
from accounts.users.account_period import invitation_is_due
from accounts.users.csv.columns import IGNORED_COLUMNS, IMPORT_COLUMNS, PERIOD_COLUMNS
from accounts.users.csv.export import csv_response, start_export
from accounts.users.csv.import_users import MAX_PASSWORDS, ImportRow, import_users
from accounts.users.csv.parser import ParsedFile, parse_users
from accounts.users.csv.table import MAX_ROWS, decode
from accounts.users.csv.wrong_rows import has_wrong_rows, line_of, values_by_line, wrong_rows_response
from accounts.users.forms import UploadForm
from reprotech.core.change_reason import ReasonRefused
from reprotech.core.exceptions import Conflict, ValidationFailed
from reprotech.web.access import FORM, SAFE, requires
from reprotech.web.responses import UNPROCESSABLE, htmx_redirect, render_page
from reprotech.web.streaming import stream_csv

MAX_PREVIEW_ROWS = 10
MAX_ERRORS = 100
MAX_RANGES = 3
MAX_HEADINGS = 20


@requires(USER_READ, SAFE)
def export_all(request: PageRequest) -> HttpResponseBase:
    query = UserQuery.parse(request.GET)
    users = query.apply(User.objects.visible_to(request.user))
    return csv_response(start_export(actor=request.user, users=users, filters=query.given), with_bom=True)


@requires(USER_CREATE, FORM)
def upload(request: PageRequest) -> HttpResponse:
    """Check a file, and show what importing it would do."""
    if request.method != "POST":
        return _render(request, {"form": UploadForm()})
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _render(request, {"form": form}, UNPROCESSABLE)
    upload, ignore_unknown = form.cleaned_data["file"], form.cleaned_data["ignore_unknown_columns"]
    file = None
    try:
        file = parse_users(decode(upload.read(), is_shown=True), ignore_unknown_columns=ignore_unknown)
        import_users(actor=request.user, rows=file.users, dry_run=True)
    except ValidationFailed as refusal:
        context = {"form": form, "filename": upload.name, **error_context(refusal.errors, file)}
        return _render(request, context, UNPROCESSABLE)
    context = {
        "form": form,
        "filename": upload.name,
        "rows": [(row, _described_period(row)) for row in file.users[:MAX_PREVIEW_ROWS]],
        "has_periods": any(name in file.columns.positions for name in PERIOD_COLUMNS),
        "row_count": len(file.users),
        **_invitation_counts(file),
        "inactive_count": sum(not row.fields["is_active"] for row in file.users),
        "left_out": file.ignored_columns[:MAX_HEADINGS],
        "left_out_count": len(file.ignored_columns),
        "text": file.text,
    }
    return _render(request, context)


@requires(USER_CREATE, FORM)
def confirm(request: PageRequest) -> HttpResponse:
    """Create the users of the file that was shown. It comes back from the browser, and is checked again."""
    if request.method != "POST":
        return redirect("import_users")
    file = None
    try:
        file = _sent_back(request)
        created = import_users(actor=request.user, rows=file.users)
    except ReasonRefused:
        raise  # no row is wrong
    except (ValidationFailed, Conflict) as refusal:
        errors = {"file": [refusal.message]} if isinstance(refusal, Conflict) else refusal.errors
        return _render(request, {"form": UploadForm(), **error_context(errors, file)}, UNPROCESSABLE)
    counts = _invitation_counts(file)
    count, later = counts["invited_count"], counts["later_count"]
    invited = f" {count:,} invitation{' is' if count == 1 else 's are'} on the way." if count else ""
    invited += f" {later:,} leave{'s' if later == 1 else ''} the day before the start." if later else ""
    messages.success(request, f"{created:,} user{'' if created == 1 else 's'} created.{invited}")
    return htmx_redirect(
        request, f"{reverse('users')}?sort=-created_at" if request.user.has_perm(USER_READ) else "home"
    )


@requires(USER_CREATE, FORM)
def download_wrong_rows(request: PageRequest) -> HttpResponseBase:
    """The rows to correct, as a file. They come from the browser and are checked again: nothing is kept here."""
    if request.method != "POST":
        return redirect("import_users")
    file = None
    try:
        file = _sent_back(request)
        import_users(actor=request.user, rows=file.users, dry_run=True)
    except ValidationFailed as refusal:
        if file is not None and has_wrong_rows(file, refusal.errors):
            return wrong_rows_response(file, refusal.errors)
        return _render(request, {"form": UploadForm(), **error_context(refusal.errors, file)}, UNPROCESSABLE)
    messages.info(request, "No row of the file is wrong any more. Choose it again to import it.")
    return redirect("import_users")


@requires(USER_CREATE, SAFE)
def download_template(_request: PageRequest) -> HttpResponseBase:
    """A file with the columns, to fill in."""
    return stream_csv("users-to-import.csv", IMPORT_COLUMNS, [], with_bom=True)


def _described_period(row: ImportRow) -> str:
    starts_at, ends_at = row.fields.get("starts_at"), row.fields.get("ends_at")
    start = f"begins {described_start(starts_at)}" if starts_at else ""
    end = f"ends {described_end(ends_at)}" if ends_at else ""
    return ", ".join(part for part in (start, end) if part).capitalize()


def _invitation_counts(file: ParsedFile) -> dict[str, int]:
    """Of those without a password: who is invited at once, and who the day before they start."""
    invited = [row for row in file.users if row.password is None and not row.has_ended]
    later = sum(not invitation_is_due(User(starts_at=row.fields.get("starts_at"))) for row in invited)
    return {"invited_count": len(invited) - later, "later_count": later}


def _sent_back(request: PageRequest) -> ParsedFile:
    """The file that an earlier answer showed. Raises ValidationFailed."""
    ignore_unknown = bool(request.POST.get("ignore_unknown_columns"))
    return parse_users(request.POST.get("text", ""), ignore_unknown_columns=ignore_unknown)


def error_context(errors: Mapping[str, list[str]], file: ParsedFile | None) -> dict[str, object]:
    """The first errors as (lines, sentences, cells of the first rows); an error of many lines is shown once."""
    places: dict[str, list[str]] = {}
    for place, sentences in errors.items():
        for sentence in sentences:
            places.setdefault(sentence, []).append(place)
    problems: dict[tuple[str, ...], list[str]] = {}
    for sentence, where in places.items():
        problems.setdefault(tuple(where), []).append(sentence)
    values = values_by_line(file) if file else {}
    shown = [
        (
            _line_ranges(where),
            sentences,
            [row for place in where[:MAX_RANGES] if (row := values.get(line_of(place) or 0))],
        )
        for where, sentences in list(problems.items())[:MAX_ERRORS]
    ]
    context = {"errors": shown, "error_count": len(problems), "line_count": len(errors)}
    if file is not None and has_wrong_rows(file, errors):
        context |= {"wrong_text": file.text, "has_ignored_columns": bool(file.ignored_columns)}
    return context


def _line_ranges(places: Sequence[str]) -> str:
    """`Line 3`, `Lines 3 to 5 and 9`, or `File`."""
    numbers = [number for place in places if (number := line_of(place)) is not None]
    if not numbers:
        return places[0].capitalize()
    # Consecutive numbers have the same distance to their position.
    runs = groupby(enumerate(numbers), key=lambda pair: pair[1] - pair[0])
    ranges = [[number for _, number in run] for _, run in runs]
    words = [f"{run[0]}" if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in ranges]
    if len(words) > MAX_RANGES:
        words = [*words[:MAX_RANGES], f"{len(words) - MAX_RANGES:,} more"]
    listed = " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
    return f"Line{'' if len(numbers) == 1 else 's'} {listed}"


def _render(request: PageRequest, context: Mapping[str, object], status: int = 200) -> HttpResponse:
    context = {
        **context,
        "most_rows": MAX_ROWS,
        "most_passwords": MAX_PASSWORDS,
        "passed_over": IGNORED_COLUMNS,
        "crumbs": [("Users", reverse("users")), ("Import", None)],
    }
    page, fragment = "accounts/user_import.html", "accounts/_user_import.html"
    return render_page(request, page, context, fragment=fragment, status=status)
