"""After installing: the checklist that is done by doing, and the warning of the documented password."""

import re
import smtplib
from datetime import timedelta

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.access.authorization import SYSTEM
from accounts.models import Permission, Role, User
from accounts.passwords.services import change_password
from accounts.roles.services import create_role
from accounts.users.default_data import DOCUMENTED_PASSWORD, has_documented_password, load_default_data
from analytics.first_start.checklist import checklist_for
from analytics.first_start.services import dismiss_checklist, send_test_mail
from audit.models import AuditLog, VerificationRun
from audit.presentation.event_text import sentence
from audit.tracking.model_tracking import explicitly_recorded
from reprotech.core.exceptions import Conflict, Forbidden, TooManyAttempts
from reprotech.testing.cast import make_user

WARNING = "Your password is the documented default."
NEW_PASSWORD = "Other-Horse-8"


@pytest.fixture
def empty(db):
    """A database without any accounts, as after the first migration."""
    for model in (User, Role, Permission):
        model.objects.all().delete()


@pytest.fixture
def admin(empty, settings):
    """The first administrator of an installation for development."""
    settings.DEBUG, settings.ADMIN_PASSWORD = True, ""
    load_default_data()
    return User.objects.get(username="admin")


def client_of(user, password=DOCUMENTED_PASSWORD):
    client = Client()
    assert client.post("/login", {"username": user.username, "password": password}).status_code == 302
    return client


def page_of(user, path="/", password=DOCUMENTED_PASSWORD):
    response = client_of(user, password).get(path)
    assert response.status_code == 200
    return response.content.decode()


def replace_password(user):
    change_password(actor=user, session_id=None, current_password=DOCUMENTED_PASSWORD, new_password=NEW_PASSWORD)
    user.refresh_from_db()


def open_steps(user):
    return [step.title for step in checklist_for(user) or () if not step.is_done]


ALL_STEPS = [
    "Change the documented password",
    "Set up two-factor authentication",
    "Send a test mail",
    "Set the public address",
    "Invite your first colleague",
    "Review the roles",
    "Verify the audit log",
]


def test_a_fresh_installation_has_everything_to_do(admin):
    assert open_steps(admin) == ALL_STEPS
    page = page_of(admin)
    assert "First steps" in page
    assert all(title in page for title in ALL_STEPS)


def test_each_step_is_done_by_doing_it(admin, settings):
    left = ALL_STEPS.copy()

    def done(title):
        left.remove(title)
        assert open_steps(admin) == left

    replace_password(admin)
    done("Change the documented password")
    send_test_mail(actor=admin)
    done("Send a test mail")
    settings.PUBLIC_URL = "https://lab.example"
    done("Set the public address")
    make_user("colleague")
    done("Invite your first colleague")
    create_role(actor=SYSTEM, name="Night shift", permissions=[])
    done("Review the roles")
    VerificationRun.objects.create(finished_at=timezone.now(), findings=["Event 1 was changed."])
    assert open_steps(admin) == left
    VerificationRun.objects.create(finished_at=timezone.now())
    done("Verify the audit log")
    admin.factor_kinds = "totp"
    assert checklist_for(admin) is None


def test_a_role_given_to_a_colleague_was_looked_at(admin):
    make_user("colleague", "viewer")
    assert "Review the roles" not in open_steps(admin)


def test_a_dismissed_checklist_stays_away_from_this_person_alone(admin):
    other = make_user("second", "super_admin")
    assert client_of(admin).post("/first-start/dismiss")["Location"] == "/"
    assert "First steps" not in page_of(admin)
    assert "First steps" in page_of(other, password="Correct-Horse-7")
    assert sentence(AuditLog.objects.newest_first()[0]).endswith("signed in")
    assert "admin dismissed the first steps on the dashboard" in map(sentence, AuditLog.objects.all())


def test_only_super_administrators_see_and_dismiss_it(cast):
    for user in (cast.admin, cast.manager):
        assert checklist_for(user) is None
        with pytest.raises(Forbidden):
            dismiss_checklist(actor=user)
        with pytest.raises(Forbidden):
            send_test_mail(actor=user)


def test_an_installation_whose_events_may_be_archived_has_started_long_ago(admin, settings):
    settings.AUDIT_RETENTION_DAYS = 31
    assert checklist_for(admin)
    with explicitly_recorded():
        Role.objects.update(created_at=timezone.now() - timedelta(days=32))
    assert checklist_for(admin) is None


def test_a_test_mail_goes_to_oneself_and_is_recorded(admin):
    browser = client_of(admin)
    page = browser.post("/first-start/test-mail", follow=True).content.decode()
    assert f"Test mail sent to {admin.email}." in page
    (sent,) = [message for message in mail.outbox if message.subject == "Reprotech: Test mail"]
    assert sent.to == [admin.email]
    event = AuditLog.objects.filter(resource="settings").newest_first()[0]
    assert sentence(event) == "admin sent a test mail"
    assert event.details["sent_to"] == admin.email


def test_a_mail_server_that_refuses_is_said(admin, monkeypatch):
    def refuse(*_):
        raise smtplib.SMTPAuthenticationError(535, b"authentication failed")

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    page = client_of(admin).post("/first-start/test-mail", follow=True).content.decode()
    assert "The test mail was not sent. SMTPAuthenticationError" in page
    assert "Send a test mail" in open_steps(admin)
    event = AuditLog.objects.filter(resource="settings").newest_first()[0]
    assert not event.success
    assert sentence(event) == "admin failed to send a test mail: it was not sent: SMTPAuthenticationError"


def test_without_a_mail_server_nothing_counts_as_sent(admin, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    with pytest.raises(Conflict, match="No mail server is set"):
        send_test_mail(actor=admin)
    assert "Send a test mail" in open_steps(admin)


def test_test_mails_are_limited(admin, settings):
    settings.RATE_LIMIT_ENABLED = True
    for _ in range(10):
        send_test_mail(actor=admin)
    with pytest.raises(TooManyAttempts):
        send_test_mail(actor=admin)


@pytest.mark.parametrize("path", ["/", "/users", "/profile", "/password", "/nothing-here"])
def test_the_documented_password_is_warned_of_on_every_page(admin, path):
    page = client_of(admin).get(path).content.decode()
    assert WARNING in page
    assert re.search(r'<a href="/password">\s*Change it now', page)
    assert DOCUMENTED_PASSWORD not in page


def test_the_warning_is_gone_with_the_password(admin):
    assert WARNING in page_of(admin)
    replace_password(admin)
    assert not has_documented_password(admin)
    assert WARNING not in page_of(admin, password=NEW_PASSWORD)


def test_nobody_else_is_warned(admin):
    assert WARNING not in page_of(make_user("second", "super_admin"), password="Correct-Horse-7")


def test_a_password_that_the_installer_chose_is_none_of_the_documentation(empty, settings):
    settings.DEBUG, settings.ADMIN_PASSWORD = True, NEW_PASSWORD
    load_default_data()
    assert not has_documented_password(User.objects.get(username="admin"))


def test_the_password_is_compared_once(admin):
    assert has_documented_password(admin)
    with CaptureQueriesContext(connection) as captured:
        assert has_documented_password(admin)
    assert not captured.captured_queries
