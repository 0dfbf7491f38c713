"""Rows of all kinds of tracked models, and ways to change them that are no service."""

from datetime import timedelta
from types import SimpleNamespace

from django.core import serializers
from django.utils import timezone

from accounts.models import (
    ApiKey,
    EmailChange,
    OutgoingMail,
    Passkey,
    Permission,
    RecoveryCode,
    Role,
    Session,
    TotpKey,
    User,
)
from audit.models import AuditLog
from audit.presentation.event_text import sentence
from audit.tracking.model_tracking import explicitly_recorded

DIRECTLY = " directly, not through a service of Reprotech"
EXPIRY = timezone.now() + timedelta(days=9)


def make_tracked_rows(cast):
    """What was recorded since the last question, and the test's objects."""
    with explicitly_recorded():
        key = ApiKey.objects.create(
            user=cast.viewer, name="Anna's", prefix="tracked-key1", secret_hash="0" * 64, expires_at=EXPIRY
        )
        app = TotpKey.objects.create(user=cast.viewer, sealed_key="sealed")
        passkey = Passkey.objects.create(user=cast.viewer, name="Anna's", credential_id="idid", credential=b"public")
        RecoveryCode.objects.create(user=cast.viewer, code_hash="hash")
        session = Session.objects.create(user=cast.viewer, kind="page", expires_at=EXPIRY)
        change = EmailChange.objects.create(user=cast.viewer, address="new@lab.example")
        mail = OutgoingMail.objects.create(user=cast.viewer, address="a@lab.example", letter="password_reset")
        users(cast.viewer).update(password_changed_at=None)  # a fixture knows times to the millisecond
        cast.viewer.refresh_from_db()
    last = [AuditLog.objects.order_by("pk").values_list("pk", flat=True).last() or 0]

    def rows():
        found = list(AuditLog.objects.filter(pk__gt=last[0]).order_by("pk"))
        last[0] = found[-1].pk if found else last[0]
        return found

    return SimpleNamespace(
        rows=rows,
        said=lambda: [sentence(row).removesuffix(DIRECTLY) for row in rows()],
        user=cast.viewer,
        other=cast.manager,
        stranger=cast.stranger,
        role=Role.objects.get(slug="viewer"),
        more=Role.objects.get(slug="super_admin"),
        right=Permission.objects.get(name="user_delete"),
        key=key,
        app=app,
        passkey=passkey,
        session=session,
        change=change,
        mail=mail,
    )


def saved(row, **fields):
    for name, value in fields.items():
        setattr(row, name, value)
    row.save()


def with_password(user):
    user.set_password("Other-Horse-8")
    user.save()


def users(*those):
    return User.objects.filter(pk__in=[user.pk for user in those])


def replaced(user):
    """A new object with the key of a stored one: Django stores it over the other."""
    User(pk=user.pk, username=user.username, email=user.email, password=user.password, is_active=False).save()


def with_fixture(row, old, new):
    text = serializers.serialize("json", [row]).replace(old, new)
    for found in serializers.deserialize("json", text):
        found.save()
