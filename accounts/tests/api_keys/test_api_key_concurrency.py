"""API keys under concurrent requests and on several processes."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.api_keys.services import MAX_KEYS_PER_USER, CreatedKey, create_key, revoke_key
from accounts.models import ApiKey
from accounts.tests.support.second_process import SecondProcess
from accounts.users.services import lock_user, unlock_user, update_user
from audit.models import AuditLog
from reprotech.core.exceptions import Conflict, NotFound
from reprotech.testing.cast import at_once

# SQLite's transactions exclude each other.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.only_on("postgresql")]


@pytest.fixture
def elsewhere(stack, cast):
    """What a second process answers to who sends this key."""
    process = SecondProcess()

    def me(text):
        process.tell("me", text)
        status, body = json.loads(process.process.stdout.readline())
        return status, body.get("permissions") or body.get("code")

    yield me
    assert process.end() == 0


@pytest.fixture
def made(cast):
    return create_key(actor=cast.admin, user_id=cast.admin.pk, name="LIMS", scopes=["user_read", "animal_read"])


def test_another_process_notices_at_once_what_becomes_of_a_key_and_its_owner(elsewhere, cast, made):
    pk = cast.admin.pk
    assert elsewhere(made.text) == (200, ["user_read", "animal_read"])
    update_user(actor=SYSTEM, user_id=pk, roles=["Viewer"])
    assert elsewhere(made.text) == (200, ["animal_read"])
    lock_user(actor=SYSTEM, user_id=pk)
    assert elsewhere(made.text) == (401, "account_disabled")
    unlock_user(actor=SYSTEM, user_id=pk)
    assert elsewhere(made.text) == (200, ["animal_read"])
    revoke_key(actor=cast.admin, user_id=pk, key_id=made.key.pk)
    assert elsewhere(made.text) == (401, "token_invalid")


def test_racing_requests_make_no_more_keys_than_allowed(cast):
    expiry = timezone.now() + timedelta(days=1)
    ApiKey.objects.bulk_create(
        ApiKey(user=cast.viewer, name="x", prefix=f"{n:012}", expires_at=expiry) for n in range(MAX_KEYS_PER_USER - 1)
    )

    def make():
        return create_key(actor=cast.viewer, user_id=cast.viewer.pk, name="One more", scopes=[])

    done = [type(one) for one in at_once(*[make] * 4)]
    assert (done.count(CreatedKey), done.count(Conflict)) == (1, 3)
    assert ApiKey.objects.unrevoked().count() == MAX_KEYS_PER_USER


def test_of_racing_revocations_one_is_recorded(cast, made):
    def revoke():
        return revoke_key(actor=cast.admin, user_id=cast.admin.pk, key_id=made.key.pk)

    done = [type(one) for one in at_once(*[revoke] * 4)]
    assert (done.count(ApiKey), done.count(NotFound)) == (1, 3)
    assert AuditLog.objects.filter(action="key_revoke").count() == 1
