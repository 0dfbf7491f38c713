"""Whatever services do, the history says of each moment what the tables said then."""

from datetime import timedelta

import pytest
from django.utils import timezone

from access_history.models import AccountPeriod, GrantPeriod, HistoryState, RolePeriod
from access_history.projection.catch_up import catch_up
from access_history.tests.snapshots import differences, history_at, present, total_at
from accounts.access.authorization import SYSTEM
from accounts.access_periods.boundaries import record_boundaries
from accounts.access_periods.services import change_grant, grant_role, revoke_role
from accounts.models import Role, RoleGrant, User
from accounts.periods.grants import NewGrant
from accounts.roles.services import create_role, delete_role, update_role
from accounts.users.bulk import assign_role, set_active
from accounts.users.csv.import_users import ImportRow, import_users
from accounts.users.services import create_user, delete_user, lock_user, unlock_user, update_user
from audit.models import Action, AuditLog
from audit.services import record
from reprotech.testing.cast import make_user
from sso.applications.own_permissions import register_permissions
from sso.tests.support.sign_ins import make_application

pytestmark = pytest.mark.django_db


class Scenario:
    """Steps, each with what the tables said after it."""

    def __init__(self, monkeypatch):
        self.now, self.snapshots = timezone.now(), []
        monkeypatch.setattr(timezone, "now", lambda: self.now)
        monkeypatch.setattr(AuditLog._meta.get_field("timestamp"), "_get_default", lambda: self.now)

    def step(self, name, change=None, after=timedelta(minutes=1)):
        self.now += after
        result = change() if change else None
        self.now += timedelta(microseconds=1)
        self.snapshots.append((name, *present()))
        return result

    def check(self):
        assert catch_up(None).complete_to is None
        assert HistoryState.objects.get().contradictions == []
        for name, moment, users, roles in self.snapshots:
            found_users, found_roles = history_at(moment)
            assert differences(found_users, users) == ({}, {}), name
            assert differences(found_roles, roles) == ({}, {}), name
            assert (name, total_at(moment)) == (name, len(users))


@pytest.fixture
def scenario(cast, monkeypatch):
    # The cast took this account away without a word.
    gone = AuditLog.objects.get(resource="user", resource_name="admin", action="create")
    record(actor=SYSTEM, action=Action.DELETE, resource="user", resource_id=gone.resource_id)
    return Scenario(monkeypatch)


def test_accounts(scenario):
    ann = scenario.step("create", lambda: make_user("ann", "viewer", first_name="Ann", last_name="Lee"))
    scenario.step("rename", lambda: update_user(actor=SYSTEM, user_id=ann.pk, username="anna", last_name="Li"))
    scenario.step("lock", lambda: lock_user(actor=SYSTEM, user_id=ann.pk))
    scenario.step("unlock", lambda: unlock_user(actor=SYSTEM, user_id=ann.pk))
    scenario.step("deactivate", lambda: set_active(actor=SYSTEM, user_ids=[ann.pk], is_active=False))
    scenario.step("activate", lambda: update_user(actor=SYSTEM, user_id=ann.pk, is_active=True))
    scenario.step(
        "limit", lambda: update_user(actor=SYSTEM, user_id=ann.pk, ends_at=timezone.now() + timedelta(days=2))
    )
    scenario.step("address", lambda: update_user(actor=SYSTEM, user_id=ann.pk, email="li@lab.example"))
    scenario.step("ended", record_boundaries, after=timedelta(days=3))
    scenario.step("extend", lambda: update_user(actor=SYSTEM, user_id=ann.pk, ends_at=None))
    scenario.step(
        "script",
        lambda: create_user(actor=SYSTEM, username="robot", email="r@lab.example", is_service=True, roles=["viewer"]),
    )
    scenario.step("delete", lambda: delete_user(actor=SYSTEM, user_id=ann.pk))
    rows = [
        ImportRow(
            2,
            {
                "username": f"new{n}",
                "email": f"n{n}@lab.example",
                "first_name": "",
                "last_name": "",
                "is_active": n > 0,
            },
            ("Viewer", "Researcher"),
        )
        for n in range(2)
    ]
    scenario.step("import", lambda: import_users(actor=SYSTEM, rows=rows))
    scenario.check()
    first = AccountPeriod.objects.filter(user_id=ann.pk).first()
    assert (first.username, first.full_name) == ("ann", "Ann Lee")


def test_grants(scenario):
    def later(days):
        return timezone.now() + timedelta(days=days)

    ann = scenario.step("create", lambda: make_user("ann", "viewer"))
    given = {"actor": SYSTEM, "user_id": ann.pk}
    scenario.step("give", lambda: grant_role(role="researcher", **given))
    scenario.step("take", lambda: revoke_role(role="researcher", **given))
    limited = scenario.step("until", lambda: grant_role(role="manager", ends_at=later(2), **given))
    scenario.step("extend", lambda: change_grant(grant_id=limited.pk, ends_at=later(4), **given))
    planned = scenario.step(
        "later", lambda: grant_role(role="veterinarian", starts_at=later(1), ends_at=later(3), **given)
    )
    scenario.step("earlier", lambda: change_grant(grant_id=planned.pk, starts_at=later(0.5), **given))
    scenario.step("begins", record_boundaries, after=timedelta(hours=13))
    scenario.step("ends, not on record", after=timedelta(days=3))
    scenario.step("ends, on record", record_boundaries)
    again = scenario.step("planned again", lambda: grant_role(role="researcher", starts_at=later(1), **given))
    scenario.step("begins now", lambda: change_grant(grant_id=again.pk, starts_at=None, **given))
    viewer = RoleGrant.objects.get(user=ann, role__slug="viewer")
    scenario.step("not before", lambda: change_grant(grant_id=viewer.pk, starts_at=later(1), **given))
    scenario.step("begins again", record_boundaries, after=timedelta(days=1))
    scenario.step("planned", lambda: grant_role(role="manager", starts_at=later(1), **given))
    scenario.step("taken before it began", lambda: revoke_role(role="manager", **given))
    scenario.step("all at once", lambda: update_user(roles=["manager"], **given))
    scenario.step(
        "periods at once",
        lambda: update_user(
            role_grants=[NewGrant("manager", ends_at=later(3)), NewGrant("viewer", starts_at=later(1))], **given
        ),
    )
    scenario.step("bulk", lambda: assign_role(actor=SYSTEM, user_ids=[ann.pk], role="lab_technician"))
    scenario.step("passed", record_boundaries, after=timedelta(days=5))
    scenario.step(
        "with periods",
        lambda: create_user(
            actor=SYSTEM,
            username="ben",
            email="ben@lab.example",
            role_grants=[NewGrant("viewer", ends_at=later(2)), NewGrant("manager", starts_at=later(1))],
        ),
    )
    scenario.step("of which one began", after=timedelta(days=1))
    scenario.check()


def test_a_grant_holds_from_its_start_until_just_before_its_end(scenario):
    start, end = timezone.now() + timedelta(days=1), timezone.now() + timedelta(days=2)
    ann = make_user("ann")
    grant_role(actor=SYSTEM, user_id=ann.pk, role="viewer", starts_at=start, ends_at=end)
    scenario.step("over", record_boundaries, after=timedelta(days=3))
    scenario.check()
    tick = timedelta(microseconds=1)
    held = [
        GrantPeriod.objects.at(moment).filter(user_id=ann.pk).exists()
        for moment in (start - tick, start, end - tick, end)
    ]
    assert held == [False, True, True, False]


def test_a_beginning_that_is_recorded_after_a_later_change(scenario):
    role, later = create_role(actor=SYSTEM, name="Reader"), timezone.now() + timedelta(hours=1)
    ann = scenario.step("create", lambda: make_user("ann", "Reader"))
    scenario.step("plan", lambda: grant_role(actor=SYSTEM, user_id=ann.pk, role="manager", starts_at=later))
    gone = {"actor": SYSTEM, "role_id": role.pk, "reassign_to": "viewer"}
    scenario.step("reassign", lambda: delete_role(**gone), after=timedelta(hours=2))
    scenario.step("begun", record_boundaries)
    scenario.check()


def test_roles(scenario):
    role = scenario.step("create", lambda: create_role(actor=SYSTEM, name="Reader", permissions=["animal_read"]))
    ann, ben = (scenario.step(name, lambda name=name: make_user(name, "Reader")) for name in ("ann", "ben"))
    changed = {"actor": SYSTEM, "role_id": role.pk}
    scenario.step("rename", lambda: update_role(name="Lector", **changed))
    scenario.step("edit", lambda: update_role(permissions=["sample_read", "user_read"], **changed))
    scenario.step("give by the new name", lambda: make_user("cleo", "Lector"))
    other = scenario.step("other", lambda: create_role(actor=SYSTEM, name="Reader 2", permissions=["sample_read"]))
    later = timezone.now() + timedelta(days=9)
    scenario.step("limit", lambda: grant_role(actor=SYSTEM, user_id=ann.pk, role="Reader 2", ends_at=later))
    planned = lambda: grant_role(actor=SYSTEM, user_id=make_user("dan").pk, role="Lector", starts_at=later)  # noqa: E731
    scenario.step("planned", planned)
    scenario.step("reassign", lambda: delete_role(reassign_to="Reader 2", **changed))
    scenario.step("begun", record_boundaries, after=timedelta(days=10))
    scenario.step("take", lambda: revoke_role(actor=SYSTEM, user_id=ben.pk, role="Reader 2"))
    scenario.check()
    assert [row.name for row in RolePeriod.objects.filter(role_id=role.pk)] == ["Reader", "Lector"]
    assert GrantPeriod.objects.live().filter(role_id=other.pk).count() == 3
    assert Role.objects.filter(pk=role.pk).count() == User.objects.filter(username="nobody").count() == 0


def test_permissions_that_a_program_registers(scenario):
    program = make_application("HPLC")
    entries = [{"resource": "run", "action": action, "description": f"{action} runs"} for action in ("read", "approve")]
    register = {"actor": SYSTEM, "application_id": program.pk}
    scenario.step("register", lambda: register_permissions(permissions=entries, **register))
    scenario.step("give", lambda: create_role(actor=SYSTEM, name="Reader", permissions=["hplc.run_read"]))
    # One is held and stays, the other goes with its registration.
    scenario.step("take back", lambda: register_permissions(permissions=[], **register))
    scenario.step("again", lambda: register_permissions(permissions=entries, **register))
    scenario.check()
