"""What needs attention is found in indexes: among many users of whom none does, hardly a row is read."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import ApiKey, Role, User
from analytics import attention
from audit.models import AuditLog
from reprotech.testing.cast import indexed_afterwards, make_many_users
from reprotech.tests.support.query_plans import costly_steps, selects

pytestmark = [pytest.mark.only_on("postgresql"), pytest.mark.django_db, pytest.mark.usefixtures("swept")]

MANY, FEW = 20_000, 1_000


def costs(compute):
    """The steps of its queries that read more than a few rows."""
    with CaptureQueriesContext(connection) as captured:
        compute()
    assert captured.captured_queries
    return [step for query in selects(captured) for step in costly_steps(query, FEW)]


@pytest.fixture
def many(cast):
    """Invited and active people, all of them lately; some with a key that lasts; managers have a second factor."""
    with indexed_afterwards("users", "user_roles"):
        make_many_users(MANY, lately=True)
    now = timezone.now()
    Role.objects.filter(slug="manager").update(requires_factor=True)
    User.objects.in_role(Role.objects.get(slug="manager").pk).update(factor_kinds="totp")
    owners = User.objects.order_by("pk").values_list("pk", flat=True)[: 3 * FEW]
    keys = [
        ApiKey(user_id=owner, name="LIMS", prefix=f"{owner:012}", expires_at=now + timedelta(days=90))
        for owner in owners
    ]
    ApiKey.objects.bulk_create(keys)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE users")
        cursor.execute("ANALYZE api_keys")


def test_no_count_reads_those_who_need_no_attention(many, django_assert_num_queries):
    assert costs(attention.current_facts) == []
    assert costs(attention.slow_facts) == []
    facts = attention.slow_facts()
    assert (facts["dormant"], facts["no_factor"]) == (0, 0)
    # Nor does the list behind it, whatever its order: PostgreSQL knows that there are few, also in a partial index.
    assert costs(lambda: list(User.objects.dormant().order_by("username")[:25])) == []
    assert costs(lambda: list(User.objects.dormant().order_by("-pk")[:25])) == []
    # In the same test, as to make so many users takes longest: who has a role that requires no factor isn't looked at.
    Role.objects.update(requires_factor=False)
    with django_assert_num_queries(1):
        assert list(User.objects.without_required_factor()) == []


def test_failed_sign_ins_are_found_among_many_that_succeeded(cast):
    failed = [AuditLog(username="admin", action="login", resource="auth", success=False, details={}) for _ in range(3)]
    made = [AuditLog(username="admin", action="login", resource="auth", details={}) for _ in range(3 * FEW)]
    AuditLog.objects.bulk_create([*made, *failed])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE audit_logs")
    # What PostgreSQL knows of users is of the test before, which made so many.
    assert [cost for cost in costs(attention.current_facts) if "audit_logs" in cost] == []
