"""What happens at once: real threads, each with a connection of its own, several rounds."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import pytest
from django.db import transaction

from accounts.models import PasswordHistory, Role, Session, User
from accounts.passwords import services as password_services
from accounts.users import services as user_services
from audit.models import AuditLog
from reprotech.testing.cast import PASSWORD, at_once, audit_rows, make_user
from reprotech.testing.client import Caller

pytestmark = pytest.mark.django_db(transaction=True)

ROUNDS = 5
NEW = "Other-Horse-8"


def statuses(*calls):
    """The status of each answer, sorted; an exception in a thread fails the test."""
    answers = at_once(*calls)
    for answer in answers:
        assert not isinstance(answer, Exception), answer
    return sorted(answer.status_code for answer in answers)


def live_sessions(user):
    return Session.objects.alive().filter(user=user)


def log_in(name, password=PASSWORD):
    return Caller().post("/api/auth/login", {"username": name, "password": password})


def refresh(token):
    return Caller().post("/api/auth/refresh", {"refresh_token": token})


# The last Super Administrator

ON_EACH_OTHER = {
    "delete": lambda caller, pk: caller.delete(f"/api/users/{pk}"),
    "lock": lambda caller, pk: caller.post(f"/api/users/{pk}/lock"),
    "deactivate": lambda caller, pk: caller.patch(f"/api/users/{pk}", {"is_active": False}),
    "strip": lambda caller, pk: caller.patch(f"/api/users/{pk}", {"roles": ["viewer"]}),
}


@pytest.mark.parametrize("verb", ON_EACH_OTHER)
def test_two_super_administrators_on_each_other_leave_exactly_one(cast, verb):
    attack = ON_EACH_OTHER[verb]
    for n in range(ROUNDS):
        (one,) = User.objects.active().super_administrators()
        other = make_user(f"super-{n}", "super_admin")
        callers = Caller(one), Caller(other)
        assert [caller.get("/api/auth/me").status_code for caller in callers] == [200, 200]
        result = statuses(
            lambda a=callers[0], b=other: attack(a, b.pk),
            lambda a=callers[1], b=one: attack(a, b.pk),
        )
        assert User.objects.active().super_administrators().count() == 1
        # Who came second was refused as no longer entitled, or as the last one's attacker.
        assert result[0] == 200
        assert result[1] in {401, 403, 409}


def test_a_service_account_is_not_the_one_that_is_left(cast):
    make_user("robot", "super_admin", is_service=True, password=None)
    make_user("never-came", "super_admin", password=None)
    other = make_user("super-2", "super_admin")
    callers = Caller(cast.super_admin), Caller(other)
    assert [caller.get("/api/auth/me").status_code for caller in callers] == [200, 200]
    result = statuses(
        lambda: ON_EACH_OTHER["lock"](callers[0], other.pk),
        lambda: ON_EACH_OTHER["strip"](callers[1], cast.super_admin.pk),
    )
    assert result[0] == 200
    assert result[1] in {401, 403, 409}
    assert User.objects.active().super_administrators().people().with_password().count() == 1


def test_two_who_step_down_at_once_leave_one(cast):
    for n in range(ROUNDS):
        (one,) = User.objects.active().super_administrators()
        callers = [Caller(one), Caller(make_user(f"super-{n}", "super_admin"))]
        result = statuses(
            *[lambda c=caller: c.patch(f"/api/users/{c.user.pk}", {"roles": ["viewer"]}) for caller in callers]
        )
        assert result == [200, 409]
        assert User.objects.active().super_administrators().count() == 1


# Sessions and passwords


def test_of_refreshes_with_the_same_token_one_wins_and_the_session_lives(cast):
    signed_in = Caller(cast.viewer).signed_in
    token = signed_in.pair.refresh_token
    for _ in range(ROUNDS):
        answers = at_once(*[partial(refresh, token)] * 4)
        assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]
        (won,) = [answer.json() for answer in answers if answer.status_code == 200]
        me = Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {won['access_token']}")
        assert me.status_code == 200
        token = won["refresh_token"]
    assert AuditLog.objects.filter(action="token_refresh", success=True).count() == ROUNDS
    assert not AuditLog.objects.filter(action="token_refresh", success=False).exists()


def test_a_refresh_and_a_sign_out_at_once_leave_no_session(cast):
    for _ in range(ROUNDS):
        caller = Caller(cast.viewer)
        refresh_token = caller.signed_in.pair.refresh_token
        answers = at_once(
            partial(refresh, refresh_token),
            lambda caller=caller: caller.post("/api/auth/logout"),
        )
        assert answers[1].status_code == 200
        assert not live_sessions(cast.viewer).exists()
        if answers[0].status_code == 200:
            access_token = answers[0].json()["access_token"]
            assert Caller().get("/api/auth/me", HTTP_AUTHORIZATION=f"Bearer {access_token}").status_code == 401


def test_a_login_racing_a_lock_leaves_no_live_session(cast, super_admin):
    for _ in range(ROUNDS):
        result = statuses(
            *[lambda: log_in("the-viewer")] * 3,
            lambda: super_admin.post(f"/api/users/{cast.viewer.pk}/lock"),
        )
        assert set(result) <= {200, 401}
        assert not live_sessions(cast.viewer).exists()
        assert super_admin.post(f"/api/users/{cast.viewer.pk}/unlock").status_code == 200


def test_a_login_with_the_old_password_racing_a_reset_leaves_no_live_session(cast, super_admin):
    for old, new in pairwise([PASSWORD, *(f"Horse-Number-{n}" for n in range(ROUNDS))]):
        result = statuses(
            *[lambda old=old: log_in("the-viewer", old)] * 3,
            lambda new=new: super_admin.post(f"/api/users/{cast.viewer.pk}/reset-password", {"password": new}),
        )
        assert set(result) <= {200, 401}
        assert not live_sessions(cast.viewer).exists()


def test_a_login_with_the_old_password_racing_ones_own_change_leaves_that_session_alone(cast):
    body = {"current_password": PASSWORD, "new_password": NEW}
    caller = Caller(cast.viewer)
    result = statuses(*[lambda: log_in("the-viewer")] * 3, lambda: caller.post("/api/auth/change-password", body))
    assert set(result) <= {200, 401}
    assert list(live_sessions(cast.viewer)) == [caller.signed_in.session]


SHUT_OUT = {
    "locked": lambda actor, pk: user_services.lock_user(actor=actor, user_id=pk),
    "deactivated": lambda actor, pk: user_services.update_user(actor=actor, user_id=pk, is_active=False),
    "deleted": lambda actor, pk: user_services.delete_user(actor=actor, user_id=pk),
    "given another password": lambda actor, pk: password_services.reset_password(actor=actor, user_id=pk, password=NEW),
}


@pytest.mark.parametrize("shut_out", SHUT_OUT.values(), ids=SHUT_OUT)
def test_who_is_shut_out_while_their_password_is_checked_stays_out(cast, shut_out):
    with ThreadPoolExecutor(1) as thread, audit_rows() as rows:
        with transaction.atomic():
            User.objects.select_for_update(no_key=True).get(pk=cast.viewer.pk)
            login = thread.submit(lambda: at_once(lambda: log_in("the-viewer")))
            time.sleep(0.3)  # the password is right, and the login waits for the user's row
            shut_out(cast.super_admin, cast.viewer.pk)
        (answer,) = login.result()
    assert answer.status_code == 401
    assert not live_sessions(cast.viewer).exists()
    assert [row.success for row in rows if row.action == "login"] == [False]


def test_of_two_changes_of_a_password_one_wins(cast):
    caller = Caller(cast.viewer)
    answers = at_once(
        *[
            lambda new=new: caller.post(
                "/api/auth/change-password", {"current_password": PASSWORD, "new_password": new}
            )
            for new in (NEW, "Third-Horse-9")
        ]
    )
    codes = [answer.status_code for answer in answers]
    assert sorted(codes) in ([200, 400], [200, 409])
    winner = (NEW, "Third-Horse-9")[codes.index(200)]
    assert User.objects.get(pk=cast.viewer.pk).check_password(winner)
    assert PasswordHistory.objects.filter(user=cast.viewer).count() == 1


def test_forty_parallel_attempts_reach_the_hasher_ten_times(cast):
    with audit_rows() as rows:
        result = statuses(*[lambda: log_in("the-viewer", "Wrong-Horse-7")] * 40)
    assert Counter(result) == {401: 10, 429: 30}
    reasons = Counter(row.details["reason"] for row in rows)
    assert reasons == {"The password is wrong.": 10, "Too many attempts.": 1}


def test_forty_parallel_attempts_from_where_one_is_known_reach_it_ten_times_too(cast):
    assert log_in("the-viewer").status_code == 200
    with audit_rows() as rows:
        result = statuses(*[lambda: log_in("the-viewer", "Wrong-Horse-7")] * 40)
    assert Counter(result) == {401: 10, 429: 30}
    assert Counter(row.details["reason"] for row in rows)["The password is wrong."] == 10


# Users and roles


def test_of_users_of_the_same_name_one_is_created(cast, super_admin):
    for n in range(ROUNDS):
        bodies = [
            {"username": name, "email": email, "password": PASSWORD}
            for name, email in ((f"twin-{n}", f"a{n}@lab.example"), (f"TWIN-{n}", f"b{n}@lab.example"))
        ]
        with audit_rows() as rows:
            result = statuses(*[lambda body=body: super_admin.post("/api/users", body) for body in bodies])
        assert result == [201, 409]
        assert User.objects.filter(username__iexact=f"twin-{n}").count() == 1
        assert [row.action for row in rows] == ["create"]


def test_of_users_of_the_same_address_one_is_created(cast, super_admin):
    bodies = [{"username": f"twin-{n}", "email": ("A@lab.example", "a@lab.example")[n]} for n in (0, 1)]
    result = statuses(*[lambda body=body: super_admin.post("/api/users", body) for body in bodies])
    assert result == [201, 409]


def test_of_roles_of_the_same_name_one_is_created(cast, super_admin):
    for n in range(ROUNDS):
        bodies = [{"name": f"Shift {n}"}, {"name": f"SHIFT {n}"}]
        assert statuses(*[lambda body=body: super_admin.post("/api/roles", body) for body in bodies]) == [201, 409]


def test_a_role_given_while_it_is_deleted_is_either_held_or_gone(cast, super_admin):
    for n in range(ROUNDS * 2):
        role = super_admin.post("/api/roles", {"name": f"Shift {n}"}).json()["role"]
        with audit_rows() as rows:
            given, deleted = at_once(
                lambda n=n: super_admin.patch(f"/api/users/{cast.viewer.pk}", {"roles": ["viewer", f"Shift {n}"]}),
                lambda role=role: super_admin.delete(f"/api/roles/{role['id']}"),
            )
        is_there = Role.objects.filter(pk=role["id"]).exists()
        holds = f"Shift {n}" in User.objects.get(pk=cast.viewer.pk).grants.role_names
        assert (given.status_code, deleted.status_code) in {(200, 409), (400, 200), (409, 200)}
        assert (is_there, holds) == (given.status_code == 200, given.status_code == 200)
        # One of them happened, and one row (or two, when a role of the round before was taken) tells of it.
        assert {row.action for row in rows} <= {"role_assign", "role_revoke"} if holds else {"delete"}
        super_admin.patch(f"/api/users/{cast.viewer.pk}", {"roles": ["viewer"]})


def test_two_roles_deleted_in_favour_of_each_other_leave_one(cast, super_admin):
    for n in range(ROUNDS):
        made = [super_admin.post("/api/roles", {"name": f"{name} {n}"}).json()["role"] for name in ("Day", "Night")]
        holders = [make_user(f"holder-{n}-{role['slug']}", role["name"]) for role in made]
        result = statuses(
            *[
                lambda a=a, b=b: super_admin.delete(f"/api/roles/{a['id']}?reassign_to={b['slug']}")
                for a, b in (made, reversed(made))
            ]
        )
        assert result in ([200, 400], [200, 409])
        (left,) = Role.objects.filter(pk__in=[role["id"] for role in made])
        assert [User.objects.get(pk=user.pk).grants.role_names for user in holders] == [(left.name,)] * 2


def test_a_reset_racing_a_deletion_is_done_before_it_or_not_at_all(cast, super_admin):
    for n in range(ROUNDS):
        user = make_user(f"user-{n}", "viewer")
        reset, deleted = at_once(
            lambda user=user: super_admin.post(f"/api/users/{user.pk}/reset-password", {"password": NEW}),
            lambda user=user: super_admin.delete(f"/api/users/{user.pk}"),
        )
        assert deleted.status_code == 200
        assert reset.status_code in {200, 404, 409}
        assert not User.objects.get(pk=user.pk).has_usable_password()


def concurrent_changes(super_admin, admin, user, other, role):
    """Changes that meet in the same rows."""
    return [
        lambda: super_admin.patch(f"/api/users/{user.pk}", {"roles": [role["name"], "viewer"]}),
        lambda: super_admin.patch(f"/api/users/{other.pk}", {"roles": ["viewer"], "first_name": "A"}),
        lambda: admin.patch(f"/api/users/{user.pk}", {"roles": ["manager"], "last_name": "B"}),
        lambda: admin.post(f"/api/users/{user.pk}/lock"),
        lambda: super_admin.post(f"/api/users/{user.pk}/unlock"),
        lambda: admin.patch(f"/api/roles/{role['id']}", {"permissions": ["sample_read"]}),
        lambda: super_admin.patch(f"/api/roles/{role['id']}", {"permissions": ["user_read"], "description": "C"}),
        lambda: super_admin.post(f"/api/users/{user.pk}/reset-password", {"password": PASSWORD}),
        lambda: log_in(user.username),
        lambda: super_admin.delete(f"/api/roles/{role['id']}?reassign_to=viewer"),
        lambda: super_admin.delete(f"/api/users/{other.pk}"),
    ]


def test_a_storm_of_changes_is_answered_by_rules_and_never_by_a_failure(cast, super_admin, admin):
    for n in range(ROUNDS):
        role = super_admin.post("/api/roles", {"name": f"Shift {n}"}).json()["role"]
        user, other = make_user(f"eye-{n}", "viewer"), make_user(f"bystander-{n}", role["name"])
        result = statuses(*concurrent_changes(super_admin, admin, user, other, role))
        assert set(result) <= {200, 400, 401, 404, 409}
        assert not User.objects.get(pk=other.pk).is_active
    assert User.objects.active().super_administrators().count() == 1
