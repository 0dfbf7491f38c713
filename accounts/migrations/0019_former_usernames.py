import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models
from django.db.models import Case, F, Value, When
from django.utils import timezone

OLD_NAME = {
    "postgresql": "details #>> '{changes,username,0}'",
    "sqlite": "json_extract(details, '$.changes.username[0]')",
}
#: What changes of usernames said that are on record, the newest first, but for names that an account has now.
FILL = """
    INSERT INTO former_usernames (name, user_id)
    SELECT lower(told.name), max(users.id)
    FROM (
        SELECT {old_name} AS name, resource_id FROM audit_logs
        WHERE action = 'update' AND resource = 'user' AND success
    ) AS told
    JOIN users ON CAST(users.id AS text) = told.resource_id
    WHERE told.name IS NOT NULL AND told.name <> ''
        AND NOT EXISTS (SELECT 1 FROM users AS holders WHERE lower(holders.username) = lower(told.name))
    GROUP BY lower(told.name)
"""


def fill(apps, schema_editor):
    """Remember the usernames that accounts gave up so far, as far as the audit log still tells of them."""
    schema_editor.execute(FILL.format(old_name=OLD_NAME[schema_editor.connection.vendor]))


def end_what_is_over(apps, schema_editor):
    """Note of every session that ended by itself until now that it did: none of them is an event of today."""
    over = apps.get_model("accounts", "Session").objects.filter(ended_at__isnull=True, expires_at__lte=timezone.now())
    reason = Case(When(expires_at__gte=F("ends_at"), then=Value("age")), default=Value("idle"))
    over.update(ended_at=F("expires_at"), end_reason=reason)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0018_makers_of_keys"),
        ("audit", "0001_squashed_0012"),
    ]

    operations = [
        migrations.CreateModel(
            name="FormerUsername",
            fields=[
                ("name", models.CharField(max_length=100, primary_key=True, serialize=False)),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="former_usernames",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "former_usernames",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="UsernameKey",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sealed_key", models.TextField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "db_table": "username_keys",
                "ordering": ("id",),
                "default_permissions": (),
            },
        ),
        migrations.AlterField(
            model_name="session",
            name="end_reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("logout", "Logout"),
                    ("revoked", "Revoked"),
                    ("refresh_reuse", "Refresh Reuse"),
                    ("password_changed", "Password Changed"),
                    ("account_disabled", "Account Disabled"),
                    ("idle", "Idle"),
                    ("age", "Age"),
                ],
                max_length=32,
            ),
        ),
        migrations.RemoveIndex(
            model_name="session",
            name="session_expires",
        ),
        migrations.AddIndex(
            model_name="session",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)), fields=["expires_at"], name="session_unended"
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RunPython(end_what_is_over, migrations.RunPython.noop),
    ]
