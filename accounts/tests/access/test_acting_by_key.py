"""Within an API key's request nobody can do more than its scopes allow, whichever user object a service is given."""

from threading import Thread

import pytest

from accounts.api_keys.services import authenticate_key, create_key, revoke_key
from accounts.core.exceptions import ApiKeyNotAllowed
from accounts.models import User
from accounts.users.services import create_user, lock_user
from reprotech.core.exceptions import Forbidden
from reprotech.core.request_context import RequestOrigin, request_origin

pytestmark = pytest.mark.django_db


@pytest.fixture
def key(cast):
    """A key of the Super Administrator that may read users and create them."""
    return create_key(
        actor=cast.super_admin, user_id=cast.super_admin.pk, name="LIMS", scopes=["user_read", "user_create"]
    )


@pytest.fixture
def owner(cast, key, origin):
    """The key's owner as a service would load them in the key's request."""
    authenticate_key(text=key.text)
    return User.objects.get(pk=cast.super_admin.pk)


def test_a_reloaded_owner_is_limited_to_the_scopes(cast, owner):
    assert create_user(actor=owner, username="fresh", email="fresh@example.org").pk
    with pytest.raises(Forbidden) as denial:
        lock_user(actor=owner, user_id=cast.viewer.pk)
    assert denial.value.required == "user_update"
    assert owner.has_perms(["user_read", "user_create"])
    assert not owner.has_perm("user_update")
    assert owner.get_all_permissions() == {"user_read", "user_create"}


def test_a_reloaded_owner_can_give_no_role_beyond_the_scopes(owner):
    with pytest.raises(Forbidden):
        create_user(actor=owner, username="fresh", email="fresh@example.org", roles=["super_admin"])


def test_another_user_is_limited_too(cast, owner):
    with pytest.raises(Forbidden):
        lock_user(actor=cast.admin, user_id=cast.viewer.pk)
    assert not cast.admin.has_perm("user_update")


def test_a_reloaded_owner_can_neither_make_nor_revoke_keys(key, owner):
    with pytest.raises(ApiKeyNotAllowed):
        create_key(actor=owner, user_id=owner.pk, name="another", scopes=["user_read"])
    with pytest.raises(ApiKeyNotAllowed):
        revoke_key(actor=owner, user_id=owner.pk, key_id=key.key.pk)


def test_a_later_request_and_a_thread_are_not_limited(cast, owner):
    found = []
    thread = Thread(target=lambda: found.append(cast.admin.has_perm("user_update")))
    cast.admin.grants  # noqa: B018 (a thread would look in another connection)
    thread.start()
    thread.join()
    assert found == [True]
    with request_origin(RequestOrigin()):
        assert lock_user(actor=owner, user_id=cast.viewer.pk).is_locked
