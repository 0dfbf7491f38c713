"""Adding, editing, closing and deleting applications, and their secrets, without JavaScript."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.utils import timezone

from accounts.models import Permission, Session
from audit.models import AuditLog
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.testing.cast import PASSWORD, audit_rows
from reprotech.testing.client import page_client
from sso.models import Application, AppSignIn
from sso.tests.support.sign_ins import make_application, make_sign_in


@pytest.fixture
def browser(cast):
    """The Super Administrator's, who alone may change settings."""
    return page_client(cast.super_admin)


def text_of(response):
    return unescape(response.content.decode())


def fields(**changes):
    return {
        "name": "Grafana",
        "slug": "grafana",
        "description": "Dashboards",
        "home_url": "https://grafana.lab.example",
        "kind": "confidential",
        "redirect_uris": "https://grafana.lab.example/login/generic_oauth\r\n\r\nhttps://b.lab.example/cb\r\n",
        "roles": ["researcher", "manager"],
        "access_token_minutes": "5",
        "signing_alg": "RS256",
        **changes,
    }


def edited(application, **changes):
    """The form of an application as it is filled, with these changes."""
    kept = {
        "name": application.name,
        "description": application.description,
        "home_url": application.home_url,
        "redirect_uris": "\r\n".join(application.redirect_uris),
        "roles": [role.slug for role in application.roles.all()],
        "access_token_minutes": application.access_token_minutes,
        "signing_alg": application.signing_alg,
        "version": application.version,
    }
    return {**kept, **changes}


def secret_in(page):
    return re.search(r'id="id_secret"[^>]*value="([^"]+)"', page)[1]


def test_adding_one_shows_its_secret_once_and_leads_to_the_set_up(browser):
    with audit_rows() as rows:
        response = browser.post("/applications/new", fields())
    page = text_of(response)
    application = Application.objects.get(slug="grafana")
    assert response.status_code == 200
    assert "no-store" in response["Cache-Control"]
    assert application.redirect_uris == ["https://grafana.lab.example/login/generic_oauth", "https://b.lab.example/cb"]
    assert {role.slug for role in application.roles.all()} == {"researcher", "manager"}
    secret = secret_in(page)
    assert secret.startswith("rps_")
    assert f"OIDC_CLIENT_ID={application.client_id}\nOIDC_CLIENT_SECRET={secret}" in page
    assert f'href="/applications/{application.pk}/setup"' in page
    assert [(row.action, row.resource, row.resource_name) for row in rows] == [("create", "application", "Grafana")]
    assert secret not in str([row.details for row in rows])
    for tab in ("", "/setup", "/edit"):
        assert secret not in text_of(browser.get(f"/applications/{application.pk}{tab}"))


def test_a_program_in_the_browser_gets_no_secret(browser):
    response = browser.post("/applications/new", fields(kind="public"), follow=True)
    application = Application.objects.get(slug="grafana")
    assert response.redirect_chain == [(f"/applications/{application.pk}/setup", 302)]
    assert "id_secret" not in text_of(response)
    assert "Grafana added." in text_of(response)
    assert "/secret" not in text_of(browser.get(f"/applications/{application.pk}"))


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"name": ""}, "id_name", "Enter the name."),
        ({"slug": ""}, "id_slug", "Enter the short name."),
        ({"slug": "Über 1"}, "id_slug", "Use 2 to 16 small letters"),
        ({"slug": "admin"}, "id_slug", "belongs to Reprotech itself"),
        ({"redirect_uris": "http://lab.example/cb"}, "id_redirect_uris", "must begin with https://"),
        ({"redirect_uris": "https://a@b.example/\nhttps://b.example/../c"}, "id_redirect_uris", "or password before"),
        ({"home_url": "javascript:alert(1)"}, "id_home_url", "must begin with https://"),
        ({"backchannel_logout_uri": "https://x/#y"}, "id_backchannel_logout_uri", "has a fragment"),
        ({"access_token_minutes": "61"}, "id_access_token_minutes", "less than or equal to 60"),
        ({"roles": ["nobody-s"]}, "id_roles", "nobody-s"),
        ({"signing_alg": "none"}, "id_signing_alg", "none"),
        ({"name": "x" * 81}, "id_name", "at most 80 characters"),
        ({"service_account": "admin"}, "id_service_account", "admin"),
    ],
)
def test_wrong_input_keeps_what_was_typed_and_says_what_is_wrong_where(browser, changes, field, sentence):
    response = browser.post("/applications/new", fields(**changes))
    page = text_of(response)
    assert response.status_code == 422
    assert sentence in page
    assert f'href="#{field}"' in page or f'id="{field}_error"' in page
    assert 'value="Dashboards"' in page
    assert not Application.objects.exists()


def test_all_that_is_wrong_is_said_in_one_round(browser):
    wrong = {"slug": "admin", "redirect_uris": "ftp://x", "home_url": "nowhere", "backchannel_logout_uri": "http://x"}
    page = text_of(browser.post("/applications/new", fields(**wrong)))
    assert "4 things to correct" in page
    assert {name for name in wrong if f'href="#id_{name}"' in page} == set(wrong)


def test_what_is_wrong_in_the_folded_part_opens_it(browser):
    assert '<details class="panel fold" >' in text_of(browser.get("/applications/new"))
    page = text_of(browser.post("/applications/new", fields(access_token_minutes="0")))
    assert '<details class="panel fold" open>' in page


def test_a_name_that_is_taken_is_refused_at_its_field(browser):
    make_application("Grafana", slug="other")
    page = text_of(browser.post("/applications/new", fields(name="GRAFANA")))
    assert "There is an application of this name already." in page


def test_editing_changes_what_was_changed_alone(browser):
    application = make_application("Grafana", "researcher")
    page = text_of(browser.get(f"/applications/{application.pk}/edit"))
    assert "https://grafana.lab.example/login/generic_oauth" in page
    assert 'name="slug"' not in page
    assert 'name="kind"' not in page
    assert re.search(r'value="researcher"\s+checked', page)
    with audit_rows() as rows:
        response = browser.post(f"/applications/{application.pk}/edit", edited(application, name="Boards"))
    assert response.url == f"/applications/{application.pk}"
    assert [row.details["changes"] for row in rows] == [{"name": ["Grafana", "Boards"]}]


def test_a_service_account_is_given_and_taken_by_its_name(browser, cast):
    from accounts.access.authorization import SYSTEM
    from accounts.users.services import create_user

    account = create_user(actor=SYSTEM, username="lims", email="lims@lab.example", is_service=True)
    application = make_application("LIMS")
    path = f"/applications/{application.pk}/edit"
    assert browser.post(path, edited(application, service_account="lims")).status_code == 302
    application.refresh_from_db()
    assert application.service_account == account
    assert "lims" in text_of(browser.get(f"/applications/{application.pk}"))
    assert browser.post(path, edited(application, service_account="")).status_code == 302
    application.refresh_from_db()
    assert application.service_account is None


def test_a_change_by_someone_else_meanwhile_is_shown_and_not_overwritten_unseen(browser):
    application = make_application("Grafana")
    stale = edited(application, description="Mine")
    browser.post(f"/applications/{application.pk}/edit", edited(application, description="Theirs"))
    response = browser.post(f"/applications/{application.pk}/edit", stale)
    page = text_of(response)
    assert response.status_code == 422
    assert "Where the two differ" in page
    assert "Redirect addresses" not in page.partition("<tbody>")[2].partition("</tbody>")[0]
    version = re.search(r'name="version" value="([^"]+)"', page)[1]
    browser.post(f"/applications/{application.pk}/edit", {**stale, "version": version})
    application.refresh_from_db()
    assert application.description == "Mine"


def test_a_new_secret_replaces_the_old_one_after_as_long_as_was_chosen(browser):
    browser.post("/applications/new", fields())
    application = Application.objects.get()
    old = application.secret_hash
    page = text_of(browser.get(f"/applications/{application.pk}/secret"))
    assert "Works for 24 more hours" in page
    response = browser.post(f"/applications/{application.pk}/secret", {"keep_old_hours": "1"})
    application.refresh_from_db()
    assert secret_in(text_of(response)).startswith("rps_")
    assert application.secret_hash != old
    assert application.previous_secret_hash == old
    assert "The old one works until" in text_of(response)
    assert "The one before works until" in text_of(browser.get(f"/applications/{application.pk}"))
    browser.post(f"/applications/{application.pk}/secret", {"keep_old_hours": "0"})
    application.refresh_from_db()
    assert application.previous_secret_hash == ""
    assert "The one before works until" not in text_of(browser.get(f"/applications/{application.pk}"))
    assert browser.post(f"/applications/{application.pk}/secret", {"keep_old_hours": "999"}).status_code == 422


@pytest.mark.parametrize("path", ["/applications/new", "/applications/{pk}/secret", "/applications/{pk}/delete"])
def test_grave_changes_ask_for_the_password_and_lose_no_input(browser, cast, path):
    application = make_application("LIMS")
    with explicitly_recorded():
        Session.objects.filter(user=cast.super_admin).update(confirmed_at=timezone.now() - timedelta(hours=1))
    values = {**fields(), "keep_old_hours": "0"}
    asked = browser.post(path.format(pk=application.pk), values)
    page = text_of(asked)
    assert asked.status_code == 422
    assert "confirm-password" in page
    assert 'name="home_url" value="https://grafana.lab.example"' in page
    assert Application.objects.count() == 1
    again = browser.post(path.format(pk=application.pk), {**values, "confirm-password": PASSWORD})
    assert again.status_code in {200, 302}
    assert Application.objects.filter(slug="lims").exists() != ("delete" in path)


def test_deactivating_says_whom_it_signs_out_and_activating_lets_in_again(browser, cast):
    application = make_application("Grafana")
    make_sign_in(application, cast.viewer)
    page = text_of(browser.get(f"/applications/{application.pk}/deactivate"))
    assert "1 person who is signed in to it now is signed out of it." in " ".join(page.split())
    assert browser.post(f"/applications/{application.pk}/deactivate").url == f"/applications/{application.pk}"
    application.refresh_from_db()
    assert not application.is_active
    assert not AppSignIn.objects.valid().exists()
    assert "Activate" in text_of(browser.get(f"/applications/{application.pk}"))
    browser.post(f"/applications/{application.pk}/activate")
    application.refresh_from_db()
    assert application.is_active


def test_deleting_says_what_happens_and_keeps_what_happened(browser, cast):
    application = make_application("Grafana")
    make_sign_in(application, cast.viewer)
    with explicitly_recorded():
        Permission.objects.create(
            name="grafana.board_read", resource="board", action="read", application_slug="grafana"
        )
    page = " ".join(text_of(browser.get(f"/applications/{application.pk}/delete")).split())
    assert "1 person who is signed in to it now is signed out of it." in page
    assert "Its 1 own permission can't be given any more." in page
    assert browser.post(f"/applications/{application.pk}/delete").url == "/applications"
    assert not Application.objects.exists()
    assert AuditLog.objects.filter(action="delete", resource="application", resource_name="Grafana").exists()
    assert browser.get(f"/applications/{application.pk}").status_code == 404


def test_who_may_not_change_settings_is_refused_everywhere(cast):
    application = make_application("Grafana")
    administrator = page_client(cast.admin)  # who lacks `settings_update`
    for path in ("new", "{pk}/edit", "{pk}/secret", "{pk}/deactivate", "{pk}/activate", "{pk}/delete"):
        address = f"/applications/{path}".format(pk=application.pk)
        assert administrator.get(address).status_code == 403, path
        assert administrator.post(address, fields()).status_code == 403, path
    assert Application.objects.get().is_active


def test_all_that_is_wrong_is_said_at_once(browser):
    make_application("Grafana")
    wrong = {
        "name": "grafana",
        "slug": "Admin",
        "kind": "public",
        "redirect_uris": "http://lab.example/",
        "backchannel_logout_uri": "ftp://lab.example",
        "access_token_minutes": "99",
        "signing_alg": "RS256",
    }
    for minutes in ("99", "5"):  # refused by its form, and by the service
        response = browser.post("/applications/new", {**wrong, "access_token_minutes": minutes})
        assert response.status_code == 422
        named = set(response.context["form"].errors)
        found = {"name", "slug", "redirect_uris", "backchannel_logout_uri"}
        assert named == ({*found, "access_token_minutes"} if minutes == "99" else found)


def test_an_instrument_is_added_and_its_set_up_is_that_of_one(browser):
    body = {
        "name": "Balance 3",
        "slug": "balance3",
        "kind": "public",
        "access_token_minutes": "5",
        "signing_alg": "RS256",
    }
    response = browser.post("/applications/new", {**body, "device_grant": "on"}, follow=True)
    page = response.content.decode()
    assert "Instrument without a browser</h2>" in page
    assert "/oauth/device" in page
    assert "REDIRECT" not in page
    assert "is off for this application" not in page
    application = Application.objects.get()
    browser.post(f"/applications/{application.pk}/edit", {**body, "device_grant": ""})
    page = browser.get(f"/applications/{application.pk}/setup?program=device").content.decode()
    assert "is off for this application" in page
    assert "/oauth/device" not in page
