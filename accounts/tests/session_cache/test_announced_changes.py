"""Whatever changes what cached sessions show announces it, in a service or without one, and before it commits."""

import pytest
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts.models import Role, Session, User
from accounts.session_cache import invalidation
from accounts.session_cache.keys import INVALIDATING, ROLES_VERSION, version_key
from accounts.tests.support.tracked_rows import replaced, saved, users
from accounts.users import services as user_services
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.testing.cast import give_role, take_role

pytestmark = [pytest.mark.django_db, pytest.mark.only_on("postgresql")]

OWNER, OTHER, ALL = "user", "other", "all"

#: Each statement with whose cached sessions it makes void.
STATEMENTS = {
    "saved": (lambda s: saved(s.user, last_name="Eve"), {OWNER}),
    "saved in part": (lambda s: s.user.save(update_fields=["last_login"]), {OWNER}),
    "saved over another": (lambda s: replaced(s.user), {OWNER}),
    "saved expression": (lambda s: saved(s.session, expires_at=F("created_at")), {OWNER}),
    "update": (lambda s: users(s.user, s.other).update(locked_at=timezone.now()), {OWNER, OTHER}),
    "update of nobody": (lambda s: User.objects.none().update(is_active=False), set()),
    "bulk_update": (lambda s: User.objects.bulk_update([s.user], ["first_name"]), {OWNER}),
    "update_or_create": (lambda s: User.objects.update_or_create(pk=s.user.pk, defaults={"is_active": False}), {OWNER}),
    "deleted": (lambda s: s.user.delete(), {OWNER}),
    "several deleted": (lambda s: users(s.user, s.other).delete(), {OWNER, OTHER}),
    "role given": (lambda s: s.user.roles.add(s.more), {OWNER}),
    "roles replaced": (lambda s: s.user.roles.set([s.more]), {OWNER}),
    "roles cleared": (lambda s: s.user.roles.clear(), {OWNER}),
    "role given to users": (lambda s: give_role(s.more, s.user, s.other), {OWNER, OTHER}),
    "role taken from users": (lambda s: take_role(s.role, s.user, s.other), {OWNER}),  # the other never had it
    "role taken from all": (lambda s: s.role.user_grants.all().delete(), {OWNER}),
    "role edited": (lambda s: saved(s.role, name="Seer"), {ALL}),
    "roles overwritten": (
        lambda s: Role.objects.bulk_create(
            [Role(slug="viewer", name="Seer")], update_conflicts=True, unique_fields=["slug"], update_fields=["name"]
        ),
        {ALL},
    ),
    "role deleted": (lambda s: s.role.delete(), {ALL, OWNER}),
    "permission taken": (lambda s: s.role.permissions.clear(), {ALL}),
    "permission given to roles": (lambda s: s.right.roles.add(s.role), {ALL}),
    "permission renamed": (lambda s: saved(s.right, name="user_erase"), {ALL}),
    "session ended": (lambda s: saved(s.session, ended_at=timezone.now()), {OWNER}),
    "sessions ended": (lambda s: s.user.sessions.update(ended_at=timezone.now()), {OWNER}),
    "sessions given to another": (lambda s: s.user.sessions.update(user=s.other), {OWNER}),
    "sessions deleted": (lambda s: s.user.sessions.all().delete(), {OWNER}),
    "sessions deleted at once": (lambda s: s.user.sessions.all()._raw_delete("default"), {OWNER}),
    # What no snapshot shows.
    "password": (lambda s: s.user.save(update_fields=["password"]), set()),
    "link": (lambda s: users(s.user).update(link_number=F("link_number") + 1), set()),
    "refresh token": (lambda s: s.session.save(update_fields=["refresh_hash"]), set()),
    "key": (lambda s: saved(s.key, revoked_at=timezone.now()), set()),
    "new session": (lambda s: Session.objects.create(user=s.user, kind="page", expires_at=timezone.now()), set()),
    "new user": (lambda s: User(username="eve", email="eve@lab.example").save(), set()),
}


@pytest.fixture
def announced(monkeypatch):
    """The names of versions that were announced."""
    names = set()
    monkeypatch.setattr(invalidation, "_invalidate", names.update)
    return names


@pytest.mark.parametrize("within", ["service", "shell"])
@pytest.mark.parametrize(("statement", "whose"), STATEMENTS.values(), ids=STATEMENTS)
def test_a_change_makes_void_what_shows_it_and_nothing_else(seen, announced, statement, whose, within):
    versions = {
        OWNER: version_key(seen.user.pk),
        OTHER: version_key(seen.other.pk),
        ALL: ROLES_VERSION,
    }
    announced.clear()
    if within == "service":
        with explicitly_recorded():
            statement(seen)
    else:
        statement(seen)
    assert announced == {versions[one] for one in whose}


def test_more_users_than_can_be_named_are_announced_as_all(cast, announced, monkeypatch):
    monkeypatch.setattr(invalidation, "MAX_USERS", 2)
    everybody = list(User.objects.values_list("pk", flat=True)[:3])
    User.objects.filter(pk__in=everybody[:2]).update(is_active=False)
    assert announced == {version_key(pk) for pk in everybody[:2]}
    User.objects.filter(pk__in=everybody).update(is_active=True)
    assert ROLES_VERSION in announced


class Marks(list):
    """What was written to Redis: the value, in short, and of whose versions."""

    def write(self, keys, value, _seconds):
        self.append(("changing" if value == INVALIDATING else "new", sorted(keys)))
        return True


@pytest.fixture
def marks(monkeypatch):
    found = Marks()
    monkeypatch.setattr(invalidation, "_set_all", found.write)
    return found


@pytest.mark.django_db(transaction=True)
def test_a_transaction_marks_each_user_once_and_gives_all_new_versions_after_its_commit(cast, marks):
    viewer, manager = (version_key(user.pk) for user in (cast.viewer, cast.manager))
    with transaction.atomic():
        for _ in range(2):
            User.objects.filter(pk=cast.viewer.pk).update(first_name="A")
        User.objects.filter(pk=cast.manager.pk).update(first_name="B")
        assert marks == [("changing", [viewer]), ("changing", [manager])]
    assert marks[2:] == [("new", sorted([viewer, manager]))]


def roll_back(change):
    with transaction.atomic():
        change()
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_what_is_changed_after_a_rollback_to_a_savepoint_gets_a_new_version_all_the_same(cast, marks):
    viewer = version_key(cast.viewer.pk)

    def change():
        User.objects.filter(pk=cast.viewer.pk).update(first_name="A")

    with transaction.atomic():
        roll_back(change)
        change()
    assert marks == [("changing", [viewer]), ("changing", [viewer]), ("new", [viewer])]
    marks.clear()
    roll_back(change)
    change()
    assert marks == [("changing", [viewer]), ("changing", [viewer]), ("new", [viewer])]


@pytest.mark.django_db(transaction=True)
def test_a_service_announces_without_a_word_of_its_own(cast, marks):
    user_services.lock_user(actor=cast.super_admin, user_id=cast.viewer.pk)
    viewer = version_key(cast.viewer.pk)
    assert marks == [("changing", [viewer]), ("new", [viewer])]
