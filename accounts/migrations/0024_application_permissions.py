"""Permissions that applications bring, and sessions of applications."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0023_session_methods"),
    ]

    operations = [
        migrations.AddField(
            model_name="permission",
            name="application_slug",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=16),
        ),
        migrations.AddField(
            model_name="permission",
            name="retired_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="session",
            name="kind",
            field=models.CharField(choices=[("page", "Page"), ("token", "Token"), ("app", "App")], max_length=8),
        ),
    ]
