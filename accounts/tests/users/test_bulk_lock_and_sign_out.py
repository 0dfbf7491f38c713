"""Lock, unlock and sign out several users: what is allowed is done, each with its own event."""

import pytest
from django.utils import timezone

from accounts.models import Session, User
from accounts.users.bulk import lock, sign_out, unlock
from reprotech.testing.cast import NOBODY, audit_rows
from reprotech.testing.client import page_client


def open_session(user):
    now = timezone.now()
    return Session.objects.create(user=user, kind="token", expires_at=now + timezone.timedelta(days=1))


def test_each_user_is_locked_and_unlocked_with_an_event_of_their_own(cast):
    ids = [cast.viewer.pk, cast.super_admin.pk, cast.researcher.pk, cast.admin.pk, NOBODY]
    with audit_rows() as rows:
        outcome = lock(actor=cast.admin, user_ids=ids)
    assert outcome.done == ["the-viewer", "the-researcher"]
    assert outcome.refused == {
        "the-super_admin": "it needs the permission role_delete, which you don't hold",
        "the-admin": "You can't lock your own account. Ask another administrator",
    }
    assert [(row.action, row.resource_name) for row in rows] == [
        ("lock", "the-viewer"),
        ("access_denied", "the-super_admin"),
        ("lock", "the-researcher"),
    ]
    assert unlock(actor=cast.admin, user_ids=ids[:1]).done == ["the-viewer"]
    assert not User.objects.get(pk=cast.viewer.pk).is_locked


def test_sessions_of_those_who_hold_no_more_end(cast):
    theirs, of_super, own = [open_session(user) for user in (cast.viewer, cast.super_admin, cast.admin)]
    with audit_rows() as rows:
        outcome = sign_out(actor=cast.admin, user_ids=[cast.viewer.pk, cast.super_admin.pk, cast.admin.pk, NOBODY])
    assert outcome.done == ["the-viewer"]
    assert outcome.refused.keys() == {"the-super_admin", "the-admin"}
    assert [(row.action, row.resource_name) for row in rows] == [
        ("session_revoke", "the-viewer"),
        ("access_denied", "the-super_admin"),
    ]
    assert set(Session.objects.filter(pk__in=[theirs.pk, of_super.pk, own.pk]).alive()) == {of_super, own}


@pytest.mark.parametrize(
    ("step", "title", "message"),
    [
        ("lock", "Lock 2 users?", "2 users locked."),
        ("unlock", "Unlock 2 users?", "2 users unlocked."),
        ("sign-out", "Sign out 2 users everywhere?", "2 users signed out everywhere."),
    ],
)
def test_the_page_asks_and_says_what_was_done(cast, step, title, message):
    browser, people = page_client(cast.admin), {"user": [cast.viewer.pk, cast.researcher.pk]}
    assert title in browser.get(f"/users/selected/{step}", people).content.decode()
    assert browser.post(f"/users/selected/{step}", people)["Location"] == "/users"
    assert message in browser.get("/users").content.decode()
