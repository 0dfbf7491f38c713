"""Applications in Django admin: changed through the services, without a secret, and created elsewhere."""

from uuid import UUID

import pytest

from accounts.models import Role
from accounts.tests.support.admin_client import AdminClient, assert_recorded, errors_of
from audit.models import AuditLog
from reprotech.testing.cast import audit_rows
from sso.applications.services import create_application
from sso.models import Application, LogoutNotice
from sso.tests.support.sign_ins import make_sign_in

pytestmark = pytest.mark.django_db
CALLBACK = "https://grafana.lab.example/cb"


@pytest.fixture
def django_admin(cast):
    return AdminClient(cast.super_admin)


@pytest.fixture
def made(cast):
    return create_application(
        actor=cast.super_admin, name="Grafana", slug="grafana", redirect_uris=[CALLBACK], roles=["Viewer"]
    )


def fields_of(application, **changes):
    return {
        "name": application.name,
        "description": "",
        "home_url": "",
        "redirect_uris": "\n".join(application.redirect_uris),
        "post_logout_redirect_uris": "",
        "backchannel_logout_uri": "",
        "roles": [role.pk for role in application.roles.all()],
        "signing_alg": "RS256",
        "access_token_minutes": 5,
        "service_account": "",
        "is_active": "on",
        **changes,
    }


def test_no_page_shows_a_secret_or_a_hash_of_one(django_admin, made, cast):
    application = made.application
    sign_in = make_sign_in(application, cast.viewer, access_hash="a" * 64, refresh_hash="b" * 64)
    paths = [
        *("sso/application/", f"sso/application/{application.pk}/change/"),
        *("sso/appsignin/", f"sso/appsignin/{sign_in.pk}/change/", "sso/signingkey/", "sso/logoutnotice/"),
    ]
    for path in paths:
        answer = django_admin.get(path)
        page = answer.content.decode()
        assert answer.status_code == 200
        for secret in (made.client_secret, application.secret_hash, "a" * 64, "b" * 64):
            assert secret not in page
    guess = django_admin.client.get("/admin/sso/application/?secret_hash__startswith=a")
    assert guess.status_code in {302, 400}


def test_saving_changes_it_by_the_service_with_one_event(django_admin, made):
    application = made.application
    manager, secret_hash = Role.objects.get(slug="manager"), application.secret_hash
    uris = [CALLBACK, "https://grafana.lab.example/other"]
    with audit_rows() as rows:
        changes = {"redirect_uris": "\r\n".join(uris), "roles": [manager.pk]}
        answer = django_admin.post(f"sso/application/{application.pk}/change/", **fields_of(application, **changes))
    assert answer.status_code == 200
    (row,) = rows
    assert_recorded(row, "update", application, "application")
    assert row.details["changes"] == {"redirect_uris": [[CALLBACK], uris], "roles": [["Viewer"], ["Manager"]]}
    application.refresh_from_db()
    assert (application.redirect_uris, application.role_names) == (uris, ["Manager"])
    assert application.secret_hash == secret_hash


def test_a_refusal_stands_at_its_field(django_admin, made):
    application = made.application
    path = f"sso/application/{application.pk}/change/"
    answer = django_admin.post(path, **fields_of(application, redirect_uris="http://grafana.lab.example/"))
    assert set(errors_of(answer)) == {"redirect_uris"}
    assert Application.objects.get().redirect_uris == [CALLBACK]


def test_none_is_created_here_and_one_is_deleted_by_the_service(django_admin, made):
    assert django_admin.get("sso/application/add/").status_code == 403
    django_admin.post(f"sso/application/{made.application.pk}/delete/", post="yes")
    assert not Application.objects.exists()
    assert_recorded(AuditLog.objects.latest("pk"), "delete", made.application, "application")


def test_its_lists_have_the_words_of_the_pages(django_admin, made):
    notice = {"client_id": "app_x", "subject": UUID(int=1), "sid": "s"}
    LogoutNotice.objects.create(name="Old Grafana", **notice)
    LogoutNotice.objects.create(application=made.application, **notice)
    notices = django_admin.get("sso/logoutnotice/").content.decode()
    assert "Old Grafana" in notices
    page = django_admin.get("sso/").content.decode()
    assert "Sign-ins to applications" in page
    assert "App sign" not in page
