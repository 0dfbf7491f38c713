"""Two people change the same user or role at once: the second is refused, and loses nothing of what they typed."""

import re
from functools import partial

import pytest
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.models import Role, User
from accounts.passwords.services import reset_password
from accounts.roles import services as role_services
from accounts.tests.support.admin_client import errors_of
from accounts.users import services as user_services
from accounts.users.default_data import load_default_data
from audit.models import Action
from audit.services import record
from reprotech.core.exceptions import Forbidden, StaleVersion
from reprotech.testing.cast import at_once, audit_rows, make_user
from reprotech.testing.client import page_client


def text_of(response):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.content.decode()))


def rename(user, actor=SYSTEM, name="Ada"):
    return user_services.update_user(actor=actor, user_id=user.pk, first_name=name)


def version_of(record):
    return type(record).objects.get(pk=record.pk).version


# The services

CHANGES = {
    "profile": rename,
    "roles": lambda user: user_services.update_user(actor=SYSTEM, user_id=user.pk, roles=["manager"]),
    "lock": lambda user: user_services.lock_user(actor=SYSTEM, user_id=user.pk),
    "unlock": lambda user: user_services.unlock_user(actor=SYSTEM, user_id=user.pk),
    "password": lambda user: reset_password(actor=SYSTEM, user_id=user.pk, password="Other-Horse-8"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_a_user_makes_another_version(cast, change):
    before = version_of(cast.viewer)
    CHANGES[change](cast.viewer)
    assert version_of(cast.viewer) > before


def test_so_does_the_role_that_replaces_a_deleted_one(cast, make_role):
    make_role("Passing", "report_read")
    holder = make_user("holder", "Passing")
    before = version_of(holder)
    role_services.delete_role(actor=SYSTEM, role_id=Role.objects.get(name="Passing").pk, reassign_to="viewer")
    assert version_of(holder) > before


def test_and_the_default_data_that_repairs_a_role(cast):
    viewer = Role.objects.get(slug="viewer")
    viewer.permissions.clear()
    load_default_data()
    assert version_of(viewer) > viewer.version


def test_a_user_as_expected_is_changed_and_deleted(cast):
    rename(cast.viewer)
    changed = user_services.update_user(
        actor=SYSTEM,
        user_id=cast.viewer.pk,
        first_name="Grace",
        expected_versions=["something else", version_of(cast.viewer)],
    )
    assert version_of(cast.viewer) == changed.version
    user_services.delete_user(actor=SYSTEM, user_id=cast.viewer.pk, expected_versions=[changed.version])
    assert not User.objects.existing().filter(pk=cast.viewer.pk).exists()


@pytest.mark.parametrize("change", [partial(user_services.update_user, last_name="Byron"), user_services.delete_user])
def test_a_user_who_is_not_as_expected_stays_and_the_refusal_tells_who_changed_them(cast, change):
    seen = version_of(cast.viewer)
    rename(cast.viewer, actor=cast.admin)
    now = version_of(cast.viewer)
    with pytest.raises(StaleVersion) as refusal, audit_rows() as rows:
        change(actor=cast.super_admin, user_id=cast.viewer.pk, expected_versions=[seen])
    sentence = r"the-admin changed this user at \d\d:\d\d UTC on \d+ \w{3} \d{4}, while you were editing\."
    assert re.fullmatch(sentence, refusal.value.message)
    assert (version_of(cast.viewer), rows) == (now, [])


def test_one_is_shown_ones_own_change_elsewhere_and_of_nobody_when_the_log_tells_nothing(cast):
    seen = version_of(cast.viewer)
    rename(cast.viewer, actor=cast.admin)
    change = partial(user_services.update_user, actor=cast.admin, user_id=cast.viewer.pk, expected_versions=[seen])
    with pytest.raises(StaleVersion, match=r"^You yourself changed this user at"):
        change(last_name="Byron")
    # What was only done to the account since is not taken for the change.
    viewer = User.objects.get(pk=cast.viewer.pk)
    viewer.save(update_fields=["updated_at"])
    User.objects.filter(pk=viewer.pk).update(updated_at="2099-01-01T00:00Z")
    with pytest.raises(StaleVersion, match=r"^Someone changed this user while you were editing\.$"):
        change(last_name="Byron")


def test_a_refused_attempt_is_not_taken_for_the_change(cast):
    seen = version_of(cast.viewer)
    User.objects.filter(pk=cast.viewer.pk).update(updated_at=timezone.now())
    record(actor=cast.manager, action=Action.LOCK, resource="user", resource_id=cast.viewer.pk, success=False)
    with pytest.raises(StaleVersion, match=r"^Someone changed this user while you were editing\.$"):
        user_services.update_user(actor=cast.admin, user_id=cast.viewer.pk, expected_versions=[seen], last_name="Byron")


@pytest.mark.parametrize(
    "change", [partial(role_services.update_role, description="Another"), role_services.delete_role]
)
def test_a_role_that_is_not_as_expected_stays(cast, make_role, change):
    role = make_role("Assistant", "report_read")
    seen = version_of(role)
    role_services.update_role(actor=cast.admin, role_id=role.pk, permissions=["report_read", "report_create"])
    with pytest.raises(StaleVersion, match=r"^the-admin changed this role"):
        change(actor=cast.super_admin, role_id=role.pk, expected_versions=[seen])
    change(actor=cast.super_admin, role_id=role.pk, expected_versions=[version_of(role)])
    assert not Role.objects.filter(name="Assistant", description="").exists()


def test_who_may_not_change_a_user_learns_nothing_of_its_versions(cast):
    with pytest.raises(Forbidden):
        user_services.update_user(
            actor=cast.viewer, user_id=cast.manager.pk, first_name="Ada", expected_versions=["old"]
        )


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["user", "role"])
def test_of_two_who_save_at_the_same_moment_one_wins_and_the_other_is_refused(cast, kind):
    for n in range(5):
        if kind == "user":
            record = make_user(f"raced-{n}", "viewer")
            change = partial(user_services.update_user, user_id=record.pk)
            calls = [partial(change, actor=cast.admin, first_name="Ada", last_name="One")]
            calls += [partial(change, actor=cast.super_admin, first_name="Ada", last_name="Two")]
        else:
            record = role_services.create_role(actor=SYSTEM, name=f"Raced {n}")
            change = partial(role_services.update_role, role_id=record.pk)
            calls = [partial(change, actor=cast.admin, description="One", permissions=["report_read"])]
            calls += [partial(change, actor=cast.super_admin, description="Two", permissions=["report_read"])]
        seen = version_of(record)
        outcomes = at_once(*(partial(call, expected_versions=[seen]) for call in calls))
        assert sorted(type(outcome).__name__ for outcome in outcomes) == sorted(["StaleVersion", type(record).__name__])


# The pages

USER = {"first_name": "Mine", "username": "the-viewer", "email": "the-viewer@lab.example", "roles": ["viewer"]}


def hidden_version(page):
    return re.search(r'name="version" value="([^"]+)"', page.content.decode())[1]


def test_who_saves_a_user_second_keeps_what_they_typed_sees_both_and_can_save_again(cast):
    browser, path = page_client(cast.super_admin), f"/users/{cast.viewer.pk}/edit"
    seen = hidden_version(browser.get(path))
    user_services.update_user(
        actor=cast.admin, user_id=cast.viewer.pk, first_name="Theirs", roles=["viewer", "researcher"]
    )
    with audit_rows() as rows:
        answer = browser.post(path, {**USER, "version": seen})
    assert (answer.status_code, rows) == (422, [])
    said = text_of(answer)
    assert "the-admin changed this user at" in said
    assert 'value="Mine"' in answer.content.decode()
    differences = answer.context["form"].differences
    assert differences == [("First name", "Theirs", "Mine"), ("Roles in one alone", "Researcher", "none")]
    assert " First name Theirs Mine " in said
    assert hidden_version(answer) == version_of(cast.viewer)
    again = browser.post(path, {**USER, "version": hidden_version(answer)})
    assert again.status_code == 302
    assert User.objects.get(pk=cast.viewer.pk).first_name == "Mine"


def test_who_saves_a_role_second_does_too(cast, make_role):
    role = make_role("Assistant", "report_read")
    browser, path = page_client(cast.super_admin), f"/roles/{role.pk}/edit"
    typed = {"name": "Assistant", "description": "Mine", "permissions": ["report_read", "sample_read"]}
    typed["version"] = hidden_version(browser.get(path))
    role_services.update_role(actor=cast.admin, role_id=role.pk, description="Theirs")
    review = browser.post(f"{path}/review", typed)
    assert hidden_version(review) == typed["version"], "a review is no excuse"
    answer = browser.post(path, typed)
    assert answer.status_code == 422
    assert "the-admin changed this role at" in text_of(answer)
    assert answer.context["form"].differences == [
        ("Description", "Theirs", "Mine"),
        ("Permissions in one alone", "none", "sample_read"),
    ]
    assert browser.post(path, {**typed, "version": hidden_version(answer)}).status_code == 302
    role.refresh_from_db()
    assert (role.description, set(role.permission_names)) == ("Mine", {"report_read", "sample_read"})


@pytest.mark.parametrize("version", ["nonsense", "0", "\x00", "x" * 10_000, "2026-01-01"])
def test_a_version_that_nobody_was_given_is_refused_like_an_old_one(cast, version):
    answer = page_client(cast.admin).post(f"/users/{cast.viewer.pk}/edit", {**USER, "version": version})
    assert answer.status_code == 422
    assert User.objects.get(pk=cast.viewer.pk).first_name == ""


def test_a_new_user_or_role_has_no_version_to_send(cast):
    browser = page_client(cast.admin)
    typed = {"username": "newcomer", "email": "n@lab.example", "access": "invite", "version": "old"}
    assert browser.post("/users/new", typed).status_code == 302
    assert browser.post("/roles/new", {"name": "Newcomers", "version": "old"}).status_code == 302
    assert 'name="version"' not in browser.get("/users/new").content.decode()


@pytest.mark.parametrize("kind", ["user", "role"])
def test_django_admin_asks_once_too(cast, django_admin, make_role, kind):
    if kind == "user":
        record, typed = cast.viewer, {"username": "the-viewer", "email": "v@lab.example", "first_name": "Mine"}
    else:
        record, typed = make_role("Assistant"), {"name": "Assistant", "description": "Mine"}
    path = f"accounts/{kind}/{record.pk}/change/"
    typed["version"] = hidden_version(django_admin.get(path))
    if kind == "user":
        rename(record, actor=cast.admin, name="Theirs")
    else:
        role_services.update_role(actor=cast.admin, role_id=record.pk, description="Theirs")
    answer = django_admin.post(path, **typed)
    (sentence,) = errors_of(answer)["__all__"]
    assert sentence.startswith(f"the-admin changed this {kind}")
    assert 'value="Mine"' in answer.content.decode()
    django_admin.post(path, **{**typed, "version": hidden_version(answer)})
    record.refresh_from_db()
    assert "Mine" in {getattr(record, "first_name", ""), getattr(record, "description", "")}
