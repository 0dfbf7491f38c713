"""`manage.py init_data`: what a first run makes, what a second leaves alone, and what an old database gets."""

import re

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from accounts.access.authorization import SYSTEM
from accounts.authentication.login import sign_in_to_pages
from accounts.core.catalogue import ROLES
from accounts.models import Permission, Role, User
from accounts.notifications import outbox
from accounts.passwords.services import reset_password
from accounts.roles import services as role_services
from accounts.users.default_data import load_default_data
from audit.models import AuditLog
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.testing.cast import PASSWORD, at_once, audit_rows, make_user

DOCUMENTED = "Admin123!"


@pytest.fixture
def empty(db):
    """A database without any accounts, as after the first migration."""
    for model in (User, Role, Permission):
        model.objects.all().delete()


def init_data(capsys):
    call_command("init_data")
    return capsys.readouterr().out.splitlines()


def held(slug):
    return Role.objects.get(slug=slug).permission_names


# The first run


def test_in_development_the_first_run_tells_of_the_documented_administrator(empty, settings, capsys):
    settings.DEBUG = True
    assert init_data(capsys) == [
        "Database initialized successfully!",
        "Default admin user created: admin / Admin123!",
    ]
    admin = User.objects.get()
    assert (admin.username, admin.grants.role_slugs, admin.is_active) == ("admin", ("super_admin",), True)
    assert admin.check_password(DOCUMENTED)
    assert not admin.must_change_password
    assert (Permission.objects.count(), Role.objects.count()) == (39, 7)


def test_a_second_run_changes_nothing_and_leaves_no_row(empty, settings, capsys):
    settings.DEBUG = True
    init_data(capsys)
    before = list(Role.objects.order_by("id").values()), list(User.objects.values())
    with audit_rows() as rows:
        output = init_data(capsys)
    assert not any("admin" in line for line in output)
    assert (list(Role.objects.order_by("id").values()), list(User.objects.values())) == before
    assert rows == []


def test_in_production_the_password_is_random_shown_once_and_must_be_changed(empty, capsys):
    output = init_data(capsys)
    assert output[0] == "Database initialized successfully!"
    password = re.fullmatch(r"Default admin user created: admin / (\S{20,})", output[1])[1]
    admin = User.objects.get()
    assert admin.check_password(password)
    assert not admin.check_password(DOCUMENTED)
    assert admin.must_change_password
    assert password not in "".join(init_data(capsys))
    User.objects.all().delete()
    assert password not in "".join(init_data(capsys))


def test_in_production_the_installers_password_is_taken_and_not_shown(empty, settings, capsys):
    settings.ADMIN_PASSWORD = "Installers-Own-1"
    assert "Installers-Own-1" not in "".join(init_data(capsys))
    admin = User.objects.get()
    assert admin.check_password("Installers-Own-1")
    assert not admin.must_change_password


def test_the_installers_address_is_the_administrators_also_when_it_is_set_later(empty, settings, capsys):
    init_data(capsys)
    assert User.objects.get().email == "admin@reprotech.com"
    settings.ADMIN_EMAIL = "chief@lab.example"
    assert "admin now has the address of ADMIN_EMAIL: chief@lab.example" in init_data(capsys)
    outbox.drain()
    assert {message.to[0] for message in mail.outbox} == {"chief@lab.example"}
    settings.ADMIN_EMAIL = "other@lab.example"  # an address that an operator chose is left alone
    assert init_data(capsys) == ["Default data is in place."]
    User.objects.all().delete()
    init_data(capsys)
    assert User.objects.get().email == "other@lab.example"


def test_an_installers_address_that_another_account_has_is_refused_with_a_sentence(empty, settings, capsys):
    init_data(capsys)
    make_user("chief", email="chief@lab.example")
    settings.ADMIN_EMAIL = "chief@lab.example"
    with pytest.raises(CommandError, match="ADMIN_EMAIL can't be used"):
        init_data(capsys)


@pytest.mark.parametrize("password", [DOCUMENTED, "short", "no-upper-case-1", "admin"])
def test_in_production_a_bad_installers_password_stops_everything(empty, settings, capsys, password):
    settings.ADMIN_PASSWORD = password
    with pytest.raises(CommandError, match="ADMIN_PASSWORD") as failure:
        init_data(capsys)
    assert password not in str(failure.value).split()
    assert (User.objects.count(), Role.objects.count(), Permission.objects.count()) == (0, 0, 0)


def test_the_administrators_creation_is_on_record_without_the_password(empty, settings, capsys):
    settings.ADMIN_PASSWORD = "Installers-Own-1"
    with audit_rows() as rows:
        init_data(capsys)
    (row,) = [row for row in rows if row.resource == "user"]
    assert (row.username, row.user_id, row.action, row.resource_name) == ("system", None, "create", "admin")
    assert not any("Installers" in str(vars(row)) for row in rows)


def test_while_anybody_exists_no_administrator_is_made(cast, settings, capsys):
    settings.DEBUG = True
    output = init_data(capsys)
    assert not any("admin" in line for line in output)
    assert not User.objects.filter(username="admin").exists()


# Bringing an earlier state in line


def test_a_missing_permission_comes_back_to_the_roles_that_hold_it(cast):
    Permission.objects.get(name="report_read").delete()
    load_default_data()
    assert Permission.objects.count() == 39
    assert [slug for slug in cast.by_slug() if slug != "stranger" and "report_read" not in held(slug)] == []


def test_a_missing_role_comes_back(cast):
    Role.objects.get(slug="researcher").delete()
    load_default_data()
    role = Role.objects.get(slug="researcher")
    assert (role.is_system, len(role.permission_names)) == (True, 13)
    assert [role.slug for role in Role.objects.all()][3] == "researcher"


def test_a_role_stripped_by_nobody_on_purpose_is_filled_again_on_record(cast):
    Role.objects.get(slug="viewer").permissions.clear()
    with audit_rows() as rows:
        load_default_data()
    assert len(held("viewer")) == 8
    (row,) = rows
    assert (row.username, row.action, row.resource, row.resource_name) == ("system", "update", "role", "Viewer")
    assert row.details == {"changes": {"permissions": [[], held("viewer")]}}


def test_a_role_with_too_much_is_cut_back(cast):
    Role.objects.get(slug="viewer").permissions.add(Permission.objects.get(name="user_delete"))
    load_default_data()
    assert "user_delete" not in held("viewer")


def test_an_obsolete_permission_goes_and_the_log_says_from_which_role(cast):
    obsolete = Permission.objects.create(name="animal_clone", resource="animal", action="clone", description="Clone")
    Role.objects.get(slug="viewer").permissions.add(obsolete)
    with audit_rows() as rows:
        load_default_data()
    assert not Permission.objects.filter(name="animal_clone").exists()
    assert len(held("viewer")) == 8
    (row,) = rows
    before, after = row.details["changes"]["permissions"]
    assert (row.username, row.resource_name, set(before) - set(after)) == ("system", "Viewer", {"animal_clone"})


def test_a_role_edited_on_purpose_stays_as_it_is(cast):
    role = Role.objects.get(slug="viewer")
    role_services.update_role(actor=cast.admin, role_id=role.pk, permissions=["animal_read"], description="Ours")
    load_default_data()
    assert held("viewer") == ["animal_read"]
    assert Role.objects.get(slug="viewer").description == "Ours"


def test_super_administrator_is_always_full(cast):
    role = Role.objects.get(slug="super_admin")
    role_services.update_role(actor=cast.super_admin, role_id=role.pk, description="Ours")
    role.permissions.set(role.permissions.all()[:5])
    load_default_data()
    assert len(held("super_admin")) == 39


def test_a_renamed_or_demoted_system_role_is_put_right(cast):
    Role.objects.filter(slug="viewer").update(name="Guest", is_system=False, position=3)
    load_default_data()
    role = Role.objects.get(slug="viewer")
    assert (role.name, role.is_system, role.position) == ("Viewer", True, 6)


def test_custom_roles_and_all_users_are_left_alone(cast, make_role):
    make_role("Shift", "animal_read")
    users = list(User.objects.order_by("id").values())
    load_default_data()
    assert held("shift") == ["animal_read"]
    assert list(User.objects.order_by("id").values()) == users
    assert sign_in_to_pages(identifier="the-viewer", password=PASSWORD)


# Twice at once


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("missing", [(User, Role, Permission), (User,)], ids=["everything", "users"])
def test_several_at_once_make_everything_once(missing):
    load_default_data()
    for model in missing:
        model.objects.all().delete()
    before = AuditLog.objects.filter(resource="user", action="create").count()
    done = at_once(*[load_default_data] * 4)
    assert sorted(password is not None for _, password in done) == [False, False, False, True]
    assert (User.objects.count(), Role.objects.count(), Permission.objects.count()) == (1, 7, 39)
    assert AuditLog.objects.filter(resource="user", action="create").count() == before + 1
    assert len(held("super_admin")) == 39


# A database that was tried out is put to real use


@pytest.fixture
def tried_out(empty, settings, capsys):
    """The administrator of a first run in development; from now on this is production."""
    settings.DEBUG = True
    init_data(capsys)
    settings.DEBUG = False
    return User.objects.get()


def test_production_replaces_the_documented_password_by_one_that_is_shown_once(tried_out, capsys):
    lines = init_data(capsys)
    password = re.search(r"It is replaced: (\S{20,})$", lines[1])[1]
    tried_out.refresh_from_db()
    assert tried_out.check_password(password)
    assert tried_out.must_change_password
    row = AuditLog.objects.get(action="password_reset")
    assert (row.username, row.resource_name) == ("system", "admin")
    assert init_data(capsys) == ["Default data is in place."]


def test_production_replaces_the_documented_password_by_the_installers_own(tried_out, settings, capsys):
    settings.ADMIN_PASSWORD = PASSWORD
    assert PASSWORD not in "".join(init_data(capsys))
    tried_out.refresh_from_db()
    assert tried_out.check_password(PASSWORD)


@pytest.mark.parametrize("password", [DOCUMENTED, "short"])
def test_production_does_not_replace_the_documented_password_by_a_bad_one(tried_out, settings, password):
    settings.ADMIN_PASSWORD = password
    with pytest.raises(CommandError, match="ADMIN_PASSWORD can't be used"):
        call_command("init_data")


def test_a_password_that_was_changed_is_left_alone(tried_out, settings, capsys):
    reset_password(actor=SYSTEM, user_id=tried_out.pk, password=PASSWORD)
    before = User.objects.values().get()
    assert init_data(capsys) == ["Default data is in place."]
    assert User.objects.values().get() == before


def test_system_roles_begin_with_what_they_are_and_tell_of_each_later_change(empty, settings):
    settings.MFA_REQUIRED_FOR_ADMINISTRATORS = True
    rows = AuditLog.objects.filter(resource="role")
    rows = rows.exclude(pk__in=list(rows.values_list("pk", flat=True)))  # of what was emptied
    load_default_data()
    names = [role.name for role in ROLES]
    assert [row.resource_name for row in rows.filter(action="create").order_by("pk")] == names
    assert not rows.exclude(action="create").exists()
    admin = Role.objects.get(slug="admin")
    assert rows.get(resource_id=str(admin.pk)).details["changes"] == {
        "name": [None, "Administrator"],
        "description": [None, admin.description],
        "permissions": [[], admin.permission_names],
        "requires_factor": [None, True],
    }
    # As a later version finds what an earlier one made.
    with explicitly_recorded():
        Role.objects.filter(pk=admin.pk).update(description="Of an earlier version", name="Admin")
    load_default_data()
    changed = [row.details["changes"] for row in rows.filter(action="update").order_by("pk")]
    assert changed == [
        {"name": ["Admin", "Administrator"]},
        {"description": ["Of an earlier version", admin.description]},
    ]
    load_default_data()
    assert rows.filter(action="update").count() == 2
