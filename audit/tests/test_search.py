"""Search in what events tell, and everything about one user."""

import pytest
from django.db import connection

from accounts.authorization import SYSTEM
from accounts.services import users
from audit.models import Action, AuditLog
from audit.services import record
from reprotech.testing import make_user


@pytest.fixture
def events(db):
    """Named by what tells them apart."""

    def make(name, **fields):
        return record(actor=None, action=Action.UPDATE, resource="user", resource_name=name, **fields).pk

    return {
        "Björn": make("björn.novák3", changes={"email": ("old@lab.example", "bjorn@lab.example")}),
        "reason": make("jana", success=False, reason="The current password was wrong."),
        "percent": make("100%_sure", note="Ångström's \\ backslash"),
    }


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("björn", ["Björn"]),
        ("novák3", ["Björn"]),
        ("NOVÁK" if connection.vendor == "postgresql" else "nov", ["Björn"]),
        ("old@lab", ["Björn"]),
        ("email old", ["Björn"]),
        ("current wrong", ["reason"]),
        ("CURR", ["reason"]),
        ("current björn", []),
        ("100", ["percent"]),
        ("%", ["percent"] if connection.vendor == "sqlite" else []),
        ("Ångström", ["percent"]),
        ("nothing-like-it", []),
        ("' & | ! ( ) :* <-> \\", []),
    ],
)
def test_events_are_found_by_words_of_their_names_and_details(events, typed, found):
    rows = AuditLog.objects.filter(pk__in=events.values()).mentioning(typed)
    assert sorted(row.pk for row in rows) == sorted(events[name] for name in found)


@pytest.mark.only_on("postgresql")
def test_a_search_reads_an_index_and_not_the_log(events):
    query = AuditLog.objects.mentioning("björn current").order_by()  # a log of a few rows is read by its order
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    assert "audit_words" in query.explain()


def test_everything_about_a_user_is_what_they_did_and_what_was_done_to_them(cast):
    user, other = make_user("clerk"), make_user("other")
    users.update_user(actor=cast.super_admin, user_id=user.pk, roles=["admin"])
    user.refresh_from_db()
    users.lock_user(actor=user, user_id=other.pk)
    users.unlock_user(actor=SYSTEM, user_id=other.pk)
    rows = AuditLog.objects.involving(user.pk).newest_first()
    assert [(row.username, row.action, row.resource_name) for row in rows] == [
        ("clerk", "lock", "other"),
        ("the-super_admin", "role_assign", "clerk"),
        ("system", "create", "clerk"),
    ]
