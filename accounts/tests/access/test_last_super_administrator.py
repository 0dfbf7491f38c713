"""The last active Super Administrator who is a person can't be deleted, deactivated, locked or stripped."""

import pytest

from accounts.models import User
from accounts.users import services as user_services
from reprotech.core.exceptions import Conflict
from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import Caller

CHANGES = {
    "delete": lambda actor, pk: user_services.delete_user(actor=actor, user_id=pk),
    "deactivate": lambda actor, pk: user_services.update_user(actor=actor, user_id=pk, is_active=False),
    "lock": lambda actor, pk: user_services.lock_user(actor=actor, user_id=pk),
    "strip": lambda actor, pk: user_services.update_user(
        actor=actor, user_id=pk, first_name="Changed", roles=["viewer"]
    ),
}
every_change = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)


def is_in_power(user):
    stored = User.objects.get(pk=user.pk)
    return stored.can_sign_in and stored.is_super_administrator and stored.first_name == ""


@every_change
def test_the_last_one_stays(cast, change, system):
    with audit_rows() as rows, pytest.raises(Conflict, match="the last active Super Administrator"):
        change(system, cast.super_admin.pk)
    assert is_in_power(cast.super_admin)
    assert rows == []


@every_change
@pytest.mark.parametrize("absence", ["delete", "deactivate", "lock"])
def test_one_who_may_not_sign_in_is_no_other_one(cast, change, absence, system):
    other = make_user("second-super", "super_admin")
    CHANGES[absence](system, other.pk)
    with pytest.raises(Conflict, match="the last active Super Administrator"):
        change(system, cast.super_admin.pk)
    assert is_in_power(cast.super_admin)


@every_change
@pytest.mark.parametrize("is_service", [True, False])
def test_one_who_has_no_password_is_no_other_one(cast, change, is_service, system):
    other = make_user("second-super", "super_admin", is_service=is_service, password=None)
    with audit_rows() as rows, pytest.raises(Conflict, match="the last active Super Administrator"):
        change(system, cast.super_admin.pk)
    assert is_in_power(cast.super_admin)
    assert rows == []
    change(system, other.pk)
    assert not is_in_power(other)


@every_change
def test_the_last_one_of_all_stays_even_without_a_password(cast, change, system):
    service = make_user("robot", "super_admin", is_service=True, password=None)
    User.objects.filter(pk=cast.super_admin.pk).update(is_active=False)
    with pytest.raises(Conflict, match="the last active Super Administrator"):
        change(system, service.pk)
    assert is_in_power(service)


@every_change
def test_of_two_one_may_go(cast, change):
    other = make_user("second-super", "super_admin")
    change(other, cast.super_admin.pk)
    assert not is_in_power(cast.super_admin)
    assert is_in_power(other)


@every_change
def test_one_who_may_not_sign_in_anyway_may_go(cast, change):
    locked = make_user("second-super", "super_admin")
    user_services.lock_user(actor=cast.super_admin, user_id=locked.pk)
    user_services.update_user(actor=cast.super_admin, user_id=locked.pk, is_active=False)
    change(cast.super_admin, locked.pk)
    assert is_in_power(cast.super_admin)


def test_the_last_one_can_not_step_down_and_one_of_two_can(cast):
    caller = Caller(cast.super_admin)
    address = f"/api/users/{cast.super_admin.pk}"
    with audit_rows() as rows:
        for body in ({"roles": []}, {"roles": ["admin"]}, {"roles": ["viewer"], "first_name": "Changed"}):
            answer = caller.patch(address, body)
            assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert is_in_power(cast.super_admin)
    assert rows == []
    make_user("second-super", "super_admin")
    assert caller.patch(address, {"roles": ["admin"]}).status_code == 200
    assert User.objects.get(pk=cast.super_admin.pk).grants.role_slugs == ("admin",)


def test_nobody_shuts_themselves_out_by_the_api(cast, super_admin, admin):
    make_user("second-super", "super_admin")
    for caller in (super_admin, admin):
        address = f"/api/users/{caller.user.pk}"
        with audit_rows() as rows:
            answers = [
                caller.delete(address),
                caller.patch(address, {"is_active": False}),
                caller.post(f"{address}/lock"),
                caller.post(f"{address}/reset-password", {"password": "Other-Horse-8"}),
                caller.post(f"{address}/reset-password", {}),
            ]
        assert [answer.status_code for answer in answers] == [409] * 5
        assert User.objects.get(pk=caller.user.pk).can_sign_in
        assert caller.get("/api/auth/me").status_code == 200
        assert rows == []
