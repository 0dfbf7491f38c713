"""The projection of the audit log: who could do what at any moment."""

import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="AccountDay",
            fields=[
                ("day", models.DateField(primary_key=True, serialize=False)),
                ("begun", models.IntegerField(default=0)),
                ("ended", models.IntegerField(default=0)),
            ],
            options={
                "db_table": "access_account_days",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="HistoryState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("last_event", models.BigIntegerField(default=0)),
                ("last_at", models.DateTimeField(null=True)),
                ("begins_at", models.DateTimeField(null=True)),
                ("replayed_at", models.DateTimeField(null=True)),
                ("contradiction_count", models.PositiveIntegerField(default=0)),
                ("contradictions", models.JSONField(default=list)),
                ("checked_at", models.DateTimeField(null=True)),
                ("difference_count", models.PositiveIntegerField(default=0)),
                ("differences", models.JSONField(default=list)),
            ],
            options={
                "db_table": "access_history_state",
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="AccountPeriod",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_at", models.DateTimeField()),
                ("to_at", models.DateTimeField(null=True)),
                ("from_event", models.BigIntegerField()),
                ("to_event", models.BigIntegerField(null=True)),
                ("user_id", models.BigIntegerField()),
                ("username", models.CharField(blank=True, max_length=254)),
                ("first_name", models.CharField(blank=True, max_length=50)),
                ("last_name", models.CharField(blank=True, max_length=50)),
                ("is_service", models.BooleanField()),
                ("is_active", models.BooleanField()),
                ("is_locked", models.BooleanField()),
                ("starts_at", models.DateTimeField(null=True)),
                ("ends_at", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "access_account_periods",
                "ordering": ("user_id", "from_at", "id"),
                "abstract": False,
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["user_id", "from_at"], name="access_account_user"),
                    models.Index(fields=["from_at"], name="access_account_from"),
                    models.Index(
                        condition=models.Q(("to_at__isnull", False)), fields=["to_at"], name="access_account_to"
                    ),
                    models.Index(django.db.models.functions.text.Lower("username"), name="access_account_username"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("user_id"),
                        condition=models.Q(("to_event__isnull", True)),
                        name="access_account_live_unique",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ArchivedState",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=8)),
                ("subject_id", models.BigIntegerField()),
                ("state", models.JSONField()),
            ],
            options={
                "db_table": "access_archived_states",
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        models.F("kind"), models.F("subject_id"), name="access_archived_state_unique"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="GrantPeriod",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_at", models.DateTimeField()),
                ("to_at", models.DateTimeField(null=True)),
                ("from_event", models.BigIntegerField()),
                ("to_event", models.BigIntegerField(null=True)),
                ("user_id", models.BigIntegerField()),
                ("role_id", models.BigIntegerField()),
                ("starts_at", models.DateTimeField(null=True)),
                ("ends_at", models.DateTimeField(null=True)),
                ("period_event", models.BigIntegerField()),
                ("granted_by_id", models.BigIntegerField(null=True)),
                ("granted_by_name", models.CharField(blank=True, max_length=254)),
            ],
            options={
                "db_table": "access_grant_periods",
                "ordering": ("user_id", "from_at", "id"),
                "abstract": False,
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["user_id", "from_at"], name="access_grant_user"),
                    models.Index(fields=["role_id", "user_id", "from_at"], name="access_grant_role"),
                    models.Index(fields=["granted_by_id"], name="access_grant_by"),
                ],
            },
        ),
        migrations.CreateModel(
            name="RolePeriod",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_at", models.DateTimeField()),
                ("to_at", models.DateTimeField(null=True)),
                ("from_event", models.BigIntegerField()),
                ("to_event", models.BigIntegerField(null=True)),
                ("role_id", models.BigIntegerField()),
                ("name", models.CharField(max_length=254)),
            ],
            options={
                "db_table": "access_role_periods",
                "ordering": ("role_id", "from_at", "id"),
                "abstract": False,
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["role_id", "from_at"], name="access_role_id"),
                    models.Index(django.db.models.functions.text.Lower("name"), name="access_role_name"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        models.F("role_id"),
                        condition=models.Q(("to_event__isnull", True)),
                        name="access_role_live_unique",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RolePermissionPeriod",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_at", models.DateTimeField()),
                ("to_at", models.DateTimeField(null=True)),
                ("from_event", models.BigIntegerField()),
                ("to_event", models.BigIntegerField(null=True)),
                ("role_id", models.BigIntegerField()),
                ("permission", models.CharField(max_length=64)),
            ],
            options={
                "db_table": "access_role_permission_periods",
                "ordering": ("role_id", "permission", "from_at", "id"),
                "abstract": False,
                "default_permissions": (),
                "indexes": [
                    models.Index(fields=["role_id", "from_at"], name="access_permission_role"),
                    models.Index(fields=["permission", "from_at"], name="access_permission_name"),
                ],
            },
        ),
    ]
