from datetime import timedelta

from django.conf import settings
from django.db import migrations, models
from django.db.models import F
from django.utils import timezone


def give_sessions_their_ends(apps, schema_editor):
    """Sessions that are alive end when they would have; scripts, which never had to log in again, have time to."""
    alive = apps.get_model("accounts", "Session").objects.filter(ended_at__isnull=True, expires_at__gt=timezone.now())
    pages = alive.filter(kind="page")
    pages.filter(expires_at__gt=F("created_at") + timedelta(days=1)).update(is_remembered=True)
    pages.update(ends_at=F("expires_at"))
    alive.filter(kind="token").update(ends_at=timezone.now() + settings.TOKEN_SESSION_LIFETIME)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0011_known_devices"),
    ]

    operations = [
        migrations.AddField(
            model_name="session",
            name="ends_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="session",
            name="generation",
            field=models.PositiveIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="session",
            name="is_remembered",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="session",
            name="rotated_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="session",
            name="was_announced",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.RunPython(give_sessions_their_ends, migrations.RunPython.noop),
    ]
