"""The first administrator's address: the operator's own, or one to which no mail leaves in production."""

import pytest
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client

from accounts.access.authorization import SYSTEM
from accounts.core.default_admin_address import DEFAULT_ADMIN_EMAIL, is_withheld
from accounts.models import OutgoingMail, User
from accounts.notifications import outbox
from accounts.notifications.messages import SUBJECTS
from accounts.users.services import create_user
from audit.models import AuditLog
from reprotech.core.exceptions import ValidationFailed
from reprotech.testing.cast import make_user


@pytest.fixture
def admin(cast):
    """As init_data makes them without ADMIN_EMAIL."""
    return make_user("admin", "super_admin", email=DEFAULT_ADMIN_EMAIL)


@pytest.mark.parametrize(
    ("debug", "chosen", "address", "withheld"),
    [
        (False, "", DEFAULT_ADMIN_EMAIL, True),
        (False, "", "Admin@ReproTech.com", True),
        (False, "chief@lab.example", DEFAULT_ADMIN_EMAIL, True),
        (False, "Admin@reprotech.com", DEFAULT_ADMIN_EMAIL, False),
        (False, "", "chief@lab.example", False),
        (True, "", DEFAULT_ADMIN_EMAIL, False),
    ],
)
def test_only_who_says_that_the_default_address_is_theirs_gets_mail_there(settings, debug, chosen, address, withheld):
    settings.DEBUG, settings.ADMIN_EMAIL = debug, chosen
    assert is_withheld(address) == withheld


@pytest.mark.parametrize("chosen", ["", DEFAULT_ADMIN_EMAIL])
def test_no_kind_of_mail_leaves_for_the_default_address(admin, settings, chosen, caplog):
    settings.ADMIN_EMAIL = chosen
    context = {
        "key": "k",
        "by": "b",
        "left": 1,
        "kind": "app",
        "name": "n",
        "old": "o@lab.example",
        "new": "n@lab.example",
    }
    for letter in SUBJECTS:
        OutgoingMail.objects.create(user=admin, address=DEFAULT_ADMIN_EMAIL, letter=letter, context=context)
    outbox.drain()
    # The two confirmations that nobody asked for say nothing.
    assert len(mail.outbox) == (len(SUBJECTS) - 2 if chosen else 0)
    assert not OutgoingMail.objects.exists()
    assert caplog.text.count("was not sent. No mail is sent to admin@reprotech.com") == (0 if chosen else len(SUBJECTS))


def test_who_would_wait_for_a_link_is_shown_that_none_comes(admin, super_admin):
    answer = super_admin.post(f"/api/users/{admin.pk}/reset-password", {})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert "Set ADMIN_EMAIL" in answer.json()["error"]
    with pytest.raises(CommandError, match="Set ADMIN_EMAIL"):
        call_command("users", "reset-password", "admin", "--mail")
    assert not AuditLog.objects.filter(action="password_reset", resource_id=admin.pk).exists()
    User.objects.filter(pk=admin.pk).update(email="was@lab.example")
    with pytest.raises(ValidationFailed) as refusal:
        create_user(actor=SYSTEM, username="invited", email=DEFAULT_ADMIN_EMAIL, first_name="", last_name="", roles=[])
    assert "Set ADMIN_EMAIL" in refusal.value.errors["email"][0]
    assert not User.objects.filter(username="invited").exists()


def test_a_forgotten_password_is_answered_as_ever_and_the_log_says_why_no_link_came(admin):
    answers = [Client().post("/forgot-password", {"username": name}) for name in ("admin", "nobody")]
    assert answers[0].headers.get("Location") == answers[1].headers.get("Location")
    assert answers[0].status_code == answers[1].status_code
    outbox.drain()
    assert mail.outbox == []
    reasons = AuditLog.objects.filter(action="password_reset", resource_name="admin").values_list("details", flat=True)
    assert ["Set ADMIN_EMAIL" in details["reason"] for details in reasons] == [True]
