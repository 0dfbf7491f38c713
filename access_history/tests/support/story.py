"""A short history that the tests of tables and bundles look back at."""

from datetime import timedelta

from django.db.models import Q

from accounts.access.authorization import SYSTEM
from accounts.access_periods.boundaries import record_boundaries
from accounts.access_periods.services import grant_role, revoke_role
from accounts.roles.services import create_role, delete_role, update_role
from accounts.users.services import create_user, delete_user, lock_user
from audit.models import AuditLog
from audit.sealing.sealer import Sealer

HOUR = timedelta(hours=1)


class Story:
    """What happened in a laboratory, one thing each hour; `at` has the moment of each."""

    def __init__(self, clock, cast):
        self.clock, self.at, self.boss = clock, {}, cast.super_admin
        self.role = self._then("role", lambda: create_role(actor=SYSTEM, name="Clerk", permissions=["sample_read"]))
        fields = {"first_name": "=Ada", "last_name": "Lovelace", "is_service": True}
        mail = "ada@lab.example"
        new = lambda: create_user(actor=self.boss, username="ada", email=mail, roles=["Clerk"], **fields)  # noqa: E731
        self.ada = self._then("created", new)
        change = {"permissions": ["sample_read", "sample_update"]}
        self._then("permitted", lambda: update_role(actor=SYSTEM, role_id=self.role.pk, **change))
        self._then("renamed", lambda: update_role(actor=SYSTEM, role_id=self.role.pk, name="Registrar"))
        end = clock.now + 3 * HOUR
        about = {"actor": self.boss, "user_id": self.ada.pk}
        self._then("given", lambda: grant_role(**about, role="Viewer", ends_at=end))
        self._then("locked", lambda: lock_user(**about))
        self.at["expired"] = end
        clock.move_to(end + HOUR / 2)
        record_boundaries()
        other = create_role(actor=SYSTEM, name="Archivist", permissions=["report_read"])
        self._then("reassigned", lambda: delete_role(actor=self.boss, role_id=self.role.pk, reassign_to=other.name))
        self._then("taken", lambda: revoke_role(**about, role="Archivist"))
        self._then("left", lambda: delete_user(**about))
        self._then("end", lambda: None)
        Sealer().seal()

    def _then(self, name, act):
        self.clock.move(HOUR)
        self.at[name] = self.clock.now
        return act()

    def ids(self, *actions):
        """Of the events about her and the role, by their actions."""
        about = Q(resource="user", resource_id=self.ada.pk) | Q(resource="role", resource_id=self.role.pk)
        return AuditLog.objects.filter(about, action__in=actions, success=True).order_by("pk")


def text(moment):
    """As the API and the files write it."""
    return moment.isoformat().replace("+00:00", "Z")
