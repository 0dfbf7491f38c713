"""When the next mail about an end is due, of accounts and of grants of roles, those that have an end already too."""

from datetime import timedelta

from django.db import migrations, models
from django.db.models import F, Q
from django.utils import timezone


def plan_notices(apps, schema_editor):
    """For each end that lies ahead the nearest mail: 14 days before it, or two."""
    for name in ("RoleGrant", "User"):
        model = apps.get_model("accounts", name)
        for days in (2, 14):  # the earlier one replaces the later
            notice = timedelta(days=days)
            earliest = timezone.now() + notice
            begun = Q(starts_at__isnull=True) | Q(starts_at__lt=F("ends_at") - notice)
            model.objects.filter(begun, ends_at__gt=earliest).update(end_notice_at=F("ends_at") - notice)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0029_role_granting")]

    operations = [
        migrations.AddField("rolegrant", "end_notice_at", models.DateTimeField(blank=True, editable=False, null=True)),
        migrations.AddField("user", "end_notice_at", models.DateTimeField(blank=True, editable=False, null=True)),
        migrations.AddIndex(
            "rolegrant",
            models.Index(
                condition=Q(("end_notice_at__isnull", False)), fields=["end_notice_at"], name="role_grant_end_notice"
            ),
        ),
        migrations.AddIndex(
            "user",
            models.Index(
                condition=Q(("end_notice_at__isnull", False)), fields=["end_notice_at"], name="user_end_notice"
            ),
        ),
        migrations.RunPython(plan_notices, migrations.RunPython.noop),
    ]
