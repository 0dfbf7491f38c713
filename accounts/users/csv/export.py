from collections.abc import Iterable, Iterator, Mapping

from django.http import StreamingHttpResponse
from django.utils import timezone

from accounts.access.authorization import authorize
from accounts.models import User
from accounts.models.querysets import UserQuerySet
from accounts.periods.grants import iso_time
from accounts.permissions import USER_READ
from audit.authorization import recording_denials
from audit.models import Action
from audit.services import record
from reprotech.core.actors import Actor
from reprotech.core.reauthentication import require_recent_authentication
from reprotech.web.streaming import stream_csv

EXPORT_COLUMNS = (
    "username",
    "email",
    "first_name",
    "last_name",
    "roles",
    "is_active",
    "status",
    "last_login",
    "created_at",
    "starts_at",
    "ends_at",
)
ROLE_SEPARATOR = ";"
#: Those that an import understands, like line breaks.
IMPORT_ROLE_SEPARATORS = ";,|"


@recording_denials
def start_export(*, actor: Actor, users: UserQuerySet, filters: Mapping[str, object]) -> Iterator[User]:
    """Record an export, then return its users, oldest first. Raises Forbidden.

    Users created meanwhile aren't in it, so that the recorded number of rows is right.
    """
    authorize(actor, USER_READ)
    require_recent_authentication()
    newest = users.order_by("-id").values_list("pk", flat=True).first() or 0
    users = users.filter(pk__lte=newest)
    record(actor=actor, action=Action.EXPORT, resource="user", format="csv", filters=filters, rows=users.count())
    return users.with_role_names().in_chunks()


def user_cells(user: User) -> list[str]:
    # In the order of EXPORT_COLUMNS.
    return [
        user.username,
        user.email,
        user.first_name,
        user.last_name,
        # A name with separators in it would be read as several.
        ROLE_SEPARATOR.join(
            role.slug if any(mark in role.name for mark in IMPORT_ROLE_SEPARATORS) else role.name
            for role in user.roles.all()
        ),
        "true" if user.is_active else "false",
        user.status,
        user.last_login.isoformat().replace("+00:00", "Z") if user.last_login else "",
        user.created_at.isoformat().replace("+00:00", "Z"),
        iso_time(user.starts_at) or "",
        iso_time(user.ends_at) or "",
    ]


def csv_response(users: Iterable[User], *, with_bom: bool) -> StreamingHttpResponse:
    return stream_csv(f"users-{timezone.now():%Y-%m-%d}.csv", EXPORT_COLUMNS, map(user_cells, users), with_bom=with_bom)
