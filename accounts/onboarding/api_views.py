"""The API that imports a file of people."""

from collections.abc import Mapping
from typing import IO, Any, ClassVar, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.http import parse_header_parameters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.response import Response

from accounts.common.requests import SignedInRequest
from accounts.onboarding.answers import PeopleUpdatedAnswer, describe_comparison
from accounts.onboarding.options import (
    DEFAULT_LIST,
    MAPPING_HINT,
    MODES,
    ROLE_WORDS_HINT,
    UPDATE,
    ImportOptions,
    read_choices,
    read_options,
)
from accounts.onboarding.services import compare_people, update_people
from accounts.permissions import USER_CREATE
from accounts.users.csv.choices import FileChoices
from accounts.users.csv.columns import IGNORED_COLUMNS, IMPORT_COLUMNS, REQUIRED_COLUMNS
from accounts.users.csv.days import ORDERS
from accounts.users.csv.import_users import MAX_PASSWORDS, ImportedFile, import_users
from accounts.users.csv.parser import ParsedFile, parse_users
from accounts.users.csv.table import MAX_ROWS
from accounts.users.csv.usernames import fill_usernames, lacks_username
from reprotech.api.schema import query_parameters
from reprotech.api.viewsets import ViewSet
from reprotech.core.exceptions import ValidationFailed
from reprotech.web.fields import BooleanParam, ChoiceParam, IntegerParam
from reprotech.web.query_params import QueryParams

IMPORT_DESCRIPTION = f"""
Send the file as the body (`text/csv`) or as the part `file` of a form (`multipart/form-data`): UTF-8, or UTF-16 with
its byte order mark; separated by commas, semicolons, tabs or vertical bars; at most 5 MB and {MAX_ROWS:,} rows, of
which {MAX_PASSWORDS} may have a password. What Excel, LibreOffice, Google Sheets, Numbers, pandas and PowerShell
add (`sep=;`, `#TYPE`, empty columns and rows, row numbers without a heading) is understood.

Columns: `{"`, `".join(IMPORT_COLUMNS)}`, also as `User name`, `E-mail`, `Given name`, `Surname`, `Role` and the
like; of these `{"` and `".join(REQUIRED_COLUMNS)}` are needed. Several roles, by name or slug, are separated by `;`,
`,`, `|` or line breaks. People without a password are invited by e-mail. `status`, `active` or `inactive`, may stand
for `is_active`, and mustn't contradict it; `pending`, `ended` and `invited` of an export are understood, `locked` is
refused. `starts_at` and `ends_at` are days (`2027-01-31`: the whole day in `LAB_TIME_ZONE`) or times with a zone;
people who start later are invited the day before. The columns `{"` and `".join(IGNORED_COLUMNS)}` of an export are
ignored, as is `errors` of the rows that a page gave back to correct; any other is refused unless
`ignore_unknown_columns=true`: then `ignored_columns` of the answer names those that were left out.

All rows are imported or none: what is wrong stands in `errors`, by `line 3` (the header is line 1) or by `file`.

`mapping` says which column is what, where the headings don't: `""` leaves a column out. With it `username` may be
missing: one is proposed for each new person, as `usernames` or `joiners` of the answer say. `role_words` says which
roles the words of the column mean, none for `[]`. `day_order` decides about days such as 02/03/2027.

**`mode=create`** (the default) creates a user for every row. **`mode=update`** also takes `user_read` and
`user_update`, and brings accounts up to date: a row is about the account with its username or, where the row has none,
with its e-mail address; who isn't there is created. An empty cell changes nothing, nor does a column that the file
doesn't have: only a row that names roles gives and takes any. A password column is refused. The same file again changes
nothing.

**`leavers=true`** (with `mode=update`) lets the accounts end of people who stood in an earlier file of the same `list`
(`{DEFAULT_LIST}` unless you name it) and aren't in this one: at the end of `last_day`, or of today. They are never
deleted; your own account, the last Super Administrator and service accounts never end, nor does whom you may not
change: `leavers` of the answer says why. `keep` names those who stay. If more than a tenth of the list's people would
end, the call is refused with 409 `confirm_leavers`; repeat their number as `confirm_leavers`.

With `dry_run=true` nothing is changed, and `joiners`, `changes` (old and new values), `leavers` and `notes` say what
would be.
"""
#: Charsets that a body may declare; `decode` finds out itself which of them it is.
CHARSETS = {"utf-8", "utf8", "us-ascii", "utf-16", "utf-16le", "utf-16be"}
DAY_ERROR = {"invalid": "Give a day such as 2030-01-31."}


class UserImportQuery(QueryParams):
    dry_run = BooleanParam(help_text="Check the file and change nothing.")
    ignore_unknown_columns = BooleanParam(
        help_text="Leave out columns that have no place here; the answer names them in `ignored_columns`."
    )
    mode = ChoiceParam(*MODES, help_text="`update` also changes those who are there; `create` if left out.")
    list = forms.CharField(required=False, help_text="Which list the file is, for `leavers`; `HR` if left out.")
    leavers = BooleanParam(help_text="Let accounts end of people who stood in the list and aren't in the file.")
    last_day = forms.DateField(
        required=False,
        input_formats=["%Y-%m-%d"],
        error_messages=DAY_ERROR,
        help_text="The last day of those who left, in `LAB_TIME_ZONE`; today if left out.",
    )
    keep = forms.CharField(required=False, help_text="Usernames of those who stay, separated by commas.")
    confirm_leavers = IntegerParam()
    mapping = forms.CharField(required=False, help_text=f"JSON. {MAPPING_HINT}")
    role_words = forms.CharField(required=False, help_text=f"JSON. {ROLE_WORDS_HINT}")
    day_order = ChoiceParam(*ORDERS, help_text="How days are read that can be read in two ways.")

    @property
    def options(self) -> ImportOptions:
        """Raises ValidationFailed."""
        return read_options(
            mode=self.value("mode"),
            source=self.value("list"),
            leavers=self.value("leavers") == "true",
            last_day=self.value("last_day"),
            keep=self.value("keep").split(","),
            confirmed=self.value("confirm_leavers"),
        )


class UserFileBody(serializers.Serializer[object]):
    """Body of `POST /api/users/import` as a form. What can be long may stand here in place of the query."""

    file = serializers.FileField()
    mapping = serializers.CharField(required=False)
    role_words = serializers.CharField(required=False)


class CSVParser(BaseParser):
    media_type = "text/csv"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:  # noqa: ARG002
        return stream.read()


class UserImportViewSet(ViewSet):
    required_permissions: ClassVar = {"import_file": USER_CREATE}
    parser_classes = [CSVParser, MultiPartParser]
    media_types_hint = "Send a CSV file, with Content-Type: text/csv, or as the part “file” of multipart/form-data."

    @extend_schema(
        operation_id="users_import",
        parameters=query_parameters(UserImportQuery),
        request={"text/csv": str, "multipart/form-data": UserFileBody},
        responses={200: PeopleUpdatedAnswer, 201: PeopleUpdatedAnswer},
        summary="Import users",
        description=IMPORT_DESCRIPTION,
    )
    def import_file(self, request: SignedInRequest) -> Response:
        """Create users for the rows of a CSV file, or bring them up to date; with `dry_run=true` say what that does."""
        query = UserImportQuery.parse(request.query_params)
        options, dry_run = query.options, query.value("dry_run") == "true"
        content, name = _file_of(request)
        choices = read_choices(
            mapping=query.value("mapping") or _part(request, "mapping"),
            role_words=query.value("role_words") or _part(request, "role_words"),
            day_order=query.value("day_order"),
        )
        ignore_unknown = query.value("ignore_unknown_columns") == "true"
        parsed = parse_users(content, ignore_unknown_columns=ignore_unknown, choices=choices)
        common = {"dry_run": dry_run, "ignored_columns": parsed.ignored_columns}
        file = ImportedFile(name, parsed.mapping)
        if options.mode == UPDATE:
            answer = _update(request, parsed, options, file, dry_run=dry_run)
        else:
            answer = _create(request, parsed, choices, file, dry_run=dry_run)
        status = 201 if answer["created"] and not dry_run else 200
        return Response({**answer, **common}, status=status)


def _create(
    request: SignedInRequest, parsed: ParsedFile, choices: FileChoices, file: ImportedFile, *, dry_run: bool
) -> dict[str, Any]:
    rows = fill_usernames(parsed.users) if choices.columns else parsed.users
    answer: dict[str, Any] = {"created": import_users(actor=request.user, rows=rows, dry_run=dry_run, file=file)}
    lacking = {row.line for row in parsed.users if lacks_username(row)}
    if lacking:
        names = [(row.line, row.fields["username"]) for row in rows if row.line in lacking]
        answer["usernames"] = [{"line": line, "username": name} for line, name in names]
    return answer


def _update(
    request: SignedInRequest, parsed: ParsedFile, options: ImportOptions, file: ImportedFile, *, dry_run: bool
) -> dict[str, Any]:
    chosen: dict[str, Any] = {"source": options.source, "leavers": options.leavers}
    if dry_run:
        found = compare_people(actor=request.user, rows=parsed.users, **chosen)
    else:
        found = update_people(actor=request.user, rows=parsed.users, file=file, **chosen)
    return describe_comparison(found, options.source)


def _part(request: SignedInRequest, name: str) -> str:
    body = cast("bytes | Mapping[str, object]", request.data)
    found = "" if isinstance(body, bytes) else body.get(name, "")
    return found if isinstance(found, str) else ""


def _file_of(request: SignedInRequest) -> tuple[bytes, str]:
    """The content and, if it came as part of a form, the name."""
    body = cast("bytes | Mapping[str, object]", request.data)
    if isinstance(body, bytes):
        _, parameters = parse_header_parameters(request.content_type or "")
        charset = parameters.get("charset", "utf-8").lower()
        if charset not in CHARSETS:
            raise ValidationFailed({"file": [f"The file is said to be {charset[:40]}. Send it as UTF-8."]})
        return body, ""
    file = body.get("file")
    if not isinstance(file, UploadedFile):
        raise ValidationFailed({"file": ["There is no file: send a body of text/csv, or a form with the part “file”."]})
    return bytes(file.read()), file.name or ""
