"""What a request costs: lists cost the same whatever their length, being signed in costs next to nothing."""

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from access_history.models import AccountDay, AccountPeriod, GrantPeriod, HistoryState, RolePeriod, RolePermissionPeriod
from accounts.api_keys.services import create_key
from accounts.models import ApiKey, Role, Session, User
from audit.models import AuditLog
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.testing.client import Caller, page_client
from sso.tests.support.sign_ins import make_application, make_sign_in

#: Rows that tests add past the services aren't in the history: they add their own.
MOMENT = "2026-03-03T12:00:00Z"
LISTS = [
    "/api/users?per_page=100",
    "/api/users?per_page=100&search=e&sort=-last_login",
    "/api/users?per_page=100&role=viewer&status=active",
    "/api/roles",
    "/api/permissions",
    "/api/audit?per_page=100",
    "/api/audit?per_page=100&user=clerk&outcome=success",
    "/api/auth/sessions",
    "/api/auth/keys",
    "/api/users/analytics",
    "/api/applications?per_page=100",
    f"/api/access?per_page=100&at={MOMENT}",
    f"/api/access?per_page=100&at={MOMENT}&role=viewer&permission=sample_read&status=active",
]
ADMIN_LISTS = [
    "/admin/accounts/user/",
    "/admin/accounts/role/",
    "/admin/accounts/session/",
    "/admin/accounts/apikey/",
    "/admin/accounts/permission/",
    "/admin/audit/auditlog/",
    "/admin/sso/application/",
    "/admin/sso/appsignin/",
]


@explicitly_recorded()
def add_rows(owner, first, last):
    """Add users with roles, roles with permissions, sessions of `owner` and of others, and events."""
    viewer = Role.objects.get(slug="viewer")
    for n in range(first, last):
        role = Role.objects.create(name=f"Role {n}", slug=f"role_{n}")
        role.permissions.set(viewer.permissions.all())
        user = User.objects.create(username=f"user-{n}", email=f"user-{n}@lab.example")
        user.roles.set([role, viewer])
        for someone in (owner, user):
            Session.objects.create(user=someone, kind="token", expires_at=timezone.now() + timedelta(days=1))
        application = make_application(f"Program {n}", "viewer", slug=f"program{n}")
        make_sign_in(application, user)
        ApiKey.objects.create(user=owner, name=f"Key {n}", prefix=f"{n:012}", expires_at=timezone.now())
        AuditLog.objects.create(username="clerk", user_id=user.pk, action="login", resource="auth")
        add_history(user, role, viewer)


def add_history(user, *roles):
    """What `/api/access` reads of an account, and of its own role: from long ago on."""
    always = {"from_at": datetime(2020, 1, 1, tzinfo=UTC), "from_event": 1}
    AccountPeriod.objects.create(
        user_id=user.pk, username=user.username, is_service=False, is_active=True, is_locked=False, **always
    )
    AccountDay.objects.update_or_create(day=always["from_at"].date(), defaults={"begun": AccountPeriod.objects.count()})
    for role in roles:
        GrantPeriod.objects.create(user_id=user.pk, role_id=role.pk, period_event=1, **always)
    RolePeriod.objects.create(role_id=roles[0].pk, name=roles[0].name, **always)
    HistoryState.objects.update_or_create(pk=HistoryState.ONLY_ID, defaults={"replayed_at": timezone.now()})
    for role in roles:
        if not RolePermissionPeriod.objects.filter(role_id=role.pk, from_at=always["from_at"]).exists():
            RolePermissionPeriod.objects.create(role_id=role.pk, permission="sample_read", **always)


def queries_of(get, path):
    with CaptureQueriesContext(connection) as captured:
        response = get(path)
    assert response.status_code == 200, response.content
    return [query["sql"] for query in captured], len(response.content)


def costs_of_lists(user):
    """{path: (queries, length of the answer)}."""
    found = {}
    for paths, get in ((LISTS, Caller(user).get), (ADMIN_LISTS, page_client(user).get)):
        for path in paths:
            get(path)  # whatever is read once for each process
            found[path] = queries_of(get, path)
    return found


def test_a_list_costs_the_same_at_3_rows_and_at_100(cast):
    """In one test, as to add the rows takes longest."""
    owner = cast.super_admin
    add_rows(owner, 0, 3)
    few = costs_of_lists(owner)
    add_rows(owner, 3, 100)
    many = costs_of_lists(owner)
    dearer = {path: "\n".join(queries) for path, (queries, _) in many.items() if len(queries) != len(few[path][0])}
    assert not dearer, "\n".join(f"{path}:\n{queries}" for path, queries in dearer.items())
    as_short = {path for path in many if many[path][1] <= few[path][1] * 2}
    assert {path for path in as_short if not path.endswith(("/permissions", "/permission/", "/analytics"))} == set()


@pytest.mark.parametrize(
    ("path", "most"), [("/api/users", 5), ("/api/roles", 4), ("/api/audit", 4), ("/api/auth/sessions", 4)]
)
def test_a_list_takes_few_queries_of_its_own(super_admin, path, most):
    super_admin.token  # noqa: B018 (opens the session)
    sql, _ = queries_of(super_admin.get, path)
    assert 0 < len(sql) <= most, "\n".join(sql)


@pytest.mark.parametrize("username", ["super_admin", "stranger"])
def test_being_signed_in_by_token_costs_at_most_two_queries(cast, username):
    caller = Caller(cast.by_slug()[username])
    caller.token  # noqa: B018 (opens the session)
    sql, _ = queries_of(caller.get, "/api/auth/me")
    assert 0 < len(sql) <= 2, "\n".join(sql)


def test_being_signed_in_by_cookie_costs_at_most_two_queries(cast):
    # A page that asks for nothing of its own.
    sql, _ = queries_of(page_client(cast.viewer).get, "/logout")
    assert 0 < len(sql) <= 2, "\n".join(sql)


def test_a_session_that_was_idle_is_touched_within_two_queries(viewer):
    idle = timezone.now() - timedelta(minutes=5)
    Session.objects.filter(pk=viewer.signed_in.session.pk).update(last_used_at=idle)
    sql, _ = queries_of(viewer.get, "/api/auth/me")
    assert len(sql) == 2, "\n".join(sql)
    again, _ = queries_of(viewer.get, "/api/auth/me")
    assert len(again) < 2, "\n".join(again)


def test_a_request_with_a_key_costs_one_query_and_one_more_a_minute(cast):
    owner = cast.super_admin
    key = create_key(actor=owner, user_id=owner.pk, name="LIMS", scopes=["user_read"]).text
    calls = [queries_of(partial(Caller().get, HTTP_AUTHORIZATION=f"Bearer {key}"), "/api/auth/me")[0] for _ in range(2)]
    assert [len(sql) for sql in calls] == [2, 1]


def test_whoever_is_not_signed_in_costs_no_query(db, anonymous):
    with CaptureQueriesContext(connection) as captured:
        assert anonymous.get("/api/users").status_code == 401
        assert anonymous.get("/api/users", HTTP_AUTHORIZATION="Bearer a.b.c").status_code == 401
        assert anonymous.get("/").status_code == 302
    assert list(captured) == []


@pytest.mark.django_db(transaction=True)  # nothing is cached before a commit
def test_with_a_warm_cache_being_signed_in_costs_no_query(cast, stack):
    caller, browser = Caller(cast.viewer), page_client(cast.viewer)
    # A page looks up its reader's time zone.
    for get, path, own in ((caller.get, "/api/auth/me", 0), (browser.get, "/logout", 1)):
        queries_of(get, path)
        sql, _ = queries_of(get, path)
        # Without Redis there is no cache that all processes share, so nothing is cached.
        assert len(sql) == own + (0 if stack == "postgresql" else 1), "\n".join(sql)
