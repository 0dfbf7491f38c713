"""A restored database lets nobody in by what was good when it was saved."""

import re

import pytest

from reprotech.tests.support.command_runner import Installation

pytestmark = pytest.mark.slow

GIVE_TOKENS = """
from datetime import timedelta
from django.utils import timezone
from accounts.access.authorization import SYSTEM
from accounts.models import Session, User
from audit.models import Action
from audit.services import record
from audit.tracking.model_tracking import explicitly_recorded
from sso.applications.services import create_application, renew_secret
from sso.models import AppSignIn
application = create_application(actor=SYSTEM, name="LIMS", slug="lims", service_account="robot").application
renew_secret(actor=SYSTEM, application_id=application.pk, keep_old_hours=24)
soon = timezone.now() + timedelta(hours=1)
for name, session in (("admin", Session.objects.get()), ("robot", None)):
    AppSignIn.objects.create(
        application=application, user=User.objects.get(username=name), session=session, access_expires_at=soon
    )
"""
COUNT = """
from sso.models import Application, AppSignIn
valid, old = AppSignIn.objects.valid().count(), Application.objects.exclude(previous_secret_hash="").count()
print(f"{valid} valid, {old} old")
"""


def count(installation):
    return installation.do("shell", "--verbosity=0", "-c", COUNT).strip()


def test_neither_sign_ins_nor_replaced_secrets_come_back_with_a_backup(stack, tmp_path, grown_lab):
    key = tmp_path / "key.txt"
    Installation("sqlite", tmp_path / "keys").do("backup", "--new-key", key)
    recipient = re.search(r"age1\w+", key.read_text())[0]
    lab = Installation(stack, tmp_path / "lab", like=grown_lab, BACKUP_RECIPIENTS=recipient)
    lab.do("shell", "--verbosity=0", "-c", GIVE_TOKENS)
    assert count(lab) == "2 valid, 1 old"
    lab.do("backup")
    (backup,) = (lab.directory / "backups").glob("*")
    empty = Installation(stack, tmp_path / "empty")
    empty.do("restore", backup, "--identity", key)
    assert count(empty) == "0 valid, 0 old"
    assert "none was changed" in empty.do("verify_audit")
