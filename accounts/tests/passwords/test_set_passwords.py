"""ADMIN_SETS_PASSWORDS: whether anybody chooses, and so knows, the password of another person."""

import os
import subprocess
import sys

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command

from accounts.models import OutgoingMail, User
from reprotech.testing.cast import PASSWORD
from reprotech.testing.client import Caller, page_client
from reprotech.testing.plugin import ROOT

pytestmark = pytest.mark.django_db

NEW = {"username": "fresh", "email": "fresh@lab.example", "password": PASSWORD}
CSV = f"username,email,password\nfresh,fresh@lab.example,{PASSWORD}\n".encode()
SAID = "Nobody sets passwords of others here (ADMIN_SETS_PASSWORDS)."


@pytest.fixture
def forbidden(settings, cast):
    """An installation where nobody does."""
    settings.ADMIN_SETS_PASSWORDS = False


def import_csv(caller, query=""):
    return caller.call("POST", f"/api/users/import{query}", CSV, CONTENT_TYPE="text/csv")


def test_the_api_refuses_passwords_of_others_and_offers_links(forbidden, cast, admin):
    path = f"/api/users/{cast.viewer.pk}/reset-password"
    refusals = [
        admin.post(path, {"password": "Other-Horse-8"}),
        admin.post("/api/users", NEW),
        import_csv(admin),
        import_csv(admin, "?dry_run=true"),
    ]
    for refused in refusals:
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
        assert refused.json()["error"].startswith(SAID)
        assert list(refused.json()["errors"]) == ["password"]
    assert not User.objects.filter(username="fresh").exists()
    assert User.objects.get(pk=cast.viewer.pk).check_password(PASSWORD)
    assert admin.post(path, {}).status_code == 200
    assert admin.post("/api/users", {"username": "fresh", "email": "fresh@lab.example"}).status_code == 201
    assert (
        Caller(cast.viewer)
        .post("/api/auth/change-password", {"current_password": PASSWORD, "new_password": "Other-Horse-8"})
        .status_code
        == 200
    )


def test_without_the_permission_the_refusal_is_the_usual_one(forbidden, cast):
    viewer = Caller(cast.viewer)
    assert viewer.post(f"/api/users/{cast.stranger.pk}/reset-password", {"password": "x"}).status_code == 403
    assert viewer.post("/api/users", NEW).status_code == 403
    assert (
        Caller(cast.admin).post(f"/api/users/{cast.super_admin.pk}/reset-password", {"password": "x"}).status_code
        == 403
    )


def test_pages_and_django_admin_dont_offer_it_and_refuse_it(forbidden, cast):
    browser = page_client(cast.super_admin)
    for path in ("/users/new", f"/users/{cast.viewer.pk}/reset-password", "/admin/accounts/user/add/"):
        assert 'type="password"' not in browser.get(path).content.decode()
    typed = {**NEW, "first_name": "", "last_name": "", "access": "password"}
    assert browser.post("/users/new", typed).status_code == 422
    reset = {"access": "password", "password": "Other-Horse-8"}
    assert browser.post(f"/users/{cast.viewer.pk}/reset-password", reset).status_code == 422
    made = browser.post("/admin/accounts/user/add/", {**NEW, "is_active": "on"})
    assert made.status_code == 302, "what a form doesn't know is passed over"
    assert not User.objects.get(username="fresh").has_usable_password()
    file = SimpleUploadedFile("users.csv", CSV.replace(b"fresh", b"other"))
    assert SAID in browser.post("/users/import", {"file": file}).content.decode()
    assert browser.post(f"/users/{cast.viewer.pk}/reset-password", {"access": "invite"}).status_code == 302
    assert OutgoingMail.objects.filter(letter="password_reset").exists()


def test_commands_still_print_one_that_must_be_changed(forbidden, cast, capsys):
    call_command("users", "reset-password", "the-viewer")
    assert "Password: " in capsys.readouterr().out
    viewer = User.objects.get(pk=cast.viewer.pk)
    assert viewer.must_change_password
    assert not viewer.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"DEBUG": "false", "EMAIL_URL": "smtp+tls://mail.test"}, False),
        ({"DEBUG": "true", "EMAIL_URL": "smtp+tls://mail.test"}, True),
        ({"DEBUG": "false", "EMAIL_URL": "consolemail://"}, True),
        ({"DEBUG": "false", "EMAIL_URL": "smtp+tls://mail.test", "ADMIN_SETS_PASSWORDS": "true"}, True),
        ({"DEBUG": "true", "EMAIL_URL": "consolemail://", "ADMIN_SETS_PASSWORDS": "false"}, False),
    ],
)
def test_unless_chosen_it_depends_on_whether_mails_arrive(variables, expected):
    code = "from django.conf import settings; print(settings.ADMIN_SETS_PASSWORDS)"
    environment = {**os.environ, **variables, "DJANGO_SETTINGS_MODULE": "reprotech.settings"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, text=True, cwd=ROOT, env=environment
    )
    assert done.stdout.split() == [str(expected)], done.stderr[-500:]
