"""The shared cache of sessions: it saves every query, and no process ever answers from before a change."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import transaction
from django.db.models import QuerySet
from django.test import Client
from django.utils import timezone
from django_redis import get_redis_connection

from accounts import session_cache
from accounts.core.catalogue import PERMISSION_NAMES
from accounts.models import Role, RoleGrant, Session, User
from accounts.notifications.links import address_tokens
from accounts.passwords import services as password_services
from accounts.profile import email_change
from accounts.roles import services as role_services
from accounts.session_cache import keys, local
from accounts.sessions import refresh
from accounts.sessions import services as session_services
from accounts.tests.support.second_process import SecondProcess
from accounts.users import services as user_services
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.testing.cast import PASSWORD, make_user
from reprotech.testing.client import Caller, page_client

# Without Redis there is no cache that processes share.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]


@pytest.fixture(autouse=True)
def shared_cache(db):
    session_cache.reset()
    assert not local.bypass_flag.is_raised()


@pytest.fixture(scope="module")
def second_process(stack, django_db_setup):
    process = SecondProcess() if stack == "postgresql" else None
    yield process
    if process:
        assert process.end() == 0


@pytest.fixture
def shift(cast, make_role):
    """A second role besides Viewer, and what distinguishes it."""
    return make_role("Shift", "report_create")


@pytest.fixture
def worker(cast, shift):
    user = make_user("worker", "viewer", "Shift")
    QuerySet.update(User.objects.filter(pk=user.pk), last_login=user.created_at)  # as a sign-in leaves it
    caller = Caller(user)
    assert caller.token  # signed in from the beginning
    return caller


def me(caller):
    answer = caller.get("/api/auth/me")
    return answer.status_code, answer.json()


def warm(caller):
    """Call until the answer comes from the cache."""
    for _ in range(2):
        status, body = me(caller)
        assert status == 200
    session = caller.signed_in.session
    assert session_cache.fetch(session.pk, caller.user.pk).session is not None
    return body


def test_a_warm_request_costs_no_query_and_says_the_same(worker, django_assert_num_queries):
    with django_assert_num_queries(1):
        cold = me(worker)
    with django_assert_num_queries(0):
        assert me(worker) == cold
    assert "report_create" in cold[1]["permissions"]


def test_a_second_process_is_served_by_the_same_snapshot(worker, second_process):
    body = warm(worker)
    # By Django's own update, which announces nothing: only who reads the database would notice.
    QuerySet.update(User.objects.filter(pk=worker.user.pk), first_name="Unseen")
    assert second_process.me(worker) == [200, body]


def with_all(body):
    return set(PERMISSION_NAMES) == set(body["permissions"])


def refused(code):
    return lambda status, body: (status, body.get("code")) == (401, code)


def confirm_address(user, address):
    asked = email_change.request_email_change(actor=user, email=address)
    email_change.confirm_email_change(user_id=user.pk, link_token=address_tokens.make_token(asked))


CHANGES = {
    "role given": (
        lambda c, u, r: user_services.update_user(actor=c.super_admin, user_id=u.pk, roles=["super_admin"]),
        lambda status, body: status == 200 and with_all(body),
    ),
    "role taken": (
        lambda c, u, r: user_services.update_user(actor=c.super_admin, user_id=u.pk, roles=["viewer"]),
        lambda status, body: status == 200 and "report_create" not in body["permissions"],
    ),
    "role edited": (
        lambda c, u, r: role_services.update_role(actor=c.super_admin, role_id=r.pk, permissions=["audit_read"]),
        lambda status, body: "audit_read" in body["permissions"] and "report_create" not in body["permissions"],
    ),
    "role renamed": (
        lambda c, u, r: role_services.update_role(actor=c.super_admin, role_id=r.pk, name="Night"),
        lambda status, body: body["roles"] == ["Viewer", "Night"],
    ),
    "role deleted": (
        lambda c, u, r: role_services.delete_role(actor=c.super_admin, role_id=r.pk, reassign_to="viewer"),
        lambda status, body: status == 200 and body["roles"] == ["Viewer"],
    ),
    "locked": (
        lambda c, u, r: user_services.lock_user(actor=c.super_admin, user_id=u.pk),
        refused("account_disabled"),
    ),
    "deactivated": (
        lambda c, u, r: user_services.update_user(actor=c.super_admin, user_id=u.pk, is_active=False),
        refused("account_disabled"),
    ),
    "deleted": (
        lambda c, u, r: user_services.delete_user(actor=c.super_admin, user_id=u.pk),
        refused("token_invalid"),
    ),
    "renamed": (
        lambda c, u, r: user_services.update_user(
            actor=c.super_admin, user_id=u.pk, username="renamed", last_name="New"
        ),
        lambda status, body: (body["username"], body["last_name"]) == ("renamed", "New"),
    ),
    "address confirmed": (
        lambda c, u, r: confirm_address(u, "elsewhere@lab.example"),
        lambda status, body: body["email"] == "elsewhere@lab.example",
    ),
    "password reset": (
        lambda c, u, r: password_services.reset_password(actor=c.super_admin, user_id=u.pk, password="Other-Horse-8"),
        refused("token_invalid"),
    ),
    "password changed elsewhere": (
        lambda c, u, r: password_services.change_password(
            actor=u, current_password=PASSWORD, new_password="Other-Horse-8"
        ),
        refused("token_invalid"),
    ),
    "session ended": (
        lambda c, u, r: session_services.end_session(actor=c.super_admin, session_id=u.sessions.get().pk),
        refused("token_invalid"),
    ),
    "signed out": (
        lambda c, u, r: session_services.sign_out(session=u.sessions.get()),
        refused("token_invalid"),
    ),
    # In a shell, without a service: `audit.tracking.model_tracking` announces it.
    "locked directly": (
        lambda c, u, r: User.objects.filter(pk=u.pk).update(locked_at=timezone.now()),
        refused("account_disabled"),
    ),
    "role given directly": (
        lambda c, u, r: u.roles.add(Role.objects.get(slug="super_admin")),
        lambda status, body: status == 200 and with_all(body),
    ),
    "roles taken directly": (lambda c, u, r: u.roles.clear(), lambda status, body: body["roles"] == []),
    "permission taken directly": (
        lambda c, u, r: r.permissions.clear(),
        lambda status, body: "report_create" not in body["permissions"],
    ),
    "role deleted directly": (lambda c, u, r: r.delete(), lambda status, body: body["roles"] == ["Viewer"]),
    "session ended directly": (
        lambda c, u, r: u.sessions.update(ended_at=timezone.now()),
        refused("token_invalid"),
    ),
    "session given to another directly": (
        lambda c, u, r: u.sessions.update(user=c.viewer),
        refused("token_invalid"),
    ),
    "deleted directly": (lambda c, u, r: User.objects.get(pk=u.pk).delete(), refused("token_invalid")),
}


@pytest.mark.parametrize(("change", "is_seen"), CHANGES.values(), ids=CHANGES)
def test_the_very_next_request_sees_a_change_in_this_and_in_another_process(
    cast, shift, worker, second_process, change, is_seen
):
    assert not is_seen(200, warm(worker))
    change(cast, worker.user, shift)
    assert is_seen(*second_process.me(worker))
    assert is_seen(*me(worker))


def test_a_snapshot_read_before_a_change_and_stored_after_it_is_never_used(cast, worker):
    session = worker.signed_in.session
    stamp = session_cache.fetch(session.pk, worker.user.pk).versions
    slow = session_services.load_session(session.pk, worker.user.pk)
    user_services.update_user(actor=cast.super_admin, user_id=worker.user.pk, roles=["viewer"])
    session_cache.store(slow, stamp)
    assert "report_create" in slow.user.grants.permissions
    assert "report_create" not in me(worker)[1]["permissions"]


@pytest.mark.parametrize("announce", ["user", "role"])
def test_during_a_change_nothing_is_taken_from_the_cache_nor_stored(cast, shift, worker, announce):
    warm(worker)
    session = worker.signed_in.session
    stamp = session_cache.fetch(session.pk, worker.user.pk).versions
    slow = session_services.load_session(session.pk, worker.user.pk)
    with transaction.atomic():
        if announce == "user":
            user_services.update_user(actor=cast.super_admin, user_id=worker.user.pk, roles=["viewer"])
        else:
            role_services.update_role(actor=cast.super_admin, role_id=shift.pk, permissions=[])
        assert session_cache.fetch(session.pk, worker.user.pk) == session_cache.CacheResult()
        session_cache.store(slow, stamp)
        assert session_cache.fetch(session.pk, worker.user.pk) == session_cache.CacheResult()
    assert "report_create" not in me(worker)[1]["permissions"]


def test_a_change_of_another_user_leaves_the_snapshot_good(cast, worker, django_assert_num_queries):
    warm(worker)
    user_services.lock_user(actor=cast.super_admin, user_id=cast.viewer.pk)
    with django_assert_num_queries(0):
        me(worker)


def test_the_mark_of_a_killed_process_keeps_the_cache_out_of_use_until_it_expires(worker, django_assert_num_queries):
    warm(worker)
    victim = SecondProcess()
    victim.tell("die while locking", worker.user.pk)
    victim.process.communicate(timeout=60)
    key = f"user-version-{worker.user.pk}"
    assert cache.get(key) == keys.INVALIDATING
    # It outlives every snapshot that was stored before it.
    assert keys.SNAPSHOT_SECONDS < cache.ttl(key) <= keys.MARKER_SECONDS
    for _ in range(2):
        with django_assert_num_queries(1):
            assert me(worker)[0] == 200
    cache.expire(key, 0)
    # The old snapshot is of a version that is gone.
    with django_assert_num_queries(1):
        me(worker)
    with django_assert_num_queries(0):
        me(worker)


def test_a_change_that_is_rolled_back_does_no_harm(cast, worker):
    warm(worker)
    session = worker.signed_in.session
    with transaction.atomic():
        User.objects.filter(pk=worker.user.pk).update(last_name="New")
        transaction.set_rollback(True)
    assert session_cache.fetch(session.pk, worker.user.pk).session is None
    assert me(worker)[0] == 200


def test_nothing_secret_is_in_the_cache(worker):
    warm(worker)
    refresh.refresh_session(refresh_token=worker.signed_in.pair.refresh_token)
    warm(worker)
    redis = get_redis_connection()
    # Compressed or encoded values would hide what this looks for: they are plain JSON.
    kept = b"\n".join(redis.dump(key) and (redis.get(key) or b"") for key in redis.keys("reprotech:*"))
    assert b"report_create" in kept
    stored, session = User.objects.get(pk=worker.user.pk), worker.user.sessions.get()
    secrets = [stored.password, session.refresh_hash, *session.spent_refresh_hashes, PASSWORD, worker.token, "bcrypt"]
    assert all(len(secret) > 5 for secret in secrets)
    assert [secret for secret in secrets if secret.encode() in kept] == []


def test_an_ended_session_is_not_brought_back_by_its_snapshot(worker):
    """An expired one neither: the snapshot knows when."""
    warm(worker)
    session = worker.signed_in.session
    QuerySet.update(Session.objects.all(), expires_at=session.created_at)  # the cache doesn't learn of it
    found = session_cache.fetch(session.pk, worker.user.pk)
    found.session.expires_at = session.created_at
    session_cache.store(found.session, found.versions)
    assert me(worker)[0] == 401


def test_every_role_can_change_for_everybody_at_once(cast, worker):
    warm(worker)
    role = Role.objects.get(slug="viewer")
    role_services.update_role(actor=cast.super_admin, role_id=role.pk, permissions=[])
    assert me(worker)[1]["permissions"] == ["report_create"]


def confirm(browser):
    assert browser.post("/profile/security/confirm", {"password": PASSWORD, "next": "/profile"}).status_code == 302


def test_another_process_learns_at_once_that_the_password_was_typed_and_of_the_newer_cookie(cast, second_process):
    browser, file = page_client(cast.super_admin), "/api/users/export"
    assert [second_process.status(browser, file) for _ in range(2)] == [200, 200]
    session_services.expire_recent_authentication(user_ids=[cast.super_admin.pk])
    assert second_process.status(browser, file) == 403
    old = Client()
    old.cookies = browser.cookies.copy()
    confirm(browser)
    assert second_process.status(browser, file) == 200
    assert second_process.status(old, "/api/auth/me") == 200, "for a few seconds"
    Session.objects.update(rotated_at=timezone.now() - timedelta(seconds=10))
    assert second_process.status(old, "/api/auth/me") == 401
    assert second_process.status(browser, "/api/auth/me") == 200


def test_another_process_answers_nothing_by_a_role_that_was_just_taken(cast, second_process):
    browser = page_client(cast.manager)
    assert second_process.status(browser, "/api/users/export") == 200
    assert [second_process.status(browser, "/api/audit") for _ in range(2)] == [200, 200]
    user_services.update_user(actor=cast.super_admin, user_id=cast.manager.pk, roles=["viewer"])
    assert second_process.status(browser, "/api/audit") == 403
    user_services.update_user(actor=cast.super_admin, user_id=cast.manager.pk, roles=["manager"])
    assert second_process.status(browser, "/api/audit") == 200
    assert second_process.status(browser, "/api/users/export") == 403, "what is new is open after the password"


def test_a_session_that_others_keep_in_the_cache_is_still_used_in_the_database(cast):
    """A page that polls keeps the snapshot warm: what is clicked counts all the same."""
    browser = page_client(cast.manager)
    ago = timezone.now() - timedelta(minutes=2)
    Session.objects.update(last_used_at=ago)
    for _ in range(2):
        browser.get("/profile", HTTP_X_UNATTENDED="true")
    session = Session.objects.get()
    assert session_cache.fetch(session.pk, cast.manager.pk).session.last_used_at == ago == session.last_used_at
    browser.get("/profile")
    assert Session.objects.get().last_used_at > ago


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"stamp": ["a", "b"]}'])
def test_what_is_no_snapshot_is_not_used_and_harms_nobody(worker, text):
    warm(worker)
    session_cache.reset()
    name = cache.make_key(f"session-{worker.signed_in.session.pk}")
    get_redis_connection().set(name, text)
    for _ in range(2):
        assert me(worker)[0] == 200


def test_a_session_of_someone_else_is_nobodys(cast, worker):
    warm(worker)
    session = worker.signed_in.session
    assert session_cache.fetch(session.pk, cast.viewer.pk).session is None


def test_another_process_knows_the_end_of_a_role(worker, second_process):
    end = timezone.now() + timedelta(seconds=2)
    with explicitly_recorded():
        RoleGrant.objects.filter(user=worker.user, role__name="Shift").update(ends_at=end)
    # However slow this machine is: what was answered before the end had the role, what was asked after it hasn't.
    is_over = False
    while not is_over:
        is_over = timezone.now() >= end
        roles = second_process.me(worker)[1]["roles"]
        assert timezone.now() >= end or "Shift" in roles
    assert "Shift" not in roles
