"""The page that brings people up to date with a list: who joins, who changes, who left."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse

from accounts.common.requests import PageRequest
from accounts.core.exceptions import TooManyLeavers
from accounts.core.period_notices import described_end
from accounts.onboarding.options import ImportOptions
from accounts.onboarding.services import Comparison, compare_people, update_people
from accounts.onboarding.updating.descriptions import change_lines, missing_right
from accounts.onboarding.updating.forms import ConfirmationForm, ListForm, ListOptionsForm
from accounts.onboarding.updating.reading import read_columns, read_list
from accounts.permissions import USER_UPDATE
from accounts.users.csv.error_lines import error_context
from accounts.users.csv.import_users import ImportedFile
from accounts.users.csv.parser import ParsedFile
from accounts.users.csv.table import MAX_ROWS
from audit.authorization import record_denial
from reprotech.core.change_reason import ReasonRefused
from reprotech.core.exceptions import Conflict, Forbidden, ValidationFailed
from reprotech.web.access import FORM, requires
from reprotech.web.fields import DIGITS
from reprotech.web.responses import UNPROCESSABLE, htmx_redirect, render_page

#: Of each list; the rest is a number.
MAX_SHOWN = 200
#: Ticks that a form sends. So many leavers are a wrong file, or a job for the command.
MAX_TICKS = 500
TOO_MANY = (
    "{count:,} people of {source} aren't in the file, more than this page can show. Is it the right file? For so many "
    "use the API or the command `users import`."
)


@requires(USER_UPDATE, FORM)
def upload(request: PageRequest) -> HttpResponse:
    """Compare a list with the accounts, and show what it would change."""
    _refuse_without_rights(request)
    if request.method != "POST":
        return _render(request, {"form": ListForm()})
    form = ListForm(request.POST, request.FILES)
    if not form.is_valid():
        return _render(request, {"form": form}, UNPROCESSABLE)
    file = form.cleaned_data["file"]
    return _preview(request, form, file.read(), file.name)


@requires(USER_UPDATE, FORM)
def confirm(request: PageRequest) -> HttpResponse:
    """Do what was shown and ticked. The file comes back from the browser, and is compared again."""
    _refuse_without_rights(request)
    if request.method != "POST":
        return redirect("update_from_list")
    form = ConfirmationForm(request.POST)
    if not form.is_valid():
        return _again(request, form)
    parsed, name = None, form.cleaned_data["filename"]
    try:
        options = form.options(_ticked(request), form.cleaned_data["confirm_leavers"])
        parsed = _read(request, form, form.cleaned_data["text"])
        found = update_people(
            actor=request.user,
            rows=parsed.users,
            source=options.source,
            leavers=options.leavers,
            file=ImportedFile(name, parsed.mapping),
        )
    except ReasonRefused:
        raise  # no row is wrong
    except TooManyLeavers as refused:
        form.add_error("confirm_leavers", refused.message)
        return _again(request, form)
    except (ValidationFailed, Conflict) as refused:
        errors = refused.errors or {"file": [refused.message]}
        return _render(request, {"form": _form_again(form), **_refused(errors, parsed, name)}, UNPROCESSABLE)
    messages.success(request, _done(found))
    return htmx_redirect(request, f"{reverse('users')}?sort=-updated_at")


def _preview(request: PageRequest, form: ListOptionsForm, content: bytes | str, name: str) -> HttpResponse:
    parsed = None
    try:
        options = form.options()
        parsed = _read(request, form, content)
        found = compare_people(actor=request.user, rows=parsed.users, source=options.source, leavers=options.leavers)
        _refuse_too_many(found)
    except ValidationFailed as refused:
        return _render(request, {"form": _form_again(form), **_refused(refused.errors, parsed, name)}, UNPROCESSABLE)
    return _render(request, _shown(form, found, options, parsed, name))


def _again(request: PageRequest, form: ConfirmationForm) -> HttpResponse:
    """What was shown, with what was ticked and what is wrong."""
    parsed, name = None, form.data.get("filename", "")
    options_form = ListOptionsForm(form.data)
    if not options_form.is_valid():
        return _render(request, {"form": _form_again(form)}, UNPROCESSABLE)
    try:
        options = options_form.options(_ticked(request))
        parsed = _read(request, options_form, form.data.get("text", ""))
        found = compare_people(actor=request.user, rows=parsed.users, source=options.source, leavers=options.leavers)
        _refuse_too_many(found)
    except ValidationFailed as refused:
        return _render(request, {"form": _form_again(form), **_refused(refused.errors, parsed, name)}, UNPROCESSABLE)
    context = _shown(options_form, found, options, parsed, name)
    return _render(request, {**context, "confirmation": form}, UNPROCESSABLE)


def _read(request: PageRequest, form: ListOptionsForm, content: bytes | str) -> ParsedFile:
    values = form.cleaned_data
    return read_list(content, reader=request.user, day_order=values["day_order"], with_roles=values["with_roles"])


def _shown(
    form: ListOptionsForm, found: Comparison, options: ImportOptions, parsed: ParsedFile, name: str
) -> dict[str, Any]:
    people, leavers = found.people, found.leavers
    ticked = options.leavers.ticked if options.leavers else None
    return {
        "found": found,
        "options": form.cleaned_data,
        "confirmation": ConfirmationForm(),
        "filename": name,
        "columns": read_columns(parsed.mapping),
        "left_out": parsed.ignored_columns,
        "joiners": people.created[:MAX_SHOWN],
        "changes": [(change, change_lines(change)) for change in people.changed[:MAX_SHOWN]],
        "notes": people.notes[:MAX_SHOWN],
        "leavers": [
            (leaver, not leaver.refusal and (ticked is None or leaver.user.pk in ticked))
            for leaver in (leavers.found if leavers else ())
        ],
        "ends": described_end(leavers.ends_at) if leavers else "",
        "text": parsed.text,
    }


def _refuse_too_many(found: Comparison) -> None:
    if found.leavers and len(found.leavers.found) > MAX_TICKS:
        sentence = TOO_MANY.format(count=len(found.leavers.found), source=found.leavers.source)
        raise ValidationFailed({"file": [sentence]})


def _refused(errors: Mapping[str, Sequence[str]], parsed: ParsedFile | None, name: str) -> dict[str, object]:
    context = error_context({place: list(said) for place, said in errors.items()}, parsed)
    # The file of rows to correct is for imports that only create.
    context.pop("wrong_text", None)
    return {**context, "filename": name}


def _form_again(form: ListOptionsForm) -> ListOptionsForm:
    """The form for another file, with what was chosen; a browser doesn't send a file twice."""
    initial = {name: form.data.get(name) for name in ListOptionsForm.base_fields if name in form.data}
    return ListForm(initial=initial)


def _ticked(request: PageRequest) -> frozenset[int]:
    return frozenset(int(pk) for pk in request.POST.getlist("end") if DIGITS.fullmatch(pk))


def _done(found: Comparison) -> str:
    if found.changes_nothing:
        return "Nothing to do: everybody is as in the file."
    counts = found.counts
    words = ("created", "changed", "ended")
    said = [f"{counts[word]:,} {word}" for word in words if counts[word]]
    return f"The list was imported: {', '.join(said)}."


def _refuse_without_rights(request: PageRequest) -> None:
    """Raise Forbidden, on record, before a file is read that can't be imported."""
    if missing := missing_right(request.user):
        denial = Forbidden(missing)
        record_denial(request.user, denial)
        raise denial


def _render(request: PageRequest, context: Mapping[str, object], status: int = 200) -> HttpResponse:
    context = {
        **context,
        "most_rows": MAX_ROWS,
        "most_shown": MAX_SHOWN,
        "crumbs": [("Users", reverse("users")), ("Import", reverse("import_users")), ("Update from a list", None)],
    }
    page, fragment = "accounts/onboarding/update.html", "accounts/onboarding/_update.html"
    return render_page(request, page, context, fragment=fragment, status=status)
