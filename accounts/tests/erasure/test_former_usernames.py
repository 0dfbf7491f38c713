"""A username that was ever someone's is never given to anyone else, however it was given up."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.db import connection

from accounts.access.authorization import SYSTEM
from accounts.models import FormerUsername, User, UsernameKey
from accounts.users import services as user_services
from accounts.users import uniqueness
from accounts.users.csv import import_users
from accounts.users.erasure import erase_personal_data
from audit.models import Action
from audit.services import record
from reprotech.core.exceptions import Conflict, ValidationFailed
from reprotech.demo import loader
from reprotech.testing.cast import at_once, make_user
from reprotech.testing.client import Caller, page_client

NAME = "quintilla"
migration = import_module("accounts.migrations.0019_former_usernames")


def rename(user, name):
    return user_services.update_user(actor=SYSTEM, user_id=user.pk, username=name)


def renamed(user):
    rename(user, "someone.else")


def deleted(user):
    rename(user, "someone.else")
    user_services.delete_user(actor=SYSTEM, user_id=user.pk)


def erased(user):
    erase_personal_data(actor=SYSTEM, user_id=user.pk)


def renamed_and_erased(user):
    rename(user, "someone.else")
    erase_personal_data(actor=SYSTEM, user_id=user.pk)


WAYS = [renamed, deleted, erased, renamed_and_erased]
NEW = {"email": "new@lab.example", "first_name": "", "last_name": ""}


def by_api(cast):
    return Caller(cast.super_admin).post("/api/users", {**NEW, "username": NAME.upper()}).status_code == 409


def by_renaming(cast):
    return Caller(cast.super_admin).patch(f"/api/users/{cast.viewer.pk}", {"username": NAME}).status_code == 409


def by_import(cast):
    rows = [import_users.ImportRow(2, {**NEW, "username": NAME.title()})]
    with pytest.raises(ValidationFailed) as refusal:
        import_users.import_users(actor=cast.super_admin, rows=rows, dry_run=True)
    return refusal.value.errors == {"line 2": ["username: This username is taken."]}


def by_admin(cast):
    sent = {**NEW, "username": NAME, "is_active": "on", "roles": [], "password": ""}
    page = page_client(cast.super_admin).post("/admin/accounts/user/add/", sent)
    return page.status_code == 200 and "This username is taken." in page.content.decode()


def by_page(cast):
    sent = {**NEW, "username": NAME, "access": "invite", "kind": "person"}
    return "This username is taken." in page_client(cast.super_admin).post("/users/new", sent).content.decode()


@pytest.mark.parametrize("way", WAYS)
def test_nobody_else_gets_a_name_that_was_given_up(cast, way):
    way(make_user(NAME))
    for attempt in (by_api, by_renaming, by_import, by_admin, by_page):
        assert attempt(cast), attempt
    assert not User.objects.filter(username__iexact=NAME).exclude(deleted_at__isnull=False).exists()


def test_nobody_gets_a_former_name_as_an_address(cast):
    renamed(make_user("q@lab.example", email="other@lab.example"))
    with pytest.raises(Conflict) as refusal:
        make_user("new-one", email="Q@lab.example")
    assert refusal.value.errors == {"email": ["This e-mail address is taken."]}


def test_who_had_it_may_take_it_back_and_be_called_otherwise_again(cast):
    user = make_user(NAME)
    for name in ("someone.else", NAME.upper(), NAME, "third.name", "someone.else"):
        assert rename(user, name).username == name
    found = Caller(cast.super_admin).get(f"/api/audit?user={NAME}").json()["logs"]
    assert {log["user"] for log in found} <= {NAME}


def test_of_an_erased_person_no_name_is_left_to_be_read(cast):
    renamed_and_erased(make_user(NAME))
    kept = [*FormerUsername.objects.values_list("name", "user"), *UsernameKey.objects.values_list("sealed_key")]
    assert all(name.startswith("hash:") and user is None for name, user in kept[:-1])
    assert len(kept) == 3  # two names and the key
    assert NAME not in str(kept)


def test_names_of_the_erased_are_known_after_every_rotation_of_the_secret_key(cast, settings):
    erased(make_user(NAME))
    for _ in range(2):
        settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], settings.SECRET_KEY + "x"
        uniqueness.reencrypt_key()
        settings.SECRET_KEY_FALLBACKS = []
        assert uniqueness.find_former_usernames({NAME}) == {NAME}
    erased(make_user("another"))
    assert UsernameKey.objects.count() == 1


def test_a_lost_secret_key_is_logged_and_later_names_are_remembered(cast, settings, caplog):
    erased(make_user(NAME))
    settings.SECRET_KEY = "z" * 50
    uniqueness.reencrypt_key()
    assert "SECRET_KEY was replaced" in caplog.text
    erased(make_user("another"))
    assert uniqueness.find_former_usernames({NAME, "another"}) == {"another"}


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_nobody_gets_a_name_while_it_is_given_up(cast):
    for n in range(3):
        user, other = make_user(f"name-{n}"), make_user(f"other-{n}")
        at_once(
            lambda u=user, n=n: rename(u, f"renamed-{n}"),
            lambda n=n: make_user(f"name-{n}", email=f"new-{n}@lab.example"),
            lambda o=other, n=n: rename(o, f"name-{n}"),
        )
        holders = User.objects.filter(username=f"name-{n}").values_list("pk", flat=True)
        assert set(holders) <= {user.pk}


def test_what_the_log_tells_of_former_names_is_remembered_at_the_upgrade(cast):
    user, other, gone = make_user("one"), make_user("two"), make_user("three")
    for whom, old, new in ((user, "Once", "one"), (other, "one", "two"), (gone, "early", "three"), (user, None, "x")):
        record(
            actor=SYSTEM, action=Action.UPDATE, resource="user", resource_id=whom.pk, changes={"username": (old, new)}
        )
    record(actor=SYSTEM, action=Action.UPDATE, resource="user", resource_id=user.pk, changes={"email": ("a", "b")})
    migration.fill(apps, SimpleNamespace(connection=connection, execute=connection.cursor().execute))
    found = set(FormerUsername.objects.values_list("name", "user_id"))
    assert found == {("once", user.pk), ("early", gone.pk)}, "another has the name “one” now"


@pytest.mark.quick
def test_demonstration_data_get_no_name_that_was_someones(db, system):
    rename(make_user("solo", "super_admin"), "other")
    with pytest.raises(Conflict):
        loader.load(users=5, events=5, seed=1, until=None, progress=lambda *_: None)
