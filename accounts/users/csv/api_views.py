"""The API that exports and imports users as CSV."""

from collections.abc import Mapping
from typing import IO, Any, ClassVar, cast

from django.core.files.uploadedfile import UploadedFile
from django.http import StreamingHttpResponse
from django.utils.http import parse_header_parameters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.parsers import BaseParser, MultiPartParser
from rest_framework.response import Response

from accounts.common.requests import SignedInRequest
from accounts.models import User
from accounts.permissions import USER_CREATE, USER_READ
from accounts.user_list.filters import UserQuery
from accounts.users.csv.columns import IGNORED_COLUMNS, IMPORT_COLUMNS, REQUIRED_COLUMNS
from accounts.users.csv.export import csv_response, start_export
from accounts.users.csv.import_users import MAX_PASSWORDS, import_users
from accounts.users.csv.parser import parse_users
from accounts.users.csv.table import MAX_ROWS
from reprotech.api.schema import query_parameters
from reprotech.api.viewsets import ViewSet
from reprotech.core.exceptions import ValidationFailed
from reprotech.web.fields import BooleanParam, ByteOrderMarkParam
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

All rows are created or none: what is wrong stands in `errors`, by `line 3` (the header is line 1) or by `file`.
"""
#: Charsets that a body may declare; `decode` finds out itself which of them it is.
CHARSETS = {"utf-8", "utf8", "us-ascii", "utf-16", "utf-16le", "utf-16be"}


class UserExport(UserQuery):
    bom = ByteOrderMarkParam()


class UserImportQuery(QueryParams):
    dry_run = BooleanParam(help_text="Check the file and change nothing.")
    ignore_unknown_columns = BooleanParam(
        help_text="Leave out columns that have no place here; the answer names them in `ignored_columns`."
    )


class UserFileBody(serializers.Serializer[object]):
    """Body of `POST /api/users/import` as a form."""

    file = serializers.FileField()


class UsersImportedAnswer(serializers.Serializer[object]):
    """How many users were created or, in a dry run, would be."""

    created = serializers.IntegerField()
    dry_run = serializers.BooleanField()
    ignored_columns = serializers.ListField(
        child=serializers.CharField(), help_text="Headings of the columns that were left out."
    )


class CSVParser(BaseParser):
    media_type = "text/csv"

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: Any = None) -> Any:  # noqa: ARG002
        return stream.read()


class UserFileViewSet(ViewSet):
    required_permissions: ClassVar = {"export": USER_READ, "import_file": USER_CREATE}
    parser_classes = [CSVParser, MultiPartParser]
    media_types_hint = "Send a CSV file, with Content-Type: text/csv, or as the part “file” of multipart/form-data."

    @extend_schema(
        operation_id="users_export",
        parameters=query_parameters(UserExport),
        responses={(200, "text/csv"): str},
        summary="Export users",
        description="A CSV file, streamed: several roles are separated by `;`. The export is itself recorded.",
    )
    def export(self, request: SignedInRequest) -> StreamingHttpResponse:
        """All users that the filters let through, as a file."""
        query = UserExport.parse(request.query_params)
        users = query.apply(User.objects.visible_to(request.user))
        with_bom = query.value("bom") == "true"
        return csv_response(start_export(actor=request.user, users=users, filters=query.given), with_bom=with_bom)

    @extend_schema(
        operation_id="users_import",
        parameters=query_parameters(UserImportQuery),
        request={"text/csv": str, "multipart/form-data": UserFileBody},
        responses={200: UsersImportedAnswer, 201: UsersImportedAnswer},
        summary="Import users",
        description=IMPORT_DESCRIPTION,
    )
    def import_file(self, request: SignedInRequest) -> Response:
        """Create a user for every row of a CSV file, or, with `dry_run=true`, say whether that would work."""
        query = UserImportQuery.parse(request.query_params)
        dry_run = query.value("dry_run") == "true"
        ignore_unknown = query.value("ignore_unknown_columns") == "true"
        file = parse_users(_file_of(request), ignore_unknown_columns=ignore_unknown)
        created = import_users(actor=request.user, rows=file.users, dry_run=dry_run)
        answer = {"created": created, "dry_run": dry_run, "ignored_columns": file.ignored_columns}
        return Response(answer, status=200 if dry_run else 201)


def _file_of(request: SignedInRequest) -> bytes:
    body = cast("bytes | Mapping[str, object]", request.data)
    if isinstance(body, bytes):
        _, parameters = parse_header_parameters(request.content_type or "")
        charset = parameters.get("charset", "utf-8").lower()
        if charset not in CHARSETS:
            raise ValidationFailed({"file": [f"The file is said to be {charset[:40]}. Send it as UTF-8."]})
        return body
    file = body.get("file")
    if not isinstance(file, UploadedFile):
        raise ValidationFailed({"file": ["There is no file: send a body of text/csv, or a form with the part “file”."]})
    return bytes(file.read())
