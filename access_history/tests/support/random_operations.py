"""What people and programs do to accounts and roles, at random: through the services, past them, and by the clock."""

import random
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import IntegrityError, connection, transaction

from access_history.tests.support.moving_clock import MovingClock
from access_history.tests.support.plain_tables import boundaries_after
from accounts.access.authorization import SYSTEM
from accounts.access_periods.boundaries import record_boundaries
from accounts.access_periods.services import change_grant, grant_role, revoke_role
from accounts.core.catalogue import PERMISSION_NAMES
from accounts.models import Permission, Role, RoleGrant, User
from accounts.periods.grants import NewGrant
from accounts.roles.services import create_role, delete_role, update_role
from accounts.users import bulk
from accounts.users.csv.import_users import ImportRow, import_users
from accounts.users.erasure import erase_personal_data
from accounts.users.services import create_user, delete_user, lock_user, unlock_user, update_user
from audit.sealing.sealer import Sealer
from reprotech.core.exceptions import DomainError

MAX_PEOPLE, MAX_ROLES = 25, 12
MICROSECOND = timedelta(microseconds=1)
NAMES = ("Ada", "Chioma", "Jürgen", "Mei-Ling", "Søren", "", "=SUM(A1)", "O'Neill")
GIVE = """INSERT INTO user_roles (user_id, role_id, is_pending, reason) SELECT %s, %s, false, ''
WHERE NOT EXISTS (SELECT 1 FROM user_roles WHERE user_id = %s AND role_id = %s)"""
PERMIT = """INSERT INTO role_permissions (role_id, permission_id) SELECT %s, %s
WHERE NOT EXISTS (SELECT 1 FROM role_permissions WHERE role_id = %s AND permission_id = %s)"""
#: How often each is tried.
WEIGHTS = {
    "create": 8, "import_file": 2, "rename": 4, "switch": 5, "lock": 5, "unlock": 4, "delete": 3, "erase": 2,
    "limit_account": 4, "give": 10, "give_for_a_time": 12, "change_period": 8, "take": 7, "set_roles": 6,
    "set_grants": 6, "many": 5, "create_a_role": 4, "edit_a_role": 7, "rename_a_role": 4, "delete_a_role": 4,
    "by_django": 8, "by_sql": 6, "record": 8, "seal": 3, "archive": 1,
}  # fmt: skip


class RandomOperations:
    """One after another, each at a time of its own; what a service refuses changes nothing."""

    def __init__(self, seed: int, clock: MovingClock, actors: list[User], folder: Path) -> None:
        self.random, self.clock, self.actors, self.folder = random.Random(seed), clock, actors, folder
        self.numbers = count(1)
        self.archives: list[Path] = []
        self.done: dict[str, int] = dict.fromkeys(WEIGHTS, 0)

    def step(self) -> str:
        """Let some time pass, and do something; returns what."""
        self._pass_time()
        name = self.random.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        try:
            text = getattr(self, f"_{name}")()
        except (DomainError, CommandError) as refusal:
            return f"{name}: refused: {refusal}"
        except IndexError:
            return f"{name}: there is nobody and nothing to choose from"
        self.done[name] += 1
        return f"{name}: {text}"

    def _pass_time(self) -> None:
        boundaries = boundaries_after(self.clock.now)
        if boundaries and self.random.random() < 0.3:
            # To what begins or ends next, or a microsecond before or after it.
            moment = boundaries[0] + self.random.choice((-1, 0, 1)) * MICROSECOND
            self.clock.move_to(max(moment, self.clock.now + MICROSECOND))
            return
        longest = self.random.choice((1e-6, 1, 60, 3_600, 86_400, 10 * 86_400))
        self.clock.move(max(MICROSECOND, timedelta(seconds=self.random.random() * longest)))

    # Choosing.

    def _actor(self) -> Any:
        return self.random.choice([*self.actors, SYSTEM])

    def _people(self, *, ever: bool = False) -> list[int]:
        found = User.objects.exclude(pk__in=[actor.pk for actor in self.actors])
        return list((found if ever else found.existing()).order_by("pk").values_list("pk", flat=True))

    def _person(self) -> int:
        return self.random.choice(self._people())

    def _some(self, found: list[Any], most: int = 3) -> list[Any]:
        return self.random.sample(found, min(len(found), self.random.randint(0, most)))

    def _role(self, *, own: bool = False) -> Role:
        found = Role.objects.exclude(slug="super_admin").order_by("pk")
        return self.random.choice(list(found.filter(is_system=False) if own else found))

    def _roles(self) -> list[str]:
        return [role.name for role in self._some(list(Role.objects.exclude(slug="super_admin").order_by("pk")))]

    def _period(self) -> dict[str, Any]:
        now, spans = self.clock.now, (timedelta(minutes=1), timedelta(hours=7), timedelta(days=3), timedelta(days=40))
        starts_at = now + self.random.choice(spans) * self.random.random() if self.random.random() < 0.5 else None
        ends_at = (starts_at or now) + self.random.choice(spans) * (self.random.random() + 0.01)
        return {"starts_at": starts_at, "ends_at": ends_at if self.random.random() < 0.7 else None}

    def _account(self) -> dict[str, Any]:
        number = next(self.numbers)
        fields = {"username": f"person-{number}", "email": f"person-{number}@lab.example"}
        return fields | {name: self.random.choice(NAMES) for name in ("first_name", "last_name")}

    # Accounts.

    def _create(self) -> str:
        if len(self._people()) >= MAX_PEOPLE:
            return self._delete()
        fields = self._account() | {"is_service": self.random.random() < 0.5, "is_active": self.random.random() < 0.8}
        if self.random.random() < 0.3:
            fields |= self._period()
        grants = [NewGrant(role, **self._period()) for role in self._roles()]
        given = {"role_grants": grants} if self.random.random() < 0.5 else {"roles": self._roles()}
        user = create_user(actor=self._actor(), **fields, **given)
        return f"{user.pk} {fields} {given}"

    def _import_file(self) -> str:
        if len(self._people()) >= MAX_PEOPLE:
            return self._erase()
        rows = [
            ImportRow(line, self._account() | {"is_active": self.random.random() < 0.8}, tuple(self._roles()))
            for line in range(2, 4)
        ]
        import_users(actor=self._actor(), rows=rows)
        return f"{rows}"

    def _rename(self) -> str:
        person, fields = self._person(), self._account()
        fields = {name: fields[name] for name in self._some(list(fields), most=4)}
        update_user(actor=self._actor(), user_id=person, **fields)
        return f"{person} {fields}"

    def _switch(self) -> str:
        person, is_active = self._person(), self.random.random() < 0.5
        update_user(actor=self._actor(), user_id=person, is_active=is_active)
        return f"{person} {is_active=}"

    def _lock(self) -> str:
        return f"{lock_user(actor=self._actor(), user_id=self._person()).pk}"

    def _unlock(self) -> str:
        return f"{unlock_user(actor=self._actor(), user_id=self._person()).pk}"

    def _delete(self) -> str:
        person = self._person()
        delete_user(actor=self._actor(), user_id=person)
        return f"{person}"

    def _erase(self) -> str:
        people = self._people(ever=True)
        person = self.random.choice(people)
        erase_personal_data(actor=self._actor(), user_id=person)
        return f"{person}"

    def _limit_account(self) -> str:
        person, period = self._person(), self._period()
        period = period if self.random.random() < 0.7 else {"starts_at": None, "ends_at": None}
        update_user(actor=self._actor(), user_id=person, **period)
        return f"{person} {period}"

    # Grants.

    def _give(self) -> str:
        person, role = self._person(), self._role().name
        grant_role(actor=self._actor(), user_id=person, role=role)
        return f"{person} {role}"

    def _give_for_a_time(self) -> str:
        person, role, period = self._person(), self._role().name, self._period()
        grant_role(actor=self._actor(), user_id=person, role=role, **period)
        return f"{person} {role} {period}"

    def _change_period(self) -> str:
        grants = RoleGrant.objects.filter(user__in=self._people()).select_related("role").order_by("pk")
        # Rather one that has a period.
        grant = self.random.choice(list(grants.exclude(starts_at=None, ends_at=None)) or list(grants))
        period = dict(self._some(list(self._period().items()), most=2)) or {"ends_at": None}
        change_grant(actor=self._actor(), user_id=grant.user_id, grant_id=grant.pk, **period)
        return f"{grant.user_id} {grant.role.name} {grant.starts_at} {grant.ends_at}: {period}"

    def _take(self) -> str:
        grants = RoleGrant.objects.filter(user__in=self._people()).select_related("role").order_by("pk")
        grant = self.random.choice(list(grants))
        revoke_role(actor=self._actor(), user_id=grant.user_id, role=grant.role.name)
        return f"{grant.user_id} {grant.role.name}"

    def _set_roles(self) -> str:
        person, roles = self._person(), self._roles()
        update_user(actor=self._actor(), user_id=person, roles=roles)
        return f"{person} {roles}"

    def _set_grants(self) -> str:
        person = self._person()
        kept = [
            NewGrant(grant.role.name, grant.starts_at, grant.ends_at)
            for grant in RoleGrant.objects.filter(user=person).select_related("role").order_by("pk")
            if self.random.random() < 0.5
        ]
        grants = [*kept, *(NewGrant(role, **self._period()) for role in self._roles())]
        update_user(actor=self._actor(), user_id=person, role_grants=grants)
        return f"{person} {grants}"

    def _many(self) -> str:
        people, act = self._some(self._people(), most=6), self.random.choice(("lock", "unlock", "on", "off", "+", "-"))
        changes: dict[str, Callable[..., Any]] = {
            "lock": bulk.lock,
            "unlock": bulk.unlock,
            "on": lambda **given: bulk.set_active(**given, is_active=True),
            "off": lambda **given: bulk.set_active(**given, is_active=False),
            "+": lambda **given: bulk.assign_role(**given, role=self._role().name),
            "-": lambda **given: bulk.remove_role(**given, role=self._role().name),
        }
        changes[act](actor=self._actor(), user_ids=people)
        return f"{act} {people}"

    # Roles.

    def _create_a_role(self) -> str:
        if Role.objects.count() >= MAX_ROLES:
            return self._delete_a_role()
        # Also by a name that another role had before.
        name, permissions = f"Role {self.random.randint(1, 9)}", self._some(sorted(PERMISSION_NAMES), most=5)
        create_role(actor=self._actor(), name=name, permissions=permissions)
        return f"{name} {permissions}"

    def _edit_a_role(self) -> str:
        role, permissions = self._role(), self._some(sorted(PERMISSION_NAMES), most=5)
        update_role(actor=self._actor(), role_id=role.pk, permissions=permissions)
        return f"{role.name} {permissions}"

    def _rename_a_role(self) -> str:
        role, name = self._role(own=True), f"Role {self.random.randint(1, 9)}"
        update_role(actor=self._actor(), role_id=role.pk, name=name)
        return f"{role.name} {name}"

    def _delete_a_role(self) -> str:
        role, other = self._role(own=True), self._role().name
        delete_role(actor=self._actor(), role_id=role.pk, reassign_to=other if self.random.random() < 0.9 else None)
        return f"{role.name}, its people become {other}"

    # Past the services.

    def _by_django(self) -> str:
        user, role = User.objects.get(pk=self._person()), self._role()
        permission = Permission.objects.get(name=self.random.choice(sorted(PERMISSION_NAMES)))
        acts: dict[str, Callable[[], object]] = {
            "name": lambda: User.objects.filter(pk=user.pk).update(first_name=self.random.choice(NAMES)),
            "active": lambda: User.objects.filter(pk=user.pk).update(is_active=not user.is_active),
            "locked": lambda: _save(user, locked_at=None if user.locked_at else self.clock.now),
            "add": lambda: user.roles.add(role),
            "remove": lambda: user.roles.remove(role),
            "clear": user.roles.clear,
            "permit": lambda: role.permissions.add(permission),
            "forbid": lambda: role.permissions.remove(permission),
            "role": lambda: _save(role, name=f"{role.name[:40]}+"),
            "end": lambda: RoleGrant.objects.filter(user=user).first().delete(),
            "move": lambda: _save(RoleGrant.objects.filter(user=user).first(), ends_at=self.clock.now + timedelta(1)),
            "delete": user.delete,
        }
        act = self.random.choice(list(acts))
        try:
            with transaction.atomic():
                acts[act]()
        except (AttributeError, IntegrityError):
            return "there is no grant, or it begins later than it would end"
        return f"{act} {user.pk} {role.name} {permission.name}"

    def _by_sql(self) -> str:
        person, role = self._person(), self._role()
        permission = Permission.objects.get(name=self.random.choice(sorted(PERMISSION_NAMES))).pk
        statements = {
            "active": ("UPDATE users SET is_active = NOT is_active WHERE id = %s", [person]),
            "name": ("UPDATE users SET username = username || '*' WHERE id = %s", [person]),
            "lock": ("UPDATE users SET locked_at = CURRENT_TIMESTAMP WHERE id = %s", [person]),
            "take": ("DELETE FROM user_roles WHERE user_id = %s AND role_id = %s", [person, role.pk]),
            "take all": ("DELETE FROM user_roles WHERE user_id = %s", [person]),
            "give": (
                GIVE,
                [person, role.pk, person, role.pk],
            ),
            "forbid": ("DELETE FROM role_permissions WHERE role_id = %s", [role.pk]),
            "permit": (
                PERMIT,
                [role.pk, permission, role.pk, permission],
            ),
            "rename": ("UPDATE roles SET name = name || '*' WHERE id = %s", [role.pk]),
        }
        act = self.random.choice(list(statements))
        with connection.cursor() as cursor:
            cursor.execute(*statements[act])
        # At once: until then the log can't know.
        Sealer().seal()
        return f"{act} {person} {role.name} {permission}"

    # By themselves.

    def _record(self) -> str:
        return f"{record_boundaries()} boundaries"

    def _seal(self) -> str:
        return f"{Sealer().seal()}"

    def _archive(self) -> str:
        Sealer().seal()
        path = self.folder / f"archive-{len(self.archives)}.jsonl"
        day = f"{self.clock.now - timedelta(days=40):%Y-%m-%d}"
        call_command("archive_audit", to=path, before=day, drop=True, yes=True, most=self.random.randint(50, 400))
        self.archives.append(path)
        return f"{path.name} before {day}"


def _save(row: Any, **fields: Any) -> None:
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()
