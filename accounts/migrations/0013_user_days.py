from django.db import migrations, models

from accounts import daily


def install(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in daily.install():
            schema_editor.execute(statement, None)


def remove(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        for statement in daily.remove():
            schema_editor.execute(statement, None)


class Migration(migrations.Migration):
    """How many users came and went each day."""

    dependencies = [("accounts", "0012_session_limits")]

    operations = [
        migrations.CreateModel(
            name="UserDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("day", models.DateField(db_index=True)),
                ("created", models.BigIntegerField()),
                ("deleted", models.BigIntegerField()),
            ],
            options={"db_table": "user_days", "default_permissions": ()},
        ),
        migrations.RunPython(install, remove),
    ]
