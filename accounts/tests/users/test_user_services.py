"""Changing, locking and deleting users: the services themselves."""

import pytest

from accounts.core.exceptions import TokenInvalid
from accounts.models import RoleGrant, Session, User
from accounts.sessions.services import find_session
from accounts.users import services as user_services
from reprotech.core.exceptions import Conflict, Forbidden, NotFound, ValidationFailed
from reprotech.testing.cast import audit_rows, make_user
from reprotech.testing.client import Caller

# Changing


def test_a_mixed_change_leaves_one_row_of_each_kind(cast, expect_row):
    user = make_user("mixed", "viewer", "researcher", first_name="Old")
    with audit_rows() as rows:
        user_services.update_user(
            actor=cast.admin,
            user_id=user.pk,
            first_name="New",
            last_name="",
            username="Mixed",
            roles=["viewer", "manager"],
        )
    user = User.objects.get(pk=user.pk)
    assert (user.username, user.first_name, user.grants.role_slugs) == ("Mixed", "New", ("manager", "viewer"))
    update, assign, revoke = rows
    expect_row(
        update, cast.admin, "update", user, changes={"first_name": ["Old", "New"], "username": ["mixed", "Mixed"]}
    )
    both = ["Manager", "Researcher", "Viewer"]
    expect_row(
        assign, cast.admin, "role_assign", user, roles=["Manager"], changes={"roles": [["Researcher", "Viewer"], both]}
    )
    expect_row(
        revoke, cast.admin, "role_revoke", user, roles=["Researcher"], changes={"roles": [both, ["Manager", "Viewer"]]}
    )


def test_a_change_to_what_is_already_so_leaves_no_row(cast):
    before = User.objects.get(pk=cast.viewer.pk).updated_at
    with audit_rows() as rows:
        user_services.update_user(
            actor=cast.admin, user_id=cast.viewer.pk, username="the-viewer", is_active=True, roles=["Viewer"]
        )
    assert rows == []
    assert User.objects.get(pk=cast.viewer.pk).updated_at == before


def test_deactivating_ends_the_sessions_and_activating_lets_in_again(cast, expect_row):
    caller = Caller(cast.viewer)
    session = caller.signed_in.session
    with audit_rows() as rows:
        user_services.update_user(actor=cast.admin, user_id=cast.viewer.pk, is_active=False)
    assert Session.objects.get(pk=session.pk).end_reason == "account_disabled"
    (row,) = rows
    expect_row(row, cast.admin, "update", cast.viewer, changes={"is_active": [True, False]})
    user_services.update_user(actor=cast.admin, user_id=cast.viewer.pk, is_active=True)
    assert User.objects.get(pk=cast.viewer.pk).can_sign_in
    with pytest.raises(TokenInvalid):
        find_session(session_id=session.pk, user_id=cast.viewer.pk)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"username": "x"}, ValidationFailed),
        ({"email": "nowhere"}, ValidationFailed),
        ({"roles": ["no such role"]}, ValidationFailed),
        ({"username": "The-Manager"}, Conflict),
        ({"email": "the-manager@lab.example"}, Conflict),
    ],
)
def test_a_refused_change_leaves_everything_as_it_was(cast, change, kind):
    with audit_rows() as rows, pytest.raises(kind) as refusal:
        user_services.update_user(
            actor=cast.admin, user_id=cast.viewer.pk, **{"first_name": "Changed", "roles": [], **change}
        )
    assert set(refusal.value.errors) == set(change)
    viewer = User.objects.get(pk=cast.viewer.pk)
    assert (viewer.first_name, viewer.grants.role_slugs) == ("", ("viewer",))
    assert rows == []


def test_only_profile_fields_can_be_changed(cast):
    for field in ("password", "deleted_at", "must_change_password", "id", "search_text"):
        with pytest.raises(TypeError):
            user_services.update_user(actor=cast.admin, user_id=cast.viewer.pk, **{field: 1})


# Locking


def test_locking_ends_sessions_and_leaves_one_row(cast, expect_row):
    caller = Caller(cast.viewer)
    session = caller.signed_in.session
    with audit_rows() as rows:
        user_services.lock_user(actor=cast.admin, user_id=cast.viewer.pk)
        user_services.lock_user(actor=cast.admin, user_id=cast.viewer.pk)
    assert User.objects.get(pk=cast.viewer.pk).is_locked
    assert Session.objects.get(pk=session.pk).end_reason == "account_disabled"
    (row,) = rows
    expect_row(row, cast.admin, "lock", cast.viewer, changes={"locked": [False, True]})


def test_unlocking_leaves_one_row(cast, expect_row):
    user_services.lock_user(actor=cast.admin, user_id=cast.viewer.pk)
    with audit_rows() as rows:
        user_services.unlock_user(actor=cast.admin, user_id=cast.viewer.pk)
    assert User.objects.get(pk=cast.viewer.pk).can_sign_in
    (row,) = rows
    expect_row(row, cast.admin, "unlock", cast.viewer, changes={"locked": [True, False]})


# Deleting


def test_deleting_leaves_the_account_useless_and_its_history_in_place(cast, expect_row):
    caller = Caller(cast.manager)
    session = caller.signed_in.session
    user_services.update_user(actor=cast.admin, user_id=cast.manager.pk, first_name="Changed")
    with audit_rows() as rows:
        user_services.delete_user(actor=cast.admin, user_id=cast.manager.pk)
    (row,) = rows
    expect_row(
        row, cast.admin, "delete", cast.manager, changes={"roles": [["Manager"], []], "is_active": [True, False]}
    )
    stored = User.objects.get(pk=cast.manager.pk)
    assert not stored.can_sign_in
    assert not stored.has_usable_password()
    assert not stored.grants.permissions
    assert Session.objects.get(pk=session.pk).end_reason == "account_disabled"
    assert not User.objects.existing().filter(pk=stored.pk).exists()
    assert not RoleGrant.objects.filter(role__slug="manager").exists()


CHANGES = {
    "update": lambda actor, pk: user_services.update_user(actor=actor, user_id=pk, first_name="Changed"),
    "deactivate": lambda actor, pk: user_services.update_user(actor=actor, user_id=pk, is_active=False),
    "lock": lambda actor, pk: user_services.lock_user(actor=actor, user_id=pk),
    "unlock": lambda actor, pk: user_services.unlock_user(actor=actor, user_id=pk),
    "delete": lambda actor, pk: user_services.delete_user(actor=actor, user_id=pk),
}
change_of_a_user = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)


@change_of_a_user
def test_who_is_not_there_can_not_be_changed(cast, change):
    user_services.delete_user(actor=cast.admin, user_id=cast.viewer.pk)
    with audit_rows() as rows:
        for missing in (cast.viewer.pk, 999_999):
            with pytest.raises(NotFound):
                change(cast.admin, missing)
    assert rows == []


@pytest.mark.parametrize("verb", ["lock", "deactivate", "delete"])
def test_nobody_shuts_themselves_out(cast, verb):
    make_user("second-super", "super_admin")
    for actor in (cast.super_admin, cast.admin):
        with audit_rows() as rows, pytest.raises(Conflict, match="your own account"):
            CHANGES[verb](actor, actor.pk)
        assert User.objects.get(pk=actor.pk).can_sign_in
        assert rows == []


@change_of_a_user
def test_changing_needs_the_permission(cast, change):
    with audit_rows() as rows, pytest.raises(Forbidden) as denial:
        change(cast.manager, cast.viewer.pk)
    assert denial.value.required in {"user_update", "user_delete"}
    assert [(row.action, row.username) for row in rows] == [("access_denied", "the-manager")]
    viewer = User.objects.get(pk=cast.viewer.pk)
    assert viewer.can_sign_in
    assert viewer.first_name == ""


@change_of_a_user
def test_someone_who_may_not_sign_in_may_not_act_either(cast, change):
    # As when a request is still running while its user is locked.
    user_services.lock_user(actor=cast.super_admin, user_id=cast.admin.pk)
    with pytest.raises(Forbidden):
        change(cast.admin, cast.viewer.pk)


@change_of_a_user
def test_the_system_may_do_everything_and_is_named(cast, change, system):
    make_user("second-super", "super_admin")
    with audit_rows() as rows:
        change(system, cast.super_admin.pk)
    (row,) = rows
    assert (row.username, row.user_id) == ("system", None)
