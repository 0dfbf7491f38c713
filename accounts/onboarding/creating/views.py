import re
from dataclasses import replace

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from accounts.common.requests import PageRequest
from accounts.onboarding.columns.reading import with_usernames
from accounts.onboarding.columns.views import ask_for_columns
from accounts.onboarding.creating.preview import invitation_counts, preview_context, render_import
from accounts.permissions import USER_CREATE, USER_READ
from accounts.users.csv.columns import IMPORT_COLUMNS
from accounts.users.csv.error_lines import error_context
from accounts.users.csv.import_users import import_users
from accounts.users.csv.parser import ParsedFile, parse_users
from accounts.users.csv.table import decode
from accounts.users.csv.wrong_rows import has_wrong_rows, wrong_rows_response
from accounts.users.forms import UploadForm
from reprotech.core.change_reason import ReasonRefused
from reprotech.core.exceptions import Conflict, ValidationFailed
from reprotech.web.access import FORM, SAFE, requires
from reprotech.web.responses import UNPROCESSABLE, htmx_redirect
from reprotech.web.streaming import stream_csv

#: Of fields with a username that was typed over a proposed one.
USERNAME_FIELD = re.compile(r"username-([1-9][0-9]{0,6})")


@requires(USER_CREATE, FORM)
def upload(request: PageRequest) -> HttpResponse:
    """Check a file, and show what importing it would do."""
    if request.method != "POST":
        return render_import(request, {"form": UploadForm()})
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return render_import(request, {"form": form}, UNPROCESSABLE)
    upload, ignore_unknown = form.cleaned_data["file"], form.cleaned_data["ignore_unknown_columns"]
    file = None
    try:
        text = decode(upload.read(), is_shown=True)
        if answer := ask_for_columns(request, text, upload.name, ignore_unknown=ignore_unknown):
            return answer
        file = parse_users(text, ignore_unknown_columns=ignore_unknown)
        import_users(actor=request.user, rows=file.users, dry_run=True)
    except ValidationFailed as refusal:
        context = {"form": form, "filename": upload.name, **error_context(refusal.errors, file)}
        return render_import(request, context, UNPROCESSABLE)
    return render_import(request, {"form": form, **preview_context(file, upload.name)})


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
        context = {"form": UploadForm(), **error_context(errors, file)}
        if file is not None and request.POST.get("has_proposals"):
            # With what was typed, to correct it here.
            context |= preview_context(file, request.POST.get("filename", ""), has_proposals=True)
        return render_import(request, context, UNPROCESSABLE)
    counts = invitation_counts(file)
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
        return render_import(request, {"form": UploadForm(), **error_context(refusal.errors, file)}, UNPROCESSABLE)
    messages.info(request, "No row of the file is wrong any more. Choose it again to import it.")
    return redirect("import_users")


@requires(USER_CREATE, SAFE)
def download_template(_request: PageRequest) -> HttpResponseBase:
    """A file with the columns, to fill in."""
    return stream_csv("users-to-import.csv", IMPORT_COLUMNS, [], with_bom=True)


def _sent_back(request: PageRequest) -> ParsedFile:
    """The file that an earlier answer showed. Raises ValidationFailed."""
    ignore_unknown = bool(request.POST.get("ignore_unknown_columns"))
    file = parse_users(request.POST.get("text", ""), ignore_unknown_columns=ignore_unknown)
    typed = {int(match[1]): request.POST[name] for name in request.POST if (match := USERNAME_FIELD.fullmatch(name))}
    return replace(file, users=with_usernames(file.users, typed)) if typed else file
