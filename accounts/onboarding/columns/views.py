"""The page that asks what the columns of a file are, whose headings aren't ours."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.http import HttpResponse
from django.shortcuts import redirect

from accounts.access.reader_rights import missing_to_assign
from accounts.common.requests import PageRequest
from accounts.models import Role
from accounts.onboarding.columns.memory import remember_choices, remembered_choices
from accounts.onboarding.columns.reading import (
    as_import,
    chosen_labels,
    described_columns,
    guessed_choices,
    has_no_usernames,
    is_ours,
    problems_of,
    read_file,
    read_people,
    role_words_of,
)
from accounts.onboarding.creating.preview import preview_context, render_import
from accounts.permissions import USER_CREATE
from accounts.users.csv.choices import FileChoices, column_titles
from accounts.users.csv.days import DAY_FIRST, MONTH_FIRST, ORDERS
from accounts.users.csv.error_lines import error_context
from accounts.users.csv.export import IMPORT_ROLE_SEPARATORS
from accounts.users.csv.import_users import import_users
from accounts.users.csv.parser import parse_users
from accounts.users.csv.table import Table
from accounts.users.csv.usernames import fill_usernames
from accounts.users.forms import UploadForm
from reprotech.core.exceptions import ValidationFailed
from reprotech.web.access import FORM, requires
from reprotech.web.responses import UNPROCESSABLE

#: More different words are those of another column.
MAX_WORDS = 100
TOO_MANY_WORDS = "The column of roles has {count} different words, more than {most}. Is it the right column?"
NO_MEANING = "Say what “{word}” means, or choose that it is no role."
#: What the page sends for a word that means no role.
NO_ROLE = "-"
DAY_ORDERS = (("", "Read them if they are clear"), (DAY_FIRST, "Day first"), (MONTH_FIRST, "Month first"))


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file, which goes back and forth with the page: nothing of it is kept on the server."""

    text: str
    name: str
    table: Table

    @property
    def titles(self) -> list[str]:
        return [*column_titles(self.table).values()]


def ask_for_columns(request: PageRequest, text: str, name: str, *, ignore_unknown: bool) -> HttpResponse | None:
    """The page, or the preview for headings that the person explained before; None where there is nothing to ask.

    Raises ValidationFailed for what is no table.
    """
    sent = SentFile(text, name, read_file(text))
    if is_ours(sent.table, ignore_unknown=ignore_unknown):
        return None
    if choices := remembered_choices(request.user, sent.titles):
        return _preview(request, sent, choices) or _render(request, sent, choices)
    choices = guessed_choices(sent.table)
    # Without a single heading that says something, the first line is no header: an import says so.
    return _render(request, sent, choices) if any(choices.columns.values()) else None


@requires(USER_CREATE, FORM)
def choose(request: PageRequest) -> HttpResponse:
    """Read the file, which comes back from the browser, by what was chosen."""
    if request.method != "POST":
        return redirect("import_users")
    text, name = request.POST.get("text", ""), request.POST.get("filename", "")[:200]
    try:
        sent = SentFile(text, name, read_file(text))
    except ValidationFailed as refusal:
        context = {"form": UploadForm(), "filename": name, **error_context(refusal.errors, None)}
        return render_import(request, context, UNPROCESSABLE)
    if "again" in request.POST:
        choices = remembered_choices(request.user, sent.titles) or guessed_choices(sent.table)
        return _render(request, sent, choices)
    choices = _chosen(request, sent.table)
    words = role_words_of(sent.table, choices)
    if errors := _unexplained(request, words):
        return _render(request, sent, choices, errors)
    choices = replace(choices, role_words=_meanings(request, words))
    return _preview(request, sent, choices) or _render(request, sent, choices)


def _chosen(request: PageRequest, table: Table) -> FileChoices:
    known = {name for name, _ in chosen_labels()}
    columns = {
        title: name if (name := request.POST.get(f"column-{index}", "")) in known else ""
        for index, title in column_titles(table).items()
    }
    order = request.POST.get("day_order", "")
    return FileChoices(columns, order if order in ORDERS else "")


def _unexplained(request: PageRequest, words: list[str]) -> dict[str, list[str]]:
    """What has to be said about words of the column of roles; nothing the first time that they are shown."""
    if len(words) > MAX_WORDS:
        return {"file": [TOO_MANY_WORDS.format(count=f"{len(words):,}", most=MAX_WORDS)]}
    # A role that isn't offered counts as none: nobody may take it for given.
    offered = {NO_ROLE, *(role.slug for role in _assignable_roles(request))} if words else set()
    missing = [word for number, word in enumerate(words) if request.POST.get(f"word-{number}") not in offered]
    return {"roles": [NO_MEANING.format(word=word[:60]) for word in missing]} if missing else {}


def _meanings(request: PageRequest, words: list[str]) -> dict[str, list[str]]:
    names = {role.slug: _written(role) for role in _assignable_roles(request)}
    return {
        word: [names[slug] for slug in request.POST.getlist(f"word-{number}") if slug in names]
        for number, word in enumerate(words)
    }


def _written(role: Role) -> str:
    """A role as a file names it: a name with separators in it would be read as several."""
    return role.slug if any(mark in role.name for mark in IMPORT_ROLE_SEPARATORS) else role.name


def _assignable_roles(request: PageRequest) -> list[Role]:
    return [role for role in Role.objects.with_permissions() if not missing_to_assign(request.user, role)]


def _slugs_of(choices: FileChoices, word: str) -> list[str]:
    """What a word meant the last time."""
    if word not in choices.role_words:
        return []
    roles = [role for name in choices.role_words[word] if (role := Role.objects.named(name))]
    return [role.slug for role in roles] or [NO_ROLE]


def _preview(request: PageRequest, sent: SentFile, choices: FileChoices) -> HttpResponse | None:
    """The preview; the page with what is wrong; None where a word of the roles isn't explained yet."""
    if set(role_words_of(sent.table, choices)) - choices.role_words.keys():
        return None
    parsed = None
    try:
        parsed = read_people(sent.text, choices)
        rows = fill_usernames(parsed.users)
        if problems := problems_of(rows):
            raise ValidationFailed(problems)
        file = parse_users(as_import(rows))
        import_users(actor=request.user, rows=file.users, dry_run=True)
    except ValidationFailed as refusal:
        return _render(request, sent, choices, refusal.errors)
    remember_choices(actor=request.user, choices=choices)
    context = preview_context(file, sent.name, has_proposals=has_no_usernames(parsed.users))
    left_out = [title for title, chosen in choices.columns.items() if not chosen]
    context |= {"left_out": left_out, "left_out_count": len(left_out), "original": sent.text}
    return render_import(request, context)


def _render(
    request: PageRequest, sent: SentFile, choices: FileChoices, errors: Mapping[str, list[str]] | None = None
) -> HttpResponse:
    words = role_words_of(sent.table, choices)
    asks_for_words = 0 < len(words) <= MAX_WORDS
    context: dict[str, object] = {
        "columns": described_columns(sent.table, choices),
        "labels": chosen_labels(),
        "day_orders": DAY_ORDERS,
        "day_order": choices.day_order,
        "words": [
            (number, word, request.POST.getlist(f"word-{number}") or _slugs_of(choices, word))
            for number, word in enumerate(words if asks_for_words else [])
        ],
        "no_role": NO_ROLE,
        "assignable": _assignable_roles(request) if asks_for_words else [],
        "people_count": len(sent.table.rows),
        "text": sent.text,
        "filename": sent.name,
    }
    # Words that were not shown yet are a question, and no mistake.
    was_asked = any(key.startswith("word-") for key in request.POST)
    if errors and (was_asked or "roles" not in errors):
        context |= error_context({place: list(said) for place, said in errors.items()}, None)
        return render_import(request, context, UNPROCESSABLE)
    return render_import(request, context)
