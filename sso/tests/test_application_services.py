"""Applications are created, changed and deleted by services, which authorize, validate and record."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.core.exceptions import ApiKeyNotAllowed
from accounts.models import Role, Session
from audit.models import AuditLog
from reprotech.core.exceptions import Conflict, Forbidden, NotFound, StaleVersion, ValidationFailed
from reprotech.core.principal import Principal
from reprotech.core.reauthentication import ReauthenticationRequired
from reprotech.core.request_context import RequestOrigin, request_origin, set_principal
from reprotech.testing.cast import NOBODY, PASSWORD, at_once, audit_rows, make_user
from sso.applications.secrets import authenticate_client, hash_secret
from sso.applications.services import create_application, delete_application, renew_secret, update_application
from sso.exceptions import InvalidClient
from sso.models import Application, AppSignIn
from sso.tests.support.sign_ins import make_application, make_session, make_sign_in

pytestmark = pytest.mark.django_db
CALLBACK = "https://grafana.lab.example/cb"


def create(actor=SYSTEM, **fields):
    return create_application(actor=actor, **{"name": "Grafana", "slug": "grafana", **fields})


def errors_of(call):
    with pytest.raises((ValidationFailed, Conflict)) as refusal:
        call()
    return refusal.value.errors


def test_creating_one_gives_a_secret_once_and_one_event(cast, origin):
    with audit_rows() as rows:
        made = create(
            actor=cast.super_admin, redirect_uris=[CALLBACK], roles=["Researcher", "manager"], offline_access=True
        )
    application = Application.objects.get()
    assert application == made.application
    assert application.client_id.startswith("app_")
    assert made.client_secret.startswith("rps_")
    assert application.secret_hash == hash_secret(made.client_secret)
    assert made.client_secret not in str(list(AuditLog.objects.values()))
    assert {role.slug for role in application.roles.all()} == {"researcher", "manager"}
    assert not application.is_for_everybody
    (row,) = rows
    assert (row.action, row.resource, row.resource_id, row.resource_name) == (
        "create",
        "application",
        str(application.pk),
        "Grafana",
    )
    assert row.details["changes"]["redirect_uris"] == [None, [CALLBACK]]
    assert row.details["changes"]["roles"] == [[], ["Manager", "Researcher"]]
    assert authenticate_client(client_id=application.client_id, secret=made.client_secret) == application


def test_a_public_one_has_no_secret_and_gets_none(cast):
    made = create(kind="public")
    assert (made.client_secret, made.application.secret_hash) == ("", "")
    with pytest.raises(Conflict, match="public application has no secret"):
        renew_secret(actor=SYSTEM, application_id=made.application.pk)
    for secret in ("", "rps_"):
        with pytest.raises(InvalidClient):
            authenticate_client(client_id=made.application.client_id, secret=secret)


WRONG = {
    "slug": [{"slug": slug} for slug in ("G", "g", "1a", "a-b", "a" * 17, "user", "reprotech", "labtest", "ä1", "a\n")],
    "name": [{"name": name} for name in ("", "a\u202eb", "x" * 81)],
    "kind": [{"kind": "secret"}],
    "signing_alg": [{"signing_alg": alg} for alg in ("none", "HS256", "rs256")],
    "access_token_minutes": [{"access_token_minutes": number} for number in (0, 61)],
    "redirect_uris": [{"redirect_uris": ["http://lab.example/"]}],
    "post_logout_redirect_uris": [{"post_logout_redirect_uris": ["https://lab.example/#x"]}],
    "backchannel_logout_uri": [{"backchannel_logout_uri": "http://lims/logout"}],
    "home_url": [{"home_url": "javascript:alert(1)"}],
    "description": [{"description": "\x1b[31m"}],
    "roles": [{"roles": ["Nobody"]}],
    "service_account": [{"service_account": "nobody"}, {"service_account": "the-viewer"}],
}


@pytest.mark.parametrize(("field", "given"), [(field, given) for field, all_of in WRONG.items() for given in all_of])
def test_wrong_values_are_refused_at_their_field(cast, field, given):
    with audit_rows() as rows:
        assert set(errors_of(lambda: create(**given))) == {field}
    assert not Application.objects.exists()
    assert rows == []


def test_names_and_short_names_are_unique_whatever_the_case_and_look(cast):
    create()
    assert "name" in errors_of(lambda: create(name="GRAFANA", slug="other"))
    assert "name" in errors_of(lambda: create(name="Gr\u0430fana", slug="other"))  # a Cyrillic a
    assert "slug" in errors_of(lambda: create(name="Other"))
    other = create(name="Other", slug="other").application
    assert "name" in errors_of(lambda: update_application(actor=SYSTEM, application_id=other.pk, name="grafana"))
    assert update_application(actor=SYSTEM, application_id=other.pk, name="OTHER").name == "OTHER"


CHANGES = {
    "create": lambda actor, application: create(actor, name="New", slug="newer"),
    "update": lambda actor, application: update_application(
        actor=actor, application_id=application.pk, is_active=False
    ),
    "delete": lambda actor, application: delete_application(actor=actor, application_id=application.pk),
    "secret": lambda actor, application: renew_secret(actor=actor, application_id=application.pk),
}


@pytest.mark.parametrize("name", CHANGES)
def test_only_who_may_change_settings_changes_applications(cast, name):
    application = make_application()
    before = list(Application.objects.values())
    for actor in (cast.admin, cast.viewer):
        with audit_rows() as rows, pytest.raises(Forbidden) as refusal:
            CHANGES[name](actor, application)
        assert refusal.value.required == "settings_update"
        (row,) = rows
        expected = ("settings", "") if name == "create" else ("application", str(application.pk))
        assert (row.action, row.resource, row.resource_id) == ("access_denied", *expected)
    assert list(Application.objects.values()) == before
    CHANGES[name](cast.super_admin, application)


@pytest.mark.parametrize("name", CHANGES)
def test_a_page_asks_for_the_password_again(cast, name):
    application = make_application()
    with request_origin(RequestOrigin()):
        old = make_session(cast.super_admin, confirmed_at=timezone.now() - timedelta(hours=1))
        set_principal(Principal(user_id=cast.super_admin.pk, session=old))
        with pytest.raises(ReauthenticationRequired):
            CHANGES[name](cast.super_admin, application)


def test_changing_one_records_old_and_new_and_what_is_the_same_nothing(cast):
    application = create(redirect_uris=[CALLBACK], roles=["Viewer"]).application
    new = "https://grafana.lab.example/other"
    with audit_rows() as rows:
        update_application(
            actor=cast.super_admin, application_id=application.pk, redirect_uris=[new], roles=[], is_active=True
        )
    (row,) = rows
    assert row.details["changes"] == {"redirect_uris": [[CALLBACK], [new]], "roles": [["Viewer"], []]}
    application.refresh_from_db()
    assert application.is_for_everybody
    with audit_rows() as rows:
        update_application(actor=cast.super_admin, application_id=application.pk, redirect_uris=[new], roles=[])
    assert rows == []


def test_a_change_from_an_old_version_is_refused_with_who_made_the_newer_one(cast):
    application = create().application
    version = application.version
    update_application(actor=cast.super_admin, application_id=application.pk, description="Charts")
    with pytest.raises(StaleVersion, match="the-super_admin changed this application"):
        update_application(
            actor=SYSTEM, application_id=application.pk, description="Other", expected_versions=[version]
        )
    with pytest.raises(StaleVersion):
        delete_application(actor=SYSTEM, application_id=application.pk, expected_versions=[version])


def test_what_is_not_there_is_not_found(cast):
    for change in (update_application, delete_application, renew_secret):
        with pytest.raises(NotFound):
            change(actor=SYSTEM, application_id=NOBODY)


def test_a_new_secret_replaces_the_old_one_at_once_or_after_hours(cast):
    made = create()
    application, old = made.application, made.client_secret
    with audit_rows() as rows:
        new = renew_secret(actor=SYSTEM, application_id=application.pk).client_secret
    assert rows[0].details == {"concealed": ["secret_hash"], "kept_hours": 0}
    assert authenticate_client(client_id=application.client_id, secret=new)
    with pytest.raises(InvalidClient):
        authenticate_client(client_id=application.client_id, secret=old)
    newest = renew_secret(actor=SYSTEM, application_id=application.pk, keep_old_hours=24).client_secret
    for secret in (new, newest):
        assert authenticate_client(client_id=application.client_id, secret=secret)


def test_an_old_secret_ends_with_its_hours(cast):
    made = create()
    renew_secret(actor=SYSTEM, application_id=made.application.pk, keep_old_hours=1)
    Application.objects.update(previous_secret_expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(InvalidClient):
        authenticate_client(client_id=made.application.client_id, secret=made.client_secret)
    for hours in (-1, 25):
        refused = errors_of(
            lambda hours=hours: renew_secret(actor=SYSTEM, application_id=made.application.pk, keep_old_hours=hours)
        )
        assert set(refused) == {"keep_old_hours"}


def test_wrong_secrets_are_counted_and_recorded_once(cast, origin):
    made = create()
    with audit_rows() as rows:
        for _ in range(3):
            with pytest.raises(InvalidClient):
                authenticate_client(client_id=made.application.client_id, secret="rps_wrong")
            with pytest.raises(InvalidClient):
                authenticate_client(client_id="app_unknown", secret="rps_wrong")
    (row,) = rows
    assert (row.action, row.resource, row.username) == ("access_denied", "application", "application Grafana")
    update_application(actor=SYSTEM, application_id=made.application.pk, is_active=False)
    with pytest.raises(InvalidClient):
        authenticate_client(client_id=made.application.client_id, secret=made.client_secret)


def test_deleting_one_ends_who_is_signed_in(cast):
    application = make_application()
    make_sign_in(application, cast.viewer)
    with audit_rows() as rows:
        delete_application(actor=cast.super_admin, application_id=application.pk)
    assert not AppSignIn.objects.exists()
    ended, row = rows
    assert (ended.action, ended.details["owner_id"]) == ("logout", cast.viewer.pk)
    assert (row.action, row.resource, row.details["changes"]["name"]) == ("delete", "application", ["Grafana", None])


def test_a_service_account_is_given_only_by_who_could_make_a_key_for_it(cast, make_role, origin):
    robot = make_user("robot", "manager", is_service=True, password=None)
    make_role("Settings", "settings_read", "settings_update")
    make_role("Settings and users", "settings_read", "settings_update", "user_update")
    few, more = make_user("few", "settings"), make_user("more", "settings_and_users")
    with pytest.raises(Forbidden) as refusal:
        create(actor=few, service_account="robot")
    assert refusal.value.required == "user_update"
    with pytest.raises(Forbidden) as refusal:
        create(actor=more, service_account="robot")
    assert refusal.value.required in robot.grants.permissions
    made = create(actor=cast.super_admin, service_account="ROBOT")
    assert made.application.service_account == robot
    # Its secret is a way to act as the account.
    other = create(name="X", slug="xx").application
    for call in (
        lambda: renew_secret(actor=more, application_id=made.application.pk),
        lambda: update_application(actor=more, application_id=other.pk, service_account="robot"),
    ):
        with pytest.raises(Forbidden):
            call()
    # What takes rights away, or leaves them, needs no more than the permission.
    update_application(actor=few, application_id=made.application.pk, description="LIMS")
    assert update_application(actor=few, application_id=made.application.pk, service_account="").service_account is None
    assert "service_account" in errors_of(lambda: create(name="Y", slug="yy", kind="public", service_account="robot"))


def test_no_key_and_no_old_token_gives_an_application_an_account(cast):
    make_user("robot", is_service=True, password=None)
    actor = cast.super_admin
    with request_origin(RequestOrigin()):
        set_principal(Principal(user_id=actor.pk, api_key="key", scopes=actor.grants.permissions))
        with pytest.raises(ApiKeyNotAllowed):
            create(actor=actor, service_account="robot")
        assert create(actor=actor, name="Other", slug="other")
    with request_origin(RequestOrigin()):
        old = make_session(actor, Session.Kind.TOKEN, confirmed_at=timezone.now() - timedelta(hours=1))
        set_principal(Principal(user_id=actor.pk, session=old))
        with pytest.raises(ReauthenticationRequired):
            create(actor=actor, service_account="robot")
        with pytest.raises(ValidationFailed):
            create(actor=actor, service_account="robot", current_password="wrong")
        assert create(actor=actor, service_account="robot", current_password=PASSWORD)


@pytest.mark.django_db(transaction=True)
@pytest.mark.only_on("postgresql")
def test_two_at_once_make_one_application_of_a_name(cast):
    made = at_once(*[lambda: create(redirect_uris=[CALLBACK])] * 2)
    assert sorted(type(found).__name__ for found in made) == ["Conflict", "CreatedApplication"]
    assert Application.objects.count() == 1
    assert Role.objects.exists()
