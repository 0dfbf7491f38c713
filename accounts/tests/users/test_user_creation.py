"""Creating users: the service itself."""

import pytest

from accounts.authentication.login import sign_in_to_pages
from accounts.models import User
from accounts.passwords import services as password_services
from accounts.users import services as user_services
from reprotech.core.exceptions import Conflict, Forbidden, ValidationFailed
from reprotech.testing.cast import PASSWORD, audit_rows

NEW = {"username": "New.Comer", "email": "newcomer@Lab.example", "password": PASSWORD}


def by_name(username):
    return User.objects.filter(username=username).first()


def test_a_new_user_is_stored_with_roles_and_one_row(cast, expect_row):
    with audit_rows() as rows:
        user = user_services.create_user(
            actor=cast.admin, **NEW, first_name="New", last_name="Comer", roles=["viewer", "Manager"]
        )
    stored = User.objects.get(pk=user.pk)
    assert stored.check_password(PASSWORD)
    assert stored.password.startswith("bcrypt_sha256$")
    assert not stored.must_change_password
    assert stored.grants.role_slugs == ("manager", "viewer")
    (row,) = rows
    changes = {
        "username": [None, "New.Comer"],
        "email": [None, "newcomer@lab.example"],
        "first_name": [None, "New"],
        "last_name": [None, "Comer"],
        "is_active": [None, True],
        "roles": [[], ["Manager", "Viewer"]],
    }
    expect_row(row, cast.admin, "create", stored, changes=changes)


def test_a_new_user_without_a_password_gets_an_invitation_that_works(
    cast, mailoutbox, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        user = user_services.create_user(actor=cast.admin, username="invited", email="invited@lab.example")
    assert not user.has_usable_password()
    (mail,) = mailoutbox
    assert mail.to == ["invited@lab.example"]
    link_token = mail.body.partition("/set-password/")[2].split()[0].split("/")[1]
    password_services.set_password_by_link(user_id=user.pk, link_token=link_token, new_password=PASSWORD)
    assert sign_in_to_pages(identifier="invited", password=PASSWORD)


def test_a_refused_creation_sends_no_invitation(cast, mailoutbox, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(Conflict):
        user_services.create_user(actor=cast.admin, username="other", email=cast.viewer.email)
    assert mailoutbox == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "ab"),
        ("username", "a" * 81),
        ("username", "with blank"),
        ("username", "semi;colon"),
        ("username", "ünicode"),
        ("username", "newline\n"),
        ("username", ""),
        ("email", "nowhere"),
        ("email", ""),
        ("email", "a" * 250 + "@lab.example"),
        ("first_name", "x" * 51),
        ("last_name", "x" * 51),
        ("first_name", "tab\there"),
        ("password", "Short-7"),
        ("password", "no-upper-case-7"),
        ("password", "NO-LOWER-CASE-7"),
        ("password", "No-digit-here"),
        ("password", "NoSpecial777"),
        ("password", "P@ssw0rd"),
        ("roles", ["no such role"]),
    ],
)
def test_an_invalid_field_is_named_and_nothing_happens(cast, field, value):
    with audit_rows() as rows, pytest.raises(ValidationFailed) as refusal:
        user_services.create_user(actor=cast.admin, **{**NEW, field: value})
    assert list(refusal.value.errors) == [field]
    assert all(refusal.value.errors[field])
    assert by_name(NEW["username"]) is None
    assert rows == []


@pytest.mark.parametrize("password", ["New-Comer7", "NEW-COMER7", "New-Comer7@lab.example"])
def test_a_password_that_is_the_username_or_the_address_is_refused(cast, password):
    with pytest.raises(ValidationFailed) as refusal:
        user_services.create_user(
            actor=cast.admin, username="New-Comer7", email="New-Comer7@lab.example", password=password
        )
    assert list(refusal.value.errors) == ["password"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("username", "the-viewer"),
        ("username", "THE-Viewer"),
        ("username", "the-viewer@lab.example"),
        ("email", "the-viewer@lab.example"),
        ("email", "THE-VIEWER@LAB.EXAMPLE"),
    ],
)
def test_a_taken_name_or_address_is_a_conflict(cast, field, value):
    with audit_rows() as rows, pytest.raises(Conflict) as refusal:
        user_services.create_user(actor=cast.admin, **{**NEW, field: value})
    assert field in refusal.value.errors
    assert by_name(NEW["username"]) is None
    assert rows == []


def test_a_deleted_account_keeps_its_username_and_gives_its_address_free(cast):
    user_services.delete_user(actor=cast.admin, user_id=cast.viewer.pk)
    with pytest.raises(Conflict) as refusal:
        user_services.create_user(actor=cast.admin, username="THE-VIEWER", email="new@lab.example")
    assert list(refusal.value.errors) == ["username"]
    assert user_services.create_user(actor=cast.admin, username="somebody", email=cast.viewer.email).pk


def test_creating_needs_the_permission_and_the_denial_is_on_record(cast, expect_row):
    with audit_rows() as rows, pytest.raises(Forbidden) as denial:
        user_services.create_user(actor=cast.manager, **NEW)
    assert denial.value.required == "user_create"
    assert by_name(NEW["username"]) is None
    (row,) = rows
    expect_row(
        row, cast.manager, "access_denied", success=False, required="user_create", method="POST", path="/somewhere"
    )
